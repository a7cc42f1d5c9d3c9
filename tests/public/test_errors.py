import copy
import json
import pickle
import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from periskope_async import errors
from periskope_async._codec.model import masked
from periskope_async.cli.outcome import explain
from periskope_async.errors import BY_STATUS, ApiError, DecodeError, PeriskopeError, mask_numbers
from tests.support import each_of

CLASSES: list[type[PeriskopeError]] = [getattr(errors, name) for name in errors.__all__]
TOLD: dict[str, Any] = {
    "resource": "ticket",
    "resource_id": "BKT-001",
    "method": "GET",
    "path": "/tickets/BKT-001",
    "trace_id": "trace-1",
    "attempts": 5,
    "elapsed": 1.5,
    "retryable": True,
    "maybe_sent": True,
}
TOLD_BY_API: dict[str, Any] = {
    "status": 422,
    "code": "VALIDATION_ERROR",
    "name": "Validation Error",
    "fields": {"body.chat_id": {"message": "missing", "value": ["nested", {"deep": 1}]}},
    "retry_after": 2.5,
    "body": '{"code": "VALIDATION_ERROR"}',
}


def full(cls: type[PeriskopeError]) -> PeriskopeError:
    """Make an error that has something to tell in every attribute."""
    error = cls("it failed")
    vars(error).update(TOLD)
    if isinstance(error, ApiError):
        vars(error).update(TOLD_BY_API)
    if isinstance(error, DecodeError):
        error.problems = ("required field missing @ $.ticket",)
    return error


def same(one: BaseException, other: BaseException) -> bool:
    """Whether two errors tell the same."""
    return type(one) is type(other) and one.args == other.args and vars(one) == vars(other) and str(one) == str(other)


@each_of("cls", CLASSES)
def test_error_survives_being_sent_and_copied(cls: type[PeriskopeError]) -> None:
    """Every error comes back with all it has to tell from pickle, copy and deepcopy."""
    error = full(cls)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert same(pickle.loads(pickle.dumps(error, protocol)), error)  # noqa: S301  # our own bytes
    assert same(copy.copy(error), error)
    assert same(copy.deepcopy(error), error)
    assert same(pickle.loads(pickle.dumps(cls())), cls())  # noqa: S301  # likewise


@each_of("cls", CLASSES)
def test_error_is_made_again_of_its_args(cls: type[PeriskopeError]) -> None:
    """`cls(*args)`, after JSON as in Celery's result backend, is the error with all it says."""
    for error in (full(cls), cls("it failed"), cls()):
        made = cls(*json.loads(json.dumps(error.args)))
        assert same(made, error)
        assert pickle.loads(pickle.dumps(made)).args == error.args  # noqa: S301  # our own bytes
    assert cls("it failed").args == ("it failed",)
    assert repr(full(cls)) == f"{cls.__name__}('it failed')"


def test_args_may_be_set() -> None:
    """Who changes `args`, as some do to add to a message, changes the message; unknown facts are not taken over."""
    error = full(errors.NotFoundError)
    error.args = (f"{error.args[0]}, again", {"status": 1})
    assert str(error).startswith("[422] it failed, again: body.chat_id: missing (ticket BKT-001")
    assert pickle.loads(pickle.dumps(error)).args == error.args  # noqa: S301  # our own bytes
    error.args = ()
    assert error.message == ""
    assert not hasattr(errors.NotFoundError("x", {"nonsense": 1}), "nonsense")


def test_deep_copy_shares_nothing() -> None:
    """What is done to a deep copy's fields is not done to the error's."""
    error = full(errors.ValidationError)
    twin = copy.deepcopy(error)
    assert isinstance(twin, ApiError)
    twin.fields.clear()
    assert same(error, full(errors.ValidationError))


def test_errors_cross_processes() -> None:
    """Every error travels to a worker process and back, as a process pool and a task queue do it."""
    sent = [full(cls) for cls in CLASSES]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        received = list(pool.map(copy.copy, sent, timeout=30))
    assert all(map(same, received, sent))


def test_the_tree_is_as_drawn() -> None:
    """The drawing at the top of the module is the tree, class by class."""
    drawn: dict[str, str] = {}
    branch: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.fullmatch(r"    ([│├└─ ]*)(\w+)( .*)?", line)
        if found:
            depth = len(found[1]) // 4
            branch[depth:] = [found[2]]
            drawn[found[2]] = branch[depth - 1] if depth else "Exception"
    real = {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES}
    assert drawn == real


