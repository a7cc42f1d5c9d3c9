"""The API's operations as data, and requests made of them. Pure: a request can be looked at without being sent.

GET = Operation("chats.get", "GET", "/chats/{chat_id}", Chat, idempotent=True)
GET.request(chat_id="919537851844@c.us")
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from attrs import Factory, define, evolve, field, frozen

from periskope_async._sansio.ids import as_phone, path_segment
from periskope_async._sansio.unset import UNSET
from periskope_async._sansio.upload import FileBody
from periskope_async.errors import ConfigurationError

__all__ = ["Operation", "Request", "about_another", "add_headers", "no_page"]

T = TypeVar("T")


def _resource_of_the_path(operation: "Operation[Any]") -> str | None:
    _, brace, parameter = operation.path.partition("{")
    return parameter.partition("}")[0].removesuffix("_id") if brace else None


@frozen(eq=False)
class Operation(Generic[T]):
    """One operation of the API.

    Attributes:
        name: where it is found in the client, such as `chats.get`.
        method: its HTTP method.
        path: below the base URL, with its parameters in braces.
        result: what the body of a success holds: a model, a tuple of models, `Content` for bytes that are not JSON,
            `AnyJson` for whatever JSON comes, or None for nothing, whatever the body.
        idempotent: whether sending it twice does what sending it once does. Where not, it is sent again only if the
            first attempt cannot have arrived.
        unwrap: the key of the body's object that the result stands under; None where the body is the result.
        optional: whether a success may have no body: then its result is None.
        lone: of a tuple of models, whether the service may also answer one of them, not in an array.
        mismatch: says by a result that it cannot be the answer to this request; None where every result can.
        resource: what errors and events call what it is about, such as `chat`; read off the path's first parameter.
    """

    name: str
    method: str
    path: str
    result: type[T] | None
    idempotent: bool = field(kw_only=True)
    unwrap: str | None = field(kw_only=True, default=None)
    optional: bool = field(kw_only=True, default=False)
    lone: bool = field(kw_only=True, default=False)
    mismatch: "Callable[[Request[T], T], str | None] | None" = field(kw_only=True, default=None)
    resource: str | None = field(kw_only=True, default=Factory(_resource_of_the_path, takes_self=True))

    def request(
        self,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        phone: str | None = None,
        **ids: str,
    ) -> "Request[T]":
        """Return the request with these values.

        Args:
            query: texts, numbers and flags by name; `UNSET` leaves one out.
            body: the fields of the JSON object to send, likewise.
            phone: sent as `x-phone`, in any usual spelling or as `phone-…`; None for the client's.
            **ids: the path's parameters by name. The first is the request's `resource_id`; where there is none, what is
                about a chat is about the one of its body.

        Raises:
            ConfigurationError: an id cannot stand in a path, a phone is none, or a text cannot be sent; the message
                names it.
        """
        path, resource_id = self.path, None
        for name, value in ids.items():
            path = path.replace("{" + name + "}", path_segment(name, value))
            resource_id = resource_id or value
        if resource_id is None and self.resource == "chat" and body is not None:
            resource_id = body.get("chat_id")
        encoded = _query(_present(query)) if query else ""
        content = None if body is None else _json(_present(body))
        phone = None if phone is None else as_phone("phone", phone)
        return Request(self, path, resource_id, encoded, content, phone)


# Not frozen, as all that is made for every request: a frozen attrs class takes three times as long to make.
@define(eq=False)
class Request(Generic[T]):
    """One request: what is sent, and what it is about.

    Attributes:
        operation: what is asked for.
        path: below the base URL, quoted.
        resource_id: the id of the thing it is about, as the caller spelled it; None if it is about none.
        query: encoded, without the question mark.
        body: the JSON to send, or what `content_type` says.
        phone: sent as `x-phone`; None for the client's.
        content_type: of the body.
        headers: further ones, by name.
    """

    operation: Operation[T]
    path: str
    resource_id: str | None = None
    query: str = ""
    body: bytes | FileBody | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def add_headers(request: Request[T], headers: Mapping[str, str]) -> Request[T]:
    """Return *request* with further headers, but for those that it has."""
    names = {name.lower() for name, _ in request.headers}
    new = tuple((name, value) for name, value in headers.items() if name.lower() not in names)
    return evolve(request, headers=(*request.headers, *new))


def about_another(id_of: Callable[[T], str]) -> Callable[[Request[T], T], str | None]:
    """Return the `mismatch` of results that carry the id they were asked for by.

    Whether ids are case-sensitive is not documented: "bkt-001" answered with BKT-001 is the same ticket. A person's
    chat may be asked for by the digits alone.
    """

    def mismatch(request: Request[T], result: T) -> str | None:
        found, asked = id_of(result), str(request.resource_id)
        if found == asked:
            return None
        found, asked = found.strip().casefold(), asked.strip().casefold()
        if asked in {found, found.removesuffix("@c.us")}:
            return None
        return f"the body is of another {request.operation.resource}"

    return mismatch


def no_page(rows_key: str, *other_keys: str) -> Callable[[Request[Any], Any], str | None]:
    """Return the `mismatch` of pages whose rows stand under *rows_key*, or under one of *other_keys*.

    Every key of a page is optional. Of an error object in a 200, a walk would make an account without rows.
    """
    keys = {rows_key, *other_keys}

    def mismatch(_: Request[Any], page: Any) -> str | None:
        return None if page.rows or keys & page.to_dict().keys() else f"the body is not a page of {rows_key}"

    return mismatch


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not UNSET}


def _query(values: dict[str, Any]) -> str:
    # Flags as JSON has them: Python's `True` is not a word of the API's.
    spelled = {name: str(value).lower() if isinstance(value, bool) else value for name, value in values.items()}
    try:
        return urlencode(spelled)
    except UnicodeEncodeError:
        raise ConfigurationError("a text holds a lone surrogate") from None


def _json(fields: dict[str, Any]) -> bytes:
    try:
        return json.dumps(fields, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ConfigurationError("a text holds a lone surrogate") from None
