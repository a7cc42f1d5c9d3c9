"""What a fake remembers of its requests, and what it counts. It must not know how requests are answered."""

import json
import threading
from collections import deque
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import attrs

from periskope_async.testing._answering import Outcome
from periskope_async.testing._faults.names import Fault
from periskope_async.testing._faults.plan import Faults
from periskope_async.testing._http import Headers, Request, parse_headers
from periskope_async.testing._service.router import Found

__all__ = ["Recorded", "Recorder"]


@attrs.frozen(kw_only=True)
class Recorded:
    """One request as it arrived, and how it was answered.

    Attributes:
        method: `GET`, `POST` ...
        path: the raw request target, query included.
        headers: names in lower case; the key is masked.
        body: the raw body.
        time: when it arrived, in seconds since the epoch, on the fake's clock.
        status: of the answer; 0 where a hook gave the raw steps, or where there was none.
        fault: the fault injected, None for none.
        connection: number of the connection it came over, from 1.
    """

    method: str
    path: str
    headers: Headers
    body: bytes
    time: float
    status: int
    fault: Fault | None
    connection: int
    _found: Found = attrs.field(alias="found", repr=False)

    @property
    def operation(self) -> str:
        """What it asked for, as clients call it: `tickets.get`; `""` where its path leads nowhere."""
        return self._found.operation

    @property
    def resource(self) -> str:
        """What one object of that operation is called: `ticket`; `""` where its path leads nowhere."""
        return self._found.resource

    @property
    def resource_id(self) -> str:
        """The id in its path, decoded and in full; `""` for none."""
        return self._found.resource_id

    @property
    def ticket_id(self) -> str:
        """The ticket it was about; `""` for none."""
        return self.resource_id if self.resource == "ticket" else ""

    def json(self) -> Any:
        """The body, parsed.

        Raises:
            ValueError: the body is not JSON.
        """
        return json.loads(self.body)


class Recorder:
    """The newest requests and how many there were; other threads read along.

    Args:
        keep: how many requests to remember.
    """

    def __init__(self, keep: int) -> None:
        self.calls = 0
        self.throttled = 0
        self._lock = threading.Lock()
        self._requests: deque[Recorded] = deque(maxlen=keep)

    @property
    def requests(self) -> list[Recorded]:
        """The requests so far, oldest first."""
        with self._lock:
            return list(self._requests)

    def add(
        self, request: Request, found: Found, outcome: Outcome, now: float, connection: int, faults: Faults
    ) -> None:
        """Record one request, and count it after that; last of all as a call: who waits for it finds all of it.

        Args:
            request: as it came.
            found: the operation it means, and the object it is about.
            outcome: how it is answered.
            now: when it came, in seconds since the epoch.
            connection: number of the connection it came over.
            faults: counts the fault that strikes with it.
        """
        recorded = Recorded(
            method=request.method,
            path=request.target,
            headers=_masked(request.fields),
            body=request.body,
            time=now,
            status=outcome.status,
            fault=outcome.fault,
            connection=connection,
            found=found,
        )
        with self._lock:
            self._requests.append(recorded)
            if outcome.fault is not None and outcome.injected:
                faults.count(outcome.fault)
            self.throttled += outcome.throttled
            self.calls += 1

    def clear(self) -> None:
        """Forget the requests and their number."""
        with self._lock:
            self._requests.clear()
            self.calls = self.throttled = 0


@lru_cache(maxsize=1024)
def _masked(fields: bytes) -> Headers:
    """The header fields without the key."""
    headers = dict(parse_headers(fields))
    if "authorization" in headers:
        headers["authorization"] = f"{headers['authorization'].partition(' ')[0]} ***"
    return MappingProxyType(headers)
