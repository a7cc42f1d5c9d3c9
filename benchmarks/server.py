"""The loopback server: answers every ticket path with the vendor's example body. Knows nothing of the clients.

nginx where it is installed, because it is the fastest; else the small server at the end of this file.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

HERE: Final = Path(__file__).parent
EXAMPLE: Final = (HERE / "ticket.json").read_text(encoding="utf-8")
EXAMPLE_ID: Final = "BKT-001"
RATE_LIMIT: Final = {"X-RateLimit-Limit": "1000000", "X-RateLimit-Remaining": "999999", "X-RateLimit-Reset": "60"}


def ids(count: int) -> list[str]:
    """Give that many different ticket ids, all of one length."""
    return [f"BKT-{number:06}" for number in range(count)]


def body(ticket_id: str) -> bytes:
    """Give what the server answers for this ticket."""
    return EXAMPLE.replace(EXAMPLE_ID, ticket_id).encode()


@functools.cache
def varied_examples() -> list[str]:
    """Give forty bodies that the example might have been: keys that no model knows, others missing or null."""
    return [json.dumps(_vary(json.loads(EXAMPLE), random.Random(seed))) for seed in range(40)]  # noqa: S311  # the same ones


def varied_body(ticket_id: str) -> bytes:
    """Give what the server answers for this ticket below /varied."""
    examples = varied_examples()
    return examples[int(ticket_id[-6:]) % len(examples)].replace(EXAMPLE_ID, ticket_id).encode()


def _vary(value: Any, dice: random.Random) -> Any:
    if isinstance(value, list):
        return [_vary(each, dice) for each in value]
    if not isinstance(value, dict):
        return value
    varied: dict[str, Any] = {}
    for key, each in cast("dict[str, Any]", value).items():
        needed = key.endswith("id") or isinstance(each, dict)
        chance = 1.0 if needed else dice.random()
        if chance >= 0.15:  # else it is missing
            varied[key] = None if chance < 0.3 else _vary(each, dice)
        if dice.random() < 0.05 and "@" not in key:  # which is no name of a field, but an id
            varied[f"new_{key}"] = dice.choice([1, True, "text", None, {"a": [1]}])
    return varied


class Server(NamedTuple):
    """A running server."""

    name: str
    #: Without a path. Tickets are below /v1; with rate-limit headers below /limited/v1; varied ones below /varied/v1,
    #: where it is the benchmark's own server.
    url: str
    pid: int

    def served(self) -> int:
        """Count the requests answered so far, this one included."""
        with urllib.request.urlopen(f"{self.url}/served", timeout=10) as answer:  # noqa: S310  # loopback http
            return int(re.findall(rb"\d+", answer.read())[3])


@contextlib.contextmanager
def serve(*, delay: float = 0.0, nginx: bool = True) -> Iterator[Server]:
    """Run a server for the time of the block; with *delay* seconds before each answer, never nginx."""
    program = shutil.which("nginx") if nginx and not delay else None
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        if program:
            config = Path(folder) / "nginx.conf"
            config.write_text(_nginx_config(port), encoding="utf-8")
            command = [program, "-p", folder, "-c", str(config), "-e", "stderr"]
        else:
            command = [sys.executable, __file__, str(port), str(delay)]
        with subprocess.Popen(command) as process:
            server = Server("nginx" if program else "the benchmark's own", f"http://127.0.0.1:{port}", process.pid)
            try:
                _wait_for(port)
                yield server
            finally:
                process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError("the benchmark server did not start within 10 s")


def _nginx_config(port: int) -> str:
    # Inside nginx quotes a backslash escapes, and $id is filled in from the location's pattern.
    text = EXAMPLE.replace("\\", "\\\\").replace("'", "\\'").replace(EXAMPLE_ID, "$id")
    limits = " ".join(f"add_header {name} {value};" for name, value in RATE_LIMIT.items())
    temporary = " ".join(f"{kind}_temp_path tmp;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off; default_type application/json; keepalive_requests 100000000; {temporary}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location ~ ^/v1/tickets/(?<id>[^/]+)$ {{ return 200 '{text}'; }}
    location ~ ^/limited/v1/tickets/(?<id>[^/]+)$ {{ {limits} return 200 '{text}'; }}
    location = /served {{ stub_status; }}
  }}
}}
"""


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Choose uvloop where it is installed, and not hidden by the plain mode."""
    try:
        import uvloop
    except ModuleNotFoundError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


class Answering(asyncio.Protocol):
    """One connection of the small server: a request in, an answer out, after the delay."""

    served = 0

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for the answers."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one by shape, not by class

    def data_received(self, data: bytes) -> None:
        """Answer each whole request; what is left waits for its end."""
        *requests, self.rest = (self.rest + data).split(b"\r\n\r\n")
        for request in requests:
            Answering.served += 1
            answer = self.answer(request.split(b" ", 2)[1].decode())
            if self.delay:
                asyncio.get_running_loop().call_later(self.delay, self.transport.write, answer)
            else:
                self.transport.write(answer)

    def answer(self, path: str) -> bytes:
        """Make the response for a path, in the order of nginx's own headers."""
        folder, _, last = path.rpartition("/")
        make = varied_body if folder.startswith("/varied") else body
        found = make(last) if folder.endswith("/v1/tickets") else f"0 0 0 {Answering.served}".encode()
        limits = "".join(f"{name}: {value}\r\n" for name, value in RATE_LIMIT.items())
        head = (
            "HTTP/1.1 200 OK\r\nServer: benchmark\r\nDate: Mon, 02 Nov 2026 12:00:00 GMT\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(found)}\r\nConnection: keep-alive\r\n"
            f"{limits if folder.startswith('/limited') else ''}\r\n"
        )
        return head.encode() + found


async def _serve_forever(port: int, delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answering(delay), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def _main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("port", type=int)
    arguments.add_argument("delay", type=float)
    chosen = arguments.parse_args()
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve_forever(chosen.port, chosen.delay))


if __name__ == "__main__":
    _main()
