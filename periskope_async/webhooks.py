"""Deliveries of webhooks: checked, and read as events. Pure: no client, no API key, nothing is sent or waited for.

    event = webhooks.parse(await request.body(), request.headers)  # PERISKOPE_WEBHOOK_KEY is the signing key
    if seen.add(event):
        ...

A signature says who sent a body. It says nothing of when: the service signs no time, so somebody who has seen a
delivery can send it again, and nothing shows it. What must not be done twice is to be kept by `event.key`.
"""

import hmac
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, TypeVar, cast

from periskope_async._codec.converter import loads
from periskope_async._envelope import name_in, read_event
from periskope_async._sansio.secret import conceal
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.errors import ConfigurationError, DecodeError, PeriskopeError
from periskope_async.events import Event

__all__ = ["MAX_BODY", "SIGNATURE_HEADER", "Seen", "SignatureError", "parse", "sign", "signing_keys", "verify"]

K = TypeVar("K")

SIGNATURE_HEADER: Final = "x-periskope-signature"
#: A larger body is refused unread, bytes.
MAX_BODY: Final = 1 << 20

_RAW: Final = "await request.body() in FastAPI and Starlette, await request.read() in aiohttp, request.body in Django,"


class SignatureError(PeriskopeError):
    """A delivery is not signed by the service for this receiver: answer 400, and read nothing of it."""


def parse(
    body: bytes,
    headers: Mapping[str, str],
    key: str | Sequence[str] | Unset | None = UNSET,
    *,
    topic: str | None = None,
) -> Event:
    """Check the signature of a delivery, and return what happened.

    Args:
        body: the bytes as they came, before anybody read JSON from them.
        headers: those of the request, from any framework; letter case does not count.
        key: the signing key, or several while one takes another's place; else PERISKOPE_WEBHOOK_KEY. None takes any
            delivery for genuine: for where something else has checked it.
        topic: the type of the event where the body does not name it, from a URL of your own, say.

    Raises:
        SignatureError: the signature is missing or wrong, or the body larger than a MiB. Answer 400.
        DecodeError: the body is signed, and not a JSON object.
        ConfigurationError: the key is missing or unusable.
        TypeError: `body` is not bytes, or `headers` is not a mapping; the message says where they are.
    """
    key = _concealed(key)
    body = _checked(body)
    if key is not None:
        signatures = [value for name, value in _items(headers) if name.lower() == SIGNATURE_HEADER]
        _insist(body, signatures[0] if signatures else None, key)
    return _event(body, topic)


def verify(body: bytes, signature: str | None, key: str | Sequence[str] | Unset = UNSET) -> None:
    """Insist that *signature* is that of *body*; see `parse`. All keys are tried, in constant time.

    Raises:
        SignatureError: it is not, or None, or the body is larger than a MiB.
        ConfigurationError: the key is missing or unusable.
        TypeError: `body` is not bytes, or `signature` is not text.
    """
    key = _concealed(key)
    _insist(_checked(body), signature, key)


def signing_keys(key: str | Sequence[str] | Unset = UNSET) -> tuple[str, ...]:
    """Return the signing keys for `parse`, that of PERISKOPE_WEBHOOK_KEY where none is passed.

        KEYS = webhooks.signing_keys()

    A receiver that calls it where it starts does not start without a key; else it would answer 500 to each delivery.

    Raises:
        ConfigurationError: the key is missing or unusable.
    """
    return tuple(_keys(_concealed(key)))


def sign(body: bytes, key: str) -> str:
    """Return the signature that the service puts into `x-periskope-signature`: for tests of a receiver.

    Raises:
        ConfigurationError: the key is unusable.
        TypeError: `body` is not bytes.
    """
    key = _concealed(key)
    return _signature(_checked(body), _keys(key)[0])


