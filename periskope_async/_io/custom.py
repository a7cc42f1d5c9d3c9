"""Sending what no method of a resource sends, down the one path that every call takes."""

from typing import Any, get_args, get_origin

from periskope_async._codec.marks import Structured
from periskope_async._io.caller import Caller
from periskope_async._sansio.custom import custom_request
from periskope_async._sansio.response import AnyJson, Content
from periskope_async.errors import ConfigurationError

__all__ = ["send_custom"]


async def send_custom(caller: Caller, method: str, path: str, model: Any, **values: Any) -> Any:
    """Send a request and return its result; see `PeriskopeClient.request`."""
    if model is bytes:
        content: Content = await caller.call(custom_request(method, path, Content, **values))
        return content.data
    if model is not None and not _is_model(get_args(model)[0] if get_origin(model) is tuple else model):
        raise ConfigurationError(
            "model: expected a model, such as Chat, a tuple of them, such as tuple[Chat, ...], or bytes"
        )
    return await caller.call(custom_request(method, path, AnyJson if model is None else model, **values))


def _is_model(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, Structured)
