"""The fast way and the slow way agree on everything anybody could send, and neither loses a thing."""

import copy
import json
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from periskope_async import models
from periskope_async._codec.annotations import is_model, model_in, some
from periskope_async._codec.converter import _compiled, decode, explain, structure, to_dict
from periskope_async._codec.detailed import detailed
from periskope_async._codec.enums import OpenIntEnum, OpenStrEnum
from periskope_async._codec.fields import own_fields, wire_fields, wire_key
from periskope_async._codec.marks import (
    ABSENT,
    EMPTY_MAPPING,
    EMPTY_TEXT,
    LEFT_OUT,
    NULL,
    Labels,
    LooseInt,
    LooseText,
)
from periskope_async._codec.model import Model
from periskope_async._codec.readers import read_moment
from periskope_async._codec.unstructured import field_by_field
from periskope_async._codec.usual import _LABEL_LISTS, _MOMENT, HELPERS
from periskope_async.errors import DecodeError
from periskope_async.models import Chat, ChatInfo, Message, MessageInfo, Ticket, TicketInfo, TicketPage, TicketRow
from tests.support import repeated, slow

Json = Any
CLASSES = [cls for cls in map(models.__getattr__, models.__all__) if is_model(cls)]
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
        taken = eval(_MOMENT, {"v": text, **HELPERS})  # noqa: S307  # our own text
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


#: Every annotation without a model in it that a model has, and those that the rest of the API's objects call for.
ANNOTATIONS: list[Any] = sorted(
    {
        *(
            a.type
            for cls in CLASSES
            for a in own_fields(cls)
            if a.default is not attrs.NOTHING and not model_in(a.type)
        ),
        *(Labels, LooseInt | None, LooseText | None, float | None, Colour | None, Any),
        *(tuple[element, ...] for element in (str, int, float, bool, datetime, Colour, Any, str | None, LooseInt)),
        *(tuple[element, ...] for element in (Mapping[str, Any], Mapping[str, int], Labels)),
        *(Mapping[str, element] for element in (str, int, float, bool, datetime, Colour, Any, LooseText)),
        *(Mapping[str, element | None] for element in (str, int, float, bool)),
        *(Mapping[str, element] for element in (Labels, tuple[str, ...], Mapping[str, str], Mapping[str, Any])),
        Mapping[str, bool] | None,
    },
    key=repr,
)


def default(annotation: Any) -> Any:
    """The empty value that a model gives a field of this type."""
    return {tuple: (), Mapping: EMPTY_MAPPING}.get(
        get_origin(get_args(annotation)[0] if annotation == Labels else annotation)
    )


def model_of(**fields: Any) -> type[Model]:
    """A model with these fields, made at run time."""
    return attrs.make_class("Made", fields, bases=(Model,), frozen=True, slots=True, kw_only=True)


ELEMENTS = st.sampled_from(
    [None, True, False, 0, 1, 2.5, "", "x", "red", "a, b", "3", "2025-01-26T13:46:21+00:00", "2025-01-26"]
)
INNER = ELEMENTS | st.lists(ELEMENTS, max_size=2) | st.dictionaries(st.sampled_from("ab"), ELEMENTS, max_size=2)
HOLDERS = st.dictionaries(st.sampled_from("ab"), INNER, max_size=2) | st.lists(INNER, max_size=2) | INNER


@pytest.mark.parametrize("metadata", [EMPTY_TEXT, *map(slow, ({}, NULL, LEFT_OUT))], ids=repr)
def test_every_type_is_read_the_same_on_both_ways(metadata: dict[str, Any]) -> None:
    """Compiled code reads each type that a field may have, however it is spelled, exactly as the detailed, or not."""
    optional = {
        f"f{number}": attrs.field(type=annotation, default=default(annotation), metadata=metadata)
        for number, annotation in enumerate(ANNOTATIONS)
    }
    cls = model_of(required=attrs.field(type=Mapping[str, bool]), **optional)
    read, refused = set(), set()

    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from([a for a in ANNOTATIONS if a is not Any or metadata != EMPTY_TEXT]), HOLDERS)
    @example(Mapping[str, int], {"a": True})
    @example(tuple[int, ...], {"a": 1})
    @example(tuple[str, ...], "a, b")
    @example(tuple[str, ...], [""])
    @example(Mapping[str, Any], {"a": {"b": []}})
    def agree(annotation: Any, value: Json) -> None:
        body = {"required": {"a": True}, f"f{ANNOTATIONS.index(annotation)}": value}
        try:
            model = explain(body, cls)
        except DecodeError:
            refused.add(annotation)
            with pytest.raises(Exception):  # noqa: B017, PT011  # the fast way may raise anything
                fast(body, cls)
        else:
            read.add(annotation)
            assert same_json(to_dict(model), body)
            assert_same(model, fast(body, cls))

    agree()
    assert len(read) > 20
    assert len(refused) > 20


