"""Bodies made from the vendor's schemas, and the vendor's samples: they go into the models and come out whole."""

import json
import random
import string
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs
import pytest

from periskope_async import DecodeError
from periskope_async._codec.annotations import is_model, model_in, plain, some
from periskope_async._codec.converter import decode, explain
from periskope_async._codec.fields import own_fields, wire_key
from periskope_async._sansio.operation import Operation
from periskope_async.models import (
    AuditLog,
    AuditLogPage,
    BroadcastReceipt,
    BroadcastStatus,
    Chat,
    ChatAiSettings,
    ChatInfo,
    ChatMember,
    ChatPage,
    Contact,
    ContactCheck,
    ContactPage,
    DeliveryInfo,
    GroupInvite,
    InviteResult,
    KbDocumentCreated,
    KbItem,
    KbPage,
    Member,
    Message,
    MessageFlag,
    MessageMedia,
    MessagePage,
    MessagePoll,
    MessageStatus,
    Note,
    NotePage,
    Notification,
    NotificationPage,
    ParticipantResult,
    Phone,
    PhoneRow,
    PurgeResult,
    QueueJob,
    QueueStatus,
    Reaction,
    ReactionPage,
    ScheduledMessage,
    ScheduledMessageOccurrence,
    ScheduledMessageOccurrencePage,
    ScheduledMessagePage,
    SendReceipt,
    SentMessage,
    Task,
    TaskPage,
    TicketInfo,
    TicketPage,
    TicketRow,
    Webhook,
)
from periskope_async.models.knowledge_base import FaqCreated
from tests.project.test_operations import OPERATIONS, UNREAD, entry_of
from tests.schemas import API, schema, schema_of
from tests.support import each_of

Json = Any
SEEDS = [range(20), pytest.param(range(20, 400), marks=pytest.mark.slow)]
OBJECTS: dict[str, Any] = {
    "BroadcastReceipt": BroadcastReceipt,
    "BroadcastStatus": BroadcastStatus,
    "Chat": Chat,
    "ChatInfo": ChatInfo,
    "ChatMember": ChatMember,
    "Contact": Contact,
    "DeliveryInfo": DeliveryInfo,
    "EventChat": Chat,
    "EventNotification": Notification,
    "EventReaction": Reaction,
    "KbItem": KbItem,
    "ListChats": ChatPage,
    "ListContacts": ContactPage,
    "ListMessages": MessagePage,
    "ListNotifications": NotificationPage,
    "ListTickets": TicketPage,
    "Media": MessageMedia,
    "Member": Member,
    "Message": Message,
    "MessageFlag": MessageFlag,
    "Note": Note,
    "Notification": Notification,
    "ParticipantResults": Mapping[str, ParticipantResult],
    "Phone": Phone,
    "PhoneRow": PhoneRow,
    "Poll": MessagePoll,
    "QueueJob": QueueJob,
    "QueueStatus": QueueStatus,
    "Reaction": Reaction,
    "SendReceipt": SendReceipt,
    "TicketInfo": TicketInfo,
    "TicketRow": TicketRow,
    "Webhook": Webhook,
    "docs/ContactCheck": ContactCheck,
    "docs/AuditLog": AuditLog,
    "docs/AuditLogPage": AuditLogPage,
    "docs/ChatAiSettings": ChatAiSettings,
    "docs/KbDocumentCreated": KbDocumentCreated,
    "docs/KbItem": KbItem,
    "docs/MessageStatus": MessageStatus,
    "docs/PurgeResult": PurgeResult,
    "docs/QueueJob": QueueJob,
    "docs/ScheduledMessage": ScheduledMessage,
    "docs/ScheduledMessageOccurrence": ScheduledMessageOccurrence,
    "docs/ScheduledMessageOccurrencePage": ScheduledMessageOccurrencePage,
    "docs/ScheduledMessagePage": ScheduledMessagePage,
    "docs/SendMessageSync": SentMessage,
    "docs/SendReceipt": SendReceipt,
    "docs/Task": Task,
    "docs/TaskPage": TaskPage,
    "responses/createFaq": FaqCreated,
    "responses/getAllKnowledgeBase": KbPage,
    "responses/getNoteById": Note,
    "responses/getNotes": NotePage,
    "responses/getReactions": ReactionPage,
    "responses/inviteMembers": InviteResult,
    "responses/refreshInvite": GroupInvite,
}
#: Whose keys are not all attributes of their models: short forms, and the types of messages where notes are answered.
OTHER_KEYS = {"ChatInfo", "TicketInfo", "TicketRow", "responses/getNoteById"}

