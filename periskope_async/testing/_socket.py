"""The socket of the fake, `fake.socket`: live events as the service sends them, and what may go wrong with them.

The protocol is that of socket.io 4 over WebSocket, as the vendor's own client speaks it (Engine.IO 4). Polling is not
spoken: that client never polls.
"""

import asyncio
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

from periskope_async.testing._deliveries.envelope import body_of
from periskope_async.testing._http import Hangup, Reply, Request, Step, Upgrade
from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import ORG_PHONE, PHONE_ID
from periskope_async.testing._service.assumptions import Assumptions
from periskope_async.testing._service.chat_forms import full_id
from periskope_async.testing._service.happenings import Happening, Happenings
from periskope_async.testing._websocket import CLOSE, PING, PONG, TEXT, accept_key, frame, read_frame

__all__ = ["SOCKET_PATH", "FakeSocket"]

SOCKET_PATH: Final = "/socket.io/"
_REFUSED: Final = "Invalid bearer auth token"


class FakeSocket:
    """Where live events come from: all that happens in the fake goes to all that are connected.

    What it is to do wrong, it does from the next occasion on, and counts in `counts`: `connected`, `refused` and
    `unavailable` attempts; connections that were `dropped`, `disconnected` by the service, `silenced`, or `lapsed`
    because a ping was not answered; packets that were `delayed`; events that were `sent`, and how many of them by
    `flood`.
    """

    def __init__(
        self,
        happenings: Happenings,
        assumptions: Assumptions,
        may_enter: Callable[[str], bool],
        run: Callable[[Callable[[], None]], None],
        run_soon: Callable[[Callable[[], None]], None],
        began: Callable[[], None],
    ) -> None:
        #: Seconds between two pings of the service, and how long it waits for an answer: clients learn both.
        self.ping_interval: float = 25.0
        self.ping_timeout: float = 20.0
        #: Seconds before each packet.
        self.delay: float = 0.0
        #: How often each thing happened.
        self.counts: Counter[str] = Counter()
        #: The headers of those who connected, without the key.
        self.handshakes: list[Mapping[str, str]] = []
        #: Of the service.
        self.happenings: Happenings = happenings
        self._assumptions = assumptions
        self._may_enter = may_enter
        self._run = run
        self._run_soon = run_soon
        self._began = began
        self._peers: dict[_Peer, None] = {}
        self._serial = itertools.count(1)
        self._refusals: list[tuple[int, Json]] = []
        self._is_down = False
        self._end: Callable[[], None] = lambda: None

    @property
    def connections(self) -> int:
        """How many clients are connected now."""
        return len(self._peers)

    def emit(self, event: str, *data: Any) -> None:
        """Send an event to all that are connected, with *data* as it is. `fake.emit` has something happen instead."""
        self._run(lambda: self._send_all([_packet(event, data)]))

    def flood(self, times: int, event: str, *data: Any) -> None:
        """Send an event *times* over, all at once."""
        self.counts["flood"] += times
        self._run(lambda: self._send_all([_packet(event, data)] * times))

    def send(self, text: str) -> None:
        """Send one packet of Engine.IO to all that are connected, be it one or not."""
        self._run(lambda: self._each(lambda peer: peer.send(text)))

    def drop(self) -> None:
        """Reset every connection."""
        self._run(lambda: self._each(self._drop))

    def disconnect(self) -> None:
        """Send everybody away, as a socket.io server does with those it knows no more."""
        self._run(lambda: self._each(self._disconnect))

    def silence(self) -> None:
        """Leave the connections that stand half open: nothing is sent, read or closed any more."""
        self._run(lambda: self._each(self._silence))

    def down(self) -> None:
        """Reset every connection, and answer 503 to who comes, until `up`."""
        self._is_down = True
        self.drop()

    def up(self) -> None:
        """Take connections again."""
        self._is_down = False

    def refuse(self, times: int = 1, *, status: int = 0, said: Json | None = None) -> None:
        """Refuse those who come next, whatever their key: with an HTTP *status*, or else with a packet.

        Args:
            times: how many.
            status: 0 for a packet.
            said: what the packet or the body says; None for what is said of a wrong key.
        """
        self._refusals += [(status, {"message": _REFUSED} if said is None else said)] * times

    # -- for the fake -----------------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Iterable[Step]:
        """The steps that answer a request for a connection."""
        headers = request.headers
        if headers.get("upgrade", "").lower() != "websocket" or "EIO=4" not in request.target:
            return (Reply(400, dumps({"code": 0, "message": "Transport unknown"})).encode(),)
        if self._is_down:
            self.counts["unavailable"] += 1
            return (Reply(503).encode(),)
        status, said = self._refusals.pop(0) if self._refusals else (0, None)
        if said is None and not self._may_enter(headers.get("authorization", "")):
            status, said = (401 if self._assumptions.socket_refusal == "http" else 0), {"message": _REFUSED}
        if said is not None:
            self.counts["refused"] += 1
        if status:
            return (Reply(status, dumps(said), (("Content-Type", "application/json"),)).encode(),)
        self.handshakes.append({name: value for name, value in headers.items() if name != "authorization"})
        key = accept_key(headers.get("sec-websocket-key", ""))
        fields = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", key))
        return (Reply(101, headers=fields).head(), _Peer(self, next(self._serial), headers.get("x-phone"), said))

    def welcome(self, peer: "_Peer") -> None:
        """Send all that happens to *peer* too."""
        if not self._peers:
            self._end = self.happenings.listen(self._hear)
        self.counts["connected"] += 1
        self._peers[peer] = None
        self._began()

    def forget(self, peer: "_Peer") -> None:
        """Send *peer* nothing any more."""
        if self._peers.pop(peer, peer) is None and not self._peers:
            self._end()

    def _hear(self, happening: Happening) -> None:
        with suppress(RuntimeError):  # the fake has just stopped
            self._run_soon(partial(self._pass_on, happening))

    def _pass_on(self, happening: Happening) -> None:
        body = body_of(happening, f"live-{next(self._serial)}", self._assumptions.socket_envelope)
        text = f"42[{dumps(happening.type).decode()},{body.decode()}]"
        whole = self._assumptions.scope == "org"
        self._send_all([text], lambda peer: whole or peer.phone in {"", happening.phone})

    def _send_all(self, texts: list[str], wanted: "Callable[[_Peer], bool]" = lambda _: True) -> None:
        for peer in filter(wanted, tuple(self._peers)):
            self.counts["sent"] += len(texts)
            peer.send(*texts)

    def _each(self, action: "Callable[[_Peer], None]") -> None:
        for peer in tuple(self._peers):
            action(peer)

    def _drop(self, peer: "_Peer") -> None:
        self.counts["dropped"] += 1
        peer.hang_up(Hangup.RESET)

    def _disconnect(self, peer: "_Peer") -> None:
        self.counts["disconnected"] += 1
        peer.send("41")
        self.forget(peer)

    def _silence(self, peer: "_Peer") -> None:
        self.counts["silenced"] += 1
        peer.silence()
        self.forget(peer)


