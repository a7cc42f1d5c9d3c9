"""A source for dlt (https://dlthub.com): an account's data where data lives, and from then on only what changed.

from periskope_async.integrations.dlt import periskope

dlt.pipeline("periskope", destination="duckdb", dataset_name="inbox").run(periskope())
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from typing import Any, Final, NamedTuple

import anyio
from attrs import frozen

from periskope_async._extras import needs_extra
from periskope_async.changes import Changes, Details
from periskope_async.client import PeriskopeClient
from periskope_async.errors import ConfigurationError
from periskope_async.models.chats import Chat
from periskope_async.models.contacts import Contact
from periskope_async.models.messages import Message
from periskope_async.models.ticket_rows import TicketRow
from periskope_async.models.tickets import TicketInfo
from periskope_async.records import ColumnKind, columns, to_record

__all__ = ["periskope"]

_log: Final = logging.getLogger("periskope.dlt")

#: The column by which a row says that it is to go. dlt removes such rows, so that it is empty in every table.
DELETED: Final = "deleted"
#: What is handed to dlt at a time, rows.
BATCH_ROWS: Final = 1000
#: Where in the state of a dlt resource ours is.
_STATE: Final = "changes"

#: What dlt calls each kind of column.
_TYPES: Final[Mapping[ColumnKind, str]] = {
    "text": "text",
    "integer": "bigint",
    "number": "double",
    "boolean": "bool",
    "timestamp": "timestamp",
    "labels": "json",
    "json": "json",
}


class _Table(NamedTuple):
    """A table: the column of its ids, and what a row of it is, in full and as a list has it."""

    key: str
    full: type[Any]
    row: type[Any]


_TABLES: Final[Mapping[str, _Table]] = {
    "tickets": _Table("ticket_id", TicketInfo, TicketRow),
    "chats": _Table("chat_id", Chat, Chat),
    "contacts": _Table("contact_id", Contact, Contact),
    "messages": _Table("message_id", Message, Message),
}


@frozen
class _Account:
    """How an account is reached."""

    api_key: str | None
    base_url: str | None
    phone: str | None

    def changes(self, name: str, state: Mapping[str, Any] | None, query: Mapping[str, Any]) -> Changes[Any, Any]:
        """Return what changed, found in a thread of its own: in a notebook, the caller's runs an event loop."""

        async def find() -> Changes[Any, Any]:
            async with PeriskopeClient(self.api_key, base_url=self.base_url, phone=self.phone) as client:
                found: Changes[Any, Any] = await getattr(client, name).changed_since(state, **query)
                return found

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(partial(anyio.run, find)).result()


def periskope(
    api_key: str | None = None,
    *,
    base_url: str | None = None,
    phone: str | None = None,
    resources: Sequence[str] = ("tickets", "chats", "contacts", "messages"),
    details: Details = "changed",
) -> Any:
    """Return a dlt source with a table for each of some resources, in the columns of an export.

    A load merges what was created and updated since the load before, by id, and removes what was deleted. It asks for
    all rows of the lists, 2,000 a request, and in full only for what changed. What dlt keeps of it is the state of
    `changed_since`, which it stores with the data, or with it not at all. What failed is in the log as a warning of
    `periskope.dlt`, and comes again with the next load.

    Args:
        api_key: the API key; else dlt's secret `sources.periskope.api_key`, else PERISKOPE_API_KEY.
        base_url: where the API is; else PERISKOPE_BASE_URL, else the real service.
        phone: the phone that chats and messages are of; else PERISKOPE_PHONE.
        resources: some of tickets, chats, contacts and messages.
        details: as for `Tickets.changed_since`, of all but messages, which lists have in full.

    Raises:
        ImportError: dlt is not installed, which the extra `dlt` brings.
        ConfigurationError: one of the resources is unknown.
    """
    if isinstance(resources, str) or not set(resources) <= _TABLES.keys():
        raise ConfigurationError(f"resources: expected some of {', '.join(_TABLES)}, got {resources!r}")
    dlt = _dlt()
    account = _Account(api_key or dlt.secrets.get("sources.periskope.api_key"), base_url, phone)
    tables = [_resource(dlt, account, name, details) for name in resources]
    return dlt.source(lambda: tables, name="periskope", max_table_nesting=0)()


def _dlt() -> Any:
    try:
        return import_module("dlt")
    except ModuleNotFoundError as error:
        if error.name != "dlt":  # it is installed, and broken: its own words say more
            raise
        raise ModuleNotFoundError(f"dlt is not installed, and this {needs_extra('dlt')}", name="dlt") from None


def _resource(dlt: Any, account: _Account, name: str, details: Details) -> Any:
    table = _TABLES[name]
    query = {} if name == "messages" else {"details": details}
    kinds = columns(table.row if details == "none" else table.full)

    def rows() -> Iterator[list[dict[str, Any]]]:
        kept: dict[str, Any] = dlt.current.resource_state()
        found = account.changes(name, kept.get(_STATE), query)
        changed = (_row(record, kinds) for record in found.to_records())
        gone = ({table.key: to_record(row)[table.key], DELETED: True} for row in found.deleted)
        every = [*changed, *gone]
        for start in range(0, len(every), BATCH_ROWS):
            yield every[start : start + BATCH_ROWS]
        if not found.ok:
            failed = len(found.errors) + len(found.skipped)
            _log.warning("%d %s failed, and come again with the next load", failed, name)
        # dlt keeps this with the data of the load, once all of it is there. What failed is not in it.
        kept[_STATE] = found.state

    hints = {column: {"data_type": _TYPES[kind], "nullable": column != table.key} for column, kind in kinds.items()}
    return dlt.resource(
        rows,
        name=name,
        primary_key=table.key,
        write_disposition="merge",
        columns=hints | {DELETED: {"data_type": "bool", "hard_delete": True}},
    )


def _row(record: Mapping[str, Any], kinds: Mapping[str, ColumnKind]) -> dict[str, Any]:
    """Return a record as dlt takes it: JSON as what it holds, and names as a list."""
    return {name: _value(value, kinds[name]) for name, value in record.items()}


def _value(value: Any, kind: ColumnKind) -> Any:
    if kind == "labels":
        return list(value)
    return json.loads(value) if kind == "json" and value is not None else value
