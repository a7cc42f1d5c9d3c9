"""What the annotation of a field says. Pure functions of types; no JSON, no cattrs."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from periskope_async._codec.marks import Labels, Spelling, Structured

__all__ = ["element_type", "is_labels", "is_loose", "is_model", "is_optional", "model_in", "plain", "some"]


def is_model(annotation: Any) -> bool:
    """Say whether an annotation is a model class."""
    return isinstance(annotation, type) and issubclass(annotation, Structured)


def is_optional(annotation: Any) -> bool:
    """Say whether an annotation is `T | None`."""
    return get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation)


def is_loose(annotation: Any) -> bool:
    """Say whether an annotation is a type with a `Spelling`."""
    return get_origin(annotation) is Annotated and isinstance(get_args(annotation)[1], Spelling)


def is_labels(annotation: Any) -> bool:
    """Say whether an annotation is `Labels`."""
    return bool(annotation == Labels)


def some(annotation: Any) -> Any:
    """Return T of `T | None`, and any other annotation as it is."""
    return next(arg for arg in get_args(annotation) if arg is not NoneType) if is_optional(annotation) else annotation


def plain(annotation: Any) -> Any:
    """Return T of `Annotated[T, ...]`, and any other annotation as it is."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def element_type(annotation: Any) -> Any:
    """Return what a tuple or mapping holds; None of any other annotation. Text in it may be empty."""
    wanted = some(annotation)
    if get_origin(wanted) is tuple:
        return get_args(wanted)[0]
    return get_args(wanted)[1] if get_origin(wanted) is Mapping else None


def model_in(annotation: Any) -> Any:
    """Return the model class that an annotation is, or is a collection of; else None."""
    return next((part for part in (some(annotation), element_type(annotation)) if is_model(part)), None)