#: The vendor's published bodies, by the model that reads them; of those in an envelope, the key.
EXAMPLES: dict[str, tuple[Any, str | None]] = {
    "chats/listAllChats.response": (ChatPage, None),
    "chats/listChatAuditLogs.response": (AuditLogPage, None),
    "chats/updateChat.response": (Chat, None),
    "contacts/createContact.response": (Contact, None),
    "contacts/getContactById.response": (Contact, None),
    "contacts/getContacts.response": (ContactPage, None),
    "chats/updateChatAiSettings.response": (ChatAiSettings, None),
    "events/chat.notification.created": (Notification, None),
    "events/note.created": (Note, None),
    "events/org.phone.connected": (Phone, None),
    "events/org.phone.disconnected": (Phone, None),
    "events/reaction.created": (Reaction, None),
    "events/reaction.updated": (Reaction, None),
    "groups/acceptGroupInvite.response": (Chat, None),
    "groups/addParticipantToGroup.response": (Mapping[str, ParticipantResult], None),
    "groups/refreshInvite.response": (GroupInvite, None),
    "members/inviteMembers.response": (InviteResult, None),
    "members/updateMemberAccess.response": (tuple[Member, ...], None),
    "knowledge-base/createDocument.response": (KbDocumentCreated, None),
    "knowledge-base/getKnowledgeBaseDocumentByDocumentId.response": (KbItem, None),
    "knowledge-base/getKnowledgeBaseFaqByContextId.response": (KbItem, None),
    "knowledge-base/updateFaq.response": (KbItem, None),
    "messages/broadcastMessage.response": (BroadcastReceipt, None),
    "messages/getMessage.response": (Message, None),
    "messages/getMessageStatus.response": (MessageStatus, None),
    "messages/sendMessage.older.response": (SendReceipt, None),
    "messages/sendMessage.response": (SendReceipt, None),
    "messages/sendMessageSync.response": (SentMessage, None),
    "notes/createNote.response": (Note, "data"),
    "notes/getNoteById.response": (Note, None),
    "notes/getNotesByChat.response": (NotePage, None),
    "phones/getAllPhones.response": (tuple[Phone, ...], None),
    "phones/getPhone.response": (Phone, None),
    "queue/fetchQueueJobs.older.response": (tuple[QueueJob, ...], None),
    "queue/fetchQueueJobs.response": (tuple[QueueJob, ...], None),
    "queue/getBroadcastStatus.response": (BroadcastStatus, None),
    "queue/purgeQueue.response": (PurgeResult, None),
    "reactions/getReactions.response": (ReactionPage, None),
    "webhooks/createWebhook.response": (Webhook, None),
    "webhooks/getWebhookById.response": (Webhook, None),
    "webhooks/listWebhooks.response": (tuple[Webhook, ...], None),
    "scheduled-messages/createScheduledMessage.response": (ScheduledMessage, None),
    "scheduled-messages/getScheduledMessageById.response": (ScheduledMessage, None),
    "scheduled-messages/listScheduledMessageOccurrences.response": (ScheduledMessageOccurrencePage, None),
    "scheduled-messages/listScheduledMessages.response": (ScheduledMessagePage, None),
    "scheduled-messages/updateScheduledMessage.response": (ScheduledMessage, None),
    "tasks/createTask.response": (Task, None),
    "tasks/getTasks.response": (TaskPage, None),
    "tickets/listTicketAuditLogs.response": (AuditLogPage, None),
}
MOMENTS = ["2025-01-26T13:46:21.670006+00:00", "2024-05-13 11:19:34+00", "2025-01-18T14:51:03.52Z", "2025-04-20", ""]


