"""What changed between two walks, judged by stamps alone, against a model that remembers everything."""

import json
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from periskope_async._sansio.changes import (
    judge,
    make_state,
    read_state,
    revert,
    row_differs,
    scope_of,
    settle,
    stamp,
    with_full,
)
from periskope_async.errors import ConfigurationError
from tests.support import cases, many, repeated

IDS = "abcd"

#: What an object is like at one time: its value, and whether it is deleted; None: it is not there.
there = st.tuples(st.integers(0, 2), st.booleans())
failures = st.sets(st.sampled_from(IDS), max_size=2)


def rounds(objects: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw runs: the world that each meets, the ids that fail in it, and whether what it came to is kept."""
    return st.lists(st.tuples(st.fixed_dictionaries(dict.fromkeys(IDS, objects)), failures, st.booleans()), max_size=5)


def live_in(world: dict[str, Any]) -> dict[str, int]:
    """Return what is there and not deleted."""
    return {name: it[0] for name, it in world.items() if it is not None and not it[1]}


def without(store: dict[str, int], names: set[str]) -> dict[str, int]:
    """Return a store without some names."""
    return {name: value for name, value in store.items() if name not in names}


@define
class Consumer:
    """Who keeps what there is by what changed, and the state with it."""

    store: dict[str, int] = field(factory=dict)
    seen: dict[str, str] = field(factory=dict)

    def run(self, world: dict[str, tuple[int, bool] | None], failed: set[str], time: int = 0) -> set[str]:
        """Look at the world, whose rows changed last at a *time*; return what was reported."""
        rows = {name: it for name, it in world.items() if it is not None}
        listed = {name: stamp({"time": time, "value": it}, deleted=it[1]) for name, it in rows.items()}
        judged = judge(self.seen, listed)
        asked = {*judged.created, *judged.updated, *judged.missing}
        failed = failed & asked
        gone = {name for name in judged.missing if name not in failed}
        done = [name for name in (*judged.created, *judged.updated) if name not in failed]
        self.store |= {name: rows[name][0] for name in done}
        for name in (*judged.deleted, *gone):
            self.store.pop(name, None)
        self.seen = settle(self.seen, listed, gone=gone, failed=failed)
        return {*done, *judged.deleted, *gone}


@repeated
@cases(100)
@given(many(rounds(st.none() | there)))
def test_nothing_is_lost_and_nothing_comes_twice(batch: int, runs: list[list[Any]]) -> None:
    """Whatever happens between runs, who follows them has what there is, and only what failed comes again."""
    del batch
    for steps in runs:
        kept = Consumer()
        for world, failed, is_kept in steps:
            consumer = Consumer(dict(kept.store), json.loads(json.dumps(kept.seen)))
            consumer.run(world, failed)
            assert without(consumer.store, failed) == without(live_in(world), failed)
            # What failed comes again as if nothing had been; all else does not come again.
            again = Consumer(dict(consumer.store), dict(consumer.seen))
            assert again.run(world, set()) <= failed
            assert again.store == live_in(world)
            assert again.run(world, set()) == set()
            if is_kept:  # else the process died before it had kept anything
                kept = consumer


@repeated
@cases(100)
@given(many(rounds(there)))
def test_a_state_that_was_not_kept_repeats_and_loses_nothing(batch: int, runs: list[list[Any]]) -> None:
    """Who stored the changes and died before the state was kept gets them again, and then has what there is."""
    del batch
    for steps in runs:
        consumer = Consumer()
        for time, (world, failed, is_kept) in enumerate(steps):
            before = consumer.seen
            consumer.run(world, failed, time)
            assert without(consumer.store, failed) == without(live_in(world), failed)
            if not is_kept:
                consumer.seen = before


def test_what_rows_say() -> None:
    """New, changed, deleted, there again, gone: each is known by the stamp before and the stamp now."""
    one, other, dead = stamp({"a": 1}), stamp({"a": 2}), stamp({"a": 1}, deleted=True)
    assert judge({}, {"x": one}).created == ("x",)
    assert judge({"x": one}, {"x": one}) == ((), (), (), ())
    assert judge({"x": one}, {"x": other}).updated == ("x",)
    assert judge({"x": one}, {"x": dead}).deleted == judge({}, {"x": dead}).deleted == ("x",)
    assert judge({"x": dead}, {"x": dead}) == ((), (), (), ())
    assert judge({"x": dead}, {"x": stamp({"a": 2}, deleted=True)}).deleted == ("x",)
    assert judge({"x": dead}, {"x": one}).created == ("x",)
    assert judge({"x": one}, {}).missing == ("x",)
    assert judge({"x": dead}, {}) == ((), (), (), ())


def test_the_order_of_keys_is_no_change() -> None:
    """Two spellings of the same JSON have the same stamp."""
    assert stamp({"a": 1, "b": {"c": 2, "d": "\ud800"}}) == stamp({"b": {"d": "\ud800", "c": 2}, "a": 1})


def test_objects_in_full() -> None:
    """A stamp that knows an object in full is not forgotten by a run that looks at rows alone."""
    row, other = stamp({"a": 1}), stamp({"a": 2})
    full = with_full(row, {"a": 1, "more": True})
    assert not row_differs(full, row)
    assert row_differs(full, other)
    assert with_full(full, {"a": 1, "more": True}) == full
    assert settle({"x": full}, {"x": row}, gone=(), failed=()) == {"x": full}
    assert settle({"x": full}, {"x": other}, gone=(), failed=()) == {"x": other}
    assert settle({"x": row}, {"x": full}, gone=(), failed=()) == {"x": full}


def test_taking_back() -> None:
    """Of what is taken back, what was seen before holds again."""
    assert revert({"a": "2", "b": "2"}, {"a": "1", "c": "1"}, ["a", "b", "c", "d"]) == {"a": "1", "c": "1"}


def test_a_state_is_read_back_from_json() -> None:
    """What was seen goes into JSON and comes out again."""
    seen = {"BKT-001": stamp({}), "BKT-002": stamp({}, deleted=True), "BKT-003": with_full(stamp({}), {})}
    state = json.loads(json.dumps(make_state("tickets", "", seen)))
    assert read_state(state, "tickets", "") == seen
    assert read_state(None, "tickets", "") == {}


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ("[]", "expected the state of an earlier run, got str"),
        ({}, "not one, or was damaged"),
        ({"version": 2, "of": "tickets", "scope": "", "seen": {}}, "its version is 2, and this release knows 1"),
        ({"version": 1, "of": "tickets", "scope": "", "seen": []}, "not one, or was damaged"),
        ({"version": 1, "of": "chats", "scope": "", "seen": {}}, "not of tickets, but of 'chats'"),
        ({"version": 1, "of": "tickets", "scope": "AAAAAAAA", "seen": {}}, "of another phone or chat"),
        ({"version": 1, "of": "tickets", "scope": "", "seen": {"a": 1}}, "was damaged"),
        ({"version": 1, "of": "tickets", "scope": "", "seen": {"a": "short"}}, "was damaged"),
    ],
)
def test_what_is_not_a_state_is_refused(state: Any, problem: str) -> None:
    """A state of something else, of a later release, or damaged, is an error that says so."""
    with pytest.raises(ConfigurationError, match=problem):
        read_state(state, "tickets", "")


def test_scopes() -> None:
    """Phones and chats tell states apart; no state holds a number."""
    assert scope_of(None) == scope_of("", None) == ""
    assert len({scope_of("919876543210", None), scope_of(None, "919876543210"), scope_of("1")}) == 3
    assert "98765" not in scope_of("919876543210")
