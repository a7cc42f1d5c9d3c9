"""What a client is set up with: key, phone, URL, times and counts, checked before any I/O. Knows no network."""

import ipaddress
import os
import re
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias, cast
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from periskope_async._sansio.arguments import as_count, as_seconds
from periskope_async._sansio.ids import as_phone
from periskope_async._sansio.proxy import Proxy, environment_proxy, parse_proxy
from periskope_async._sansio.secret import NotText, Secret, conceal
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.budgets import SCHEMES, RedisBudget
from periskope_async.errors import ConfigurationError

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["DEFAULT_BASE_URL", "Budget", "Secret", "Settings"]

#: Who shares the rate limit of a key: a process has it to itself, all of a user's on a machine have it together, or all
#: that have the same Redis. What nobody has chosen is "host" where that works, and "own" where not.
Budget: TypeAlias = Literal["auto", "own", "host"] | RedisBudget

DEFAULT_BASE_URL: Final = "https://api.periskope.app/v1"

#: What a header value may hold: visible ASCII. An API key is one word of it.
_KEY = re.compile(r"[!-~]+")
_HOST_NAME = re.compile(r"[0-9A-Za-z_-]{1,63}(?:\.[0-9A-Za-z_-]{1,63})*\.?")


@frozen(kw_only=True)
class Settings:
    """The checked settings of one client. Times are seconds.

    Attributes:
        api_key: shown by nothing.
        phone: the phone that calls are for, as digits or `phone-…`.
        base_url: where the API is, without a slash at its end.
        timeout: of one attempt.
        deadline: of one call in all; None for no end.
        retries: further attempts after the first.
        concurrency: requests in flight at once.
        budget: who shares the key's rate limit; "auto" is "host" where that works.
        proxy: what requests go through; None for nothing.
        ssl: how TLS is checked; None for the system's way.
        cache_size: how many answers `max_age` may keep.
    """

    api_key: Secret = field(repr=False)
    phone: str | None = field(default=None, repr=False)
    base_url: str = DEFAULT_BASE_URL
    timeout: float = 30.0
    deadline: float | None = 120.0
    retries: int = 4
    concurrency: int = 32
    budget: Budget = "auto"
    proxy: Proxy | None = field(default=None, repr=False)
    ssl: "SSLContext | None" = field(default=None, repr=False)
    cache_size: int = field(default=1000, repr=False)

    @classmethod
    def resolve(  # noqa: PLR0913  # every setting there is
        cls,
        *,
        api_key: str | None,
        phone: str | None,
        base_url: str | None,
        timeout: float,
        deadline: float | None,
        retries: int,
        concurrency: int,
        budget: "str | RedisBudget | None" = None,
        proxy: str | None = None,
        ssl: "SSLContext | str | PathLike[str] | None" = None,
        cache_size: int = 1000,
    ) -> Self:
        """Take each setting from its argument, then its environment variable, then its default, and check it.

        Raises:
            ConfigurationError: a setting is missing or unusable; the message names it and never shows the key.
        """
        checked_url = check_base_url(
            os.environ.get("PERISKOPE_BASE_URL") or DEFAULT_BASE_URL if base_url is None else base_url
        )
        chosen_phone = os.environ.get("PERISKOPE_PHONE") or None if phone is None else phone
        chosen_budget = conceal(os.environ.get("PERISKOPE_BUDGET") or "auto") if budget is None else budget
        return cls(
            api_key=check_key(conceal(os.environ.get("PERISKOPE_API_KEY") if api_key is None else api_key)),
            phone=None if chosen_phone is None else as_phone("phone", chosen_phone),
            base_url=checked_url,
            timeout=as_seconds("timeout", timeout),
            deadline=None if deadline is None else as_seconds("deadline", deadline),
            retries=as_count("retries", retries, least=0),
            concurrency=as_count("concurrency", concurrency, least=1),
            budget=check_budget(chosen_budget, checked_url),
            proxy=_check_proxy(proxy, checked_url),
            ssl=check_ssl("ssl", ssl)
            or check_ssl("PERISKOPE_CA_BUNDLE", os.environ.get("PERISKOPE_CA_BUNDLE") or None),
            cache_size=as_count("cache_size", cache_size, least=0),
        )

    def replace(
        self,
        *,
        timeout: float | Unset = UNSET,
        deadline: float | Unset | None = UNSET,
        retries: int | Unset = UNSET,
        phone: str | Unset | None = UNSET,
    ) -> Self:
        """Return these settings with some of them changed.

        Raises:
            ConfigurationError: one of them is unusable.
        """
        changes: dict[str, Any] = {}
        if timeout is not UNSET:
            changes["timeout"] = as_seconds("timeout", timeout)
        if deadline is not UNSET:
            changes["deadline"] = None if deadline is None else as_seconds("deadline", deadline)
        if retries is not UNSET:
            changes["retries"] = as_count("retries", retries, least=0)
        if phone is not UNSET:
            changes["phone"] = None if phone is None else as_phone("phone", phone)
        return evolve(self, **changes)


