"""Unofficial async-first Python client for the Periskope API.

from periskope_async import PeriskopeClient

async with PeriskopeClient() as client:
    info = await client.tickets.get("BKT-001")
"""

import typing

from periskope_async import _exports, _lazy

if typing.TYPE_CHECKING:
    from periskope_async._exports import *  # noqa: F403  # it says what is in it
    from periskope_async.client import PeriskopeClient as PeriskopeClient
    from periskope_async.resources.chats import Chats as Chats
    from periskope_async.resources.contacts import Contacts as Contacts
    from periskope_async.resources.groups import Groups as Groups
    from periskope_async.resources.knowledge_base import KnowledgeBase as KnowledgeBase
    from periskope_async.resources.members import Members as Members
    from periskope_async.resources.messages import Messages as Messages
    from periskope_async.resources.notes import Notes as Notes
    from periskope_async.resources.notifications import Notifications as Notifications
    from periskope_async.resources.phones import Phones as Phones
    from periskope_async.resources.queue import Queue as Queue
    from periskope_async.resources.reactions import Reactions as Reactions
    from periskope_async.resources.scheduled_messages import ScheduledMessages as ScheduledMessages
    from periskope_async.resources.tasks import Tasks as Tasks
    from periskope_async.resources.tickets import Tickets as Tickets
    from periskope_async.resources.webhooks import Webhooks as Webhooks

    __version__: str
else:  # hidden from checkers: see `lazy`
    _OWN = {
        "Chats": "periskope_async.resources.chats",
        "Contacts": "periskope_async.resources.contacts",
        "Groups": "periskope_async.resources.groups",
        "Members": "periskope_async.resources.members",
        "KnowledgeBase": "periskope_async.resources.knowledge_base",
        "Messages": "periskope_async.resources.messages",
        "Notes": "periskope_async.resources.notes",
        "Notifications": "periskope_async.resources.notifications",
        "PeriskopeClient": "periskope_async.client",
        "Phones": "periskope_async.resources.phones",
        "Queue": "periskope_async.resources.queue",
        "Reactions": "periskope_async.resources.reactions",
        "ScheduledMessages": "periskope_async.resources.scheduled_messages",
        "Tasks": "periskope_async.resources.tasks",
        "Tickets": "periskope_async.resources.tickets",
        "Webhooks": "periskope_async.resources.webhooks",
    }
    __all__, __getattr__, __dir__ = _lazy.lazy(__name__, _exports.modules() | _OWN)