def of_one(name: str) -> dict[str, Json]:
    """A schema; of an array its items', and of two answers the one that is not a `SendReceipt`."""
    allowed = schema(name)
    return next(iter(allowed.get("anyOf", ())), allowed.get("items", allowed))


def same_json(one: Json, other: Json) -> bool:
    """Compare as JSON, where true is not 1 and the order of keys does not matter."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def wire_keys(attribute: "attrs.Attribute[Any]") -> tuple[str, ...]:
    """The JSON keys of an attribute: the usual one first."""
    return (wire_key(attribute), *attribute.metadata.get("other_keys", ()))


def json_of(result: Any) -> Json:
    """What came, made of what became of it: a model, several, or models by name."""
    if isinstance(result, dict):
        return {key: json_of(value) for key, value in result.items()}
    return [json_of(value) for value in result] if isinstance(result, tuple) else result.to_dict()


class Maker:
    """Makes JSON that a schema allows, as one who knows that ids, moments and whole numbers are what they are."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311  # bodies of a test

    def text(self, shortest: int = 0) -> str:
        return "".join(self.dice.choices(string.ascii_letters + ' ,@."\\ü😀\n', k=self.dice.randint(shortest, 8)))

    def any_json(self, depth: int = 2) -> Json:
        kinds = [None, True, False, 0, -1, 1.5, self.text(), [], {}]
        if depth and self.dice.random() < 0.3:
            inner = [self.any_json(depth - 1) for _ in range(2)]
            return self.dice.choice([inner, dict(zip(["a", "b"], inner, strict=True))])
        return self.dice.choice(kinds)

    def value(self, allowed: dict[str, Json], wanted: Any) -> Json:
        """Any value of a schema, for a field of this type; of any type where it is `Any`."""
        if "$ref" in allowed or "anyOf" in allowed:
            return self.value(
                schema(allowed["$ref"]) if "$ref" in allowed else self.dice.choice(allowed["anyOf"]), wanted
            )
        if "enum" in allowed:
            unknown = [] if wanted is Any else [type(allowed["enum"][0])(9)]
            return self.dice.choice(allowed["enum"] + unknown)
        kinds = allowed.get("type", "any")
        kind = kinds if isinstance(kinds, str) else self.dice.choice(kinds)
        make = {"object": self.object, "array": self.array, "string": self.string, "number": self.number}.get(kind)
        if make is not None:
            return make(allowed, wanted)
        return {"null": None, "boolean": self.dice.random() < 0.5}.get(kind, self.any_json())

    def array(self, allowed: dict[str, Json], wanted: Any) -> Json:
        return [self.value(allowed.get("items", {}), _element(wanted)) for _ in range(self.dice.randint(0, 2))]

    def string(self, _: dict[str, Json], wanted: Any) -> Json:
        if plain(some(wanted)) is int:  # digits as text
            return str(self.dice.randint(0, 99))
        return self.dice.choice(MOMENTS) if plain(some(wanted)) is datetime else self.text(int(wanted is str))

    def number(self, _: dict[str, Json], wanted: Any) -> Json:
        return self.dice.choice([0, 7, -1, 1737690126280] + [2.5] * (plain(some(wanted)) in (float, Any)))

    def object(self, allowed: dict[str, Json], wanted: Any) -> dict[str, Json]:
        """An object with the keys of its id, most of those that a schema has, and one that it does not."""
        model = model_in(wanted)
        types = {key: a.type for a in own_fields(model) for key in wire_keys(a)} if model else {}
        ids = {key for a in own_fields(model) if a.default is attrs.NOTHING for key in wire_keys(a)} if model else set()
        body = {
            key: self.value(inner, types.get(key, _element(wanted)))
            for key, inner in allowed.get("properties", {}).items()
            if key in ids or self.dice.random() < 0.8
        }
        others = allowed.get("additionalProperties")
        if isinstance(others, dict):
            body |= {self.text(): self.value(others, _element(wanted)) for _ in range(self.dice.randint(0, 2))}
        elif self.dice.random() < 0.2:
            body["new today"] = self.any_json()
        return body


def _element(wanted: Any) -> Any:
    """What a collection holds; a text in one may be empty, and is not asked for as an id is."""
    element = getattr(some(wanted), "__args__", [Any])[
        -1 if getattr(some(wanted), "__origin__", None) is not tuple else 0
    ]
    return str | None if element is str else element