@pytest.mark.parametrize(
    ("cls", "builtin"),
    [
        (errors.ConfigurationError, ValueError),
        (errors.RequestTimeout, TimeoutError),
        (errors.DeadlineExceeded, TimeoutError),
    ],
)
def test_errors_are_what_python_calls_them_too(cls: type[PeriskopeError], builtin: type[Exception]) -> None:
    """Code that knows only Python's own exceptions catches ours for what they are."""
    with pytest.raises(builtin, match="it failed"):
        raise full(cls)


def test_only_timeouts_are_os_errors() -> None:
    """`except OSError` around a call catches timeouts, as it does everywhere, and no refusal."""
    assert [cls.__name__ for cls in CLASSES if issubclass(cls, OSError)] == ["DeadlineExceeded", "RequestTimeout"]


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (422, "ValidationError"),
        (429, "RateLimitError"),
    ],
)
def test_statuses_with_a_class_of_their_own(status: int, name: str) -> None:
    """The statuses that callers tell apart have their own class."""
    assert BY_STATUS[status].__name__ == name
    assert len(BY_STATUS) == 6


@each_of("cls", CLASSES)
def test_text_says_what_a_bug_report_needs(cls: type[PeriskopeError]) -> None:
    """`str()` tells message, ticket, method, path, trace id and attempts, and the status of an answer."""
    text = str(full(cls))
    for told in ("it failed", "BKT-001", "GET /tickets/BKT-001", "trace-1", "attempts 5", "look before you repeat"):
        assert told in text
    assert ("[422]" in text) == issubclass(cls, ApiError)


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        (
            {"body.status": {"message": "Expected one of open, closed", "value": "done"}},
            ": body.status: Expected one of open, closed",
        ),
        (
            {"a": {"message": "is required"}, "b": "no", "c": {"value": 1}, "d": [], "e": {"message": ""}},
            ": a: is required; b: no; c; d; e",
        ),
        ({"chat_id": {"message": "unknown:\n919876543210@c.us"}}, ": chat_id: unknown: …3210@c.us"),
        ({"f": {"message": "v" * 900}}, f": f: {'v' * 297}…"),
        ({}, ""),
    ],
)
def test_text_says_why(fields: dict[str, Any], reasons: str) -> None:
    """`str()` of a refusal has the fields' reasons, in one line that fits a log, phone numbers cut."""
    error = errors.ValidationError("Request validation failed")
    error.status, error.fields, error.trace_id = 422, fields, "t"
    assert str(error) == f"[422] Request validation failed{reasons} (trace t)"


def test_text_says_each_thing_once() -> None:
    """Where the message is the reason of a field, the field and its reason are the text."""
    error = errors.ValidationError("Expected at most 2000")
    error.status, error.fields = 422, {"limit": {"message": "Expected at most 2000", "value": "5000"}}
    assert str(error) == "[422] limit: Expected at most 2000"
    assert explain(error).message == "The service refused a value.\n[422] limit: Expected at most 2000"


def test_text_says_no_more_than_there_is() -> None:
    """An error that knows only its message tells only that."""
    error = PeriskopeError("it failed")
    error.attempts = 1
    assert str(error) == "it failed"
    assert str(ApiError("it failed")) == "[0] it failed"
    assert str(PeriskopeError()) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("chat +91 98765 43210", "chat …3210"),
        ("GET /chats/%2B91%2098765%2043210/messages", "GET /chats/…3210/messages"),
        ("+1 (555) 010-4477", "…-4477"),
        ("919876543210@c.us", "…3210@c.us"),
        ("2026-11-25T10:00:00+05:30", "2026-11-25T10:00:00+05:30"),
        ("12285550136-1612345678@g.us", "…0136-…5678@g.us"),
        ("/chats/12285550136-1612345678%40g.us/x", "/chats/…0136-…5678%40g.us/x"),
        ("true_120363000000000001@g.us_3EB0_919876543210@c.us", "true_120363000000000001@g.us_3EB0_…3210@c.us"),
        ("919876543210123@g.us", "…0123@g.us"),
        ("120363000000000001@c.us", "…0001@c.us"),
        ("00000000-0000-4000-8000-0000919876543210", "…0000-0000-4000-8000-…3210"),
    ],
)
def test_numbers_are_cut_as_people_write_them(text: str, shown: str) -> None:
    """A phone number shows its last four digits, also where it is written with blanks, brackets and dashes."""
    assert mask_numbers(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "120363000000000001@g.us",
        "/chats/120363000000000001%40g.us/messages",
        "00000000-0000-4000-8000-000000000001",
        "webhook 91987654-3210-4000-8000-919876543210 (request DELETE /webhooks/91987654-3210-4000-8000-919876543210)",
    ],
)
def test_ids_that_are_nobodys_are_shown_whole(text: str) -> None:
    """A group's id that holds no person's number, and a UUID, can be looked up from a log."""
    assert mask_numbers(text) == text
    assert masked(text) == repr(text)