def _packet(event: str, data: tuple[Any, ...]) -> str:
    return f"42{dumps([event, *data]).decode()}"


class _Peer(Upgrade):
    """One client that is connected.

    Args:
        socket: where it is connected.
        number: which one.
        phone: its `x-phone`.
        refusal: what is said to it instead of a welcome; None for that.
    """

    def __init__(self, socket: FakeSocket, number: int, phone: str | None, refusal: Json | None) -> None:
        self.phone: str = ORG_PHONE if phone == PHONE_ID else full_id(phone) if phone else ""
        self._socket = socket
        self._number = number
        self._refusal = refusal
        self._buffer = bytearray()
        self._heart: asyncio.TimerHandle | None = None
        self._delayed = deque[asyncio.TimerHandle]()
        self._is_silent = False

    def begin(self) -> None:
        """Say what a client has to know first."""
        socket = self._socket
        times = {"pingInterval": int(socket.ping_interval * 1000), "pingTimeout": int(socket.ping_timeout * 1000)}
        said: Json = {"sid": f"engine-{self._number}", "upgrades": [], **times, "maxPayload": 1_000_000}
        self.send(f"0{dumps(said).decode()}")
        self._beat(socket.ping_interval, self._ping)

    def received(self, data: bytes) -> None:
        """Answer what is complete."""
        if self._is_silent:
            return
        self._buffer += data
        while (found := read_frame(self._buffer)) is not None:
            kind, payload = found
            if kind == CLOSE:
                self.write(frame(CLOSE, payload[:2]))
                self.hang_up(Hangup.FIN)
            elif kind == PING:
                self.write(frame(PONG, payload))
            elif kind == TEXT:
                self._packet(payload.decode())

    def lost(self) -> None:
        """Forget what was to be done."""
        self._clear()
        self._socket.forget(self)

    def send(self, *texts: str) -> None:
        """Send packets, when their time has come."""
        data = b"".join(frame(TEXT, text.encode()) for text in texts)
        if not self._socket.delay:
            self.write(data)
            return
        self._socket.counts["delayed"] += len(texts)
        self._delayed.append(asyncio.get_running_loop().call_later(self._socket.delay, self._send_delayed, data))

    def silence(self) -> None:
        """Do nothing any more."""
        self._is_silent = True
        self._clear()

    def _packet(self, text: str) -> None:
        """Answer one packet of Engine.IO."""
        if text == "3":
            self._beat(self._socket.ping_interval, self._ping)
        elif text.startswith("40") and self._refusal is not None:
            self.send(f"44{dumps(self._refusal).decode()}")
        elif text.startswith("40"):
            with self._socket.happenings.lock:  # what another thread does as soon as the client knows is to come too
                self.send(f"40{dumps({'sid': f'socket-{self._number}'}).decode()}")
                self._socket.welcome(self)
        elif text in {"1", "41"}:
            self._socket.forget(self)

    def _ping(self) -> None:
        self.send("2")
        self._beat(self._socket.ping_timeout, self._lapse)

    def _lapse(self) -> None:
        self._socket.counts["lapsed"] += 1
        self.hang_up(Hangup.FIN)

    def _send_delayed(self, data: bytes) -> None:
        self._delayed.popleft()
        self.write(data)

    def _beat(self, seconds: float, action: Callable[[], None]) -> None:
        """Do this next, unless the client is heard before."""
        if self._heart is not None:
            self._heart.cancel()
        self._heart = asyncio.get_running_loop().call_later(seconds, action)

    def _clear(self) -> None:
        for timer in (self._heart, *self._delayed):
            if timer is not None:
                timer.cancel()
