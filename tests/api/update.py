"""Bring this folder up to date: `python tests/api/update.py [FOLDER]`, by default from `../shared/api`.

`endpoints.json`, `schemas/` and the remarks on the examples are copied as they are. The vendor's example bodies hold
names, numbers, addresses and ids as published; in the copies each is replaced by one that is nobody's, the same
everywhere, of the same shape:

- e-mail addresses by `member1@example.com`, names of people, chats and files by invented ones;
- phone numbers by `91 98765 xxxxx`, masked ones with their mask, groups by `120363000000000001@g.us`;
- UUIDs, message ids, `label-...` and their like, and codes of invitations by counted ones;
- the receiver of webhooks by `example.com`.
"""

import json
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
ORIGINALS = HERE.parents[2] / "shared" / "api"

PEOPLE = ("Asha", "Ravi", "Meera", "Dev", "Kiran", "Lila", "Nikhil", "Priya", "Rohan", "Sana")
NAMED = {"chat_name", "contact_name", "fileName", "file_name"}

#: Whatever names somebody or something, by kind. The first kind that fits counts.
IDENTIFIERS = re.compile(
    r"""
      (?P<email> [A-Za-z][\w.+-]* @ (?! [cg]\.us ) [\w-]+ (?: \.[\w-]+ )+ )
    | (?P<uuid> [0-9a-fx]{8} (?: -[0-9a-fx]{4} ){3} -[0-9a-fx]{12} )
    | (?P<message> (?<! [0-9A-Za-z%] ) (?: [0-9A-F]{20,40} | [0-9a-f]{32} ) (?! [0-9A-Za-z] ) )
    | (?P<group> (?<! \d ) 1203\d{14} (?! \d ) )
    | (?P<phone> (?<! [\d.] ) (?: 91 )? \d[\dXx]{9} (?! [\dXx] ) )
    | (?P<slug> (?<= [a-z]- ) [a-z]{15,16} (?! [a-z] ) )
    | (?P<invite> (?<= chat\.whatsapp\.com/ ) (?: invite/ )? \w+ | (?<= "invite_code":[ ]" ) \w+ )
    | (?P<receiver> webhook\.site )
    """,
    re.VERBOSE,
)


def letters(number: int, length: int) -> str:
    """Count with letters: `aaab` is 1."""
    return "".join(chr(ord("a") + number // 26**place % 26) for place in reversed(range(length)))


#: What takes the place of the *number*-th identifier of a kind.
INVENTED: dict[str, Callable[[int, str], str]] = {
    "email": lambda number, _: f"member{number}@example.com",
    "uuid": lambda number, _: f"{number:08x}-0000-4000-8000-{number:012x}",
    "message": lambda number, old: f"3EB0{number:0{len(old) - 4}X}",
    "group": lambda number, _: f"120363{number:012}",
    "phone": lambda number, _: f"98765{number:05}",
    "slug": lambda number, old: letters(number, len(old)),
    "invite": lambda number, old: letters(number, len(old)),
    "receiver": lambda _, __: "example.com",
}


def names(value: object) -> Iterator[str]:
    """Return the names in a body."""
    if isinstance(value, dict):
        yield from (each for key, each in value.items() if key in NAMED and isinstance(each, str))
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from names(each)


def replaced(bodies: dict[str, str]) -> dict[str, str]:
    """Return *bodies*, JSON texts by file, with everything replaced that is somebody's."""
    seen: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def invented(kind: str, old: str) -> str:
        found = seen[kind]
        return found.setdefault(old, INVENTED[kind](len(found) + 1, old))

    def replace(match: re.Match[str]) -> str:
        kind, old = str(match.lastgroup), match[0]
        if kind == "phone" and old[-1] in "Xx":
            return "919876500000"[: len(old.rstrip("Xx"))] + "X" * old.lower().count("x")
        if kind == "phone":  # with and without the country's code it is the same number
            return old[:-10] + invented(kind, old[-10:])
        if kind == "invite" and old.startswith("invite/"):
            return "invite/" + invented(kind, old.removeprefix("invite/"))
        if old.endswith("@example.com") or not old.strip("0-"):  # they are nobody's already
            return old
        return invented(kind, old)

    people = dict.fromkeys(name for body in bodies.values() for name in names(json.loads(body)))
    stand_ins = {
        name: f"{PEOPLE[number].lower()}.pdf" if name.endswith(".pdf") else PEOPLE[number]
        for number, name in enumerate(people)
    }
    names_of_people = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in sorted(people, key=len, reverse=True)))
    return {
        file: names_of_people.sub(lambda match: stand_ins[match[0]], IDENTIFIERS.sub(replace, body))
        for file, body in bodies.items()
    }


def examples(folder: Path) -> dict[str, str]:
    """Return the example bodies in *folder* by path."""
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.json"))}


def main(originals: Path = ORIGINALS) -> None:
    """Copy everything anew."""
    for name in ("schemas", "examples"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    shutil.copy(originals / "endpoints.json", HERE)
    shutil.copytree(originals / "schemas", HERE / "schemas")
    for file, body in replaced(examples(originals / "examples")).items():
        (HERE / "examples" / file).parent.mkdir(parents=True, exist_ok=True)
        (HERE / "examples" / file).write_text(body, "utf-8")
    shutil.copy(originals / "examples" / "README.md", HERE / "examples")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
