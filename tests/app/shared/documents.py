"""The documents, in PostgreSQL."""

import contextlib

import psycopg2
import psycopg2.extras

from shared import settings


@contextlib.contextmanager
def transaction():
    """A cursor whose changes are kept if nothing is raised."""
    connection = psycopg2.connect(
        settings.DATABASE_URL, cursor_factory=psycopg2.extras.RealDictCursor
    )
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def create_table():
    with transaction() as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS document (id serial PRIMARY KEY, title text NOT NULL,"
            " body text NOT NULL, words integer, added timestamptz NOT NULL DEFAULT now())"
        )


def add(title, body):
    """Adds a document whose words are not counted yet, and gives its number."""
    with transaction() as cursor:
        cursor.execute(
            "INSERT INTO document (title, body) VALUES (%s, %s) RETURNING id",
            (title, body),
        )
        return cursor.fetchone()["id"]


def get(number):
    """The document as a dictionary, or None."""
    with transaction() as cursor:
        cursor.execute(
            "SELECT id, title, body, words FROM document WHERE id = %s", (number,)
        )
        return cursor.fetchone()


def set_words(number, words):
    with transaction() as cursor:
        cursor.execute("UPDATE document SET words = %s WHERE id = %s", (words, number))


def delete_old():
    """Deletes the documents of yesterday and before, and says how many there were."""
    with transaction() as cursor:
        cursor.execute("DELETE FROM document WHERE added < now() - interval '1 day'")
        return cursor.rowcount
