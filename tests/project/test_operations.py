"""Every operation of the client against the repository's copy of what is known of the API: none can drift."""

import importlib
import inspect
import json
import pkgutil
import re
from collections import defaultdict
from typing import Any

import pytest

from periskope_async import Media, Poll, resources
from periskope_async._sansio.operation import Operation
from periskope_async._sansio.response import Content
from periskope_async.testing._service.service import ROUTES
from tests.schemas import ENDPOINTS, breaches
from tests.support import each_of, request_of

API = {(entry["method"], entry["path"]): entry for entry in ENDPOINTS.values()}

#: Where `endpoints.json` says "conditional": those that are sent again, for the end state is the same.
#: A repeated DELETE that finds nothing has succeeded.
#: But a purge goes once: a second one may take what was queued since. So does what takes a phone or a person away.
REPEATED = {"DELETE", "/message/{message_id}/edit", "/message/{message_id}/react", "/message/{message_id}/pin"}

ONCE = {"/queue/purge", "/members/{id}", "/phones/delete"}

#: Body fields beyond those of `endpoints.json`: its notes say that a newer description calls `queue_id` so.
MORE_FIELDS = {"/queue/purge": {"queue_ids"}}

#: Deletions whose answer repeats the id and is not read, so that a second one, which finds nothing, has succeeded.
UNREAD = {"knowledge_base.delete_faq", "knowledge_base.delete_document", "scheduled_messages.delete"}

#: What means another thing to one resource than to the others, by resource.
OTHER_VALUES: dict[str, dict[str, Any]] = {"KnowledgeBase": {"type": "faq"}, "Tasks": {"type": "chat"}}

#: The parameters to leave out, one call after the other, of methods that stand for two operations, or select in two
#: ways.
LEFT_OUT: dict[str, tuple[set[str], ...]] = {
    "KnowledgeBase.create_document": ({"url"}, {"content"}),
    "Messages.list_page": ({"chat_id"}, {"start_time", "end_time"}),
    "Messages.send": ({"media"}, {"poll"}),
    "Messages.send_sync": ({"media"}, {"poll"}),
    "Messages.broadcast": ({"media"}, {"poll"}),
    "Notes.list_page": ({"chat_id"}, set()),
    "Notifications.list_page": ({"chat_id"}, {"start_time", "end_time"}),
    "Queue.purge": ({"broadcast_id"}, {"queue_ids"}),
}

#: Parameters that say how a call goes, and send nothing.
SENT_NOWHERE = {"on_progress", "progress"}

#: A value for every parameter that methods have, by name.
VALUES: dict[str, Any] = {
    "access": {"asha@example.com": True},
    "action": "STATUS_CHANGED",
    "add_members_admins_only": True,
    "answer": "By the desk",
    "assigned_to": "asha@example.com",
    "assignee": "asha@example.com",
    "association": {"chat_id": "919876500000"},
    "attachments": ["https://example.com/a.png"],
    "broadcast_id": "b-1",
    "chat_id": "120363000000000001@g.us",
    "chat_ids": ["919876500000@c.us", "120363000000000001@g.us"],
    "chat_type": "group",
    "contact_id": "919876500000",
    "contact_ids": ["919876500000"],
    "contact_name": "Asha",
    "content": b"All about parcels",
    "context_id": "ai-context-aaaaaaaaaaaaaaa",
    "created_by": "asha@example.com",
    "custom_properties": {"tier": "gold"},
    "delay": 2,
    "description": "Everything about parcels",
    "document_id": "d-1",
    "due_date": "2026-12-01",
    "edited_body": "Hello",
    "email": "asha@example.com",
    "emails": ["asha@example.com"],
    "end_time": "2026-12-01",
    "filename": "parcels.txt",
    "force_add_participants": False,
    "forward_chat_ids": ["919876500000@c.us"],
    "group_name": "Parcels",
    "hide_url_preview": True,
    "hook_url": "https://example.com/hook",
    "image": "https://example.com/parcels.png",
    "info_admins_only": True,
    "integration_id": "i-1",
    "integration_metadata": {"id": "i-1"},
    "integration_name": "ticket.created",
    "integration_type": "webhook",
    "invite_code": "aaaaaaaaaaaaaaaaaaaaab",
    "is_internal": False,
    "is_subscribed": True,
    "is_agent_allowed": True,
    "is_flagging_allowed": False,
    "is_repeat": True,
    "label": "vip",
    "labels": ["vip"],
    "limit": 10,
    "max_age": None,
    "media": Media.from_bytes(b"GIF89a", filename="a.gif"),
    "member_add_mode": False,
    "message": "Hello",
    "message_id": "true_919876500000@c.us_3EB0",
    "messages_admins_only": True,
    "name": "Parcels",
    "note_id": "true_00000001-0000-4000-8000-000000000001_api",
    "notes": "Twice",
    "offset": 1,
    "org_phones": ["919876500001"],
    "participants": ["919876500002@c.us"],
    "performed_by": "asha@example.com",
    "phone": "919876500001",
    "phone_image": "https://example.com/phone.png",
    "phone_name": "Parcels",
    "poll": Poll("Lunch?", ["yes", "no"]),
    "priority": 3,
    "question": "Where?",
    "queue_id": "q-1",
    "queue_ids": ["q-1", "q-2"],
    "quoted_message_id": "3EB0",
    "reaction": "👍",
    "remind_at": "2026-12-01",
    "repeat_config": {"repeat_interval": "day"},
    "replace": True,
    "reply_to": "true_919876500000@c.us_3EB0",
    "role": "member",
    "scheduled_at": "2999-12-01",
    "scheduled_id": "s-1",
    "skip_next": False,
    "start_time": "2026-11-01",
    "status": "open",
    "subject": "Call back",
    "sync_timeout": 25,
    "ticket_id": "BKT-001",
    "type": "webhook",
    "title": "Call back",
    "unique_id": "3EB0",
    "url": "https://example.com/parcels.pdf",
    "variables": {"919876500000@c.us": {"name": "Asha"}},
    "webhook_id": "00000000-0000-4000-8000-000000000001",
}

