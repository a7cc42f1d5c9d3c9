"""From a body to objects, without any network: how long it takes, and how much memory the objects keep."""

import gc
import json
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from harness import FAST_LIBRARIES, MODES, SPEED, Case, Lab, Series, collections
from server import EXAMPLE, body, ids

Decode = Callable[[bytes], Any]

OURS: Final = "periskope models"
JSON: Final = "json.loads, dicts"
ORJSON: Final = "orjson, dicts"

DECODERS: Final = {
    OURS: "periskope",
    JSON: "stdlib",
    ORJSON: "orjson",
    "msgspec, dicts": "msgspec_dicts",
    "msgspec, structs": "msgspec_structs",
    "pydantic, models": "pydantic",
    "json + cattrs defaults, attrs": "cattrs_defaults",
}


def decode(decoder: str, members: int, seconds: float) -> dict[str, float]:
    """Decode the example again and again in a worker, in a chat of 2 members or a large group."""
    body, loads = _with_members(members), globals()[decoder]()
    assert _reads(loads(body), members)
    gc.collect()
    done, ends = 0, time.process_time() + seconds
    started = time.process_time()
    while (now := time.process_time()) < ends:
        for _ in range(1 if members > 2 else 100):
            loads(body)
            done += 1
    return {"µs per body": (now - started) / done * 1e6}


def hold(decoder: str, count: int) -> dict[str, float]:
    """Decode that many tickets in a worker and keep them."""
    loads = globals()[decoder]()
    loads(body("BKT-WARM"))
    gc.collect()
    before = _resident()
    with collections() as took:
        held = [loads(body(ticket_id)) for ticket_id in ids(count)]
    after = _resident()
    assert len({id(one) for one in held}) == count
    assert all(_reads(one, 2) for one in held)
    return {"MB": after - before, "µs of CPU in the garbage collector per ticket": sum(took) / count * 1e6}


def one_body(lab: Lab) -> Series:
    """Decode the vendor's example, 2.3 kB."""
    return lab.measure("decode", _cases("decode", members=2, seconds=lab.size(300) / 1_000))


def large_group(lab: Lab) -> Series:
    """Decode a ticket whose chat is a group of 1,000 members."""
    return lab.measure("decode a group of 1,000", _cases("decode", members=1_000, seconds=lab.size(300) / 1_000))


def held(lab: Lab) -> Series:
    """Keep 10,000 tickets."""
    return lab.measure("10,000 tickets held", _cases("hold", count=lab.size(10_000)), fresh=True)


def _cases(function: str, **arguments: Any) -> list[Case]:
    return [
        Case(row, mode, f"decoding:{function}", mode, {"decoder": decoder, **arguments})
        for row, decoder in DECODERS.items()
        for mode in ([SPEED] if decoder.startswith(FAST_LIBRARIES) else MODES)
    ]


def _with_members(count: int) -> bytes:
    example = json.loads(EXAMPLE)
    members = list(example["chat"]["members"].values())
    example["chat"]["members"] = {
        f"{910000000000 + number}@c.us": members[number % 2] | {"contact_id": f"{910000000000 + number}@c.us"}
        for number in range(count)
    }
    return json.dumps(example, separators=(",", ":")).encode()


def _reads(decoded: Any, members: int) -> bool:
    """Say whether the decoded object has what the body has, down to the members."""
    if isinstance(decoded, dict):
        return bool(decoded["ticket"]["ticket_id"]) and len(decoded["chat"]["members"]) == members
    last = list(decoded.chat.members.values())[-1]
    typed = isinstance(decoded.ticket.created_at, datetime) and last.is_admin is True
    return bool(decoded.ticket.ticket_id) and len(decoded.chat.members) == members and typed


def _resident() -> float:
    """Give this process's resident memory, in MB."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        raise ModuleNotFoundError(name="/proc/self/statm (Linux)")
    return int(pages.read_text().split()[1]) * 4_096 / 1e6


def periskope() -> Decode:
    """Decode as the package does."""
    from periskope_async import TicketInfo
    from periskope_async._codec.converter import decode

    return lambda body: decode(body, TicketInfo)


def stdlib() -> Decode:
    """Decode with the yardstick."""
    return json.loads


def orjson() -> Decode:
    """Decode with orjson."""
    import orjson

    return orjson.loads


def msgspec_dicts() -> Decode:
    """Decode with msgspec, untyped."""
    import msgspec

    return msgspec.json.Decoder().decode


def msgspec_structs() -> Decode:
    """Decode with msgspec into its own structs."""
    import msgspec

    return msgspec.json.Decoder(_models(msgspec.Struct)).decode


def pydantic() -> Decode:
    """Decode with pydantic into its own models."""
    import pydantic

    decode: Decode = _models(pydantic.BaseModel).model_validate_json
    return decode


def cattrs_defaults() -> Decode:
    """Decode with the standard library and structure with cattrs as it comes, but for datetimes."""
    import attrs
    import cattrs

    converter = cattrs.Converter()
    converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    model = _models(object, attrs.frozen)
    return lambda body: converter.structure(json.loads(body), model)


def _models(base: type, finish: Callable[[Any], Any] = lambda model: model) -> Any:
    """Declare what the example holds, plainly: `""` stays `""`, labels stay a string, unknown keys are dropped."""

    @finish
    class Ticket(base):  # type: ignore[misc]  # the same declarations serve three libraries
        ticket_id: str
        org_id: str
        status: str
        priority: int
        subject: str
        assignee: str
        assigned_by: str
        raised_by: str | None
        created_at: datetime
        due_date: str
        ticket_labels: str
        ticket_custom_properties: dict[str, Any]
        quoted_message_id: str
        is_deleted: bool

    @finish
    class Member(base):  # type: ignore[misc]
        contact_id: str
        chat_id: str
        org_id: str
        org_phone: str
        contact_name: str
        contact_image: str
        contact_color: str
        contact_labels: str
        is_admin: bool
        is_super_admin: bool
        is_internal: bool

    @finish
    class Chat(base):  # type: ignore[misc]
        chat_id: str
        org_id: str
        org_phone: str
        chat_name: str
        chat_type: str
        chat_image: str
        chat_labels: str
        created_at: datetime
        custom_properties: dict[str, Any]
        group_description: str | None
        invite_link: str | None
        is_muted: bool
        members: dict[str, Member]

    @finish
    class Message(base):  # type: ignore[misc]
        message_id: str
        chat_id: str
        org_phone: str
        body: str
        timestamp: datetime
        media_path: str
        sender_name: str
        sender_phone: str
        performed_by: str | None

    @finish
    class TicketInfo(base):  # type: ignore[misc]
        ticket: Ticket
        chat: Chat
        message: Message
        attached_messages: list[Message]

    return TicketInfo
