"""The twins of `periskope_async.resources`: a class for each, a line for each method. No behaviour lives here."""

from typing import Final

from periskope_async.resources.chats import Chats as AsyncChats
from periskope_async.resources.messages import Messages as AsyncMessages
from periskope_async.resources.tickets import Tickets as AsyncTickets
from periskope_sync._bridge import Facade, blocking

__all__ = ["Chats", "Messages", "Tickets"]


class Chats(Facade[AsyncChats]):
    """The chats of a phone. Reached as `client.chats`."""

    get: Final = blocking(AsyncChats.get)
    get_many: Final = blocking(AsyncChats.get_many)
    stream: Final = blocking(AsyncChats.stream)
    list: Final = blocking(AsyncChats.list)
    list_page: Final = blocking(AsyncChats.list_page)
    update: Final = blocking(AsyncChats.update)


class Messages(Facade[AsyncMessages]):
    """The messages of a phone. Reached as `client.messages`."""

    send: Final = blocking(AsyncMessages.send)
    send_sync: Final = blocking(AsyncMessages.send_sync)
    send_many: Final = blocking(AsyncMessages.send_many)
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


class Tickets(Facade[AsyncTickets]):
    """The tickets of the account. Reached as `client.tickets`."""

    get: Final = blocking(AsyncTickets.get)
    get_many: Final = blocking(AsyncTickets.get_many)
    stream: Final = blocking(AsyncTickets.stream)
    list_page: Final = blocking(AsyncTickets.list_page)
    create: Final = blocking(AsyncTickets.create)
    update: Final = blocking(AsyncTickets.update)
    list: Final = blocking(AsyncTickets.list)
