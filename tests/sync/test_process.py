import asyncio
import threading

import pytest

from periskope_async.errors import ClientClosedError
from periskope_sync._loop_thread import LoopThread
from periskope_sync._process import Process


async def answer() -> int:
    """Stand for some work that takes a turn of the loop."""
    await asyncio.sleep(0)
    return 42


def test_one_loop_for_the_process() -> None:
    """Every thread gets the same loop thread, a dead one is replaced, and after the end there is none."""
    process = Process()
    found: list[LoopThread] = []
    threads = [threading.Thread(target=lambda: found.append(process.loop_thread())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    found[0].end()
    fresh = process.loop_thread()
    assert fresh is not found[0]
    assert fresh.call(answer) == 42
    process.end()
    with pytest.raises(ClientClosedError, match="interpreter"):
        process.loop_thread()


def test_a_thread_that_had_to_wait_makes_no_second_loop() -> None:
    """Of two threads that find no loop, the later one takes what the earlier one made."""
    process, found = Process(), []
    late = threading.Thread(target=lambda: found.append(process.loop_thread()))
    with process._lock:
        late.start()
        process._current = LoopThread()
    late.join()
    assert found == [process._current]
    process.end()


def test_an_unused_process_ends() -> None:
    """A process that made no blocking call has nothing to end."""
    Process().end()


def test_forgets_the_parents_loop() -> None:
    """What runs in a forked child leaves the inherited loop as it is and makes its own."""
    process = Process()
    inherited = process.loop_thread()
    with process._lock:  # as if another thread had held it at the fork
        process.start_anew()
        own = process.loop_thread()
    assert own is not inherited
    assert inherited.call(answer) == own.call(answer) == 42
    inherited.end()
    process.end()
