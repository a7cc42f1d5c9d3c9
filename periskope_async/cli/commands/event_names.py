"""Names of events as people type them: which of them are perhaps misspelled. Pure."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from periskope_async.events import EVENTS

__all__ = ["doubts"]


def doubts(wanted: Iterable[str], *others: str) -> list[str]:
    """Return a sentence for each of the names or patterns *wanted* that fits no event known here, nor *others*.

    The service may have more of them tomorrow, so that such a name is doubtful, not wrong.
    """
    known = [*EVENTS, *others]
    return [_doubt(name, known) for name in wanted if not any(fnmatchcase(each, name) for each in known)]


def _doubt(name: str, known: Sequence[str]) -> str:
    found = get_close_matches(name, known, 1)
    cure = f"did you mean {found[0]}?" if found else f"there are {', '.join(sorted(known))}."
    return f"{name}: this version knows no such event; {cure}"
