"""Every exception a caller can meet, and nothing else: no I/O, no policy, no secrets.

The tree is split by one question: did the service answer?

    PeriskopeError
    ├── ConfigurationError            a bad key, URL, id or option; found before any I/O  (a ValueError too)
    ├── ClientClosedError             the client was used after it was closed
    ├── TransportError                no usable answer
    │   ├── ConnectError              refused, unreachable, name resolution
    │   ├── TlsError                  certificate or handshake; never retried
    │   ├── ProtocolError             reset, truncated, malformed HTTP, or a body over the size cap
    │   ├── RequestTimeout            one attempt took longer than `timeout`  (a TimeoutError too)
    │   └── DeadlineExceeded          the call took longer than `deadline`    (a TimeoutError too)
    ├── ApiError                      the service answered with something other than the result
    │   ├── BadRequestError           400
    │   ├── AuthenticationError       401
    │   ├── PermissionDeniedError     403
    │   ├── NotFoundError             404
    │   ├── ValidationError           422
    │   ├── RateLimitError            429
    │   ├── ServerError               5xx
    │   └── UnexpectedResponseError   anything else: 3xx, other 4xx, HTML, an empty body, another object's body
    └── DecodeError                   a 200 whose JSON or shape is wrong

Every error pickles and copies, and `type(error)(*error.args)` makes it again, as queues do that send errors as JSON.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

__all__ = [
    "ApiError",
    "AuthenticationError",
    "BadRequestError",
    "ClientClosedError",
    "ConfigurationError",
    "ConnectError",
    "DeadlineExceeded",
    "DecodeError",
    "NotFoundError",
    "PeriskopeError",
    "PermissionDeniedError",
    "ProtocolError",
    "RateLimitError",
    "RequestTimeout",
    "ServerError",
    "TlsError",
    "TransportError",
    "UnexpectedResponseError",
    "ValidationError",
]

#: What people write within a number that begins with a plus sign, also as a path has it.
_GAP: Final = r"(?:%20|%28|%29|[\s().-])*"
#: What holds long numbers that are nobody's: a UUID, and the id of a group, which is longer than any phone number. The
#: ids of older groups are their maker's number and a time, with a hyphen between.
_NOBODY: Final = (
    r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])"
    r"|(?<![\d-])\d{16,}(?=(?:@|%40)g\.us)"
)
#: Any other number of eight digits or more is taken for a phone's; what is cut off of it.
_PHONE: Final = rf"(?:\+|%2B)(?:{_GAP}\d){{4,}}(?=(?:{_GAP}\d){{4}})|\d{{4,}}(?=\d{{4}})"
_NUMBER: Final = re.compile(rf"({_NOBODY})|{_PHONE}")

#: How much of the reasons for a refusal `str()` shows, characters: it has to fit a log line.
MAX_REASONS: Final = 300


def mask_numbers(text: str) -> str:
    """Return *text* with every phone number in it cut to its last four digits: `…1844@c.us`."""
    return _NUMBER.sub(lambda found: found[1] or "…", text)


def one_line(text: str) -> str:
    """Return *text* as one printable line, so that no service writes lines of its own into a log or onto a screen."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


