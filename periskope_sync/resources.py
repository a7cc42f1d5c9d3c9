"""The twins of `periskope_async.resources`: a class for each, a line for each method. No behaviour lives here."""

from typing import Final

from periskope_async.resources.tickets import Tickets as AsyncTickets
from periskope_sync._bridge import Facade, blocking

__all__ = ["Tickets"]


class Tickets(Facade[AsyncTickets]):
    """The tickets of the account. Reached as `client.tickets`."""

    get: Final = blocking(AsyncTickets.get)
    get_many: Final = blocking(AsyncTickets.get_many)
    stream: Final = blocking(AsyncTickets.stream)
    list_page: Final = blocking(AsyncTickets.list_page)
    create: Final = blocking(AsyncTickets.create)
    update: Final = blocking(AsyncTickets.update)
    list: Final = blocking(AsyncTickets.list)
