"""The vendor's schemas, and where a value is not what one allows. It must not know what is tested with them."""

import json
import posixpath
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

Json = Any

API = Path(__file__).parent / "api"
#: What is known of every operation, by the vendor's name of it.
ENDPOINTS: dict[str, dict[str, Json]] = {
    entry["operation"]: entry for entry in json.loads((API / "endpoints.json").read_text("utf-8"))
}
#: Every schema, by its path below `schemas/` without the suffix, such as `docs/Task`.
NAMES = sorted(
    path.relative_to(API / "schemas").with_suffix("").as_posix()
    for path in (API / "schemas").rglob("*.json")
    if path.name != "events.json"  # which names schemas and is none
)


@cache
def schema(name: str) -> dict[str, Json]:
    """Return a schema, whose references are names of schemas too."""

    def named(value: Json) -> Json:
        if isinstance(value, list):
            return [named(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {
            key: posixpath.normpath(posixpath.join(posixpath.dirname(name), each)).removesuffix(".json")
            if key == "$ref"
            else named(each)
            for key, each in value.items()
        }

    loaded: dict[str, Json] = named(json.loads((API / "schemas" / f"{name}.json").read_text("utf-8")))
    return loaded


def schema_of(operation: str) -> str | None:
    """Return the name of the schema of what an operation answers; None where it answers no JSON."""
    path = ENDPOINTS[operation]["response_schema"]
    return path and path.removeprefix("schemas/").removesuffix(".json")


def examples_of(operation: str) -> list[Json]:
    """Return the bodies that the vendor's pages show for the answer of an operation."""
    files = [name for name in ENDPOINTS[operation]["example"] or () if not name.endswith(".request.json")]
    folders = {True: API, False: API.parent / "samples"}
    return [json.loads((folders["/" in name] / name).read_text("utf-8")) for name in files]


def reached(name: str) -> set[str]:
    """Return the names of a schema and of all that it refers to, near and far."""

    def references(value: Json) -> Iterator[str]:
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            if key == "$ref":
                yield each
            elif isinstance(each, dict | list):
                yield from references(each)

    found, left = set[str](), [name]
    while left:
        each = left.pop()
        if each not in found:
            found.add(each)
            left += references(schema(each))
    return found


def kinds_of(value: Json) -> set[str]:
    """Return the names that JSON Schema has for the type of a value."""
    kinds: dict[type, set[str]] = {
        type(None): {"null"},
        bool: {"boolean"},
        int: {"number", "integer"},
        float: {"number"},
        str: {"string"},
        list: {"array"},
        dict: {"object"},
    }
    return kinds[type(value)]


def breaches(value: Json, name: str) -> set[str]:
    """Return where a value is not what a schema allows.

    Each is said of the nearest schema with a name, the same for all rows of an array and all values of a mapping: so
    `Chat.labels missing` once for a page of chats.
    """
    return _breaches(value, schema(name), name)


def _breaches(value: Json, allowed: dict[str, Json], path: str) -> set[str]:
    if "$ref" in allowed:
        return {f"{path} null"} if value is None else breaches(value, allowed["$ref"])
    if "anyOf" in allowed:
        found = [_breaches(value, each, path) for each in allowed["anyOf"]]
        return min(found, key=len)
    kinds = allowed.get("type", [*kinds_of(value)])
    if not kinds_of(value) & ({kinds} if isinstance(kinds, str) else {*kinds}):
        return {f"{path} {'null' if value is None else type(value).__name__}"}
    if value not in allowed.get("enum", [value]):
        return {f"{path} {value!r}"}
    return _breaches_within(value, allowed, path)


def _breaches_within(value: Json, allowed: dict[str, Json], path: str) -> set[str]:
    if isinstance(value, list):
        items = allowed.get("items", {})
        return {one for each in value for one in _breaches(each, items, f"{path}[]")}
    if not isinstance(value, dict):
        return set()
    known, others = allowed.get("properties", {}), allowed.get("additionalProperties")
    others = others if isinstance(others, dict) else {}
    missing = {f"{path}.{key} missing" for key in allowed.get("required", ()) if key not in value}
    within = ((known.get(key, others), f"{path}.{key if key in known else '*'}", each) for key, each in value.items())
    return missing.union(*(_breaches(each, inner, below) for inner, below, each in within))