@pytest.mark.parametrize("seeds", SEEDS, ids=repr)
@pytest.mark.parametrize("name", OBJECTS)
def test_bodies_of_the_vendors_schemas_lose_nothing(name: str, seeds: range) -> None:
    """Each of four hundred bodies that a schema allows is read the same on both ways, and comes back as it came."""
    allowed, cls = of_one(name), OBJECTS[name]
    for seed in seeds:
        body = Maker(seed).value(allowed, cls)
        model = decode(json.dumps(body).encode(), cls)
        assert same_json(json_of(model), body), f"seed {seed}"
        assert explain(body, cls) == model, f"seed {seed}"


@pytest.mark.parametrize("seeds", [range(5), pytest.param(range(5, 100), marks=pytest.mark.slow)], ids=repr)
@pytest.mark.parametrize("operation", [each for each in OPERATIONS if schema_of(entry_of(each)["operation"])])
def test_answers_that_the_schemas_allow_lose_nothing(operation: Operation[Any], seeds: range) -> None:
    """What the schema of an operation allows, the operation reads whole: pages, arrays, and one in an envelope too."""
    allowed = schema(schema_of(entry_of(operation)["operation"]) or "")
    if operation.result is None:  # what only repeats the id of what was deleted
        assert operation.name in UNREAD
        return
    if operation.unwrap:  # of what is in the envelope the schema says nothing
        allowed = schema(operation.result.__name__)
    for seed in seeds:
        value = Maker(seed).value(allowed, operation.result)
        body = {operation.unwrap: value} if operation.unwrap else value
        result = decode(json.dumps(body).encode(), operation.result, operation.unwrap)
        assert same_json(json_of(result), value), f"seed {seed}"


@each_of("body", [b"[]", b'""', b"0", b"false", b"[{}]"])
@each_of("name", OBJECTS)
def test_nothing_but_an_object_is_a_model(name: str, body: bytes) -> None:
    """Also a model that needs no key is not made of an empty array, text or number."""
    with pytest.raises(DecodeError, match=r"invalid value for type, expected \w+ @ \$"):
        decode(body, OBJECTS[name])


@each_of("name", sorted(OBJECTS.keys() - OTHER_KEYS))
def test_every_key_of_the_vendors_types_is_a_field(name: str) -> None:
    """What the vendor's types name is an attribute of the model, and not left to `extra`."""
    allowed = of_one(name)
    keys = set(allowed["properties"] if is_model(OBJECTS[name]) else allowed["additionalProperties"]["properties"])
    assert keys - {key for a in own_fields(model_in(OBJECTS[name])) for key in wire_keys(a)} == set()


@each_of("name", EXAMPLES)
def test_the_vendors_examples_lose_nothing(name: str) -> None:
    """A body that the vendor published is read the same on both ways, and comes back as it came."""
    cls, key = EXAMPLES[name]
    text = (API / "examples" / f"{name}.json").read_bytes()
    body = json.loads(text) if key is None else json.loads(text)[key]
    result = decode(text, cls, key)
    assert same_json(json_of(result), body)
    assert explain(body, cls) == result


def test_the_schemas_are_those_of_the_models() -> None:
    """Every model but the short forms in tickets is checked against a schema."""
    reached = {model_in(cls) for cls in OBJECTS.values()}
    for cls in list(reached):
        reached |= {model_in(a.type) for a in own_fields(cls) if is_model(model_in(a.type))}
    from periskope_async import models

    assert {cls for cls in map(models.__getattr__, models.__all__) if is_model(cls)} - reached == {models.Page}


# ------------------------------------------------------------------------------------------------- samples

