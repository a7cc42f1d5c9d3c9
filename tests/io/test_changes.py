"""Finding changes in a list that others change while it is walked."""

import asyncio
from collections.abc import Collection
from typing import Any, cast

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from periskope_async._io.changes import Subject, find_changes
from periskope_async.bulk import BulkResult
from periskope_async.changes import Changes
from periskope_async.errors import NotFoundError
from periskope_async.models import Contact, ContactPage
from tests.support import repeated

IDS = "abcdefghij"

#: What somebody does to the list before a page of it is served: to which object, and what.
steps = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(IDS), st.sampled_from(["touch", "remove"])), max_size=8)


class Account:
    """Contacts, the one that changed last first: with each change, rows move while somebody walks.

    No two changes leave the same row, as in a service that says when a row changed: one that is as it was before a
    fetch, and was not meanwhile, cannot be known from one that has not changed.
    """

    def __init__(self, changes: list[tuple[int, str, str]]) -> None:
        self.rows = dict.fromkeys(reversed(IDS[:7]), 0)
        self.changes = changes
        self.pages = self.touches = 0

    def touch(self, name: str) -> None:
        self.touches += 1
        self.rows.pop(name, None)
        self.rows = {name: self.touches, **self.rows}

    async def page(self, *, offset: int, limit: int) -> ContactPage:
        await asyncio.sleep(0)
        for _, name, what in [change for change in self.changes if change[0] == self.pages]:
            self.touch(name) if what == "touch" else self.rows.pop(name, None)
        self.pages += 1
        rows = [self.contact(name) for name in list(self.rows)[offset : offset + limit]]
        return ContactPage(contacts=tuple(rows))

    def contact(self, name: str) -> Contact:
        return Contact(contact_id=name, contact_name=str(self.rows[name]))

    async def get_many(self, names: Collection[str]) -> BulkResult[Contact]:
        found = BulkResult[Contact]()
        for name in names:
            if name in self.rows:
                found.fetched[name] = self.contact(name)
            else:
                found.errors[name] = NotFoundError("no such contact")
        return found

    async def changed_since(self, state: Any, size: int) -> Changes[Contact, Contact]:
        subject = Subject(
            of="contacts",
            scope="",
            fetch=cast("Any", self.page),
            id_of=lambda contact: contact.contact_id,
            remains=lambda name: Contact(contact_id=name),
            get_many=self.get_many,
            row_model=Contact,
            full_model=Contact,
        )
        return await find_changes(subject, state, details="changed", page_size=size)


@repeated
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps, st.integers(2, 4))
@example([(0, "h", "touch"), (7, "a", "touch"), (8, "a", "remove"), (8, "a", "touch")], 2)
def test_rows_that_move_while_they_are_walked(batch: int, changes: list[tuple[int, str, str]], size: int) -> None:
    """Nothing that is there is ever reported as deleted, and once the list is quiet, who followed has all of it."""
    del batch

    async def follow() -> None:
        account, state, store = Account(changes), None, dict[str, str | None]()
        for _ in range(6):
            found = await account.changed_since(state, size)
            for contact in found.fetched.values():
                store[contact.contact_id] = contact.contact_name
            for contact in found.deleted:
                assert contact.contact_id not in account.rows
                store.pop(contact.contact_id, None)
            state = found.state_without(found.errors)
        account.changes = []
        for _ in range(2):
            found = await account.changed_since(state, size)
            store |= {name: contact.contact_name for name, contact in found.fetched.items()}
            for contact in found.deleted:
                store.pop(contact.contact_id, None)
            state = found.state
        assert store == {name: str(value) for name, value in account.rows.items()}
        assert not (await account.changed_since(state, size)).created

    asyncio.run(follow())


async def test_a_row_that_moves_past_the_walk() -> None:
    """A row that moves, from where the walk has not been to where it has, is asked for, and changes in the next run."""
    account = Account([])
    before = await account.changed_since(None, 3)
    account.pages, account.changes = 0, [(2, "a", "touch")]
    during = await account.changed_since(before.state, 3)
    assert (during.created, during.updated, during.deleted, during.ok) == ((), (), (), True)
    after = await account.changed_since(during.state, 3)
    assert [contact.contact_id for contact in after.updated] == ["a"]
