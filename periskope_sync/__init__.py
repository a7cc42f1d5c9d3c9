"""The blocking twin of `periskope_async`: the same names, arguments, results and errors, without `await`.

from periskope_sync import PeriskopeClient

with PeriskopeClient() as client:
    info = client.tickets.get("BKT-001")
"""

import typing

from periskope_async import _exports, _lazy

if typing.TYPE_CHECKING:
    from periskope_async._exports import *  # noqa: F403  # it says what is in it
    from periskope_sync.client import PeriskopeClient as PeriskopeClient
    from periskope_sync.resources import Chats as Chats
    from periskope_sync.resources import Contacts as Contacts
    from periskope_sync.resources import Groups as Groups
    from periskope_sync.resources import KnowledgeBase as KnowledgeBase
    from periskope_sync.resources import Members as Members
    from periskope_sync.resources import Messages as Messages
    from periskope_sync.resources import Notes as Notes
    from periskope_sync.resources import Notifications as Notifications
    from periskope_sync.resources import Phones as Phones
    from periskope_sync.resources import Queue as Queue
    from periskope_sync.resources import Reactions as Reactions
    from periskope_sync.resources import ScheduledMessages as ScheduledMessages
    from periskope_sync.resources import Tasks as Tasks
    from periskope_sync.resources import Tickets as Tickets
    from periskope_sync.resources import Webhooks as Webhooks

    __version__: str
else:  # hidden from checkers: see `lazy`
    _OWN = {
        "Chats": "periskope_sync.resources",
        "Contacts": "periskope_sync.resources",
        "Groups": "periskope_sync.resources",
        "Members": "periskope_sync.resources",
        "KnowledgeBase": "periskope_sync.resources",
        "Messages": "periskope_sync.resources",
        "Notes": "periskope_sync.resources",
        "Notifications": "periskope_sync.resources",
        "PeriskopeClient": "periskope_sync.client",
        "Phones": "periskope_sync.resources",
        "Queue": "periskope_sync.resources",
        "Reactions": "periskope_sync.resources",
        "ScheduledMessages": "periskope_sync.resources",
        "Tasks": "periskope_sync.resources",
        "Tickets": "periskope_sync.resources",
        "Webhooks": "periskope_sync.resources",
    }
    __all__, __getattr__, __dir__ = _lazy.lazy(__name__, _exports.modules() | _OWN)
