"""The fast way and the slow way agree on everything anybody could send, and neither loses a thing."""

import copy
import json
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from periskope_async._codec.compiled import _LABEL_LISTS, _MOMENT
from periskope_async._codec.converter import _compiled, decode, explain, structure, to_dict
from periskope_async._codec.enums import OpenIntEnum, OpenStrEnum
from periskope_async._codec.fields import LABELS, is_model, read_moment, some, wire_key
from periskope_async._codec.marks import ABSENT, EMPTY_MAPPING, EMPTY_TEXT, LEFT_OUT
from periskope_async._codec.model import Model
from periskope_async.errors import DecodeError
from periskope_async.models import Chat, Message, Ticket, TicketInfo, TicketPage, TicketRow

Json = Any
EXAMPLE: dict[str, Json] = json.loads(
    (Path(__file__).parents[1] / "samples" / "ticket-info.example.json").read_text("utf-8")
)
THOROUGH = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def same_json(one: Json, other: Json) -> bool:
    """Compare as JSON, where true is not 1 and the order of keys does not matter."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def fast(body: Json, cls: type[Any]) -> Any:
    """Structure by compiled code alone."""
    _, read = _compiled(cls)
    return read(body, cls)


def assert_same(one: Model, other: Model) -> None:
    """Two models agree in every value, unknown key and remembered spelling, at every level."""
    assert type(one) is type(other)
    assert one == other
    assert repr(list(leaves(one))) == repr(list(leaves(other)))


def leaves(value: Any) -> Iterator[Any]:
    """Whatever is in a model, hidden or not, with its names, in a fixed order."""
    if isinstance(value, Model):
        value = {a.name: getattr(value, a.name) for a in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield key
            yield from leaves(value[key])
    elif isinstance(value, (tuple, list)):
        for element in value:
            yield from leaves(element)
    else:
        yield value


def test_the_usual_body_needs_nothing_but_compiled_code() -> None:
    """The vendor's example is all usual: it goes the fast way to its end, and no spelling has to be remembered."""
    info = fast(EXAMPLE, TicketInfo)
    assert_same(info, explain(EXAMPLE, TicketInfo))
    assert [model._wire for model in (info, info.ticket, info.chat, info.message)] == [{}] * 4
    assert type(info.ticket) is Ticket


# --------------------------------------------------------------------------------------- what is hard to see

TWO_DIGITS = st.integers(0, 99).map("{:02}".format)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(
    st.builds(
        "{}{}{}{}{}{}{}{}{}{}".format,
        st.sampled_from(["2025-01-26", "20250126", "2025-W04-7", "2025-126", "0001-01-01"]),
        st.sampled_from("T t_"),
        st.integers(0, 25).map("{:02}".format),
        st.sampled_from([":", ""]),
        TWO_DIGITS,
        st.sampled_from([":", ""]),
        TWO_DIGITS,
        st.sampled_from(["", ".", ","]),
        st.sampled_from(["", "5", "52", "000000", "670006", "6700061"]),
        st.sampled_from(["+00:00", "+00", "Z", "", "-00:00", "+00:00:00", "+00:60", "+05:30", "+0000"]),
    )
    | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
)
@example("2025-01-26T24:00:00+00:00")
@example("2025-01-26T13:46:21.000000+00:00")
@example("2025-01-18T145103.5+00:00")
def test_the_cheap_look_at_a_datetime_agrees_with_isoformat(text: str) -> None:
    """What the fast way takes for the usual spelling is exactly what `isoformat` would give for a time in UTC."""
    try:
        taken = eval(_MOMENT, {"v": text, "UTC": UTC, "fromisoformat": datetime.fromisoformat})  # noqa: S307  # our own text
    except ValueError:
        return
    assert bool(taken) == (read_moment(text).isoformat() == text and text.endswith("+00:00"))


def test_label_lists_are_remembered_within_bounds() -> None:
    """The memory of label lists cannot be filled by a hostile or chatty service."""
    _LABEL_LISTS.clear()
    assert _LABEL_LISTS["x" * 500] == ("x" * 500,)
    assert _LABEL_LISTS["a,b"] is None
    for number in range(1200):
        assert _LABEL_LISTS[f"a, {number}"] == ("a", str(number))
    assert len(_LABEL_LISTS) == 1000
    assert "x" * 500 not in _LABEL_LISTS
    _LABEL_LISTS.clear()


# ------------------------------------------------------------------------------- mappings and arrays of scalars


class Colour(OpenStrEnum):
    """A value that a mapping holds."""

    RED = "red"


