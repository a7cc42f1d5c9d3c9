"""The OpenAPI description of what is served: read off the routes and the vendor's schemas. Pure.

`schemas.json` holds the vendor's own types, one a line. What is served is a part of them: of an object the id alone is
sure to be there, and anything else may be null.
"""

import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Final

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import ORG_PHONE
from periskope_async.testing._service.router import Route

__all__ = ["describe"]

_TRACE: Final = {"x-periskope-trace-id": {"required": True, "schema": {"type": "string", "minLength": 1}}}
_ALWAYS: Final = {
    **_TRACE,
    "x-periskope-org-id": {"required": True, "schema": {"type": "string", "format": "uuid"}},
    "ETag": {"required": True, "schema": {"type": "string", "pattern": '^W/"[0-9a-f]+-.{27}"$'}},
    **{
        f"X-RateLimit-{name}": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}
        for name in ("Limit", "Remaining", "Reset")
    },
}
_BODILESS: Final = {name: header for name, header in _ALWAYS.items() if name != "ETag"}
_PHONE: Final[Json] = {
    "name": "x-phone",
    "in": "header",
    "description": "Digits of the phone, or its id.",
    "schema": {"type": "string", "pattern": "^([0-9]+|phone-[0-9A-Za-z_-]+)$"},
}
#: Status to name, code and meaning.
_ERRORS: Final = {
    401: ("Unauthorized", "UNAUTHORIZED_ERROR", "The key is missing, wrong, or of a plan without the API."),
    403: ("Forbidden", "FORBIDDEN_ERROR", "The phone may not do that in this group."),
    404: ("NotFound", "NOT_FOUND_ERROR", "No such object."),
    422: ("Invalid", "VALIDATION_ERROR", "A value is unusable; `fields` says which."),
    429: ("TooMany", "RATE_LIMIT_ERROR", "The rate limit is used up."),
}
_ERROR: Final[Json] = {
    "type": "object",
    "properties": {
        "code": {"type": "string"},
        "name": {"type": "string"},
        "message": {"type": "string", "minLength": 1},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "fields": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "properties": {"message": {"type": "string"}, "value": {"type": "string"}},
                "required": ["message"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["code", "message"],
}


def describe(routes: Sequence[Route]) -> bytes:
    """The description of *routes*, as JSON."""
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Periskope, as FakePeriskope serves it",
                "version": "1",
                "summary": "Made from what is publicly known of the API. Unofficial.",
                "description": "Describes the fake service with its default options, without injected faults. "
                "Where the real service is unknown, this is the stricter guess.",
            },
            "servers": [{"url": "http://localhost:8080/v1"}],
            "security": [{"key": []}],
            "tags": [{"name": name} for name in dict.fromkeys(route.resource.plural for route in routes)],
            "paths": paths,
            "components": {
                "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
                "responses": {name: _refusal(code, meaning) for name, code, meaning in _ERRORS.values()},
                "schemas": _schemas(routes),
            },
        }
    )


def _operation(route: Route) -> Json:
    """One operation, with every status it can answer."""
    statuses = sorted({401, 429, *route.refusals})
    operation: Json = {
        "operationId": route.operation_id,
        "tags": [route.resource.plural],
        "summary": route.summary,
        "parameters": [*_parameters(route)],
        "responses": {
            str(route.status): _success(route),
            **{str(status): {"$ref": f"#/components/responses/{_ERRORS[status][0]}"} for status in statuses},
        },
    }
    if route.body is not None:
        operation["requestBody"] = {"required": route.body.is_required, "content": _json_of(_ref(route.body.name))}
    return operation


def _success(route: Route) -> Json:
    if route.result is None:
        return {"description": "It is done.", "headers": _BODILESS}
    content: Json = {route.media_type: {}} if route.media_type else _json_of(_answer(route, route.result))
    return {"description": "As it is now.", "headers": _ALWAYS, "content": content}


def _parameters(route: Route) -> Iterable[Json]:
    if "{" in route.path:
        yield {
            "name": route.named.parameter,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
            "example": route.named.example_id,
        }
    for name, field in route.query.items():
        yield {"name": name, "in": "query", "schema": field.schema}
    if route.phone:
        yield _PHONE | ({"required": True, "example": ORG_PHONE.removesuffix("@c.us")} if route.of_phone else {})


def _answer(route: Route, result: str) -> Json:
    if route.unwrap:
        return {"type": "object", "properties": {route.unwrap: _ref(result)}, "required": [route.unwrap]}
    if route.page:
        return _page(route, result)
    return {"type": "array", "items": _ref(result)} if route.array else _ref(result)


def _page(route: Route, row: str) -> Json:
    number = {"type": "integer", "minimum": 0}
    properties: Json = dict.fromkeys(("from", "to", "count") if route.numbered else ("count",), number)
    properties |= {name: {"type": ["string", "null"]} for name in route.echo}
    properties[route.resource.rows_key] = {"type": "array", "maxItems": 2000, "items": _ref(row)}
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _refusal(code: str, meaning: str) -> Json:
    properties: Json = {"code": {"const": code}}
    required = {"required": ["fields"]} if code == "VALIDATION_ERROR" else {}
    more = {"Retry-After": {"schema": {"type": "string"}}} if code == "RATE_LIMIT_ERROR" else {}
    schema = {"allOf": [_ref("Error"), {"properties": properties, **required}]}
    return {"description": meaning, "headers": {**_TRACE, **more}, "content": _json_of(schema)}


def _schemas(routes: Iterable[Route]) -> Json:
    """What the operations take, and the vendor's types of what they answer."""
    vendors: Json = json.loads(files("periskope_async.testing._service").joinpath("schemas.json").read_bytes())
    resources = {route.result: route.resource for route in routes if route.result}
    sure = {name: {resource.id_key, resource.object_key} for name, resource in resources.items()}
    answers = {name: _loosened(schema, sure.get(name, set())) for name, schema in vendors.items()}
    for name, resource in resources.items():
        for key in resource.open_keys:
            del answers[name]["properties"][key]["enum"]
    bodies = {route.body.name: route.body.schema() for route in routes if route.body is not None}
    return {"Error": _ERROR, **bodies, **answers}


def _loosened(schema: Json, sure: set[str]) -> Json:
    """The vendor's *schema* with no more than the keys *sure* required, and null allowed for all others."""
    if "$ref" in schema:
        return _ref(schema["$ref"].removesuffix(".json"))
    loosened: Json = {}
    for key, value in schema.items():
        match key:
            case "properties":
                each = {name: _loosened(one, sure) for name, one in value.items()}
                loosened[key] = {name: one if name in sure else _or_null(one) for name, one in each.items()}
            case "required":
                loosened[key] = [name for name in value if name in sure]
            case "items" | "additionalProperties":
                loosened[key] = _loosened(value, sure)
            case "anyOf":
                loosened[key] = [_loosened(one, sure) for one in value]
            case "$comment":
                pass
            case _:
                loosened[key] = value
    return loosened


def _or_null(schema: Json) -> Json:
    if "$ref" in schema:
        return {"anyOf": [{"type": "null"}, schema]}
    loosened = dict(schema)
    if "type" in loosened:
        types = [loosened["type"]] if isinstance(loosened["type"], str) else loosened["type"]
        loosened["type"] = [*dict.fromkeys((*types, "null"))]
    if "enum" in loosened:
        loosened["enum"] = [*dict.fromkeys((*loosened["enum"], None))]
    return loosened


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _json_of(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