class Seen:
    """Remembers which events came, in this process, so that a delivery that comes again is not handled again.

        seen = Seen()
        if seen.add(event):
            handle(event)

    Any thread may use it. For several processes, keep `event.key` where all look: in Redis, `SET key 1 NX EX 86400`.

    Args:
        maxlen: events to remember; the oldest are forgotten first.
        ttl: seconds to remember each for.
    """

    def __init__(self, maxlen: int = 10_000, ttl: float = 3600.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._maxlen = maxlen
        self._ttl = ttl
        self._clock = clock
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, event: Event) -> bool:
        """Remember *event*, and return whether it is new.

        Raises:
            TypeError: it is not an event.
        """
        now, key = self._clock(), _key_of(event)
        with self._lock:
            if self._seen.get(key, now) > now:
                return False
            self._seen.pop(key, None)
            self._seen[key] = now + self._ttl
            while len(self._seen) > self._maxlen:
                del self._seen[next(iter(self._seen))]
            return True

    def discard(self, event: Event) -> None:
        """Forget *event*: it was not handled after all, and may come again.

        Raises:
            TypeError: it is not an event.
        """
        key = _key_of(event)
        with self._lock:
            self._seen.pop(key, None)


def _key_of(event: Any) -> str:
    if not isinstance(event, Event):
        raise TypeError(f"event: expected an Event, as webhooks.parse returns it, got {type(event).__name__}")
    return event.key


def _items(headers: Any) -> Iterable[tuple[str, str]]:
    """Return the names and values of *headers*; not every framework's are a `Mapping`."""
    items: Any = getattr(headers, "items", None)
    if not callable(items):
        raise TypeError(f"headers: expected a mapping, such as request.headers, got {type(headers).__name__}")
    return cast("Iterable[tuple[str, str]]", items())


def _insist(body: bytes, signature: str | None, key: str | Sequence[str] | Unset) -> None:
    keys = _keys(key)
    if signature is None:
        raise SignatureError(f"the delivery has no signature: no header {SIGNATURE_HEADER}")
    if not isinstance(cast("object", signature), str):
        raise TypeError(f"signature: expected the text of the header, got {type(signature).__name__}")
    found = signature.strip().lower().removeprefix("sha256=").encode("utf-8", "replace")
    genuine = False
    for each in keys:  # all of them, so that nobody learns from the time it takes which one it was
        genuine |= hmac.compare_digest(_signature(body, each).encode(), found)
    if not genuine:
        raise SignatureError("the signature is not of this body and key")


def _signature(body: bytes, key: str) -> str:
    return hmac.new(key.encode(), body, sha256).hexdigest()


def _concealed(key: K) -> K:
    """Return keys as what does not show itself: a traceback shows the arguments of its frames."""
    if isinstance(key, list | tuple):
        return cast("K", [conceal(each) for each in cast("Sequence[Any]", key)])
    return conceal(key) if isinstance(key, str) else key


def _keys(key: str | Sequence[str] | Unset) -> list[str]:
    wanted: Any = conceal(os.environ.get("PERISKOPE_WEBHOOK_KEY")) if isinstance(key, Unset) else key
    keys: list[Any] = [wanted] if isinstance(wanted, str) else list(wanted or ())
    if not keys or not all(isinstance(each, str) and each.strip() for each in keys):
        raise ConfigurationError("no signing key; pass key= or set PERISKOPE_WEBHOOK_KEY")
    return [conceal(each.strip()) for each in keys]


def _checked(body: Any) -> bytes:
    if not isinstance(body, (bytes, bytearray)):
        raise TypeError(
            f"body: expected the bytes of the request, got {type(body).__name__}: {_RAW} request.get_data() in Flask"
        )
    if len(body) > MAX_BODY:
        raise SignatureError(f"the body is larger than {MAX_BODY:,} bytes")
    return bytes(body)


def _event(body: bytes, topic: str | None) -> Event:
    try:
        raw = loads(body)
    except ValueError:
        raise DecodeError("the delivery is not JSON") from None
    if not isinstance(raw, dict):
        raise DecodeError("the delivery is not a JSON object")
    envelope = cast("dict[str, Any]", raw)
    return read_event(envelope, name_in(envelope) or topic or "")
