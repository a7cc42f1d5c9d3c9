"""The twins of `periskope_async.resources`: a class for each, a line for each method. No behaviour lives here."""

from typing import Final

from periskope_async.resources.chats import Chats as AsyncChats
from periskope_async.resources.groups import Groups as AsyncGroups
from periskope_async.resources.tickets import Tickets as AsyncTickets
from periskope_sync._bridge import Facade, blocking

__all__ = ["Chats", "Groups", "Tickets"]


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


class Tickets(Facade[AsyncTickets]):
    """The tickets of the account. Reached as `client.tickets`."""

    get: Final = blocking(AsyncTickets.get)
    get_many: Final = blocking(AsyncTickets.get_many)
    stream: Final = blocking(AsyncTickets.stream)
    list_page: Final = blocking(AsyncTickets.list_page)
    create: Final = blocking(AsyncTickets.create)
    update: Final = blocking(AsyncTickets.update)
    list: Final = blocking(AsyncTickets.list)
