import atexit
import os
from functools import cache

from celery import Celery

from periskope_sync import PeriskopeClient, PeriskopeError

app = Celery(
    "tickets", broker=os.environ.get("BROKER", "memory://"), backend=os.environ.get("BACKEND", "cache+memory://")
)


@cache
def periskope() -> PeriskopeClient:
    client = PeriskopeClient(deadline=60)
    atexit.register(client.close)
    return client


@app.task(bind=True, max_retries=5)
def close(self, ticket_id: str) -> str:
    try:
        return str(periskope().tickets.update(ticket_id, status="closed").ticket.status)
    except PeriskopeError as error:
        if not error.retryable or error.maybe_sent:
            raise
        raise self.retry(exc=error, countdown=30) from error
