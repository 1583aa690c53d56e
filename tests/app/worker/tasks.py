"""What is done in the background."""

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from shared import documents, settings

dramatiq.set_broker(RedisBroker(url=settings.REDIS_URL))


@dramatiq.actor
def count_words(number):
    document = documents.get(number)
    if document is not None:
        documents.set_words(number, len(document["body"].split()))


@dramatiq.actor
def delete_old():
    documents.delete_old()
