"""The store of a rate limit that machines share: what a user passes as `budget`. Opens nothing."""

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from periskope_async._extras import needs_extra
from periskope_async._sansio.secret import Secret, conceal
from periskope_async.errors import ConfigurationError

if TYPE_CHECKING:
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

__all__ = ["SCHEMES", "RedisBudget"]

#: What a URL may begin with, and as what the driver knows it.
SCHEMES: Final = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss"}


class RedisBudget:
    """A rate limit that every process with the same Redis or Valkey shares, on whatever machine.

        client = PeriskopeClient(budget=RedisBudget(redis.asyncio.Redis(host="cache")))

    A URL does the same without a client of your own: `budget="redis://cache:6379/0"`. Needs the extra `redis`.

    Args:
        client: the application's own `redis.asyncio.Redis`, which is then used in the event loop of its first use here,
            or its `redis.Redis`, which is used in a thread. It is never closed from here. What it does not answer
            within 0.25 s is left alone; set a `redis.Redis` a `socket_timeout` of that.

    Raises:
        ConfigurationError: it is something else.
    """

    __slots__ = ("client", "is_async", "secrets", "shown", "url")

    def __init__(self, client: "AsyncRedis | Redis") -> None:
        kind = {f"{each.__module__.partition('.')[0]}.{each.__name__}" for each in type(client).__mro__}
        if not kind & {"redis.Redis", "valkey.Valkey"}:
            raise ConfigurationError(f"budget: expected a redis.asyncio.Redis, got {type(client).__name__}")
        self.client: Any = client
        self.is_async: bool = any("asyncio" in each.__module__ for each in type(client).__mro__)
        self.url: Secret | None = None
        self.secrets: tuple[Secret, ...] = ()
        self.shown: str = "a client of the application"

    @classmethod
    def of_url(cls, url: str) -> Self:
        """Return the budget of a URL.

        Raises:
            ConfigurationError: it is not such a URL, or `redis` is not installed; the message does not show it.
        """
        url = conceal(url)
        host = port = password = None
        with suppress(ValueError):
            parts = urlsplit(url)
            host, port, password = parts.hostname, parts.port, parts.password
        if not host or any(not "!" <= each <= "~" for each in url):
            raise ConfigurationError("budget: expected a URL like redis://host:6379/0 (the value is not shown)")
        try:
            import_module("redis")  # half a second: here, and not when a call waits
        except ImportError:
            raise ConfigurationError(f"budget: Redis {needs_extra('redis')}") from None
        budget = cls.__new__(cls)
        budget.client, budget.is_async = None, False
        scheme, rest = url.split(":", 1)
        budget.url = Secret(f"{SCHEMES[scheme]}:{rest}")
        budget.secrets = tuple(Secret(each) for each in (url, password) if each)
        budget.shown = f"{scheme}://{host}" + ("" if port is None else f":{port}")
        return budget

    def __repr__(self) -> str:
        return f"RedisBudget({self.shown})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RedisBudget) and (self.client, self.url) == (other.client, other.url)

    def __hash__(self) -> int:
        return hash((id(self.client), self.url))
