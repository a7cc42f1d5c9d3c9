"""Whether a client reports to OpenTelemetry, which is imported where it does and nowhere else."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

from attrs import fields

from periskope_async._extras import needs_extra
from periskope_async.errors import ConfigurationError
from periskope_async.hooks import Hooks, notify

__all__ = ["TracerProvider", "Watch", "with_tracing"]

EventT = TypeVar("EventT")

#: Named as those of OpenTelemetry's own instrumentations are.
SWITCH = "OTEL_PYTHON_INSTRUMENTATION_PERISKOPE_ENABLED"


class TracerProvider(Protocol):
    """A `TracerProvider` of OpenTelemetry, which not everybody has installed."""

    def get_tracer(self, instrumenting_module_name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Return a tracer."""


class Watch(NamedTuple):
    """Who hears of the calls of a client, and what the service is to hear of who makes them.

    Attributes:
        hooks: called for whatever happens.
        trace_headers: returns, inside of a call, the headers that name its span; None to send none.
    """

    hooks: Hooks | None
    trace_headers: Callable[[], Mapping[str, str]] | None = None


def with_tracing(hooks: Hooks | None, tracing: object, base_url: str, *, propagate: bool = False) -> Watch:
    """Return *hooks*, and those that report to OpenTelemetry where that is wanted.

    Args:
        hooks: the caller's.
        tracing: whether to, or the provider to report to. None: if the application has imported OpenTelemetry, unless
            its environment says no.
        base_url: where the client's calls go.
        propagate: whether the service is to hear which span a call is.

    Raises:
        ConfigurationError: it is wanted, and not installed; or *tracing* is none of these.
    """
    provider = None if tracing is None or isinstance(tracing, bool) else tracing
    if provider is not None and not hasattr(provider, "get_tracer"):
        raise ConfigurationError(f"tracing: expected True, False or a TracerProvider, got {type(provider).__name__}")
    if tracing is None:
        said = os.environ.get(SWITCH, "").strip().lower()
        tracing = "opentelemetry" in sys.modules and said not in {"false", "0", "no", "off"}
    if tracing is False:
        return Watch(hooks)
    try:
        from periskope_async._opentelemetry import current_traceparent, telemetry_hooks
    except ImportError as exc:
        raise ConfigurationError(f"tracing: {needs_extra('otel')}") from exc
    joined = _join_hooks(hooks, telemetry_hooks(provider, base_url))
    return Watch(joined, current_traceparent if propagate else None)


def _join_hooks(hooks: Hooks | None, more: Hooks) -> Hooks:
    """Return hooks that call those of both, *hooks* first. What one raises keeps nothing from the other."""
    if hooks is None:
        return more
    both = {each.name: (getattr(hooks, each.name), getattr(more, each.name)) for each in fields(Hooks)}
    return Hooks(**{name: _join(*pair) for name, pair in both.items()})


def _join(
    hook: Callable[[EventT], object] | None, other: Callable[[EventT], object] | None
) -> Callable[[EventT], object] | None:
    if hook is None or other is None:
        return hook or other

    def joined(event: EventT) -> None:
        notify(hook, event)
        notify(other, event)

    return joined
