"""What a client is set up with: key, phone, URL, times and counts, checked before any I/O. Knows no network."""

import ipaddress
import json
import os
import re
import sys
from typing import Any, Final, NoReturn, Self, SupportsIndex, TypeVar, cast
from urllib.parse import quote, urlsplit

from attrs import evolve, field, frozen

from periskope_async.errors import ConfigurationError

__all__ = ["DEFAULT_BASE_URL", "Secret", "Settings"]

T = TypeVar("T")

DEFAULT_BASE_URL: Final = "https://api.periskope.app/v1"

#: What a header value may hold: visible ASCII. An API key is one word of it.
_KEY = re.compile(r"[!-~]+")
_HOST_NAME = re.compile(r"[0-9A-Za-z_-]{1,63}(?:\.[0-9A-Za-z_-]{1,63})*\.?")
_PHONE_ID = re.compile(r"phone-[0-9A-Za-z_-]+")
_PHONE_PUNCTUATION = str.maketrans("", "", "+-(). ")


class _Masked(str):
    """Text that travels as it is and prints as stars: in reprs, in logged headers, in a traceback's locals."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __getitem__(self, index: SupportsIndex | slice) -> str:
        return _Masked(super().__getitem__(index))  # who prints only the start of a long text takes a slice


def conceal(value: T) -> T:
    """Return text as the same text that does not show itself, and anything else as it is.

    For whoever takes a key as an argument: a traceback shows the arguments of its frames.
    """
    return cast("T", _Masked(value)) if isinstance(value, str) else value


class Secret:
    """A value that no repr, log, pickle, traceback or error shows. Only `reveal()` gives it out."""

    __slots__ = ("_spellings", "_value")

    def __init__(self, value: str) -> None:
        self._value = _Masked(value)
        # As an answer may quote it: in JSON, in a URL. For most keys, both are the key itself.
        self._spellings = tuple(map(_Masked, {json.dumps(value)[1:-1], quote(value, safe="", errors="replace"), value}))

    def reveal(self, template: str = "{}") -> str:
        """Return *template* filled in with the value, as text whose repr is masked."""
        return _Masked(template.format(self._value))

    def scrub(self, value: Any) -> Any:
        """Return *value* with the secret masked in every text it holds."""
        match value:
            case str():
                for spelling in self._spellings:
                    value = value.replace(spelling, "***")
                return value
            case dict():
                return {self.scrub(key): self.scrub(item) for key, item in _any(value).items()}
            case list():
                return [self.scrub(item) for item in _any(value)]
            case tuple():
                return tuple(self.scrub(item) for item in _any(value))
            case _:
                return value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        msg = "a Secret does not pickle: make the client where it is used"
        raise TypeError(msg)


@frozen(kw_only=True)
class Settings:
    """The checked settings of one client. Times are seconds."""

    api_key: Secret = field(repr=False)
    phone: str | None = field(default=None, repr=False)
    base_url: str = DEFAULT_BASE_URL
    timeout: float = 30.0
    deadline: float | None = 120.0
    retries: int = 4
    concurrency: int = 32

    @classmethod
    def resolve(
        cls,
        *,
        api_key: str | None,
        phone: str | None,
        base_url: str | None,
        timeout: float,
        deadline: float | None,
        retries: int,
        concurrency: int,
    ) -> Self:
        """Take each setting from its argument, then its environment variable, then its default, and check it.

        Raises:
            ConfigurationError: a setting is missing or unusable; the message names it and never shows the key.
        """
        chosen_phone = os.environ.get("PERISKOPE_PHONE") or None if phone is None else phone
        chosen_url = os.environ.get("PERISKOPE_BASE_URL") or DEFAULT_BASE_URL if base_url is None else base_url
        return cls(
            api_key=_check_key(conceal(os.environ.get("PERISKOPE_API_KEY") if api_key is None else api_key)),
            phone=None if chosen_phone is None else _check_phone(chosen_phone),
            base_url=_check_base_url(chosen_url),
            timeout=check_seconds("timeout", timeout),
            deadline=None if deadline is None else check_seconds("deadline", deadline),
            retries=check_count("retries", retries, least=0),
            concurrency=check_count("concurrency", concurrency, least=1),
        )

    def replace(self, *, timeout: float, deadline: float | None, retries: int) -> Self:
        """Return these settings with other times and retries.

        Raises:
            ConfigurationError: one of them is unusable.
        """
        return evolve(
            self,
            timeout=check_seconds("timeout", timeout),
            deadline=None if deadline is None else check_seconds("deadline", deadline),
            retries=check_count("retries", retries, least=0),
        )


def _any(value: Any) -> Any:
    """Return *value*: what a container holds is not for a checker to know."""
    return value


def check_seconds(name: str, value: object) -> float:
    """Return *value* as seconds: a positive, finite number.

    Raises:
        ConfigurationError: it is something else; the message names *name*.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError(f"{name}: expected seconds as a number, got {type(value).__name__}")
    if not 0 < value <= sys.float_info.max:
        raise ConfigurationError(f"{name}: expected a positive, finite number of seconds")
    return float(value)


def check_count(name: str, value: object, *, least: int) -> int:
    """Return *value* as a whole number of at least *least*.

    Raises:
        ConfigurationError: it is something else; the message names *name*.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{name}: expected a whole number, got {type(value).__name__}")
    if value < least:
        raise ConfigurationError(f"{name}: expected at least {least}")
    return value


def _check_key(value: object) -> Secret:
    if value is None or value == "":
        raise ConfigurationError("api_key: no API key; pass api_key= or set PERISKOPE_API_KEY")
    if not isinstance(value, str):
        raise ConfigurationError(f"api_key: expected text, got {type(value).__name__}")
    # Keys come from env files and copied lines: white space around one is never part of it.
    if not _KEY.fullmatch(value.strip()):
        raise ConfigurationError("api_key: expected one word of printable ASCII (the value is not shown)")
    return Secret(value.strip())


def _check_phone(value: object) -> str:
    if not isinstance(value, str):
        raise ConfigurationError(f"phone: expected text, got {type(value).__name__}")
    if _PHONE_ID.fullmatch(value.strip()):
        return value.strip()
    digits = value.strip().removesuffix("@c.us").translate(_PHONE_PUNCTUATION)
    if not (digits.isascii() and digits.isdigit()):
        raise ConfigurationError(
            "phone: expected a number with country code, such as '+91 98765 43210', or an id such as 'phone-…'"
        )
    return digits


def _check_base_url(value: object) -> str:
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