@attrs.frozen(kw_only=True)
class Plain(Model):
    """What no model has yet: mappings and arrays of what is neither a model nor any JSON."""

    required: Mapping[str, bool]
    texts: Mapping[str, str] = EMPTY_MAPPING
    flags: Mapping[str, bool] | None = None
    counts: Mapping[str, int] = attrs.field(default=EMPTY_MAPPING, metadata=LEFT_OUT)
    sizes: Mapping[str, float] = attrs.field(default=EMPTY_MAPPING, metadata=EMPTY_TEXT)
    moments: Mapping[str, datetime] = EMPTY_MAPPING
    colours: Mapping[str, Colour] | None = attrs.field(default=None, metadata=LEFT_OUT)
    labels: Mapping[str, tuple[str, ...]] = EMPTY_MAPPING
    maybe: Mapping[str, str | None] = EMPTY_MAPPING
    numbers: tuple[int, ...] = ()


PLAIN_KEYS = [a.name for a in attrs.fields(Plain) if a.name not in ("extra", "_wire")]
ELEMENTS = st.sampled_from(
    [None, True, False, 0, 1, 2.5, "", "x", "red", "a, b", "2025-01-26T13:46:21+00:00", "2025-01-26", [], ["a"], {}]
)
HOLDERS = st.dictionaries(st.sampled_from("ab"), ELEMENTS, max_size=2) | st.lists(ELEMENTS, max_size=2) | ELEMENTS


@settings(max_examples=500, deadline=None)
@given(
    st.fixed_dictionaries({"required": st.just({"a": True}) | HOLDERS}, optional=dict.fromkeys(PLAIN_KEYS[1:], HOLDERS))
)
@example({"required": {"a": "no"}})
@example({"required": {"a": True}, "texts": {"a": ""}})
@example({"required": {"a": True}, "counts": {"a": True}})
@example({"required": {"a": True}, "numbers": {"a": 1}})
def test_elements_are_checked_on_both_ways(body: Json) -> None:
    """Mappings and arrays of scalars are read by compiled code, or refused by it, exactly as by the detailed."""
    try:
        model = explain(body, Plain)
    except DecodeError:
        with pytest.raises(Exception):  # noqa: B017, PT011  # the fast way may raise anything
            fast(body, Plain)
        return
    assert same_json(to_dict(model), body)
    # All that compiled code may leave to the detailed is a required mapping without anything in it.
    if body["required"] not in (None, "", {}):
        assert_same(model, fast(body, Plain))
    assert_same(model, structure(body, Plain))


# --------------------------------------------------------------------------- whatever the service might send

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8))])
MOMENTS = st.datetimes(timezones=ZONES)
SPELLINGS: dict[Any, st.SearchStrategy[Json]] = {
    str: st.text(min_size=1),
    bool: st.booleans(),
    int: st.integers(),
    float: st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    Any: JSON,
    LABELS: st.lists(st.text("ab ,")) | st.text("ab ,") | st.none(),
    datetime: MOMENTS.map(str)
    | MOMENTS.map(datetime.isoformat)
    | MOMENTS.map(lambda moment: f"{moment:%Y%m%dT%H%M%S}Z".zfill(16))
    | st.dates().map(str),
}


def spellings(annotation: Any) -> st.SearchStrategy[Json]:
    """Any JSON that a field of this type may arrive as, well spelled or oddly."""
    wanted = some(annotation)
    may_be_nothing = st.sampled_from([None, ""]) if wanted is not annotation else st.nothing()
    if wanted in SPELLINGS:
        return SPELLINGS[wanted] | may_be_nothing
    if is_model(wanted):
        hollow = st.sampled_from([{}, {"": None}]) if wanted is not annotation else st.nothing()
        return objects(wanted) | may_be_nothing | hollow
    if isinstance(wanted, type) and issubclass(wanted, OpenStrEnum):
        return st.sampled_from([member.value for member in wanted]) | st.text(min_size=1) | may_be_nothing
    if isinstance(wanted, type) and issubclass(wanted, OpenIntEnum):
        return st.integers(-1, 6) | st.integers(0, 6).map(str) | may_be_nothing
    *_, element = (arg for arg in get_args(wanted) if arg is not ...)
    inner = spellings(element)
    many = st.lists(inner, max_size=2) if get_origin(wanted) is tuple else st.dictionaries(st.text(), inner, max_size=2)
    return many | st.sampled_from([None, ""])


def objects(cls: type[Model]) -> st.SearchStrategy[Json]:
    """Any JSON object of a model: required keys, some of the others, and unknown ones."""
    fields = [a for a in attrs.fields(cls) if a.name not in ("extra", "_wire")]
    keys = {wire_key(a): spellings(a.type) for a in fields}
    required = {wire_key(a) for a in fields if a.default is attrs.NOTHING}
    known = st.fixed_dictionaries(
        {key: keys[key] for key in required}, optional={key: keys[key] for key in keys.keys() - required}
    )
    # Hypothesis takes text from the source it tests, so it would find the names of our own fields.
    unknown = st.dictionaries(st.text().filter(lambda key: key not in keys), JSON, max_size=2)
    return st.builds(lambda unknown, known: {**unknown, **known}, unknown, known)


