"""All that the service remembers, in one place: what one resource changes the others show. No HTTP here."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from periskope_async.testing._service.account import CHAT_LABELS, LABELS
from periskope_async.testing._service.assumptions import Assumptions
from periskope_async.testing._service.happenings import Happenings
from periskope_async.testing._service.outbox import Outbox

if TYPE_CHECKING:
    from periskope_async.testing._json import Json
    from periskope_async.testing._service.collection import Objects

__all__ = ["State"]


class State:
    """The objects of every resource, and what they have in common.

    Args:
        tickets: how many tickets there are at first.
        seed: varies their content.
        assumptions: how to behave where the real service is unknown.
        now: the service's clock, in seconds since the epoch.
    """

    def __init__(self, tickets: int, seed: int, assumptions: Assumptions, now: Callable[[], float]) -> None:
        self.tickets = tickets
        self.seed = seed
        self.assumptions = assumptions
        self.now = now
        #: Held while what is read is what is written.
        self.lock = threading.RLock()
        #: By the plural of the resource's name. Each resource adds its own.
        self.objects: dict[str, Objects] = {}
        #: The number that a new ticket gets, unless it is taken.
        self.next_ticket = tickets + 1
        #: Messages of tickets that were put, by full and by short id; the made-up ones follow from the seed.
        self.messages: dict[str, Json] = {}
        #: What the AI may do in each chat of which somebody has said so.
        self.ai_settings: dict[str, Json] = {}
        #: What happens to them.
        self.happenings = Happenings(self.lock, self.timestamp)
        #: What was sent.
        self.outbox = Outbox(now)
        self._labels = {name.casefold(): name for name in (*LABELS, *CHAT_LABELS)}

    def timestamp(self) -> str:
        """The time, as the service writes it."""
        return datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="microseconds")

    def labels(self, text: str) -> list[str]:
        """The label names in *text* as the organisation spells them.

        They are compared without case; new ones are added, doubles dropped.
        """
        names = [name.strip() for name in text.split(",") if name.strip()]
        return [*dict.fromkeys(self._labels.setdefault(name.casefold(), name) for name in names)]
