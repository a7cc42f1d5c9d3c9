"""How a command ends: an exit code and what the person reads. Pure: no terminal, no client, no click."""

from collections.abc import Iterable, Mapping
from enum import IntEnum, unique
from types import MappingProxyType
from typing import Final, NamedTuple, cast

from periskope_async.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    NotFoundError,
    PeriskopeError,
    PermissionDeniedError,
    RateLimitError,
    TransportError,
    UnexpectedResponseError,
    ValidationError,
)


@unique
class Exit(IntEnum):
    """What the process returns to its caller."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    KEY_REFUSED = 3
    NOT_FOUND = 4
    RATE_LIMITED = 5
    NO_ANSWER = 6
    SERVICE_FAILED = 7
    VALUE_REFUSED = 8
    FILE = 9
    UNCLEAR = 10
    BUG = 70
    INTERRUPTED = 130
    READER_GONE = 141


#: What each code means, in the order of the help.
MEANING: Final = {
    Exit.OK: "all done",
    Exit.SOME_FAILED: "some of it was not done, or a question was answered with no",
    Exit.USAGE: "the command or a setting is wrong; nothing was sent",
    Exit.KEY_REFUSED: "the service refused the key (401, 403)",
    Exit.NOT_FOUND: "no such ticket, chat, group or message (404), or nothing found",
    Exit.RATE_LIMITED: "the rate limit left no room before the deadline (429)",
    Exit.NO_ANSWER: "no answer: network, TLS or timeout",
    Exit.SERVICE_FAILED: "the service failed, or answered with something else (5xx and the rest)",
    Exit.VALUE_REFUSED: "the service refused a value (400, 422)",
    Exit.FILE: "a file could not be read or written",
    Exit.UNCLEAR: "unclear whether it was done: look before you repeat it",
    Exit.BUG: "a bug in this command",
    Exit.INTERRUPTED: "Ctrl-C",
    Exit.READER_GONE: "the reader of the output went away, as `head` does",
}


class Outcome(NamedTuple):
    """One failure in a person's words: what happened, and what to do about it (if anything is known to help)."""

    exit: Exit
    message: str
    hint: str = ""


class Failure(Exception):  # noqa: N818  # its name says it
    """A command cannot go on. Raised by commands where no error of the client says it."""

    def __init__(self, code: Exit, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.outcome: Outcome = Outcome(code, message, hint)


class Unsent(Exception):  # noqa: N818  # nothing went wrong
    """What was to be sent was kept instead: a command's dry run ends here."""


# The most specific class first.
_KINDS: Final[tuple[tuple[type[PeriskopeError], Exit, str, str], ...]] = (
    (ConfigurationError, Exit.USAGE, "", ""),
    (
        AuthenticationError,
        Exit.KEY_REFUSED,
        "The service refused the key.",
        "Keys are made in the console: Settings > Integrations > API.",
    ),
    (PermissionDeniedError, Exit.KEY_REFUSED, "The key is good, but not for this.", ""),
    (NotFoundError, Exit.NOT_FOUND, "No such {resource}.", ""),
    (RateLimitError, Exit.RATE_LIMITED, "Too many requests.", "Wait a little, then try again."),
    (BadRequestError, Exit.VALUE_REFUSED, "The service did not understand the request.", ""),
    (ValidationError, Exit.VALUE_REFUSED, "The service refused a value.", ""),
    (
        UnexpectedResponseError,
        Exit.SERVICE_FAILED,
        "The service answered with something else.",
        "Check PERISKOPE_BASE_URL; `periskope doctor` shows what is in use.",
    ),
    (
        TransportError,
        Exit.NO_ANSWER,
        "The service did not answer.",
        "Check the network and PERISKOPE_BASE_URL; `periskope doctor` shows what is in use.",
    ),
)
_OTHER: Final = (PeriskopeError, Exit.SERVICE_FAILED, "The service failed.", "Try again later.")


#: What a value is, by the argument that it was for. Of any other argument its own text says all.
_UNUSABLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("api_key", "base_url", "budget", "concurrency", "phone", "proxy", "retries", "ssl", "timeout"),
            "A setting is unusable.",
        ),
        **dict.fromkeys(("journal", "state"), "What an earlier run left is unusable."),
        "events": "Something is not installed.",
    }
)


def explain(error: PeriskopeError) -> Outcome:
    """Return what *error* means for a person and for the exit code."""
    headline, outcome = _explained(error)
    return _headed(headline, outcome)


def explain_all(errors: Iterable[PeriskopeError]) -> list[Outcome]:
    """Return one outcome for each kind of failure among *errors*, with the details of all of that kind.

    That the key was refused is one fact, whatever it was sent for.
    """
    kinds: dict[str, Outcome] = {}
    for error in errors:
        headline, outcome = _explained(error)
        first = kinds.setdefault(headline, outcome)
        if first is not outcome and not isinstance(error, AuthenticationError):
            kinds[headline] = first._replace(message=f"{first.message}\n{outcome.message}")
    return [_headed(headline, outcome) for headline, outcome in kinds.items()]


def _headed(headline: str, outcome: Outcome) -> Outcome:
    return outcome._replace(message=f"{headline}\n{outcome.message}") if headline else outcome


def _explained(error: PeriskopeError) -> tuple[str, Outcome]:
    """Return the headline of an error, which it shares with others of its kind, and what else there is to say."""
    _, code, headline, hint = next((kind for kind in _KINDS if isinstance(error, kind[0])), _OTHER)
    headline = headline.replace("{resource}", error.resource or "object")
    if isinstance(error, ConfigurationError):
        headline = _UNUSABLE.get(error.message.partition(":")[0], headline)
    if error.maybe_sent:
        code, hint = Exit.UNCLEAR, "Look before you repeat it."
        unclear = "It is unclear whether that was done."
        # An error without an attempt is one that the journal of an earlier run left.
        headline = f"{unclear} {headline}" if error.attempts else "It is unclear whether an earlier run did that."
    elif isinstance(error, RateLimitError) and error.retry_after is not None:
        hint = f"The service asks to wait for {error.retry_after:,.0f} s."
    fields = [f"  {name}: {reason}" for name, reason in _refused(error)]
    if any(reason == error.message for _, reason in _refused(error)):  # then the summary is of the reasons
        fields = []
    # Where each reason has a line of its own, the first line needs them no more.
    text = str(error).replace(error.summary, error.message) if fields else str(error)
    return headline, Outcome(code, "\n".join([text, *fields]), hint)


def _refused(error: PeriskopeError) -> Iterable[tuple[str, str]]:
    """The fields that the service named as wrong, each with its message."""
    if isinstance(error, ApiError):
        for name, why in error.fields.items():
            reason = cast("dict[str, object]", why) if isinstance(why, dict) else {"message": why}
            yield name, str(reason.get("message", reason))


def exit_of(failures: Iterable[Exit], *, succeeded: int) -> Exit:
    """Return the code of a run over many tickets: the failures' own if nothing came and all failed alike."""
    kinds = set(failures)
    if not kinds:
        return Exit.OK
    return kinds.pop() if len(kinds) == 1 and not succeeded else Exit.SOME_FAILED
