"""The twins of `periskope_async.resources`: a class for each, a line for each method. No behaviour lives here."""

from typing import Final

from periskope_async.resources.chats import Chats as AsyncChats
from periskope_async.resources.contacts import Contacts as AsyncContacts
from periskope_async.resources.groups import Groups as AsyncGroups
from periskope_async.resources.knowledge_base import KnowledgeBase as AsyncKnowledgeBase
from periskope_async.resources.members import Members as AsyncMembers
from periskope_async.resources.messages import Messages as AsyncMessages
from periskope_async.resources.notes import Notes as AsyncNotes
from periskope_async.resources.notifications import Notifications as AsyncNotifications
from periskope_async.resources.phones import Phones as AsyncPhones
from periskope_async.resources.queue import Queue as AsyncQueue
from periskope_async.resources.reactions import Reactions as AsyncReactions
from periskope_async.resources.scheduled_messages import ScheduledMessages as AsyncScheduledMessages
from periskope_async.resources.tasks import Tasks as AsyncTasks
from periskope_async.resources.tickets import Tickets as AsyncTickets
from periskope_async.resources.webhooks import Webhooks as AsyncWebhooks
from periskope_sync._bridge import Facade, blocking

__all__ = [
    "Chats",
    "Contacts",
    "Groups",
    "KnowledgeBase",
    "Members",
    "Messages",
    "Notes",
    "Notifications",
    "Phones",
    "Queue",
    "Reactions",
    "ScheduledMessages",
    "Tasks",
    "Tickets",
    "Webhooks",
]


class Chats(Facade[AsyncChats]):
    """The chats of a phone. Reached as `client.chats`."""

    get: Final = blocking(AsyncChats.get)
    get_many: Final = blocking(AsyncChats.get_many)
    stream: Final = blocking(AsyncChats.stream)
    list: Final = blocking(AsyncChats.list)
    list_page: Final = blocking(AsyncChats.list_page)
    update: Final = blocking(AsyncChats.update)
    mark_read: Final = blocking(AsyncChats.mark_read)
    update_labels: Final = blocking(AsyncChats.update_labels)
    update_access: Final = blocking(AsyncChats.update_access)
    update_ai_settings: Final = blocking(AsyncChats.update_ai_settings)
    list_audit_logs: Final = blocking(AsyncChats.list_audit_logs)
    list_audit_logs_page: Final = blocking(AsyncChats.list_audit_logs_page)


class Contacts(Facade[AsyncContacts]):
    """The contacts of the account. Reached as `client.contacts`."""

    get: Final = blocking(AsyncContacts.get)
    get_many: Final = blocking(AsyncContacts.get_many)
    stream: Final = blocking(AsyncContacts.stream)
    list: Final = blocking(AsyncContacts.list)
    list_page: Final = blocking(AsyncContacts.list_page)
    create: Final = blocking(AsyncContacts.create)
    update: Final = blocking(AsyncContacts.update)
    update_labels: Final = blocking(AsyncContacts.update_labels)
    check: Final = blocking(AsyncContacts.check)


class Groups(Facade[AsyncGroups]):
    """The groups that a phone is in. Reached as `client.groups`."""

    create: Final = blocking(AsyncGroups.create)
    update: Final = blocking(AsyncGroups.update)
    refresh_invite: Final = blocking(AsyncGroups.refresh_invite)
    accept_invite: Final = blocking(AsyncGroups.accept_invite)
    add_participants: Final = blocking(AsyncGroups.add_participants)
    remove_participants: Final = blocking(AsyncGroups.remove_participants)
    promote_participants: Final = blocking(AsyncGroups.promote_participants)
    demote_participants: Final = blocking(AsyncGroups.demote_participants)
    leave: Final = blocking(AsyncGroups.leave)


class Members(Facade[AsyncMembers]):
    """The people of the organisation. Reached as `client.members`."""

    invite: Final = blocking(AsyncMembers.invite)
    update_access: Final = blocking(AsyncMembers.update_access)
    delete: Final = blocking(AsyncMembers.delete)


class KnowledgeBase(Facade[AsyncKnowledgeBase]):
    """What the AI agent of the organisation knows. Reached as `client.knowledge_base`."""

    list: Final = blocking(AsyncKnowledgeBase.list)
    list_page: Final = blocking(AsyncKnowledgeBase.list_page)
    get_faq: Final = blocking(AsyncKnowledgeBase.get_faq)
    get_document: Final = blocking(AsyncKnowledgeBase.get_document)
    create_faq: Final = blocking(AsyncKnowledgeBase.create_faq)
    update_faq: Final = blocking(AsyncKnowledgeBase.update_faq)
    create_document: Final = blocking(AsyncKnowledgeBase.create_document)
    delete_faq: Final = blocking(AsyncKnowledgeBase.delete_faq)
    delete_document: Final = blocking(AsyncKnowledgeBase.delete_document)