def check_key(value: str | NotText | None) -> Secret:
    """Return a key that can be sent, white space around it apart.

    Raises:
        ConfigurationError: it is none.
    """
    if value is None or value == "":
        raise ConfigurationError("api_key: no API key; pass api_key= or set PERISKOPE_API_KEY")
    if isinstance(value, NotText):
        raise ConfigurationError(f"api_key: expected text, got {value.type_name}")
    # Keys come from env files and copied lines: white space around one is never part of it.
    if re.match(r"bearer\b", value.strip(), re.IGNORECASE) and not _KEY.fullmatch(value.strip()):
        raise ConfigurationError("api_key: expected the key alone, without the word 'Bearer' (the value is not shown)")
    if len(value.split()) > 1:
        raise ConfigurationError("api_key: holds a line break or a blank in its middle (the value is not shown)")
    if not _KEY.fullmatch(value.strip()):
        raise ConfigurationError("api_key: expected one word of printable ASCII (the value is not shown)")
    return Secret(value.strip())


def check_budget(value: object, base_url: str) -> Budget:
    """Return a budget that can be used for the service at *base_url*.

    Raises:
        ConfigurationError: it is none.
    """
    if isinstance(value, RedisBudget):
        return value
    if value == "auto":
        # What is on this machine is a fake service for tests, most likely: they are to leave nothing to each other.
        return "own" if _is_loopback(urlsplit(base_url).hostname or "") else "auto"
    if value in {"own", "host"}:
        return cast("Budget", str(value))
    if isinstance(value, str) and value.partition("://")[0] in SCHEMES:
        return RedisBudget.of_url(value)
    # The value is not shown: it may be a URL with a password in it.
    raise ConfigurationError("budget: expected 'auto', 'own', 'host' or 'redis://...' (the value is not shown)")


def check_base_url(value: object) -> str:
    """Return the URL of a service, without a slash at its end.

    Raises:
        ConfigurationError: it is none.
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"base_url: expected text, got {type(value).__name__}")
    if not _KEY.fullmatch(value.strip()):
        raise ConfigurationError("base_url: expected printable ASCII without white space")
    try:
        url = urlsplit(value.strip())
        host, port = url.hostname, url.port
    except ValueError:
        raise ConfigurationError("base_url: not a URL") from None
    if url.scheme not in {"https", "http"} or not host:
        raise ConfigurationError(f"base_url: expected https://HOST/v1, got scheme {url.scheme!r}")
    if not (_is_address(host) or (_HOST_NAME.fullmatch(host) and len(host) <= 253)):
        raise ConfigurationError("base_url: its host is not a host name")
    if url.username is not None or url.password is not None or url.query or url.fragment or "?" in value:
        raise ConfigurationError("base_url: no user, password, query or fragment may stand in it")
    if url.scheme == "http" and not _is_loopback(host):
        raise ConfigurationError("base_url: http:// would send the key in the clear; use https:// (loopback excepted)")
    host = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{host}{'' if port is None else f':{port}'}{url.path.rstrip('/')}"


def _check_proxy(value: object, base_url: str) -> Proxy | None:
    if value is None:
        found = environment_proxy(base_url, os.environ)
        return None if found is None else parse_proxy(*found)
    proxy = parse_proxy("proxy", value)
    if not base_url.startswith("https://"):
        raise ConfigurationError("proxy: with an http:// base_url the proxy would read the key; use https://")
    return proxy


def check_ssl(name: str, value: object) -> "SSLContext | None":
    """Return the context that trusts a bundle, or a context as it is.

    Raises:
        ConfigurationError: it is none.
    """
    if value is None:
        return None
    import ssl

    if isinstance(value, ssl.SSLContext):
        return value
    if not isinstance(value, str | PathLike):
        raise ConfigurationError(
            f"{name}: expected an ssl.SSLContext or the path of a CA bundle, got {type(value).__name__}"
        )
    try:
        return ssl.create_default_context(cafile=cast("str | PathLike[str]", value))
    except OSError as exc:  # ssl.SSLError is one too
        reason = "it holds no certificate" if isinstance(exc, ssl.SSLError) else exc.strerror
        raise ConfigurationError(f"{name}: the CA bundle {os.fspath(value)!r} cannot be used: {reason}") from None


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
