"""The way by structs reads what it reads as the other ways do, learns the keys that come, and knows when to give up."""

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from periskope_async._codec.converter import _structs, decode, explain, to_dict
from periskope_async.errors import DecodeError
from periskope_async.models import Chat, ChatMember, Contact, Message, QueueJob, TicketInfo, TicketPage
from tests.codec.test_compiled import CLASSES, EXAMPLE, assert_same, mutants, objects
from tests.support import repeated, slow

pytest.importorskip("msgspec")
from periskope_async._codec.structs import _KEYS, _PATIENCE, Structs, is_typed, rare_keys

Json = Any
TYPED = [cls for cls in CLASSES if is_typed(cls)]


def taken(structs: Structs, body: Json) -> Any:
    """The model of a body, or None where the way by structs refuses it."""
    try:
        return structs.read(json.dumps(body).encode())
    except Exception:  # noqa: BLE001  # it may raise anything
        return None


def varied(value: Json, dice: random.Random) -> Json:
    """A body that this one might have been: other keys too, some missing, some null."""
    if isinstance(value, list):
        return [varied(each, dice) for each in value]
    if not isinstance(value, dict):
        return value
    out: dict[str, Json] = {}
    for key, each in value.items():
        chance = 1.0 if key.endswith("id") or isinstance(each, dict) else dice.random()
        if chance >= 0.15:
            out[key] = None if chance < 0.3 else varied(each, dice)
        if dice.random() < 0.05 and "@" not in key:
            out[f"new_{key}"] = dice.choice([1, True, "text", None, {"a": [1]}])
    return out


def test_a_struct_reads_the_example() -> None:
    """The vendor's example is read from a struct, and nothing of it is remembered as unusual."""
    info = taken(Structs(TicketInfo), EXAMPLE)
    assert_same(info, explain(EXAMPLE, TicketInfo))
    assert [model._wire for model in (info, info.ticket, info.chat, info.message)] == [{}] * 4


def test_keys_that_no_model_knows_soon_take_the_fast_way() -> None:
    """Of 400 bodies, no two alike, all but those that it learns of are read from structs, the same as slowly."""
    dice = random.Random(5)  # noqa: S311  # the same bodies each time
    structs = Structs(TicketInfo)
    refused = 0
    for number in range(400):
        body = varied(EXAMPLE, dice)
        model = taken(structs, body)
        if model is None:
            refused += 1
            structs.refused(body)
        elif number % 5 == 0:  # the detailed way takes fifty times as long
            slowly = explain(body, TicketInfo)
            assert_same(model, slowly)
            assert json.dumps(to_dict(model)) == json.dumps(to_dict(slowly))
    assert 0 < refused < 80
    assert structs._behind == 0


@repeated
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_struct_takes_is_read_as_by_dicts(data: st.DataObject, batch: int) -> None:
    """However a body is spelled: the same model, unknown keys and spellings, in the same order, as the detailed way."""
    del batch
    cls = data.draw(st.sampled_from(TYPED))
    bodies = data.draw(st.lists(objects(cls), min_size=1, max_size=3))
    structs = Structs(cls)
    for body in bodies * 2:
        model, slowly = taken(structs, body), explain(body, cls)
        if model is None:
            structs.refused(body)
        else:
            assert_same(model, slowly)
            assert list(model.extra) == list(slowly.extra)
            assert json.dumps(to_dict(model)) == json.dumps(to_dict(slowly))


@pytest.mark.parametrize("step", [7, slow(1)])
def test_a_struct_takes_nothing_that_is_wrong(step: int) -> None:
    """Of each mutant of the example it makes what the detailed way does, or refuses it."""
    structs = Structs(TicketInfo)
    both = {**EXAMPLE, "attached_messages": [EXAMPLE["message"]]}
    read = refused = 0
    for number, body in enumerate(mutants(both)):
        if number % step:
            continue
        model = taken(structs, body)
        refused += model is None
        if model is not None:
            read += 1
            assert_same(model, explain(body, TicketInfo))
    assert min(read, refused) > 200 // step


def test_a_part_without_its_id_is_left_to_the_way_by_dicts() -> None:
    """Whether such an object stands for nothing or is wrong, it says; other parts are there or not as their ids are."""
    body = {"ticket": {"ticket_id": "1"}, "chat": {"chat_id": ""}, "message": {"message_id": "m"}}
    structs = Structs(TicketInfo)
    assert taken(structs, body) is None
    assert decode(json.dumps(body).encode(), TicketInfo).chat is None
    assert taken(structs, {**body, "chat": None}).message.message_id == "m"


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    """As with dicts; also of a key that was learned."""
    structs = Structs(Contact)
    structs.refused({"contact_id": "a", "new": 1})
    body = b'{"contact_id": "b", "new": 1, "contact_id": "c", "new": 2}'
    assert_same(structs.read(body), explain(json.loads(body), Contact))
    assert structs.read(body).extra == {"new": 2}


