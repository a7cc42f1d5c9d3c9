"""Which word somebody may have meant who wrote another one. Pure, and imports nothing."""

from collections.abc import Iterable

__all__ = ["suggest"]


def suggest(word: str, words: Iterable[str]) -> str:
    """Return `; did you mean 'open'?` of the nearest of *words*, up to three as near; "" where none is near.

    Near is what a third of the letters, one at least, would make the same; or what the word is the beginning of.
    """
    near = [(_edits(word.lower(), each.lower()), each) for each in words if each]
    most = max(len(word) // 3, 1)
    least = min((edits for edits, _ in near), default=most + 1)
    found = [each for edits, each in near if edits == least <= most] or [
        each for _, each in near if word and each.lower().startswith(word.lower())
    ]
    return f"; did you mean {' or '.join(repr(str(each)) for each in found[:3])}?" if found else ""


def _edits(one: str, other: str) -> int:
    """Return how many letters have to be added, taken away, replaced or swapped with the next to make them the same."""
    before, row = list[int](), list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            least = min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b))
            if i > 1 < j and a == other[j - 2] and b == one[i - 2]:
                least = min(least, earlier[j - 2] + 1)
            row.append(least)
    return row[-1]