LISTED = {
    "assigned_to": None,
    "chat_access": None,
    "chat_id": "120363000000000001@g.us",
    "chat_image": None,
    "chat_name": "Test 1",
    "chat_org_phones": ["910000000001@c.us"],
    "chat_type": "group",
    "closed_at": None,
    "created_at": "2025-01-24T05:11:03+00:00",
    "custom_properties": {},
    "flag_count_map": None,
    "group_description": None,
    "hubspot_metadata": {},
    "info_admins_only": False,
    "invite_link": "https://chat.example/invite/x",
    "is_exited": False,
    "is_muted": False,
    "label_ids": {},
    "latest_message": None,
    "member_add_mode": "false",
    "member_count": 1,
    "message_unread_count": None,
    "messages_admins_only": False,
    "org_id": "o",
    "org_phone": "910000000001@c.us",
    "updated_at": "2025-01-24T05:11:10.691753+00:00",
}
MESSAGE = {
    "ack": "3",
    "author": None,
    "body": "Hello",
    "broadcast": None,
    "chat_id": "910000000002@c.us",
    "delivery_info": {
        "delivered": {"910000000002@c.us": 1737967705196},
        "delivered_count": 1,
        "pending": [],
        "read": {"910000000002@c.us": 1737967704763},
        "read_count": 1,
    },
    "flag_metadata": None,
    "forwarding_score": "0",
    "from": None,
    "from_me": True,
    "fts": "'hello':1",
    "id": {"from_me": True, "id": "3EB0", "remote": "910000000002@c.us", "serialized": "true_910000000002@c.us_3EB0"},
    "links": "[]",
    "media": {"size": 19940, "filename": "a", "mimetype": "image/jpeg", "dimensions": {"ar": 1, "width": None}},
    "mentioned_ids": [],
    "message_id": "true_910000000002@c.us_3EB0",
    "message_type": "chat",
    "poll_info": {"pollName": "?", "pollOptions": ["a, b", "c"], "options": {"allowMultipleAnswers": True}},
    "poll_results": {"a, b": {"910000000002@c.us": "x"}},
    "raw_data": None,
    "reactions": [{"reaction_id": "r", "message_id": "m", "ack": 0, "orphan": "0", "reaction": ""}],
    "timestamp": "2024-05-13 11:19:34+00",
    "vcards": ["BEGIN:VCARD, and a comma"],
}
MEMBERS = {
    "910000000002@c.us": {"contact_id": "910000000002@c.us", "is_internal": None, "pushname": "Mia", "number": ""}
}


def test_a_chat_of_a_list_is_read() -> None:
    """The sample of a list of chats arrives field by field and comes back."""
    page = ChatPage.from_dict({"chats": [LISTED], "from": 1, "to": 1, "count": 40})
    (chat,) = page.chats
    assert (page.rows, page.count, page.first, page.last) == ((chat,), 40, 1, 1)
    assert (chat.chat_org_phones, chat.flag_count_map, chat.member_add_mode) == (("910000000001@c.us",), {}, "false")
    assert (chat.labels, chat.latest_message, chat.members) == ((), None, {})
    assert repr(page) == "ChatPage(chats=<1 rows>, count=40, first=1, last=1)"
    assert same_json(page.to_dict(), {"chats": [LISTED], "from": 1, "to": 1, "count": 40})


def test_a_chat_in_full_is_read() -> None:
    """Labels as an array, members, and the newest message with all it holds, oddly spelled numbers too."""
    body = LISTED | {"labels": ["a, b", "c"], "members": MEMBERS, "latest_message": MESSAGE, "label_ids": {"l": True}}
    chat = decode(json.dumps(body).encode(), Chat)
    assert same_json(chat.to_dict(), body)
    assert chat.labels == ("a, b", "c")
    member = chat.members["910000000002@c.us"]
    assert (member.pushname, member.number, member.name, member.contact_labels) == ("Mia", None, None, ())
    message = chat.latest_message
    assert message is not None
    assert (message.ack, message.ack_level, message.forwarding_score, message.from_) == ("3", 3, 0, None)
    assert message.vcards == ("BEGIN:VCARD, and a comma",)
    assert message.delivery_info is not None
    assert message.delivery_info.read == {"910000000002@c.us": 1737967704763}
    assert message.media is not None
    assert (message.media.size, message.media.dimensions["width"]) == (19940, None)
    assert message.poll_info is not None
    assert (message.poll_info.name, message.poll_info.options) == ("?", ("a, b", "c"))
    assert message.poll_info.settings == {"allowMultipleAnswers": True}
    (reaction,) = message.reactions
    assert (reaction.ack, reaction.ack_level, reaction.orphan, reaction.reaction) == ("0", 0, 0, None)


