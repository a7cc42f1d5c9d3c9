"""A 200 whose body is not what was asked for, or oddly spelled. Pure."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import attrs

from periskope_async.testing._faults.context import FaultAnswer, FaultContext, halves
from periskope_async.testing._faults.names import Fault
from periskope_async.testing._http import Step
from periskope_async.testing._json import Json, dumps, json_object
from periskope_async.testing._service.resource import Resource

__all__ = ["BODIES"]


#: From an object of a resource to what is sent in its place.
_Change: TypeAlias = Callable[[Json, Resource], Json]


def _body(change: Callable[[bytes], bytes]) -> FaultAnswer:
    return lambda context: (attrs.evolve(context.reply, body=change(context.reply.body)).encode(),)


def _document(change: _Change) -> FaultAnswer:
    """A fault of an object that was asked for, or of every row of a page. Of an error it changes nothing."""
    return lambda context: (attrs.evolve(context.reply, body=_changed(context, change)).encode(),)


def _changed(context: FaultContext, change: _Change) -> bytes:
    """The body with its objects changed; the very same bytes where *change* finds nothing to change."""
    reply, resource = context.reply, context.resource
    good = reply.body and 200 <= reply.status < 300  # an error holds no object of the service
    before = json_object(reply.body) if good else None
    if before is None or resource is None:
        return reply.body
    if resource.rows_key in before:
        after = before | {resource.rows_key: [change(row, resource) for row in before[resource.rows_key]]}
    elif resource.object_key in before:
        after = before | {resource.object_key: change(before[resource.object_key], resource)}
    else:
        after = change(before, resource)
    return reply.body if after == before else dumps(after)


def _other(found: Json, values: Mapping[str, Any]) -> Json:
    """*found* with other *values*; what it does not have it does not get."""
    return found | {key: value for key, value in values.items() if key in found}


def _other_id(found: Json, resource: Resource) -> Json:
    return _other(found, {resource.id_key: resource.other_id})


def _without_id(found: Json, resource: Resource) -> Json:
    return {key: value for key, value in found.items() if key != resource.id_key}


def _null_id(found: Json, resource: Resource) -> Json:
    return _other(found, {resource.id_key: None})


def _wrong_types(found: Json, resource: Resource) -> Json:
    return _other(found, {resource.id_key: {"id": 7}, resource.text_key: ["a"]})


def _unknown_values(found: Json, resource: Resource) -> Json:
    return _other(found, resource.unknown_values)


def _unknown_fields(found: Json, _: Resource) -> Json:
    return found | {"sla_breached": True, "escalation": {"level": 2, "who": ["asha@example.com"]}}


def _not_numbers(found: Json, _: Resource) -> Json:
    return found | {key: math.nan for key, value in found.items() if type(value) is int}


def _surrogate(context: FaultContext) -> Iterable[Step]:
    """Half an emoji at the start of each text of the resource."""
    key = context.resource.text_key if context.resource else ""
    body = re.sub(rb'"%b": *"' % key.encode(), rb"\g<0>\\ude00", context.reply.body) if key else context.reply.body
    return (attrs.evolve(context.reply, body=body).encode(),)


def _wrong_charset(context: FaultContext) -> Iterable[Step]:
    fields = [field for field in context.reply.headers if field[0] != "Content-Type"]
    headers = (*fields, ("Content-Type", "application/json; charset=zlib"))
    return (attrs.evolve(context.reply, headers=headers).encode(),)


BODIES: Final[Mapping[Fault, FaultAnswer]] = MappingProxyType(
    {
        Fault.EMPTY: _body(lambda _: b""),
        Fault.INVALID_JSON: _body(lambda body: body[:-1] + b",}"),
        Fault.HALF_JSON: _body(lambda body: halves(body)[0]),
        Fault.NULL: _body(lambda _: b"null"),
        Fault.ARRAY: _body(lambda body: b"[" + body + b"]"),
        Fault.HOLLOW: _body(lambda _: b"{}"),
        Fault.NAN: _document(_not_numbers),
        Fault.HUGE_INT: _body(lambda _: b'{"ticket":{"priority":' + b"9" * 5_000 + b"}}"),
        Fault.DEEP: _body(lambda _: b'{"ticket":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        Fault.SURROGATE: _surrogate,
        Fault.INVALID_UTF8: _body(lambda body: body[:-1] + b',"x":"\xff\xfe"}'),
        Fault.BOM: _body(lambda body: b"\xef\xbb\xbf" + body),
        Fault.WRONG_CHARSET: _wrong_charset,
        Fault.OTHER_ID: _document(_other_id),
        Fault.MISSING_FIELD: _document(_without_id),
        Fault.NULL_FIELD: _document(_null_id),
        Fault.WRONG_TYPE: _document(_wrong_types),
        Fault.UNKNOWN_ENUM: _document(_unknown_values),
        Fault.UNKNOWN_FIELDS: _document(_unknown_fields),
    }
)
