"""What the tests themselves rely on."""

import asyncio
import socket
import threading
import time

from tests.support import virtual_loop

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
