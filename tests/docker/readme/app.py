"""The smallest application that needs a PostgreSQL client library."""

import flask
import psycopg2

app = flask.Flask(__name__)


@app.get("/")
def version() -> str:
    return psycopg2.__version__
