import asyncio

import looptime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from periskope_async._io.timeouts import Alarm


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual: waiting takes none of ours."""
    return "asyncio", {"loop_factory": looptime.new_event_loop}


async def ends_at(alarm: Alarm, seconds: float, work: float) -> tuple[float, bool]:
    """Work for *work* seconds, with the alarm set; return when that ended, and whether the alarm ended it."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    start = loop.time()
    alarm.set(task, start + seconds)
    try:
        await asyncio.sleep(work)
    except asyncio.CancelledError:
        assert alarm.clear(task)
        task.uncancel()
        return loop.time() - start, True
    assert not alarm.clear(task)
    return loop.time() - start, False


async def test_cuts_off_what_takes_too_long() -> None:
    """A task that is not done by its time is cancelled then."""
    alarm = Alarm(asyncio.get_running_loop())
    assert await ends_at(alarm, 2.0, 60.0) == (2.0, True)


async def test_lets_pass_what_is_in_time() -> None:
    """A task that is done in time goes on undisturbed, also when its time would have come."""
    alarm = Alarm(asyncio.get_running_loop())
    assert await ends_at(alarm, 2.0, 1.0) == (1.0, False)
    await asyncio.sleep(5)


async def test_many_tasks_on_one_timer() -> None:
    """Each task is cut off at its own time, in whatever order the times are set."""
    alarm = Alarm(asyncio.get_running_loop())
    times = [5.0, 3.0, 9.0, 1.0, 1.0, 7.0]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ends_at(alarm, seconds, 6.0)) for seconds in times]
    assert [task.result() for task in tasks] == [(min(seconds, 6.0), seconds < 6.0) for seconds in times]


async def test_a_task_that_is_set_again_has_its_new_time() -> None:
    """An attempt's time is not cut short by that of the attempt before."""
    alarm = Alarm(asyncio.get_running_loop())
    assert await ends_at(alarm, 2.0, 1.0) == (1.0, False)
    assert await ends_at(alarm, 5.0, 60.0) == (5.0, True)


async def test_time_in_the_past() -> None:
    """A task whose time is over is cut off when it first waits."""
    assert await ends_at(Alarm(asyncio.get_running_loop()), -1.0, 60.0) == (0.0, True)


async def test_closing_cuts_off_everybody() -> None:
    """Closing is everybody's time at once, and leaves no timer behind."""
    alarm = Alarm(asyncio.get_running_loop())
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ends_at(alarm, 50.0, 60.0)) for _ in range(3)]
        await asyncio.sleep(1.0)
        alarm.close()
        alarm.close()
    assert [task.result() for task in tasks] == [(1.0, True)] * 3
    assert alarm._handle is None


async def test_one_timer_however_many_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand tasks in a row set the timer once: that is what the alarm is for."""
    alarm = Alarm(asyncio.get_running_loop())
    armed: list[float] = []
    arm = alarm._arm
    monkeypatch.setattr(alarm, "_arm", lambda when: (armed.append(when), arm(when)))
    for _ in range(1_000):
        await ends_at(alarm, 2.0, 0.001)
    assert len(armed) == 1


async def test_a_timer_that_rings_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer that rings a rounding error before its time is not set again and again until the time is there."""
    loop = asyncio.get_running_loop()
    alarm = Alarm(loop)
    monkeypatch.setattr(loop, "call_at", lambda _, callback: loop.call_soon(callback))
    task = asyncio.create_task(asyncio.Event().wait())
    await asyncio.sleep(0)
    alarm.set(task, loop.time() + 1e-9)
    await asyncio.wait([task])
    assert alarm.clear(task)
    assert alarm._handle is None


@given(times=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12))
async def test_everybody_ends_at_the_earlier_of_both(times: list[tuple[int, int]]) -> None:
    """For any tasks at all: each ends when its work or its time does, whichever is first."""
    alarm = Alarm(asyncio.get_running_loop())
    # Halves, so that no work ends at the moment of its alarm.
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ends_at(alarm, time + 0.5, work)) for time, work in times]
    assert [task.result() for task in tasks] == [(min(t + 0.5, w), t < w) for t, w in times]
    assert not alarm._due
