"""Every answer of the service against the vendor's schema of it, and where the two differ, which of them is right."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from periskope_async.testing import Assumptions, Request
from periskope_async.testing._service.knowledge_base import DOCUMENTS, FAQS
from periskope_async.testing._service.scheduled_messages import run_due
from periskope_async.testing._service.service import ROUTES, Service
from tests.schemas import ENDPOINTS, NAMES, breaches, examples_of, reached, schema_of

Json = Any

KEY = "Authorization: Bearer key"
NOW = 1_740_000_000.25
PERSON = "919537851844"
TEXT = {"message": "Hello"}
LATER = "2999-01-01T09:00:00Z"

#: The operations that answer JSON of a schema.
ANSWERED = {operation: name for operation in ENDPOINTS if (name := schema_of(operation))}

#: What every operation that takes a body is sent. `{chat_id}` and the like are as in paths.
BODIES: dict[str, dict[str, Json]] = {
    "createTicket": {"chat_id": "{chat_id}", "subject": "Call back"},
    "updateTicket": {"status": "closed"},
    "updateChat": {"labels": "vip"},
    "updateChatAiSettings": {"is_agent_allowed": False},
    "createGroup": {"group_name": "Parcels", "participants": [PERSON]},
    "updateGroupSettings": {"name": "Parcels"},
    "acceptGroupInvite": {"invite_code": "{invite_code}"},
    "addParticipantToGroup": {"participants": [PERSON]},
    "removeParticipantFromGroup": {"participants": [PERSON]},
    "promoteParticipantToAdmin": {"participants": [PERSON]},
    "demoteParticipantToMember": {"participants": [PERSON]},
    "sendMessage": {"chat_id": "{chat_id}", **TEXT},
    "sendMessageSync": {"chat_id": "{chat_id}", **TEXT},
    "broadcastMessage": {"chat_ids": ["{chat_id}"], **TEXT},
    "purgeQueue": {"broadcast_id": "{broadcast_id}"},
    "createNote": {"chat_id": "{chat_id}", **TEXT},
    "createContact": {"contact_id": PERSON, "contact_name": "Asha"},
    "updateContact": {"contact_name": "Asha"},
    "checkContacts": {"contact_ids": [PERSON]},
    "updatePhone": {"phone_name": "Parcels"},
    "createFaq": {"question": "Where?", "answer": "Here."},
    "updateFaq": {"answer": "There."},
    "createDocument": {"document": {"base64": "eA=="}},
    "createScheduledMessage": {"chat_id": "{chat_id}", "scheduled_at": LATER, **TEXT},
    "updateScheduledMessage": {"message": "Good-bye"},
    "createTask": {"title": "Call back"},
    "inviteMembers": {"emails": ["new@example.com", "nobody"]},
    "updateMemberAccess": {"emails": ["asha@example.com"], "labels": ["vip"]},
    "createWebhook": {"hookUrl": "https://example.com/hook", "integrationName": ["ticket.created"]},
    "updateWebhook": {"isSubscribed": False},
}
QUERIES = {"getBroadcastStatus": "?broadcast_id={broadcast_id}"}

#: Where an answer is not what the types say, the vendor's own examples decide: what one of them shows is right, for it
#: was sent. Of what no example shows, this: whose word it is, why, and what of the types it overrides.
OVERRIDDEN: list[tuple[str, str, set[str]]] = [
    (
        "the page of getTickets",
        "rows of it lack the first two, and show `{}` for the metadata",
        {
            "TicketRow.first_assigned_at missing",
            "TicketRow.last_updated_by missing",
            "TicketRow.hubspot_metadata.pipeline missing",
        },
    ),
    (
        "the assumption `unquoted`",
        "the types have every ticket quote a message, where createTicket and its page have that as an option",
        {
            f"TicketInfo.message.{key} missing"
            for key in (
                *("body", "chat_id", "media_path", "message_id", "org_phone", "performed_by", "sender_name"),
                *("sender_phone", "timestamp"),
            )
        },
    ),
    (
        "the parameters of the list",
        "they are optional, and a page repeats them: the types have text also of one that was left out",
        {
            f"responses/{operation}.{end}_time null"
            for operation in ("getNotes", "getNotesByChat", "getReactions")
            for end in ("start", "end")
        },
    ),
    (
        "the types of getNotes",
        "they call the same notes messages, which need no file; those of a note's event leave no room for none",
        {"Note.media null"},
    ),
]

#: The schemas of newer pages, and the older form of jobs: which operation answers so, under which assumption.
OTHER_FORMS: list[tuple[str, str, Assumptions]] = [
    ("sendMessage", "docs/SendReceipt", Assumptions()),
    ("fetchQueueJobs", "QueueJob", Assumptions(queue_form="older")),
    ("fetchQueueJobs", "docs/QueueJob", Assumptions(queue_form="newer")),
    ("purgeQueue", "docs/PurgeResult", Assumptions(queue_form="newer")),
    ("deleteMember", "docs/MemberDeleted", Assumptions(member_deleted="200")),
    ("createDocument", "docs/KbDocumentCreated", Assumptions(documents="object")),
    ("getKnowledgeBaseDocumentByDocumentId", "docs/KbItem", Assumptions(documents="object")),
    ("getKnowledgeBaseFaqByContextId", "docs/KbItem", Assumptions()),
    ("listTicketAuditLogs", "AuditLog", Assumptions()),
    ("getBroadcastStatus", "BroadcastStatus", Assumptions()),
    ("createNote", "Note", Assumptions()),
]
HELD = [(operation, name, Assumptions()) for operation, name in ANSWERED.items()] + OTHER_FORMS
#: Of what no operation answers: rows of the vendor's database, parts of requests, and what comes by webhook.
NOT_ANSWERED = {
    *("BroadcastLog", "BroadcastVariable", "CustomProperty", "Label", "PollResult", "RecurringMessageRow"),
    *("ScheduleMessagePayload", "ScheduledLogRow", "SendMessageContent", "TaskAuditLog", "TaskRow", "WebhookLog"),
    *("EventChat", "EventMessage", "EventNotification", "EventReaction", "docs/WebhookEnvelope"),
}


#: Where the examples are not what the types say.
SHOWN = {one for each in ANSWERED for body in examples_of(each) for one in breaches(body, ANSWERED[each])}


class Account:
    """A service with something in every list, and the ids that paths and bodies name."""

    def __init__(self, assumptions: Assumptions) -> None:
        self.service = Service(30, seed=0, api_key="key", assumptions=assumptions, now=lambda: NOW)
        objects = self.service.state.objects
        group, left, *_ = (name for name in objects["chats"].ids() if name.endswith("@g.us"))
        link = self.ask("POST", f"/chats/{left}/invite")["invite_link"]
        self.ask("POST", f"/chats/{left}/leave")
        self.ask("PATCH", "/tickets/BKT-002", {"status": "open"})
        self.ask("PATCH", "/tickets/BKT-002", {"status": "archived"})
        # Of a chat the service logs nothing: the vendor does not say what is logged.
        objects["audit_logs"].put(examples_of("listChatAuditLogs")[0]["logs"][0] | {"chat_id": group})
        self.ask("POST", "/note/create", {"chat_id": group, **TEXT})
        sent = self.ask("POST", "/message/send", {"chat_id": group, **TEXT})
        due = self.ask("POST", "/message/scheduled", {"chat_id": group, "scheduled_at": "2025-01-01", **TEXT})
        run_due(self.service.state)
        self.ids = {
            "broadcast_id": self.ask("POST", "/message/broadcast", {"chat_ids": [group], **TEXT})["broadcast_id"],
            "chat_id": group,
            "contact_id": PERSON,
            "context_id": FAQS.example_id,
            "document_id": DOCUMENTS.example_id,
            "invite_code": link.rpartition("/")[2],
            "message_id": objects["messages"].ids()[0],
            "note_id": objects["notes"].ids()[0],
            "scheduled_id": due["scheduled_id"],
            "ticket_id": "BKT-002",
            "unique_id": sent["unique_id"],
        }

    def ask(self, method: str, path: str, body: Json = None, phone: str = "") -> Json:
        """Return the body of a success; None where there is none."""
        fields = f"Authorization: Bearer key{phone}".encode()
        answer = self.service.answer(Request(method, f"/v1{path}", fields, json.dumps(body or {}).encode()))
        assert answer.status in {200, 201, 204}, answer.body
        return json.loads(answer.body) if answer.body else None

    def answer(self, operation: str) -> Json:
        """Return what an operation answers to a request that has all it needs."""
        entry, (route,) = ENDPOINTS[operation], (each for each in ROUTES if each.operation_id == operation)
        ids = {"id": route.named.example_id, **self.ids}
        path = (entry["path"] + QUERIES.get(operation, "")).format_map(ids)
        body = with_ids(BODIES[operation], ids) if entry["body_fields"] else None
        return self.ask(entry["method"], path, body, "\r\nx-phone: 918527184400" if route.phone else "")


def with_ids(value: Json, ids: Mapping[str, str]) -> Json:
    """Return a body with ids in the place of their names."""
    if isinstance(value, dict):
        return {key: with_ids(each, ids) for key, each in value.items()}
    if isinstance(value, list):
        return [with_ids(each, ids) for each in value]
    return value.format_map(ids) if isinstance(value, str) else value


def found(operation: str, name: str, assumptions: Assumptions) -> set[str]:
    """Return where an answer, or a row of it, is not what a schema allows."""
    body, rows_key = Account(assumptions).answer(operation), ENDPOINTS[operation]["items_key"]
    assert body[rows_key] if rows_key else body, "any schema allows a list without rows"
    if name == schema_of(operation):
        return breaches(body, name)
    rows = body.get(rows_key or "data", body) if isinstance(body, dict) else body  # a note stands under `data`
    return set[str]().union(*(breaches(row, name) for row in (rows if isinstance(rows, list) else [rows])))


@pytest.mark.parametrize(("operation", "name", "assumptions"), HELD)
def test_answers_are_what_the_schemas_allow(operation: str, name: str, assumptions: Assumptions) -> None:
    """Every operation that has a schema answers what that allows, or what an example or a line above overrides."""
    assert found(operation, name, assumptions) <= SHOWN.union(*(each for _, _, each in OVERRIDDEN))


def test_refusals_are_what_the_schema_allows() -> None:
    """So is what says what is wrong."""
    service = Account(Assumptions()).service
    for path, fields in (("/tickets", ""), ("/tickets?limit=0", KEY), ("/tickets/BKT-404", KEY)):
        answer = service.answer(Request("GET", f"/v1{path}", fields.encode()))
        assert breaches(json.loads(answer.body), "docs/Error") == set()


def test_every_schema_is_held_against_an_answer() -> None:
    """But for those of what no operation answers, each schema of the vendor is in the tests above."""
    held = set[str]().union({"docs/Error"}, *(reached(name) for _, name, _ in HELD))
    assert {name for name in NAMES if not name.startswith("requests/")} - held == NOT_ANSWERED
    assert not held & NOT_ANSWERED


@pytest.mark.slow
def test_every_line_overrides_something() -> None:
    """Where an answer has come to be what the types say, or what an example shows, no line says otherwise."""
    every = set[str]().union(*(found(*each) for each in HELD))
    assert every - SHOWN == set[str]().union(*(each for _, _, each in OVERRIDDEN))
