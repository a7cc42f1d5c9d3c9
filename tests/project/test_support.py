"""What the tests themselves rely on."""

import asyncio
import inspect
import socket
import threading
import time

import pytest

from tests.support import each_of, virtual_loop

SIZE = 10_000_000  # bytes: more than the kernel keeps for a connection


def test_virtual_time_waits_for_what_is_on_its_way() -> None:
    """Bytes that take some milliseconds are not overtaken by a timeout of minutes, and hours take no time."""
    written = threading.Event()

    def read_late(connection: socket.socket) -> None:
        written.wait(10.0)
        time.sleep(0.01)
        while connection.recv(SIZE):
            pass

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            ours = socket.create_connection(server.getsockname())
            theirs, _ = server.accept()
        reader = threading.Thread(target=read_late, args=[theirs])
        reader.start()
        _, writer = await asyncio.open_connection(sock=ours)
        try:
            async with asyncio.timeout(600.0):
                writer.write(bytes(SIZE))
                written.set()
                await writer.drain()
            await asyncio.sleep(36_000.0)
        finally:
            writer.close()
            await asyncio.to_thread(reader.join)
            theirs.close()

    with asyncio.Runner(loop_factory=virtual_loop) as runner:
        runner.run(main())


def test_a_failure_names_its_case() -> None:
    """A test that is shown each case by turns tries all of them, and says of each that failed which one it was."""
    tried = list[tuple[int, str]]()

    @each_of("number", [1, 2, 3])
    @each_of(("letter", "other"), [("a", "b"), ("c", "d")])
    def rule(number: int, letter: str, other: str, fixture: str) -> None:
        tried.append((number, letter + other + fixture))
        assert number == 2 or letter != "c"
        if number == 3:
            pytest.fail("three")

    with pytest.raises(BaseExceptionGroup, match="2 of 3 cases failed") as caught:
        rule(fixture="!")
    assert tried == [(number, letters) for number in (1, 2, 3) for letters in ("ab!", "cd!")]
    first, third = caught.value.exceptions
    assert first.__notes__ == ["case: {'letter': 'c', 'other': 'd'}", "case: {'number': 1}"]
    assert third.__notes__ == ["case: {'number': 3}"]
    assert isinstance(third, BaseExceptionGroup)
    assert list(inspect.signature(rule).parameters) == ["fixture"]
