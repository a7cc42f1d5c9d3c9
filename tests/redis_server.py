"""A real redis-server for tests, which can be stopped and started anew, and a relay that makes it slow or cuts it."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

import pytest

__all__ = ["BINARY", "RedisServer", "Relay", "free_port", "needs_redis"]

BINARY = shutil.which("redis-server") or shutil.which("valkey-server")
needs_redis = pytest.mark.skipif(BINARY is None, reason="no redis-server or valkey-server on this machine")


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class RedisServer:
    """A server on a port of its own."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self.options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        assert BINARY is not None
        command = [BINARY, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", *self.options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(64):
                    return
            time.sleep(0.005)
        raise AssertionError("redis-server does not answer")

    def stop(self) -> None:
        """Kill it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Relay:
    """A TCP relay in front of a server: `delay` seconds for what goes in, or nothing goes through (`is_silent`)."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.delay = 0.0
        self.is_silent = False
        self.connections = 0
        self.delayed = 0
        self.swallowed = 0
        self._sockets = list[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> int:
        """End every connection; return how many there were."""
        sockets, self._sockets = self._sockets, []
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        return len(sockets) // 2

    def close(self) -> None:
        """Be there no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                far = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                near.close()
                continue
            self._sockets += [near, far]
            for source, sink, inward in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._pass, args=(source, sink, inward), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, inward: bool) -> None:  # noqa: FBT001
        with source, suppress(OSError):
            while data := source.recv(65536):
                if inward and self.is_silent:
                    self.swallowed += 1
                    continue
                if inward and self.delay:
                    self.delayed += 1
                    time.sleep(self.delay)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(port: int) -> Iterator[Relay]:
    """Run a relay."""
    made = Relay(port)
    try:
        yield made
    finally:
        made.close()