class Messages(Facade[AsyncMessages]):
    """The messages of a phone. Reached as `client.messages`."""

    send: Final = blocking(AsyncMessages.send)
    send_sync: Final = blocking(AsyncMessages.send_sync)
    send_many: Final = blocking(AsyncMessages.send_many)
    settle: Final = blocking(AsyncMessages.settle)
    find_sent: Final = blocking(AsyncMessages.find_sent)
    broadcast: Final = blocking(AsyncMessages.broadcast)
    get: Final = blocking(AsyncMessages.get)
    get_many: Final = blocking(AsyncMessages.get_many)
    stream: Final = blocking(AsyncMessages.stream)
    get_status: Final = blocking(AsyncMessages.get_status)
    get_many_status: Final = blocking(AsyncMessages.get_many_status)
    list: Final = blocking(AsyncMessages.list)
    list_page: Final = blocking(AsyncMessages.list_page)
    edit: Final = blocking(AsyncMessages.edit)
    forward: Final = blocking(AsyncMessages.forward)
    delete: Final = blocking(AsyncMessages.delete)
    react: Final = blocking(AsyncMessages.react)
    pin: Final = blocking(AsyncMessages.pin)
    unpin: Final = blocking(AsyncMessages.unpin)


class Notes(Facade[AsyncNotes]):
    """The private notes in the chats of a phone. Reached as `client.notes`."""

    create: Final = blocking(AsyncNotes.create)
    get: Final = blocking(AsyncNotes.get)
    get_many: Final = blocking(AsyncNotes.get_many)
    stream: Final = blocking(AsyncNotes.stream)
    list_page: Final = blocking(AsyncNotes.list_page)
    list: Final = blocking(AsyncNotes.list)


class Notifications(Facade[AsyncNotifications]):
    """What happened to the chats of a phone and their members. Reached as `client.notifications`."""

    list_page: Final = blocking(AsyncNotifications.list_page)
    list: Final = blocking(AsyncNotifications.list)


class Phones(Facade[AsyncPhones]):
    """The phones of the organisation. Reached as `client.phones`."""

    list: Final = blocking(AsyncPhones.list)
    get: Final = blocking(AsyncPhones.get)
    get_qr: Final = blocking(AsyncPhones.get_qr)
    wait_until_connected: Final = blocking(AsyncPhones.wait_until_connected)
    update: Final = blocking(AsyncPhones.update)
    resync: Final = blocking(AsyncPhones.resync)
    restart: Final = blocking(AsyncPhones.restart)
    reset: Final = blocking(AsyncPhones.reset)
    create: Final = blocking(AsyncPhones.create)
    delete: Final = blocking(AsyncPhones.delete)


class Queue(Facade[AsyncQueue]):
    """The messages that a phone is to send. Reached as `client.queue`."""

    get_status: Final = blocking(AsyncQueue.get_status)
    list_jobs: Final = blocking(AsyncQueue.list_jobs)
    get_broadcast: Final = blocking(AsyncQueue.get_broadcast)
    purge: Final = blocking(AsyncQueue.purge)
    purge_all: Final = blocking(AsyncQueue.purge_all)


class Reactions(Facade[AsyncReactions]):
    """The reactions to the messages of a phone. Reached as `client.reactions`."""

    list_page: Final = blocking(AsyncReactions.list_page)
    list: Final = blocking(AsyncReactions.list)


class ScheduledMessages(Facade[AsyncScheduledMessages]):
    """The messages that are to be sent later. Reached as `client.scheduled_messages`."""

    create: Final = blocking(AsyncScheduledMessages.create)
    get: Final = blocking(AsyncScheduledMessages.get)
    list: Final = blocking(AsyncScheduledMessages.list)
    list_page: Final = blocking(AsyncScheduledMessages.list_page)
    update: Final = blocking(AsyncScheduledMessages.update)
    delete: Final = blocking(AsyncScheduledMessages.delete)
    list_occurrences: Final = blocking(AsyncScheduledMessages.list_occurrences)
    list_occurrences_page: Final = blocking(AsyncScheduledMessages.list_occurrences_page)


class Tasks(Facade[AsyncTasks]):
    """The tasks of the account. Reached as `client.tasks`."""

    create: Final = blocking(AsyncTasks.create)
    list: Final = blocking(AsyncTasks.list)
    list_page: Final = blocking(AsyncTasks.list_page)


class Tickets(Facade[AsyncTickets]):
    """The tickets of the account. Reached as `client.tickets`."""

    get: Final = blocking(AsyncTickets.get)
    get_many: Final = blocking(AsyncTickets.get_many)
    stream: Final = blocking(AsyncTickets.stream)
    list_page: Final = blocking(AsyncTickets.list_page)
    create: Final = blocking(AsyncTickets.create)
    update: Final = blocking(AsyncTickets.update)
    list: Final = blocking(AsyncTickets.list)
    list_audit_logs: Final = blocking(AsyncTickets.list_audit_logs)
    list_audit_logs_page: Final = blocking(AsyncTickets.list_audit_logs_page)


class Webhooks(Facade[AsyncWebhooks]):
    """Subscriptions to events. Reached as `client.webhooks`."""

    list: Final = blocking(AsyncWebhooks.list)
    get: Final = blocking(AsyncWebhooks.get)
    create: Final = blocking(AsyncWebhooks.create)
    update: Final = blocking(AsyncWebhooks.update)
    delete: Final = blocking(AsyncWebhooks.delete)