REQUIRED = [
    model_of(required=attrs.field(type=annotation))
    for annotation in (Mapping[str, bool], tuple[str, ...], tuple[Mapping[str, Any], ...], str, LooseInt, Labels)
]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(REQUIRED), HOLDERS)
@example(REQUIRED[0], {"a": "no"})
@example(REQUIRED[1], "a")
def test_what_is_required_is_checked_on_both_ways(cls: type[Model], value: Json) -> None:
    """What compiled code refuses of a required field, the detailed code reads or refuses in its place."""
    try:
        model = explain({"required": value}, cls)
    except DecodeError:
        with pytest.raises(Exception):  # noqa: B017, PT011  # the fast way may raise anything
            fast({"required": value}, cls)
        return
    assert same_json(to_dict(model), {"required": value})
    assert_same(model, structure({"required": value}, cls))


def test_an_empty_value_is_spelled_as_both_ways_read_it() -> None:
    """Of every field of every model, what the fast way takes for the empty value, the detailed way reads as that."""
    known = [cls for cls in map(models.__getattr__, models.__all__) if is_model(cls)]
    fields = [(cls, field) for cls in known for field in wire_fields(cls, detailed()) if field.unset is not ABSENT]
    optional = [(cls, field) for cls, field in fields if field.default is not attrs.NOTHING]
    assert len(optional) > 200
    for cls, field in optional:
        assert field.read(field.unset) == field.default, (cls, field.name)


def test_empty_text_is_no_number() -> None:
    """A field whose default is a value of its type may be left out, and empty text in it is refused."""
    cls = model_of(required=attrs.field(type=str), count=attrs.field(type=int, default=0))
    for body in ({"required": "x"}, {"required": "x", "count": 5}):
        assert_same(fast(body, cls), explain(body, cls))
    with pytest.raises(DecodeError, match="invalid value for type, expected int"):
        structure({"required": "x", "count": ""}, cls)


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
    LooseInt: st.integers() | st.integers(0, 9).map(str),
    LooseText: st.integers() | st.text(min_size=1),
    Any: JSON,
    Labels: st.lists(st.text("ab ,")) | st.text("ab ,") | st.none(),
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
    fields = list(own_fields(cls))
    keys = {wire_key(a): spellings(a.type) for a in fields}
    required = {wire_key(a) for a in fields if a.default is attrs.NOTHING}
    known = st.fixed_dictionaries(
        {key: keys[key] for key in required}, optional={key: keys[key] for key in keys.keys() - required}
    )
    # Hypothesis takes text from the source it tests, so it would find the names of our own fields.
    unknown = st.dictionaries(st.text().filter(lambda key: key not in keys), JSON, max_size=2)
    return st.builds(lambda unknown, known: {**unknown, **known}, unknown, known)


@pytest.mark.slow
@pytest.mark.timeout(300)  # drawing the bodies takes most of it
@pytest.mark.parametrize("cls", [TicketInfo, TicketPage, Chat, Message])
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


@repeated
@settings(THOROUGH, max_examples=8)
@given(data=st.data())
def test_both_ways_back_to_json_agree(data: st.DataObject, batch: int) -> None:
    """A model is spelled by compiled code as it is field by field, also where it remembers things, or was changed."""
    del batch
    cls = data.draw(st.sampled_from(CLASSES))
    one, other = (structure(data.draw(objects(cls)), cls) for _ in range(2))
    names = data.draw(st.sets(st.sampled_from([a.name for a in own_fields(cls)])))
    slow_way = field_by_field(wire_fields(cls, detailed()))
    for model in (one, attrs.evolve(one, **{name: getattr(other, name) for name in names})):
        assert same_json(to_dict(model), slow_way(model))
        forgetful = attrs.evolve(model, _wire=EMPTY_MAPPING)
        assert json.dumps(to_dict(forgetful)) == json.dumps(slow_way(forgetful))


@repeated
@settings(THOROUGH, max_examples=40)
@given(one=objects(Ticket), other=objects(Ticket), data=st.data())
def test_a_changed_model_means_what_it_was_changed_to(one: Json, other: Json, data: st.DataObject, batch: int) -> None:
    """After any `attrs.evolve`, `to_dict()` spells the new values and keeps the spelling of the others."""
    del batch
    before, donor = structure(one, Ticket), structure(other, Ticket)
    names = [a.name for a in own_fields(Ticket)]
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


@pytest.mark.parametrize("step", [5, slow(1)])  # there are 19 mutations of a place: each has its turn
def test_no_mutation_of_the_example_gets_by_unseen(step: int) -> None:
    """Each mutant is read, and comes back as it came, or refused with its problems; both ways agree; never a 'None'."""
    read = refused = 0
    for body in islice(mutants({**EXAMPLE, "attached_messages": [EXAMPLE["message"]]}), 0, None, step):
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
    assert min(read, refused) > 400 // step


@repeated
@settings(max_examples=75, deadline=None)
@given(value=JSON)
def test_arbitrary_json_is_no_ticket(value: Json, batch: int) -> None:
    """Whatever else is JSON is a DecodeError, for every model with an id."""
    del batch
    body = json.dumps(value).encode()
    for cls in (TicketInfo, TicketRow, ChatInfo, MessageInfo):
        with pytest.raises(DecodeError):
            decode(body, cls)
