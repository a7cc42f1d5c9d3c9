"""The fake as the only job of a process, for `periskope serve`. It prints nothing."""

import signal
import time
from collections.abc import Callable, Mapping
from types import FrameType, MappingProxyType
from typing import Final

from periskope_async.testing._fake import FakePeriskope
from periskope_async.testing._faults.plan import Faults
from periskope_async.testing._limits import RateLimitPolicy

__all__ = ["serve"]

#: How often the main thread looks whether it is to end, seconds.
LOOK: Final = 0.1


def serve(  # noqa: PLR0913  # every option has a default, and all but the first two are named
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    tickets: int = 10,
    rate_limit: RateLimitPolicy | str | None = None,
    faults: Faults | Mapping[str, float] | float | None = None,
    seed: int = 0,
    api_key: str | None = None,
    signing_key: str | None = None,
    delivery_faults: Mapping[str, float] = MappingProxyType({}),
    on_ready: Callable[[FakePeriskope], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. Call it from the main thread.

    Args:
        host: where to listen.
        port: where to listen; 0 takes a free one.
        tickets: how many tickets there are at first.
        rate_limit: as `FakePeriskope` takes it.
        faults: as `FakePeriskope` takes it.
        seed: varies the tickets and the random faults.
        api_key: the key that is let in; None takes the fake's own.
        signing_key: what deliveries to webhooks are signed with; as `FakePeriskope` takes it.
        delivery_faults: what goes wrong with deliveries, by its name, each with the share of the attempts.
        on_ready: called with the running fake, whose `base_url`, `api_key` and `signing_key` are then known.

    Raises:
        OSError: the port is taken.
        ValueError: an unusable argument, or not the main thread.
    """
    ended = False

    def end(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature of a signal handler
        nonlocal ended
        ended = True

    fake = FakePeriskope(
        tickets,
        host=host,
        port=port,
        rate_limit=rate_limit,
        faults=faults,
        seed=seed,
        api_key=api_key,
        signing_key=signing_key,
    )
    for kind, rate in delivery_faults.items():
        fake.deliveries.add(kind, rate=rate)
    before = {signum: signal.signal(signum, end) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        with fake:
            if on_ready is not None:
                on_ready(fake)
            # Not `Event.wait`: a signal that another thread receives, or that comes just before the wait, ends none.
            while not ended:
                time.sleep(LOOK)
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
