"""Many sends at once: each in exactly one of sent, failed, unclear and skipped, and by a journal across runs."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from periskope_async._io.caller import Caller
from periskope_async._io.many import fetch_many
from periskope_async._io.run import Load
from periskope_async._sansio.ids import as_phone
from periskope_async._sansio.operation import Operation, Request
from periskope_async.bulk import Progress
from periskope_async.errors import ConfigurationError, PeriskopeError, TransportError, mask_numbers
from periskope_async.models.sends import SendReceipt
from periskope_async.resources._files import with_media
from periskope_async.sending import FoundSend, Key, Outgoing, SendManyResult

if TYPE_CHECKING:
    from periskope_async._io.journal import Journal

__all__ = ["send_many", "settle"]

#: A journal's words for a message.
BEGUN, SENT, FAILED, UNCLEAR = "begun", "sent", "failed", "unclear"

#: Why a message of an earlier run is unclear, by whether that run ended while it was under way.
_WHY: Final = {
    True: "an earlier run with this journal ended while the message was under way",
    False: "an earlier run with this journal sent the message and lost the answer",
}


async def send_many(
    caller: Caller,
    operation: Operation[SendReceipt],
    messages: Iterable[Outgoing],
    *,
    deadline: float | None,
    on_progress: Callable[[Progress], None] | None,
    progress: bool,
    journal: str | os.PathLike[str] | None,
    phone: str | None,
) -> SendManyResult:
    """Send every message once and return what became of each; see `Messages.send_many`."""
    outgoing = _by_key(messages)
    phone = None if phone is None else as_phone("phone", phone)
    sender = phone or caller.settings.phone  # of a journal's messages, it is a part: another phone's were not sent

    def build(key: Key) -> Request[SendReceipt]:
        return operation.request(body=outgoing[key].fields(), phone=phone)

    def load(key: Key, request: Request[SendReceipt]) -> Load | None:
        media = outgoing[key].media
        return None if media is None or media.url is not None else partial(with_media, request, media)

    with _opened(journal) as book:
        result = SendManyResult()
        marks: dict[Key, dict[str, Any]] = {}
        if book is not None:
            marks = _marks(outgoing, sender)
            result = _resume(book.lines, outgoing, marks, operation)

        async def begin(key: Key) -> None:
            if book is not None:
                book.write(key, BEGUN, marks[key])
                try:
                    await book.sync()
                except BaseException:  # the run ends here: nothing was sent
                    book.write(key, FAILED, marks[key])
                    raise

        def end(key: Key, outcome: SendReceipt | PeriskopeError) -> None:
            if book is not None:
                receipt = {"receipt": outcome.to_dict()} if isinstance(outcome, SendReceipt) else {}
                book.write(key, _state(outcome), marks[key] | receipt)

        known = result.sent.keys() | result.unclear.keys()
        ids = cast("Iterable[str]", [key for key in outgoing if key not in known])
        bulk = await fetch_many(
            caller,
            cast("Callable[[Any], Request[SendReceipt]]", build),
            ids,
            name="messages",
            deadline=deadline,
            on_progress=on_progress,
            progress=progress,
            begin=begin,
            load=cast("Callable[[Any, Request[SendReceipt]], Load | None]", load),
            end=end,
        )
    return _sorted(result, bulk.fetched, bulk.errors, bulk.skipped, outgoing)


async def settle(
    caller: Caller,
    operation: Operation[SendReceipt],
    messages: Iterable[Outgoing],
    *,
    journal: str | os.PathLike[str],
    found: Mapping[Key, FoundSend | None] | None,
    phone: str | None,
) -> SendManyResult:
    """Note what became of unclear messages, and return how the run stands; see `Messages.settle`."""
    from periskope_async._io.journal import Journal, read_journal

    outgoing = _by_key(messages)
    sender = caller.settings.phone if phone is None else as_phone("phone", phone)
    marks = _marks(outgoing, sender)
    if found:
        receipts = {key: _receipt(key, trace) for key, trace in found.items()}
        with Journal(journal) as book:
            unclear = _resume(book.lines, outgoing, marks, operation).unclear
            for key in found:
                if key not in unclear:
                    raise ConfigurationError(f"found: the message {key!r} is not unclear in the journal")
            for key, receipt in receipts.items():
                book.write(key, SENT if receipt else FAILED, marks[key] | receipt)
            await book.sync()
    result = _resume(read_journal(journal), outgoing, marks, operation)
    return _sorted(result, {}, {}, outgoing.keys() - result.sent.keys() - result.unclear.keys(), outgoing)


def _receipt(key: Key, trace: object) -> dict[str, Any]:
    """Return what a journal has of a message that was found, nothing of one that was not sent."""
    if trace is None:
        return {}
    # What has left the queue may be known by its own id alone, which `messages.get` takes as well.
    name = (trace.queue_id or trace.message_id) if isinstance(trace, FoundSend) else None
    if name is None:
        raise ConfigurationError(f"found: of {key!r}, expected a FoundSend with an id, or None if it was not sent")
    return {"receipt": SendReceipt(queue_id=name).to_dict()}


def _by_key(messages: object) -> dict[Key, Outgoing]:
    if isinstance(messages, str | Outgoing) or not isinstance(messages, Iterable):
        raise ConfigurationError("messages: expected several Outgoing; put it in a list")
    outgoing: dict[Key, Outgoing] = {}
    for position, message in enumerate(cast("Iterable[object]", messages)):
        if not isinstance(message, Outgoing):
            raise ConfigurationError(f"messages: expected Outgoing at {position}, got {type(message).__name__}")
        key = position if message.key is None else message.key
        if isinstance(cast("object", key), bool) or not isinstance(cast("object", key), str | int):
            raise ConfigurationError(f"messages: the key at {position} is neither text nor a whole number")
        if key in outgoing:
            raise ConfigurationError(f"messages: two have the key {key!r}; the second is at {position}")
        outgoing[key] = message
    return outgoing


def _opened(journal: str | os.PathLike[str] | None) -> "AbstractContextManager[Journal | None]":
    if journal is None:
        return nullcontext()
    from periskope_async._io.journal import Journal  # it locks files as POSIX systems alone do

    return Journal(journal)


def _resume(
    lines: dict[Any, dict[str, Any]],
    outgoing: dict[Key, Outgoing],
    marks: dict[Key, dict[str, Any]],
    operation: Operation[Any],
) -> SendManyResult:
    """Return what an earlier run sent, or may have sent; what failed for certain is sent again."""
    result = SendManyResult()
    for key, message in outgoing.items():
        line = lines.get(key)
        if line is None:
            continue
        if line.get("message") != marks[key]["message"]:
            raise ConfigurationError(f"journal: under the key {key!r} it has {_difference(line, marks[key])}")
        if line["state"] == SENT:
            result.sent[key] = SendReceipt.from_dict(line["receipt"])
        elif line["state"] != FAILED:
            result.unclear[key] = _unclear(message, operation, _WHY[line["state"] == BEGUN])
    return result


def _unclear(message: Outgoing, operation: Operation[Any], why: str) -> PeriskopeError:
    error = TransportError(f"{why}: it may have been sent; find out, then settle it")
    error.maybe_sent = True
    error.resource, error.resource_id = operation.resource, message.chat_id
    error.method, error.path = operation.method, operation.path
    return error


def _state(outcome: SendReceipt | PeriskopeError) -> str:
    if isinstance(outcome, SendReceipt):
        return SENT
    return UNCLEAR if outcome.maybe_sent else FAILED


def _marks(outgoing: Mapping[Key, Outgoing], phone: str | None) -> dict[Key, dict[str, Any]]:
    """Return what each line on a message says of it: nothing that anybody could read a number or a text from."""
    shown = None if phone is None else mask_numbers(phone)
    return {key: {"message": _digest(message, phone), "phone": shown} for key, message in outgoing.items()}


def _difference(line: Mapping[str, Any], mark: Mapping[str, Any]) -> str:
    before, now = line.get("phone"), mark["phone"]
    if before == now:
        return "another message"
    return f"a message of another phone: {before or 'none'}, and now it is {now or 'none'}"


def _digest(message: Outgoing, phone: str | None) -> str:
    """Return what distinguishes two messages; of a bad one, which is never sent, its fault."""
    try:
        fields: Any = message.fields()
    except ConfigurationError as exc:
        fields = str(exc)
    return hashlib.sha256(json.dumps([fields, phone]).encode()).hexdigest()


def _sorted(
    result: SendManyResult,
    sent: dict[Any, SendReceipt],
    errors: dict[Any, PeriskopeError],
    skipped: Iterable[Any],
    outgoing: dict[Key, Outgoing],
) -> SendManyResult:
    """Return *result* with what came of this run, everything in the order of the messages."""
    sent = result.sent | sent
    unclear = result.unclear | {key: error for key, error in errors.items() if error.maybe_sent}
    failed = {key: error for key, error in errors.items() if not error.maybe_sent}
    left = set(skipped)
    return SendManyResult(
        {key: sent[key] for key in outgoing if key in sent},
        {key: failed[key] for key in outgoing if key in failed},
        {key: unclear[key] for key in outgoing if key in unclear},
        tuple(key for key in outgoing if key in left),
    )
