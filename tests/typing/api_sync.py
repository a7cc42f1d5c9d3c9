"""The types a user of `periskope_sync` sees. Never run: mypy and pyright read it."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, assert_type

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from periskope_sync import (
    ApiError,
    AuditLog,
    AuditLogPage,
    BroadcastReceipt,
    BroadcastStatus,
    BulkResult,
    Change,
    Changes,
    Chat,
    ChatAiSettings,
    ChatInfo,
    ChatMember,
    ChatPage,
    ChatType,
    Contact,
    ContactCheck,
    ContactPage,
    EventName,
    Failed,
    Fetched,
    FoundSend,
    GroupInvite,
    Hooks,
    InviteResult,
    KbDocumentCreated,
    KbItem,
    KbPage,
    KbType,
    Media,
    Member,
    MemberRole,
    Message,
    MessageInfo,
    MessagePage,
    MessageStatus,
    Note,
    NotePage,
    Notification,
    NotificationPage,
    Outgoing,
    ParticipantResult,
    PeriskopeClient,
    PeriskopeError,
    Phone,
    PhoneRow,
    Poll,
    Progress,
    PurgeResult,
    QrImage,
    QueueJob,
    QueueStatus,
    RateLimit,
    Reaction,
    ReactionPage,
    RedisBudget,
    ScheduledMessage,
    ScheduledMessageOccurrence,
    SendManyResult,
    SendReceipt,
    SentMessage,
    Task,
    TaskPriority,
    TaskStatus,
    TicketInfo,
    TicketPage,
    TicketPriority,
    TicketRow,
    TicketStatus,
    Unset,
    Webhook,
)
from periskope_sync.events import Event, Gap


def clients() -> None:
    """A client is made, entered, cloned, asked and closed."""
    assert_type(PeriskopeClient(), PeriskopeClient)
    assert_type(RedisBudget(Redis()), RedisBudget)
    PeriskopeClient(budget=RedisBudget(AsyncRedis()))
    PeriskopeClient(budget="redis://cache")
    PeriskopeClient(tracing=True, propagate_traceparent=True, cache_size=10, hooks=Hooks(on_end=print))
    PeriskopeClient("key", phone="phone-1", base_url="https://example.org/v1", timeout=1, deadline=None, retries=0)
    with PeriskopeClient(concurrency=4, budget="host") as client:
        assert_type(client, PeriskopeClient)
        assert_type(client.rate_limit, RateLimit | None)
        assert_type(client.with_options(timeout=1.5, deadline=None, retries=2), PeriskopeClient)
        assert_type(client.with_options(timeout=Unset.UNSET), PeriskopeClient)
    assert_type(client.close(), None)


def one(client: PeriskopeClient) -> None:
    """One ticket, and all that is in it."""
    info = client.tickets.get("BKT-001")
    assert_type(info, TicketInfo)
    assert_type(info.ticket.ticket_id, str)
    assert_type(info.ticket.created_at, datetime | None)
    assert_type(info.ticket.ticket_labels, tuple[str, ...])
    assert_type(info.chat, ChatInfo | None)
    assert_type(info.message, MessageInfo | None)
    assert_type(info.attached_messages, tuple[MessageInfo, ...])
    if info.chat is not None:
        members: Mapping[str, ChatMember] = info.chat.members or {}
        assert_type(members["9198…@c.us"], ChatMember)


def numbers() -> Iterator[str]:
    """Some ids, as they come in."""
    yield "BKT-001"


async def awaited_numbers() -> AsyncGenerator[str, None]:
    """Some ids that must be awaited."""
    yield "BKT-001"


def many(client: PeriskopeClient) -> None:
    """Many tickets, at once or as a stream, from any kind of iterable."""

    def on_progress(progress: Progress) -> None:
        assert_type(progress.eta, float | None)

    result = client.tickets.get_many(["BKT-001"], deadline=60, on_progress=on_progress)
    assert_type(result, BulkResult[TicketInfo])
    assert_type(result.tickets, dict[str, TicketInfo])
    assert_type(result.errors, dict[str, PeriskopeError])
    assert_type(result.skipped, tuple[str, ...])
    assert_type(result.raise_for_errors(), None)
    client.tickets.get_many(number for number in numbers())
    client.tickets.get_many(awaited_numbers())
    client.tickets.get_many({"BKT-001": 1}.keys())

    stream = client.tickets.stream(numbers(), ordered=True)
    assert_type(stream, AbstractContextManager[Iterator[Fetched[TicketInfo] | Failed]])
    with stream as results:
        for each in results:
            match each:
                case Fetched(ticket_id, ticket):
                    assert_type(ticket_id, str)
                    assert_type(ticket, TicketInfo)
                case Failed(ticket_id, error):
                    assert_type(error, PeriskopeError)


def custom(client: PeriskopeClient) -> None:
    """A request without a method of its own gives JSON, or the model that was asked for."""
    assert_type(client.request("GET", "/tickets/BKT-001", params={"limit": 1}), Any)
    assert_type(client.request("GET", "/tickets/BKT-001", idempotent=False, model=TicketInfo), TicketInfo)
    assert_type(client.request("GET", "/phones/1/qr", model=bytes), bytes)


def listed(client: PeriskopeClient) -> None:
    """Rows, by page and one after the other."""
    page = client.tickets.list_page(offset=10, limit=5)
    assert_type(page, TicketPage)
    assert_type(page.tickets, tuple[TicketRow, ...])
    assert_type(client.tickets.list(page_size=100), Iterator[TicketRow])
    for row in client.tickets.list():
        assert_type(row, TicketRow)


def written(client: PeriskopeClient) -> None:
    """Tickets made and changed, with enums or plain values; None clears."""
    info = client.tickets.create(
        chat_id="1@g.us", subject="Late", due_date=date(2026, 1, 1), priority=TicketPriority.HIGH, labels=["a"]
    )
    assert_type(info, TicketInfo)
    client.tickets.update("BKT-001", status=TicketStatus.CLOSED, priority=2)
    client.tickets.update("BKT-001", status="closed", assignee=None, labels=None, due_date=None)


def groups(client: PeriskopeClient) -> None:
    """Groups made and changed, their people each with a result, and what many chats take at once."""
    chat = client.groups.create("Parcels", ["919876500001"], info_admins_only=True, phone="phone-1")
    assert_type(chat, Chat)
    assert_type(client.groups.update(chat.chat_id, member_add_mode=False), Chat)
    assert_type(client.groups.refresh_invite(chat.chat_id), GroupInvite)
    assert_type(client.groups.accept_invite("code"), Chat)
    results = client.groups.add_participants(chat.chat_id, iter(["919876500001"]))
    assert_type(results, Mapping[str, ParticipantResult])
    assert_type(results["919876500001@c.us"].is_success, bool)
    client.groups.leave(chat.chat_id)
    client.chats.mark_read(chat.chat_id)
    client.chats.update_labels([chat.chat_id], ["vip"])
    client.chats.update_access([chat.chat_id], {"asha@example.com": True}, replace=True)


def conversations(client: PeriskopeClient) -> None:
    """Notes, notifications and reactions: written, read, listed."""
    assert_type(client.notes.create("1@g.us", "Hello", reply_to="3EB0"), Note)
    client.notes.create("1@g.us", media=Media.from_url("https://example.com/a.png"))
    assert_type(client.notes.get("true_1_api", phone="1"), Note)
    assert_type(client.notes.get_many(["true_1_api"]), BulkResult[Note])
    assert_type(client.notes.list(chat_id="1@g.us", start_time=date(2026, 1, 1)), Iterator[Note])
    assert_type(client.notes.list_page(offset=1), NotePage)
    assert_type(client.notifications.list(), Iterator[Notification])
    assert_type(client.notifications.list_page(chat_id="1@g.us"), NotificationPage)
    assert_type(client.reactions.list(message_id="3EB0"), Iterator[Reaction])
    assert_type(client.reactions.list_page(limit=5), ReactionPage)


def queued(client: PeriskopeClient) -> None:
    """The queue: its state, its jobs, and what is taken out of it."""
    assert_type(client.queue.get_status(), QueueStatus)
    assert_type(client.queue.list_jobs(queue_id="q"), tuple[QueueJob, ...])
    assert_type(client.queue.get_broadcast("b"), BroadcastStatus)
    assert_type(client.queue.purge(queue_ids=["q"]), PurgeResult | None)
    client.queue.purge(broadcast_id="b", phone="1")
    assert_type(client.queue.purge_all(), PurgeResult | None)


def told(error: ApiError) -> None:
    """What an error tells."""
    assert_type(error.status, int)
    assert_type(error.retry_after, float | None)
    assert_type(error.ticket_id, str | None)


def chats(client: PeriskopeClient) -> None:
    """Chats: the same methods, results of their own type, a phone for each call."""
    assert_type(client.chats.get("1@g.us", phone="+91 98765 00001"), Chat)
    assert_type(client.chats.update("1@g.us", labels=["vip"], custom_properties={"tier": "gold"}), Chat)
    assert_type(client.chats.list_page(chat_type=ChatType.GROUP, label="vip"), ChatPage)
    assert_type(client.chats.list(limit=5), Iterator[Chat])
    assert_type((client.chats.get_many(["1@g.us"])).fetched, dict[str, Chat])
    assert_type(client.with_options(phone=None), PeriskopeClient)


def directory(client: PeriskopeClient) -> None:
    """Contacts and members: one by one, and many in one call."""
    assert_type(client.contacts.get("919876500001"), Contact)
    assert_type(client.tickets.get("BKT-001", max_age=30), TicketInfo)
    assert_type(client.chats.get("1@g.us", max_age=0.5, phone=None), Chat)
    assert_type(client.contacts.get("919876500001", max_age=None), Contact)
    assert_type(client.contacts.create("919876500001", "Asha", is_internal=True, labels=["vip"]), Contact)
    assert_type(client.contacts.update("919876500001", contact_name="Asha"), Contact)
    client.contacts.update_labels(["919876500001"], "vip")
    assert_type(client.contacts.check(["919876500001"], phone="1"), tuple[ContactCheck, ...])
    assert_type(client.contacts.list_page(limit=5), ContactPage)
    assert_type(client.contacts.list(limit=5), Iterator[Contact])
    assert_type((client.contacts.get_many(["919876500001"])).fetched, dict[str, Contact])
    assert_type(client.members.invite(["a@example.com"], role=MemberRole.ADMIN, labels=None), InviteResult)
    assert_type(client.members.update_access(["a@example.com"], org_phones=["1"]), tuple[Member, ...])
    client.members.delete("a@example.com")


def phones(client: PeriskopeClient) -> None:
    """Phones, and what they are connected by."""
    assert_type(client.phones.list(), tuple[Phone, ...])
    assert_type(client.phones.get(phone="1"), Phone)
    assert_type(client.phones.wait_until_connected(deadline=None, every=1), Phone)
    image = client.phones.get_qr()
    assert_type(image, QrImage)
    image.save("code.png")
    assert_type(image.to_text(inverted=True), str)
    assert_type(client.phones.update(phone_name="Parcels", labels=["vip"]), Phone)
    assert_type(client.phones.create(), PhoneRow)
    client.phones.restart()
    client.phones.resync(phone="1")
    client.phones.reset(phone="1")
    client.phones.delete(phone="1")


def subscribed(client: PeriskopeClient) -> None:
    """Subscriptions: one for each event."""
    assert_type(client.webhooks.create("https://example.com", EventName.NOTE_CREATED), tuple[Webhook, ...])
    assert_type(client.webhooks.create("https://example.com", ["note.created"]), tuple[Webhook, ...])
    assert_type(client.webhooks.list(is_subscribed=True, type="webhook"), tuple[Webhook, ...])
    assert_type(client.webhooks.get("w"), Webhook)
    assert_type(client.webhooks.update("w", is_subscribed=False, name="Ours"), Webhook)
    client.webhooks.delete("w")


def sent(client: PeriskopeClient) -> None:
    """Messages sent one by one and many at once, with files and polls, and what became of them."""
    media = Media.from_bytes(b"GIF89a", filename="a.gif")
    assert_type(client.messages.send("1@g.us", "Hello", media=media, reply_to="3EB0"), SendReceipt)
    assert_type(client.messages.send("1@g.us", poll=Poll("Lunch?", ["yes", "no"], poll_id="p")), SendReceipt)
    assert_type(client.messages.send_sync("1@g.us", "Hello", sync_timeout=5), SentMessage | SendReceipt)
    variables = {"1@g.us": {"name": "Asha"}}
    assert_type(client.messages.broadcast(["1@g.us"], "Hello", delay=2, variables=variables), BroadcastReceipt)
    result = client.messages.send_many([Outgoing("1@g.us", "Hello", key="k")], deadline=60, journal="sent.jsonl")
    assert_type(result, SendManyResult)
    assert_type(result.sent, dict[str | int, SendReceipt])
    assert_type(result.unclear, dict[str | int, PeriskopeError])
    settled = client.messages.settle([Outgoing("1@g.us", "Hello", key="k")], journal="sent.jsonl", found={"k": None})
    assert_type(settled, SendManyResult)
    found = client.messages.find_sent(Outgoing("1@g.us", "Hello"), since=datetime(2026, 1, 1, tzinfo=UTC))
    assert_type(found, tuple[FoundSend, ...])
    assert_type(client.messages.get_many(["3EB0"]), BulkResult[Message])
    assert_type(client.messages.get_many_status(["3EB0"]), BulkResult[MessageStatus])
    assert_type(client.messages.list_page(chat_id="1@g.us"), MessagePage)
    assert_type(client.messages.list(chat_id="1@g.us"), Iterator[Message])
    assert_type(client.messages.list(oldest_first=True), Iterator[Message])
    assert_type(client.messages.react("3EB0", "👍"), None)
    client.messages.pin("3EB0", phone="919876500001")


def logs(client: PeriskopeClient) -> None:
    """Who changed what, with parameters that nobody has documented; and what the AI may do."""
    assert_type(client.tickets.list_audit_logs("BKT-001", since=date(2026, 1, 1), depth=2), Iterator[AuditLog])
    assert_type(client.chats.list_audit_logs_page("1@g.us", action="STATUS_CHANGED"), AuditLogPage)
    assert_type(client.chats.update_ai_settings("1@g.us", is_agent_allowed=False), ChatAiSettings)


def knowledge(client: PeriskopeClient) -> None:
    """Questions and documents, the latter by URL, as bytes or from a file."""
    assert_type(client.knowledge_base.create_faq("Where?", "Here.", attachments=iter(["u"])), str)
    assert_type(client.knowledge_base.update_faq("c", "Where?", "There."), KbItem)
    assert_type(client.knowledge_base.get_document("d"), tuple[KbItem, ...])
    made = client.knowledge_base.create_document(content=Path("a.pdf"))
    assert_type(made, tuple[KbDocumentCreated, ...])
    client.knowledge_base.create_document(content=b"x", filename="a.txt", progress=True, on_progress=print)
    client.knowledge_base.create_document(url="https://example.com/a.pdf")
    assert_type(client.knowledge_base.list(type="faq"), Iterator[KbItem])
    assert_type(client.knowledge_base.list_page(type=KbType.FAQ), KbPage)


def later(client: PeriskopeClient) -> None:
    """Messages that are sent later, and tasks, with enums or plain values."""
    made = client.scheduled_messages.create("1@g.us", date(2999, 1, 1), message="x", repeat_config={"a": 1})
    assert_type(made, ScheduledMessage)
    assert_type(client.scheduled_messages.update("s", skip_next=True, priority="any"), ScheduledMessage)
    assert_type(client.scheduled_messages.delete("s"), None)
    assert_type(client.scheduled_messages.list_occurrences("s", offset=3), Iterator[ScheduledMessageOccurrence])
    assert_type(client.tasks.create("t", type="chat", priority="high", status=TaskStatus.OPEN), Task)
    assert_type(client.tasks.create("t", priority=TaskPriority.LOW), Task)
    assert_type(client.tasks.list(), Iterator[Task])


def changed(client: PeriskopeClient) -> None:
    """What changed, at once and one by one, and the state to go on from."""
    changes = client.tickets.changed_since(None, details="all", progress=True)
    assert_type(changes, Changes[TicketRow, TicketInfo])
    assert_type(changes.created, tuple[TicketRow, ...])
    assert_type(changes.tickets, dict[str, TicketInfo])
    assert_type(changes.errors, dict[str, PeriskopeError])
    assert_type(changes.state, dict[str, Any])
    assert_type(changes.state_without(["BKT-001"]), dict[str, Any])
    assert_type(client.chats.changed_since(changes.state, phone="1"), Changes[Chat, Chat])
    assert_type(client.contacts.changed_since({}), Changes[Contact, Contact])
    assert_type(client.messages.changed_since(start_time=date(2026, 1, 1)), Changes[Message, Message])
    with client.tickets.watch(every=30, details="changed") as watched:
        for change in watched:
            assert_type(change, Change[TicketRow, TicketInfo])
            assert_type(change.ticket_id, str)
            assert_type(change.row, TicketRow)
            assert_type(change.value, TicketInfo | None)
            assert_type(change.state, dict[str, Any])
            assert change.kind in {"created", "updated", "deleted"}


def live(client: PeriskopeClient) -> None:
    """What happens, as it happens, and what is missing."""
    with client.events(backfill="tickets") as events:
        assert_type(events, Iterator[Event])
        for event in events:
            if isinstance(event, Gap):
                assert_type((event.since, event.until, event.dropped), tuple[datetime, datetime, int])
            assert_type(event.source, Literal["service", "backfill"])
