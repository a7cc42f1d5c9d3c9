"""What has changed since a walk of the same list before: pure, over ids and stamps; knows no rows and no models.

A stamp says by a few characters what an object was like when it was seen last: the digest of its row; `!` before it if
the row says that it is deleted; behind a dot the digest of the object in full, where that was compared too. A digest
has 48 bits, so that a change goes unseen by chance once in 3e14 changes.
"""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple, cast

from periskope_async.errors import ConfigurationError

__all__ = [
    "Judgement",
    "judge",
    "make_state",
    "read_state",
    "revert",
    "row_differs",
    "scope_of",
    "settle",
    "stamp",
    "with_full",
]

#: Of the form of a state (a count of its kinds). One of a later version is refused, not misread.
VERSION: Final = 1
#: What a stamp has of a digest, bytes.
DIGEST_BYTES: Final = 6

#: One spelling for each value. `json.dumps` would make an encoder for each call, in a quarter of the whole time.
_spell: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_DELETED: Final = "!"
_STAMP: Final = re.compile(r"!?[\w-]{8}(?:\.[\w-]{8})?", re.ASCII)


class Judgement(NamedTuple):
    """What became of the objects of a list, by their ids.

    Attributes:
        created: those that were not there before, or were deleted then.
        updated: those whose rows differ.
        deleted: those whose rows say that they are deleted, and differ: where they said so before, perhaps once more,
            after something that whoever lost the state of a run does not know.
        missing: those that are listed no more. That alone proves nothing: a row may move, while a walk runs, from where
            it has not been to where it has. So they have to be asked for.
    """

    created: tuple[str, ...]
    updated: tuple[str, ...]
    deleted: tuple[str, ...]
    missing: tuple[str, ...]


def stamp(row: Mapping[str, Any], *, deleted: bool = False) -> str:
    """Return the stamp of an object whose row is this JSON."""
    return (_DELETED if deleted else "") + _digest(row)


def with_full(row_stamp: str, full: Mapping[str, Any]) -> str:
    """Return the stamp of an object that is this JSON in full."""
    return f"{_row_part(row_stamp)}.{_digest(full)}"


def is_deleted(one: str) -> bool:
    """Whether the stamp is of an object that was deleted."""
    return one.startswith(_DELETED)


def row_differs(before: str | None, now: str) -> bool:
    """Whether an object's row is another than that of its stamp before; None if it has none."""
    return before is None or _row_part(before) != _row_part(now)


def judge(seen: Mapping[str, str], listed: Mapping[str, str]) -> Judgement:
    """Return what became of what was *seen* before, now that this is *listed*: stamps by id."""
    created, updated, deleted = list[str](), list[str](), list[str]()
    for name, now in listed.items():
        before = seen.get(name)
        if not row_differs(before, now):
            continue
        if is_deleted(now):
            # One that was never seen counts too: whoever lost the state of a run may have kept what that run created.
            deleted.append(name)
        elif before is None or is_deleted(before):
            created.append(name)
        else:
            updated.append(name)
    missing = (name for name, before in seen.items() if name not in listed and not is_deleted(before))
    return Judgement(tuple(created), tuple(updated), tuple(deleted), tuple(missing))


def settle(
    seen: Mapping[str, str], listed: Mapping[str, str], *, gone: Collection[str], failed: Collection[str]
) -> dict[str, str]:
    """Return what is to be taken for seen from now on.

    Args:
        seen: what was before.
        listed: what is listed now.
        gone: of what is listed no more, that which certainly is not there.
        failed: what could not be found out about; it is left as it was, so that it comes again.
    """
    kept = {name: before for name, before in seen.items() if name not in listed and not is_deleted(before)}
    after = {name: before for name, before in kept.items() if name not in gone or name in failed}
    for name, now in listed.items():
        before = seen.get(name)
        if name in failed:
            if before is not None:
                after[name] = before
        elif before is not None and "." not in now and not row_differs(before, now):
            after[name] = before  # it may know more, of the object in full
        else:
            after[name] = now
    return after


def revert(after: Mapping[str, str], seen: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return what is taken for seen *after* a run, but for these names: of them, what was seen before it."""
    result = dict(after)
    for name in names:
        if name in seen:
            result[name] = seen[name]
        else:
            result.pop(name, None)
    return result


def make_state(of: str, scope: str, seen: Mapping[str, str]) -> dict[str, Any]:
    """Return a state as JSON: what was seen *of* which objects, and of whose (the *scope*)."""
    return {"version": VERSION, "of": of, "scope": scope, "seen": dict(seen)}


def read_state(state: object, of: str, scope: str) -> Mapping[str, str]:
    """Return what was seen by a state; nothing if it is None.

    Raises:
        ConfigurationError: it is not a state, or one of something else.
    """
    if state is None:
        return {}
    if not isinstance(state, Mapping):
        raise ConfigurationError(f"state: expected the state of an earlier run, got {type(state).__name__}")
    fields = cast("Mapping[object, object]", state)
    version, seen = fields.get("version"), fields.get("seen")
    if isinstance(version, int) and version > VERSION:
        raise ConfigurationError(f"state: its version is {version}, and this release knows {VERSION}: use a newer one")
    if version != VERSION or not isinstance(seen, Mapping):
        raise ConfigurationError("state: it is not one, or was damaged; begin anew with None")
    if fields.get("of") != of:
        raise ConfigurationError(f"state: it is not of {of}, but of {fields.get('of')!r:.40}")
    if fields.get("scope") != scope:
        raise ConfigurationError(f"state: it is of the {of} of another phone or chat")
    stamps = cast("Mapping[object, object]", seen)
    if not all(isinstance(n, str) and isinstance(s, str) and _STAMP.fullmatch(s) for n, s in stamps.items()):
        raise ConfigurationError("state: it was damaged; begin anew with None")
    return cast("Mapping[str, str]", stamps)


def scope_of(*parts: str | None) -> str:
    """Return what sets the objects of one phone, or chat, apart from others; empty where they are of no single one."""
    return _digest(list(parts)) if any(parts) else ""


def _row_part(one: str) -> str:
    return one.partition(".")[0]


def _digest(value: object) -> str:
    return urlsafe_b64encode(blake2b(_spell(value).encode(), digest_size=DIGEST_BYTES).digest()).decode()