@pytest.mark.slow
@pytest.mark.parametrize("cls", [TicketInfo, TicketPage])
@THOROUGH
@given(data=st.data())
def test_whatever_the_service_may_send_comes_back_as_it_came(cls: type[Model], data: st.DataObject) -> None:
    """Any body of a known shape, however spelled, decodes the same on both ways and goes back out equal as JSON."""
    body = data.draw(objects(cls))
    model = decode(json.dumps(body).encode(), cls)
    assert same_json(to_dict(model), body)
    assert_same(model, fast(body, cls))
    assert_same(model, explain(body, cls))
    assert_same(model, pickle.loads(pickle.dumps(model)))  # noqa: S301  # pickled here
    assert_same(model, copy.deepcopy(model))
    assert_same(model, structure(model.to_dict(), cls))


@THOROUGH
@given(one=objects(Ticket), other=objects(Ticket), data=st.data())
def test_a_changed_model_means_what_it_was_changed_to(one: Json, other: Json, data: st.DataObject) -> None:
    """After any `attrs.evolve`, `to_dict()` spells the new values and keeps the spelling of the others."""
    before, donor = structure(one, Ticket), structure(other, Ticket)
    names = [a.name for a in attrs.fields(Ticket) if a.name not in ("extra", "_wire")]
    changed = data.draw(st.lists(st.sampled_from(names), unique=True))
    after = attrs.evolve(before, **{name: getattr(donor, name) for name in changed})
    out = after.to_dict()
    assert structure(out, Ticket) == after
    for name in set(names) - set(changed):
        assert out.get(name, ABSENT) == one.get(name, ABSENT)


# ------------------------------------------------------------------------------------ what it should never send

DROP = object()
MUTATIONS: list[Callable[[Json], Json]] = [
    *(
        lambda _, new=new: new
        for new in (DROP, None, "", "None", "x", 0, 5, -1.5, True, False, [], {}, [None], {"": None})
    ),
    lambda old: [old],
    lambda old: {"a": old},
    str,
    lambda old: [*old, 5] if isinstance(old, list) else {**old, "new": 1} if isinstance(old, dict) else [[old]],
]


def places(value: Json, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    """The path of every value in a body."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, *path, key)


def mutants(body: Json) -> Iterator[Json]:
    """The body with each value in turn dropped, nulled, retyped and nested, and each key renamed."""
    for *way, last in places(body):
        for mutate in [*MUTATIONS, None]:
            mutant = copy.deepcopy(body)
            parent = mutant
            for key in way:
                parent = parent[key]
            old = parent[last]
            if mutate is None and isinstance(parent, dict):
                parent[f"{last}X"] = parent.pop(last)
            elif mutate is None or mutate(old) is DROP:
                del parent[last]
            else:
                parent[last] = mutate(old)
            yield mutant


PROBLEM = re.compile(r"(required field missing|invalid value for type, expected \w+) @ \$[\w.\[\]'…@]*")


def refuses(way: Callable[[Json, type[Any]], Any], body: Json) -> bool:
    """Whether a way raises, no matter what."""
    try:
        way(body, TicketInfo)
    except Exception:  # noqa: BLE001  # the fast way may raise anything
        return True
    return False


def test_no_mutation_of_the_example_gets_by_unseen() -> None:
    """Each mutant is read, and comes back as it came, or refused with its problems; both ways agree; never a 'None'."""
    read = refused = 0
    for body in mutants({**EXAMPLE, "attached_messages": [EXAMPLE["message"]]}):
        text = json.dumps(body)
        try:
            info = decode(text.encode(), TicketInfo)
        except DecodeError as error:
            refused += 1
            assert all(PROBLEM.fullmatch(problem) for problem in error.problems)  # noqa: PT017  # or it was read
            assert refuses(fast, body)
            continue
        read += 1
        assert same_json(info.to_dict(), body)
        assert_same(info, fast(body, TicketInfo))
        assert_same(info, explain(body, TicketInfo))
        assert '"None"' in text or "None" not in list(leaves(info))
    assert min(read, refused) > 400


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_arbitrary_json_is_no_ticket(value: Json) -> None:
    """Whatever else is JSON is a DecodeError, for every model with an id."""
    body = json.dumps(value).encode()
    for cls in (TicketInfo, TicketRow, Chat, Message):
        with pytest.raises(DecodeError):
            decode(body, cls)