class PeriskopeError(Exception):
    """The base of every error this package raises. What each means, and what to do: docs/reference/errors.md.

    Attributes:
        message: what went wrong, in one sentence.
        resource: what the call was about, such as "ticket"; None if it was about no single thing.
        resource_id: its id, as the caller spelled it.
        method: the HTTP method of the call, if it got as far as a request.
        path: the path of the call below the base URL, phone numbers in it cut to their last four digits.
        trace_id: the service's `x-periskope-trace-id`; quote it to their support.
        attempts: how many requests were sent for this call.
        elapsed: seconds from the start of the call to the error.
        retryable: True where the same call may succeed later: the fault was of the moment.
        maybe_sent: True where a write may have taken effect although it failed. Look before you repeat it.
    """

    def __init__(self, message: str = "", facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message: str = message
        self.resource: str | None = None
        self.resource_id: str | None = None
        self.method: str | None = None
        self.path: str | None = None
        self.trace_id: str | None = None
        self.attempts: int = 0
        self.elapsed: float = 0.0
        self.retryable: bool = False
        self.maybe_sent: bool = False
        self._restore(facts)

    if not TYPE_CHECKING:  # Python's own is an attribute, which would not know what an error learns later

        @property
        def args(self) -> tuple[Any, ...]:
            """What `type(error)(*error.args)` makes the error of again: its message, then the rest as JSON."""
            untouched = vars(type(self)(self.message))
            facts = {name: value for name, value in vars(self).items() if value != untouched.get(name, value)}
            facts = {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()}
            return (self.message, facts) if facts else (self.message,)

        @args.setter
        def args(self, value: tuple[Any, ...]) -> None:
            self.message = str(value[0]) if value else ""
            Exception.__init__(self, self.message)  # pickle and repr show what is kept there

    def _restore(self, facts: Mapping[str, Any] | None) -> None:
        """Set the attributes that `args` named; others are none of ours."""
        for name, value in (facts or {}).items():
            if name in vars(self):
                setattr(self, name, tuple(value) if name == "problems" else value)

    @property
    def ticket_id(self) -> str | None:
        """The ticket the call was about; None if it was about something else."""
        return self.resource_id if self.resource == "ticket" else None

    def __str__(self) -> str:
        where = {
            self.resource: self.resource_id and mask_numbers(self.resource_id),
            "request": self.method and f"{self.method} {self.path}",
            "trace": self.trace_id,
            "attempts": self.attempts if self.attempts > 1 else None,
            "maybe sent": "yes, look before you repeat it" if self.maybe_sent else None,
        }
        facts = ", ".join(f"{name} {value}" for name, value in where.items() if value)
        return f"{self.summary} ({facts})" if facts else self.summary

    @property
    def summary(self) -> str:
        """What went wrong, in as much detail as one line has room for."""
        return self.message


class ConfigurationError(PeriskopeError, ValueError):
    """An argument or setting is unusable. Raised before anything is sent; the message names the argument."""


class ClientClosedError(PeriskopeError):
    """The client was used after it was closed."""


class TransportError(PeriskopeError):
    """The service gave no usable answer."""


class ConnectError(TransportError):
    """No connection could be made: refused, unreachable, or the name does not resolve."""


class TlsError(TransportError):
    """The TLS handshake failed. Never retried: a certificate does not heal within a call."""


class ProtocolError(TransportError):
    """The connection broke or the peer did not speak HTTP: reset, truncation, malformed or oversized answers."""


class RequestTimeout(TransportError, TimeoutError):  # noqa: N818  # the public contract's name, as in TimeoutError
    """One attempt, from connecting to the last byte of the body, took longer than the client's `timeout`."""


class DeadlineExceeded(TransportError, TimeoutError):  # noqa: N818  # the public contract's name
    """The whole call, with its queueing, attempts and waits, took longer than the client's `deadline`, or would.

    Attributes:
        retry_after: seconds until the rate limit lets a call go, where it lets none go before the deadline; else None.
    """

    retry_after: float | None = None


class ApiError(PeriskopeError):
    """The service answered, but not with the result.

    Attributes:
        status: the HTTP status.
        code: the service's own code, such as `NOT_FOUND_ERROR`; None if it named none.
        name: the service's own name for the error, such as `Validation Error`; None if it named none.
        fields: what was wrong with which field, as the service has it: `{"body.chat_id": {"message": ...}}`.
        retry_after: seconds the service asked to wait; None if it did not ask.
        body: the start of the body, at most 200 characters.
    """

    def __init__(self, message: str = "", facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status: int = 0
        self.code: str | None = None
        self.name: str | None = None
        self.fields: dict[str, Any] = {}
        self.retry_after: float | None = None
        self.body: str = ""
        self._restore(facts)

    def __str__(self) -> str:
        return f"[{self.status}] {super().__str__()}"

    @property
    def summary(self) -> str:
        """What went wrong, and why each refused value was refused, cut to fit a log line."""
        reasons = list(_reasons(self.fields))
        shown = mask_numbers(one_line("; ".join(f"{name}: {why}" if why else name for name, why in reasons)))
        if not shown:
            return self.message
        shown = f"{shown[:MAX_REASONS]}…" if len(shown) > MAX_REASONS else shown
        return shown if any(why == self.message for _, why in reasons) else f"{self.message}: {shown}"


class BadRequestError(ApiError):
    """400: the service could not read the request."""


class AuthenticationError(ApiError):
    """401: the key was refused, or the plan does not include the API (the message says which)."""


class PermissionDeniedError(ApiError):
    """403: the key is good, but not for this."""


class NotFoundError(ApiError):
    """404: the service itself does not know it. Any other 404 is an `UnexpectedResponseError`."""


class ValidationError(ApiError):
    """422: the service refused a value; `fields` says which, and `str()` why."""


class RateLimitError(ApiError):
    """429: too many requests, and waiting as long as `retry_after` would pass the deadline.

    A call without a deadline, and a bulk run, end with it when the service let nobody on the key through for 20 pauses
    in a row; those grow to 20 s each, or are as long as the service asks for.
    """


class ServerError(ApiError):
    """5xx: the service, or something in front of it, failed."""


class UnexpectedResponseError(ApiError):
    """Any other answer: a redirect, an HTML page, an empty body, another thing's body, somebody else's 404."""


class DecodeError(PeriskopeError):
    """The body is not the JSON that was expected.

    Attributes:
        problems: one line per fault with its path, as `required field missing @ $.ticket.ticket_id`.
            Paths only: values are personal data and stay out.
    """

    def __init__(self, message: str = "", facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.problems: tuple[str, ...] = ()
        self._restore(facts)


def _reasons(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield which field the service refused, and why, in its own words."""
    for name, why in fields.items():
        reason = cast("dict[str, object]", why).get("message") if isinstance(why, dict) else why
        yield name, reason if isinstance(reason, str) else ""


def why_ended(errors: Iterable[PeriskopeError]) -> str:
    """Return the one fact behind the *errors* of a run that ended because the key was refused; else nothing."""
    return next((f"{error.message}; so " for error in errors if isinstance(error, AuthenticationError)), "")


#: Statuses with an error class of their own; 5xx is `ServerError`, the rest `UnexpectedResponseError`.
BY_STATUS: Final[Mapping[int, type[ApiError]]] = MappingProxyType(
    {
        400: BadRequestError,
        401: AuthenticationError,
        403: PermissionDeniedError,
        404: NotFoundError,
        422: ValidationError,
        429: RateLimitError,
    }
)
