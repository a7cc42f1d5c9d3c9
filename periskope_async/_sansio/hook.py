"""What can be a hook: something to call, which does what it does there and then."""

import inspect

__all__ = ["why_no_hook"]


def why_no_hook(hook: object) -> str:
    """Return what is wrong with *hook*; nothing if it can be called, or is None."""
    if hook is None:
        return ""
    if not callable(hook):
        return f"expected a function of one event, got {type(hook).__name__}"
    # An object with an `async def __call__` is one as well.
    for each in (hook, getattr(type(hook), "__call__", None)):  # noqa: B004  # it is looked at, and not called
        if inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each):
            return "hooks are not awaited: expected a plain function, got an async one"
    return ""