#: Methods that make more than one request, or several of another's.
OF_MANY = ("get_many", "send_many", "settle", "find_sent", "wait_until", "changed_since")


def modules() -> list[Any]:
    """Return the module of every resource."""
    return [
        importlib.import_module(f"{resources.__name__}.{found.name}")
        for found in pkgutil.iter_modules(resources.__path__)
        if not found.name.startswith("_")
    ]


OPERATIONS = [value for module in modules() for value in vars(module).values() if isinstance(value, Operation)]
RESOURCES = [getattr(module, module.__all__[0]) for module in modules()]
by_name = each_of("operation", OPERATIONS)


def entry_of(operation: Operation[Any]) -> dict[str, Any]:
    """Return what is known of an operation."""
    return API[operation.method, operation.path]


@by_name
def test_operation_is_the_one_of_the_api(operation: Operation[Any]) -> None:
    """Name, method, path and parameters are the API's."""
    entry = entry_of(operation)
    assert operation.name.removesuffix("_all") == entry["python_name"]
    assert re.findall(r"{(\w+)}", operation.path) == entry["path_params"]


@by_name
def test_result_fits_what_the_api_answers(operation: Operation[Any]) -> None:
    """Where the API answers no body none is read, or none has to be; where it answers an array, a tuple is."""
    shape, result = entry_of(operation)["response_shape"], operation.result
    unread = operation.name in UNREAD and result is None
    assert (result is None or operation.optional) == (shape == "none" or unread)
    assert not operation.optional or {200, 204} == set(entry_of(operation)["success_statuses"])
    assert (result is Content) == (shape == "binary")
    assert str(result).startswith("tuple[") == (shape == "array")


@by_name
def test_idempotent_as_the_api_says(operation: Operation[Any]) -> None:
    """What may be sent twice is said per operation, as the API's notes have it."""
    verdict = entry_of(operation)["repeat_safe"]
    if verdict == "conditional":
        verdict = operation.path not in ONCE and bool({operation.method, operation.path} & REPEATED)
    assert operation.idempotent is verdict


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.__name__)
async def test_methods_send_all_that_the_api_takes(resource: type[Any]) -> None:
    """Called with every parameter, a method sends every query value and body field that the API knows, and no other.

    What it sends is what the schema of the request allows.
    """
    values = VALUES | OTHER_VALUES.get(resource.__name__, {})
    sent: dict[Operation[Any], set[str]] = {}
    bodies = defaultdict[tuple[str, str], set[str]](set)
    for name, method in vars(resource).items():
        if name.startswith(("_", *OF_MANY)) or not inspect.iscoroutinefunction(method):
            continue
        parameters = {
            each.name
            for each in inspect.signature(method).parameters.values()
            if each.name not in {"self", *SENT_NOWHERE} and each.kind is not each.VAR_KEYWORD
        }
        for left_out in LEFT_OUT.get(f"{resource.__name__}.{name}", (set(),)):
            request = await request_of(resource, name, **{each: values[each] for each in parameters - left_out})
            operation, entry = request.operation, entry_of(request.operation)
            query = {part.partition("=")[0] for part in request.query.split("&") if part}
            sent.setdefault(operation, set()).update(query)
            body = json.loads(request.body) if request.body else {}
            bodies[operation.method, operation.path] |= body.keys()
            if entry.get("request_schema"):
                assert breaches(body, f"requests/{entry['operation']}") == set(), name
            assert ("phone" in parameters) == entry["needs_phone"], name
            assert request.phone == (VALUES["phone"] if entry["needs_phone"] else None), name
    for operation, names in sent.items():
        entry = entry_of(operation)
        assert names == {query["name"] for query in entry["query"]}, operation
        known = {re.split(r"\W", field["name"])[0] for field in entry["body_fields"]}
        assert bodies[operation.method, operation.path] == known | MORE_FIELDS.get(operation.path, set()), operation
    module = inspect.getmodule(resource)
    assert sent.keys() == {value for value in vars(module).values() if isinstance(value, Operation)}


def test_api_client_and_fake_have_the_same_operations() -> None:
    """What is known of the API, the client calls and the fake serves: each operation is in all three lists."""
    known = {(method, path, entry["python_name"]) for (method, path), entry in API.items()}
    called = {(each.method, each.path, each.name.removesuffix("_all")) for each in OPERATIONS}
    served = {(route.method, route.path, route.operation) for route in ROUTES}
    by_vendor = {(route.operation_id, route.method, route.path) for route in ROUTES}
    assert called == known
    assert served == called
    assert by_vendor <= {(entry["operation"], *key) for key, entry in API.items()}