@pytest.mark.parametrize(("ack", "level"), [(None, None), ("-1", -1), ("5", 5), ("seen", None), ("", None)])
def test_an_acknowledgement_has_a_level_if_it_is_a_number(ack: str | None, level: int | None) -> None:
    """`ack_level` compares where `ack` is text, and never fails."""
    assert Message.from_dict({"message_id": "m", "ack": ack}).ack_level == level
    assert Reaction.from_dict({"reaction_id": "r", "ack": ack}).ack_level == level


def test_a_mapping_of_numbers_may_hold_null() -> None:
    """The newest message of a phone that has none is null in the mapping, and None here."""
    chat = Chat.from_dict({"chat_id": "1@c.us", "latest_message_timestamp_map": {"2@c.us": 5, "3@c.us": None}})
    assert chat.latest_message_timestamp_map == {"2@c.us": 5, "3@c.us": None}


@pytest.mark.parametrize("key", ["notifictions", "notifications", "messages"])
def test_notifications_are_found_under_each_of_their_keys(key: str) -> None:
    """The vendor spells the key of the rows in three ways: each is read, and goes back out as it came."""
    body = {"from": 1, "to": 1, "count": 1, key: [{"notification_id": "n", "recipientids": None}]}
    page = NotificationPage.from_dict(body)
    assert [row.notification_id for row in page.rows] == ["n"]
    assert page.rows == page.notifications
    assert same_json(page.to_dict(), body)


def job(name: str) -> QueueJob:
    """The job of one of the vendor's examples."""
    (found,) = decode((API / "examples" / "queue" / f"fetchQueueJobs.{name}.json").read_bytes(), tuple[QueueJob, ...])
    return found


def test_the_newer_form_of_a_job() -> None:
    """What both forms of a job say has one name; times are moments."""
    found = job("response")
    assert (found.queue_id, found.attempts, found.status) == ("0000000a-0000-4000-8000-00000000000a", 1, "sent")
    assert (found.recipient, found.body) == ("9876500005@c.us", "Hello")
    assert found.queued_at == datetime.fromisoformat("2026-04-01T14:23:21.279Z")
    assert found.finished_at == datetime.fromisoformat("2026-04-01T14:23:24.111Z")


def test_the_older_form_of_a_job() -> None:
    """The older form is told by its keys, and says the same by the same names."""
    found = job("older.response")
    assert (found.queue_id, found.attempts, found.status) == ("00000010-0000-4000-8000-000000000010", 1, "completed")
    assert (found.recipient, found.chat_id) == ("919876500002@c.us", None)
    assert str(found.body).startswith("You have been invited")
    assert found.queued_at == datetime.fromisoformat("2025-01-20T11:45:07.280Z")
    assert found.finished_at == datetime.fromisoformat("2025-01-20T11:45:10.691Z")


@pytest.mark.parametrize(
    ("body", "queued_at"),
    [
        ({}, None),
        ({"timeline": {"queued_at": "2026-04-01T10:00:00"}}, "2026-04-01T10:00:00+00:00"),
        ({"timeline": {"queued_at": "soon"}}, None),
        ({"timeline": {"queued_at": 5}}, None),
        ({"addedTimestamp": 10**18}, None),
    ],
)
def test_a_job_that_says_little(body: dict[str, Json], queued_at: str | None) -> None:
    """What a job does not say, or says so that nobody can read it, is None and never an error."""
    found = QueueJob.from_dict({"queue_id": "q", **body})
    assert found.queued_at == (datetime.fromisoformat(queued_at) if queued_at else None)
    assert (found.finished_at, found.recipient, found.body) == (None, None, None)


@pytest.mark.parametrize(("ack", "level"), [(None, None), ("3", 3), (3, 3), ("seen", None)])
def test_a_note_has_an_acknowledgement_too(ack: Json, level: int | None) -> None:
    """`ack_level` of a note is that of a message."""
    assert Note.from_dict({"message_id": "m", "ack": ack}).ack_level == level
