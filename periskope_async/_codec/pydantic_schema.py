"""What pydantic wants to know of a model, so that FastAPI reads, writes and documents it. Loaded by pydantic alone."""

from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from typing import Any, get_origin

import attrs

from periskope_async._codec.annotations import element_type, is_labels, is_loose, is_model, is_optional, plain, some
from periskope_async._codec.converter import structure, to_dict
from periskope_async._codec.enums import OpenIntEnum, OpenStrEnum
from periskope_async._codec.fields import own_fields, wire_key
from periskope_async._codec.marks import Structured
from periskope_async._codec.readers import copy_json
from periskope_async.errors import DecodeError

__all__ = ["core_schema"]


def core_schema(cls: Any, generate: Callable[[Any], Any]) -> Any:
    """Return pydantic's schema of a model: read and written as everywhere, described field by field.

    Args:
        cls: the model.
        generate: makes the schema of another model that it holds.
    """
    core = import_module("pydantic_core")  # whoever asks has it; we do not depend on it
    make = core.core_schema

    def read(value: Any, _describe: Any) -> Any:
        if isinstance(value, cls):
            return value
        if isinstance(value, Structured):
            said = f"but a {type(value).__name__}, which is the type to name"
            raise core.PydanticCustomError("periskope_model", f"not a {cls.__name__}, {said}")
        try:
            return structure(copy_json(value), cls)
        except DecodeError as error:
            said = "; ".join(error.problems)
        except RecursionError:
            said = "nested too deep"
        raise core.PydanticCustomError(
            "periskope_model", "not a {model}: {said}", {"model": cls.__name__, "said": said}
        )

    fields = {
        wire_key(field): make.typed_dict_field(
            _described(field.type, make, generate, required=field.default is attrs.NOTHING),
            required=field.default is attrs.NOTHING,
        )
        for field in own_fields(cls)
    }
    title = {"title": cls.__name__, "description": (cls.__doc__ or "").partition("\n")[0]}
    return make.no_info_wrap_validator_function(
        read,
        # It describes, and never validates: how the service spells things is for the one reader to know.
        make.typed_dict_schema(fields, extra_behavior="allow", metadata={"pydantic_js_updates": title}),
        serialization=make.plain_serializer_function_ser_schema(to_dict),
        ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}",
    )


def _described(annotation: Any, make: Any, generate: Callable[[Any], Any], *, required: bool = True) -> Any:
    """Return the schema of how values of a type stand in JSON."""
    if is_optional(annotation):
        return make.nullable_schema(_described(some(annotation), make, generate))
    schema = _of_some(annotation, make, generate)
    return schema if required else make.nullable_schema(schema)


def _of_some(annotation: Any, make: Any, generate: Callable[[Any], Any]) -> Any:
    element = element_type(annotation)
    simple: Mapping[Any, Callable[[], Any]] = {
        str: make.str_schema,
        int: make.int_schema,
        float: make.float_schema,
        bool: make.bool_schema,
        datetime: make.datetime_schema,
    }
    if is_model(annotation):
        return generate(annotation)
    if is_labels(annotation):
        return make.union_schema([make.str_schema(), make.list_schema(make.str_schema())])
    if is_loose(annotation):
        return make.union_schema([simple[plain(annotation)](), make.str_schema()])
    if element is not None:
        inner = _described(element, make, generate)
        return (
            make.list_schema(inner) if get_origin(annotation) is tuple else make.dict_schema(make.str_schema(), inner)
        )
    if isinstance(annotation, type) and issubclass(annotation, OpenStrEnum | OpenIntEnum):
        known = make.literal_schema([member.value for member in annotation])
        return make.union_schema(
            [known, make.str_schema() if issubclass(annotation, OpenStrEnum) else make.int_schema()]
        )
    return simple.get(annotation, make.any_schema)()
