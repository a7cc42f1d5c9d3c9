"""A cattrs hook for models, compiled to straight-line code for objects spelled as the service usually spells them.

Knows how to be fast, not what is right: what is spelled in another way goes to the field's own hook, and what is wrong
raises anything at all, for `converter` to explain. To structure an object this way takes 0.6 of the time `json.loads`
takes to parse it; by cattrs' detailed code, eight times as long as `json.loads`.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import filterfalse
from typing import TYPE_CHECKING, Any, cast

from attrs import NOTHING as REQUIRED

from periskope_async._codec.fields import WireField, rename, wire_fields
from periskope_async._codec.marks import ABSENT, EMPTY_MAPPING
from periskope_async._codec.readers import in_order, read_json
from periskope_async._codec.usual import HELPERS, Names, usual

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["Hook", "assignment", "compile_model", "default", "draft", "others", "unusual"]

Hook = Callable[..., Any]


def compile_model(cls: Any, converter: "Converter") -> Hook:
    """Return a structure hook for a model: it takes a parsed JSON object and returns the model or raises something."""
    wired = wire_fields(cls, converter)
    sent = [field for field in wired if field.unset is not ABSENT]
    left_out = [field for field in wired if field.unset is ABSENT and not field.is_sparse]
    has_other_keys = any(field.other_keys for field in wired)
    slotted = frozenset(field.key for field in wired if not field.is_sparse).__contains__
    names: Names = {
        **HELPERS,
        "ABSENT": ABSENT,
        "EMPTY_MAPPING": EMPTY_MAPPING,
        "absent": {field.key: ABSENT for field in sent},
        "cls": cls,
        "draft": draft(cls),
        "others": others(wired, lambda raw: filterfalse(slotted, raw)),
        "renamed": rename(wired),
        "unusual": unusual,
    }
    source = [
        "def structure(raw, _=None, kind=kind, text=text, ABSENT=ABSENT, EMPTY_MAPPING=EMPTY_MAPPING):",
        # Where no key is asked for, nothing below would notice an empty array or text in the place of an object.
        *([] if sent else ["  if type(raw) is not dict: raise TypeError"]),
        # Not there yet what usually is, and it is found out before anything is read rather than in the midst of it.
        *([f"  if len(raw) < {len(sent)}: raw = {{**absent, **raw}}"] if len(sent) > 1 and not has_other_keys else []),
        "  model = draft()",
        *(["  came = raw", "  raw, wire = renamed(raw)"] if has_other_keys else ["  wire = EMPTY_MAPPING"]),
        "  try:",
        *([f"    {line}" for field in sent for line in _read(field, names, converter)] or ["    pass"]),
        "  except KeyError:",  # a key is not there that usually is: once more, with a mark in its place
        f"    return structure({{**absent, **{'came' if has_other_keys else 'raw'}}})",
        f"  if len(raw) == {len(sent)}:",  # the keys above and no other
        *(f"    model.{field.name} = {default(field, names)}" for field in left_out),
        "    model.extra = EMPTY_MAPPING",
        "  else:",
        f"    expected = {len(sent)}",
        *(f"    {line}" for field in left_out for line in _read(field, names, converter)),
        "    if len(raw) == expected: model.extra = EMPTY_MAPPING",
        "    else: model.extra, wire = others(raw, wire)",
        "  model._wire = wire",
        "  model.__class__ = cls",
        "  return model",
    ]
    exec("\n".join(source), names)  # noqa: S102  # as attrs and cattrs do; it is made of class definitions only
    return names["structure"]  # type: ignore[no-any-return]  # exec has no types


def _read(field: WireField, names: Names, converter: "Converter") -> list[str]:
    """Return the code that reads one field out of a dict."""
    test, *assign = usual(field, f"model.{field.name}", names, converter)
    if field.unset is not ABSENT:
        return assignment(field, names, f"raw[{field.key!r}]", (test, *assign))
    return assignment(field, names, f"raw.get({field.key!r}, ABSENT)", (test, *assign, "expected += 1"))


@cache
def draft(cls: Any) -> type:
    """Return a mutable subclass: filling one and then making it a `cls` takes a quarter of a frozen `__init__`."""
    thawed = {name: getattr(object, name) for name in ("__setattr__", "__delattr__", "__init__")}
    return type(f"{cls.__name__}Draft", (cls,), {"__slots__": (), **thawed})


def default(field: WireField, names: Names) -> str:
    """Return an expression for the empty value of a field."""
    if field.default is None:
        return "None"
    names[f"{field.name}_default"] = field.default
    return f"{field.name}_default"


def assignment(field: WireField, names: Names, fetch: str, usual: tuple[str, ...], noted: str = "v") -> list[str]:
    """Return the code that reads one field, and put what it refers to into `names`.

    Such as::

        v = raw['assignee']
        if kind(v) is text and v:
          model.assignee = v
        elif v == '':
          model.assignee = None
        elif v is ABSENT or v is None:
          if wire is EMPTY_MAPPING: wire = {}
          wire['assignee'] = v
          model.assignee = None
        else:
          model.assignee, wire = unusual(assignee_field, v, wire)

    Args:
        field: the field.
        names: what the code may refer to.
        fetch: an expression for its raw value.
        usual: a test for what is spelled as usual, and the code to assign that.
        noted: an expression for what is to be remembered of an odd way to say nothing.
    """
    target = f"model.{field.name}"
    test, *assign = usual
    if field.default is REQUIRED:
        return [f"v = {fetch}", f"if not ({test}): raise TypeError", *assign]
    names[f"{field.name}_field"] = field
    nothing = f"  {target} = {default(field, names)}"
    odd = _odd_empties(field)
    note = ["  if wire is EMPTY_MAPPING: wire = {}", f"  wire[{field.name!r}] = {noted}", nothing]
    return [
        f"v = {fetch}",
        f"if {test}:",
        *(f"  {line}" for line in assign),
        f"elif {_is(field.unset)}:",
        nothing,
        *([f"elif {' or '.join(map(_is, odd))}:", *note] if odd else []),
        "else:",
        f"  {target}, wire = unusual({field.name}_field, v, wire)",
    ]


def _is(unset: Any) -> str:
    """Return a test for one spelling of the empty value."""
    return {None: "v is None", ABSENT: "v is ABSENT"}[unset] if unset in (None, ABSENT) else f"v == {unset!r}"


def _odd_empties(field: WireField) -> list[Any]:
    """Return the ways to spell the empty value of a field that are not its usual one, of those that often occur."""
    return [raw for raw in (ABSENT, None, "") if raw != field.unset and _is_empty(field, raw)]


def _is_empty(field: WireField, raw: Any) -> bool:
    try:
        return bool(field.read(raw) == field.default)
    except Exception:  # noqa: BLE001  # a reader refuses by raising anything
        return False


def _noted(wire: Mapping[str, Any], name: str, raw: Any) -> Mapping[str, Any]:
    """Return the record of unusual spellings with one more in it."""
    if wire is EMPTY_MAPPING:
        return {name: raw}
    cast("dict[str, Any]", wire)[name] = raw  # of this one call, and nobody else's yet
    return wire


def unusual(field: WireField, raw: Any, wire: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    """Return what a spelling means, and the record of unusual spellings, with this one in it if it is one."""
    value = field.read(raw)
    return value, _noted(wire, field.name, raw) if field.is_unusual(raw, value) else wire


def others(
    fields: tuple[WireField, ...], unread: Callable[[dict[str, Any]], Iterable[str]]
) -> Callable[..., tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return a function that reads the keys of an object which have no slot: unknown ones, and those of sparse fields.

    It walks over the keys that came, since of sparse fields there are many, and none comes as a rule.

    Args:
        fields: those of the model.
        unread: returns the keys of an object which have no slot.
    """
    sparse = {field.key: field for field in fields if field.is_sparse}

    def read(raw: dict[str, Any], wire: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        extra: dict[str, Any] = {}
        for key in unread(raw):
            value = raw[key]
            if key in sparse:
                wire = _with_sparse(sparse[key], value, wire)
            else:
                extra[key] = value if type(value) in _ATOMS else read_json(value)
        return in_order(extra), wire

    return read


def _with_sparse(field: WireField, raw: Any, wire: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the record of unusual spellings with the value of a field in it that takes no slot."""
    value, wire = unusual(field, raw, wire)
    return wire if value == field.default else {**wire, field.value_note: value}


#: Types of JSON that cannot nest.
_ATOMS = frozenset({str, int, float, bool, type(None)})
