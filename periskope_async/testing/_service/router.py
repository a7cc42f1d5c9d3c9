"""From method and path to the operation that answers: routes are data. It must not know resources, nor sockets."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import attrs

from periskope_async.testing._json import Json
from periskope_async.testing._service.account import ORG_PHONE
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.fields import Body, Fields
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.seen import Seen
from periskope_async.testing._service.state import State

if TYPE_CHECKING:
    from periskope_async.testing._service.collection import Objects

__all__ = ["NOWHERE", "ROOT", "Call", "Found", "Route", "Router"]

ROOT: Final = "/v1"


@attrs.frozen
class Call:
    """What an operation answers to: a request that was checked.

    Attributes:
        state: of the whole service.
        resource: the operation's.
        resource_id: the id in the path, in full; `""` for none.
        query: the parameters of the query; checked, but still text.
        body: the JSON object that came along; `{}` for none.
        phone: the one whose things alone it sees, as `<digits>@c.us`; `""` for all.
        x_phone: `x-phone` as it came; `""` for none, and where the operation does not list it.
    """

    state: State
    resource: Resource
    resource_id: str
    query: Mapping[str, str]
    body: Json
    phone: str = ""
    x_phone: str = ""

    @property
    def objects(self) -> "Objects":
        """Those of the operation's resource."""
        return self.of(self.resource.plural)

    @property
    def acting(self) -> str:
        """The phone that does it, as `<digits>@c.us`."""
        return self.phone or ORG_PHONE

    def of(self, plural: str) -> "Objects":
        """Those of any resource."""
        objects = self.state.objects[plural]
        return Seen(objects, self.phone) if self.phone else objects


@attrs.frozen
class Route:
    """One operation of the API.

    Attributes:
        operation: as clients call it: `tickets.get`.
        operation_id: as the vendor calls it.
        method: of the request.
        path: a template, below `/v1`: `/tickets/{ticket_id}`.
        summary: one line of what it does.
        handler: answers a call.
        resource: what it is about, or whose rows it lists.
        owner: whose id the path holds, where that is another resource: of the notes of a chat, the chat.
        result: the schema of its answer; of a page, that of a row; None where the answer has no body.
        status: of its success.
        page: whether it answers a page of rows.
        media_type: of an answer that is not JSON; `""` where it is.
        numbered: of a page, whether it says which rows these are.
        array: whether it answers an array of rows.
        unwrap: the key under which its answer stands in the body; `""` where it is the body.
        echo: the parameters of its query that a page repeats.
        query: the parameters it takes.
        body: what it takes as body.
        phone: whether it lists `x-phone`.
        of_phone: whether it is about the phone that `x-phone` names, so that there has to be one.
        errors: statuses of its refusals that nothing above lets expect.
    """

    operation: str
    operation_id: str
    method: str
    path: str
    summary: str
    handler: Callable[[Call], Answer]
    resource: Resource = attrs.field(kw_only=True)
    owner: Resource | None = attrs.field(kw_only=True, default=None)
    result: str | None = attrs.field(kw_only=True)
    status: int = attrs.field(kw_only=True, default=200)
    page: bool = attrs.field(kw_only=True, default=False)
    media_type: str = attrs.field(kw_only=True, default="")
    numbered: bool = attrs.field(kw_only=True, default=True)
    array: bool = attrs.field(kw_only=True, default=False)
    unwrap: str = attrs.field(kw_only=True, default="")
    echo: tuple[str, ...] = attrs.field(kw_only=True, default=())
    query: Fields = attrs.field(kw_only=True, default=MappingProxyType({}))
    body: Body | None = attrs.field(kw_only=True, default=None)
    phone: bool = attrs.field(kw_only=True, default=False)
    of_phone: bool = attrs.field(kw_only=True, default=False)
    errors: tuple[int, ...] = attrs.field(kw_only=True, default=())

    @property
    def named(self) -> Resource:
        """The resource whose id the path holds, if it holds one."""
        return self.owner or self.resource

    @property
    def refusals(self) -> tuple[int, ...]:
        """Every status it can refuse a call with, but those that any operation has."""
        expected = {404: "{" in self.path, 422: bool(self.query or self.body or self.phone)}
        return tuple(sorted({*self.errors, *(status for status, possible in expected.items() if possible)}))


@attrs.frozen
class Found:
    """Where a request leads.

    Attributes:
        route: the operation; None where the path leads nowhere.
        resource_id: the id in the path, in full; `""` for none.
    """

    route: Route | None = None
    resource_id: str = ""

    @property
    def operation(self) -> str:
        """The operation's name; `""` where the path leads nowhere."""
        return self.route.operation if self.route else ""

    @property
    def resource(self) -> str:
        """What one object of the resource that the path names is called; `""` where the path leads nowhere."""
        return self.route.named.name if self.route else ""


NOWHERE: Final = Found()


class Router:
    """Finds the route of a request: one without parameters before one with.

    Args:
        routes: all there are.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._literal: dict[tuple[str, str], Found] = {}
        self._by_start: dict[tuple[str, str], Route] = {}
        self._by_length: dict[tuple[str, int], list[tuple[list[str], Route]]] = {}
        for route in routes:
            path = ROOT + route.path
            start, _, last = path.rpartition("/")
            if "{" not in path:
                self._literal[route.method, path] = Found(route)
            elif "{" not in start and last == f"{{{route.named.parameter}}}":  # by far the most
                self._by_start[route.method, start] = route
            else:
                segments = path.split("/")
                self._by_length.setdefault((route.method, len(segments)), []).append((segments, route))

    def find(self, method: str, path: str) -> Found:
        """Where *method* on *path* leads. HEAD is GET, and one slash at the end does not count: so does Express."""
        if method == "HEAD":
            method = "GET"
        if path[-1:] == "/":
            path = path[:-1]
        literal = self._literal.get((method, path))
        if literal is not None:
            return literal
        start, _, last = path.rpartition("/")
        route = self._by_start.get((method, start))
        if route is not None and last:
            return Found(route, route.named.full_id(unquote(last)))
        segments = path.split("/")
        for template, route in self._by_length.get((method, len(segments)), ()):
            values = _values(template, segments)
            if values is not None:
                return Found(route, route.named.full_id(values.get(route.named.parameter, "")))
        return NOWHERE


def _values(template: list[str], segments: list[str]) -> Mapping[str, str] | None:
    """The parameters, decoded; None where the path is another. An empty segment is not a value."""
    values: dict[str, str] = {}
    for pattern, segment in zip(template, segments, strict=True):
        if pattern[:1] == "{":
            if not segment:
                return None
            values[pattern[1:-1]] = unquote(segment)
        elif pattern != segment:
            return None
    return values
