"""Takes HTML documents, and tells their titles and how many words they have."""

import dramatiq
import lxml.etree
import lxml.html
from dramatiq.brokers.redis import RedisBroker
from flask import Flask, abort, request

from shared import documents, settings

app = Flask(__name__)
broker = RedisBroker(url=settings.REDIS_URL)


@app.get("/")
def index():
    return app.send_static_file("index.html")


@app.post("/documents")
def add():
    try:
        page = lxml.html.document_fromstring(request.get_data())
    except lxml.etree.ParserError:
        abort(400, "no document")
    number = documents.add(page.findtext(".//title", ""), " ".join(page.itertext()))
    # By name: the code of the worker is not in this image.
    broker.enqueue(
        dramatiq.Message(
            queue_name="default",
            actor_name="count_words",
            args=(number,),
            kwargs={},
            options={},
        )
    )
    return {"id": number}, 202


@app.get("/documents/<int:number>")
def get(number):
    document = documents.get(number) or abort(404)
    return {"title": document["title"], "words": document["words"]}