def test_unknown_keys_stand_in_the_order_of_their_names_on_every_way() -> None:
    """In which order they came is not known of a struct, so it counts on no way."""
    structs = Structs(Contact)
    body = {"contact_id": "a", "z": 1, "b": {"y": 1, "x": 2}, "é": 3}
    for model in (decode(json.dumps(body).encode(), Contact), explain(body, Contact)):
        assert list(model.extra) == ["b", "z", "é"]
        assert list(model.extra["b"]) == ["y", "x"]
    structs.refused(body)
    assert list(taken(structs, body).extra) == ["b", "z", "é"]


def test_keys_without_a_slot_are_learned_too() -> None:
    """What a member hardly ever has is no field of a struct before it comes, and is read as it is by dicts."""
    structs = Structs(ChatMember)
    body = {**EXAMPLE["chat"]["members"]["918527184400@c.us"], "is_imported": True, "label_ids": {"a": True}}
    assert taken(structs, body) is None
    structs.refused(body)
    assert_same(taken(structs, body), explain(body, ChatMember))


def test_only_keys_of_sane_length_and_letters_are_learned() -> None:
    """What msgspec takes for no key, or nobody would name one, is left to the way by dicts; so is what is no model."""
    members = {"1@c.us": {"contact_id": "1@c.us", "m": 1}}
    odd = {'a"b': 1, "a\\b": 1, "a\nb": 1, "x" * 65: 1, "ü 1": 1, "class": 1, "": 1}
    body = {"ticket": {"ticket_id": "1", **odd}, "chat": {"chat_id": "c", "members": members}}
    messages = [{"message_id": "m", "n": 1}]
    found = [*rare_keys(TicketInfo, {**body, "message": None, "attached_messages": messages})]
    assert [key for _, key in found] == ["ü 1", "class", "", "m", "n"]
    assert not [*rare_keys(TicketInfo, {**body, "ticket": None, "chat": "", "attached_messages": None})]
    structs = Structs(TicketInfo)
    structs.refused({"ticket": {"ticket_id": "1", "ü 1": 1, "class": 1, "": 1}})
    assert taken(structs, {"ticket": {"ticket_id": "1", "ü 1": 1, "class": 2, "": 3}}).ticket.extra == {
        "": 3,
        "class": 2,
        "ü 1": 1,
    }


def test_ever_new_keys_are_given_up_on() -> None:
    """A service that sends ever new keys costs a bounded number of refused bodies, and a bounded number of keys."""
    structs = Structs(Contact)
    for number in range(_PATIENCE - 1):
        structs.refused({"contact_id": "1", f"a{number}": 1, f"b{number}": 1})
    assert structs.steps is not None
    assert len(structs._learned[Contact]) == _KEYS
    assert taken(structs, {"contact_id": "1"})
    structs.refused({"contact_id": "1"})
    assert structs.steps is not None, "what is read makes up for what is refused"
    structs.refused({"contact_id": "1"})
    assert structs.steps is None
    assert not structs._learned
    structs.refused({"contact_id": "1", "c": 1})
    assert structs.steps is None
    assert not structs._learned


def test_after_many_bodies_nothing_is_learned() -> None:
    """A body refused now and then, for years, has the structs made anew for a while alone."""
    structs = Structs(Contact)
    for number in range(300):
        structs.refused({"contact_id": "1", f"a{number % 10}": 1})
        assert taken(structs, {"contact_id": "1"})
    steps = structs.steps
    structs.refused({"contact_id": "1", "late": 1})
    assert structs.steps is steps


def test_the_one_way_from_a_body_is_by_structs_where_it_can_be() -> None:
    """`decode` asks them first and learns; pages and what has no id of its own go by way of dicts."""
    _structs.cache_clear()
    body = {"contact_id": "1", "new": [1]}
    for _ in range(2):
        assert_same(decode(json.dumps(body).encode(), Contact), explain(body, Contact))
    structs = _structs(Contact)
    assert structs is not None
    assert taken(structs, body)
    structs.steps = None
    assert_same(decode(json.dumps(body).encode(), Contact), explain(body, Contact))
    assert _structs(TicketPage) is _structs(QueueJob) is _structs(tuple[Contact, ...]) is None  # type: ignore[arg-type]
    _structs.cache_clear()


@pytest.mark.parametrize("cls", [Chat, Message, Contact])
def test_what_a_struct_refuses_is_explained(cls: type[Any]) -> None:
    """A wrong body has the problems it has without structs."""
    key = {Chat: "chat_id", Message: "message_id", Contact: "contact_id"}[cls]
    with pytest.raises(DecodeError, match="required field missing"):
        decode(b'{"org_id": 5}', cls)
    with pytest.raises(DecodeError) as caught:
        decode(json.dumps({key: "x", "org_id": 5}).encode(), cls)
    assert caught.value.problems == ("invalid value for type, expected str @ $.org_id",)
