"""How each fault looks: pure functions from the answer there would have been to the steps that are played.

It must not know when a fault strikes, nor sockets: steps are values.
"""

import itertools
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from periskope_async.testing._faults.bodies import BODIES
from periskope_async.testing._faults.connections import CONNECTIONS
from periskope_async.testing._faults.context import FaultAnswer, FaultContext
from periskope_async.testing._faults.floods import FLOODS
from periskope_async.testing._faults.names import NEED_A_BODY, NEED_A_NEXT_REQUEST, Fault
from periskope_async.testing._faults.statuses import STATUSES
from periskope_async.testing._http import Step

__all__ = ["play"]

_ANSWERS: Final[Mapping[Fault, FaultAnswer]] = MappingProxyType({**CONNECTIONS, **STATUSES, **BODIES, **FLOODS})


def play(kind: Fault, context: FaultContext) -> Iterable[Step] | None:
    """The steps by which the fault *kind* answers instead of, or in the form of, the reply of *context*.

    None where they would change nothing: a client could then not notice that there was a fault, and a test that counts
    on it would pass without having tested anything.
    """
    if (kind in NEED_A_BODY and not context.reply.body) or (kind in NEED_A_NEXT_REQUEST and context.closes):
        return None
    steps = iter(_ANSWERS[kind](context))
    first = tuple(itertools.islice(steps, 3))  # no more: some never end
    at_once = [step for step in first if step]  # without waits of no time
    if at_once == [context.reply.encode()] and kind is not Fault.STALE:  # what STALE does comes with the next request
        return None
    return itertools.chain(first, steps)
