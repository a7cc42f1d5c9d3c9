"""A WSGI application of one module-level blocking client, used before gunicorn forks its workers (`--preload`)."""

import os
from collections.abc import Callable, Iterable

from periskope_sync import PeriskopeClient

client = PeriskopeClient()
client.tickets.get("BKT-001")
MASTER = os.getpid()


def app(environ: dict[str, str], start_response: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    """Answer with the ticket that the path names."""
    info = client.tickets.get(environ["PATH_INFO"].removeprefix("/"))
    start_response("200 OK", [("Content-Type", "text/plain")])
    kind = "master" if os.getpid() == MASTER else "worker"
    return [f"{kind} {os.getpid()} {info.ticket.ticket_id}".encode()]
