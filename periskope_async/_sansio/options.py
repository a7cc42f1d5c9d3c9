"""What a client is asked for under a name that it does not have: which one was meant. Names only, never values."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final, NoReturn, TypeVar, cast

from periskope_async._sansio.secret import conceal

__all__ = ["Misnamed", "explain_options"]

F = TypeVar("F", bound=Callable[..., None])

#: What other clients call what is an option here.
_ELSEWHERE: Final[Mapping[str, str]] = {
    "apikey": "api_key",
    "access_token": "api_key",
    "bearer": "api_key",
    "key": "api_key",
    "token": "api_key",
    "base": "base_url",
    "endpoint": "base_url",
    "host": "base_url",
    "url": "base_url",
    "max_concurrency": "concurrency",
    "max_connections": "concurrency",
    "pool_size": "concurrency",
    "workers": "concurrency",
    "max_attempts": "retries",
    "max_retries": "retries",
    "client": "session",
    "http_client": "session",
    "ca_bundle": "ssl",
    "proxies": "proxy",
    "proxy_url": "proxy",
    "ssl_context": "ssl",
    "verify": "ssl",
    "phone_id": "phone",
    "total_timeout": "deadline",
}


class Misnamed:
    """In the place of a method that the other package's client has: says what it is called here.

    A `__getattr__` would do so too, and would slow down the attributes that are there.
    """

    def __init__(self, here: str) -> None:
        self._here = here

    def __set_name__(self, cls: type, name: str) -> None:
        self._name = name

    def __get__(self, client: object, cls: type) -> NoReturn:
        message = f"{cls.__module__.partition('.')[0]}.{cls.__name__} has no {self._name!r}: use {self._here}"
        raise AttributeError(message, name=self._name, obj=client)


def explain_options(init: F) -> F:
    """Have a client's `__init__` answer an option that it does not know with the one that was meant."""

    @wraps(init)
    def checked(self: object, api_key: Any = None, *others: Any, **options: Any) -> None:
        api_key = conceal(api_key)  # a traceback shows the arguments of its frames
        for name in ("proxy", "budget"):  # which may hold a password
            if name in options and (name == "proxy" or isinstance(options[name], str)):
                options[name] = conceal(options[name])
        known = (*(init.__kwdefaults__ or {}), "api_key")
        unknown = [name for name in options if name not in known]
        if unknown:
            options.clear()  # likewise: one of them may be the key under another name
            raise TypeError(_cure(unknown[0], known))
        init(self, api_key, *others, **options)

    return cast("F", checked)


def _cure(name: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    said = f"PeriskopeClient() got an unexpected keyword argument {name!r}"
    meant = _ELSEWHERE.get(name.lower())
    found = [meant] if meant in known else get_close_matches(name, known, 1)
    return f"{said}; did you mean {found[0]!r}?" if found else f"{said}; there are {', '.join(sorted(known))}"
