"""The proxy that requests go through: its address, apart from its credentials, which nothing shows."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from attrs import field

from periskope_async._deferred import frozen
from periskope_async._sansio.secret import NotText, Secret, conceal
from periskope_async.errors import ConfigurationError

__all__ = ["Proxy", "environment_proxy", "parse_proxy"]

_PORTS: Final = {"http": 80, "https": 443}


@frozen
class Proxy:
    """A proxy.

    Attributes:
        url: where it is, without credentials.
        authorization: the value of `Proxy-Authorization`; None where it wants none.
    """

    url: str
    authorization: Secret | None = field(default=None, repr=False)


def parse_proxy(name: str, value: object) -> Proxy:
    """Return the proxy that a URL describes.

    Raises:
        ConfigurationError: it describes none; the message names *name* and never shows the URL, which may hold a
            password.
    """
    value = conceal(value)  # a traceback shows the arguments of its frames
    found = _read(value)
    if isinstance(found, str):
        raise ConfigurationError(f"{name}: {found}")
    return found


def _read(value: object) -> Proxy | str:
    """Return the proxy, or why there is none: who raised that from here would show the password in this frame."""
    if not isinstance(value, str):
        kind = value.type_name if isinstance(value, NotText) else type(value).__name__
        return f"expected the URL of a proxy as text, got {kind}"
    text = value.strip() if "://" in value else f"http://{value.strip()}"
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        return "not a URL"
    if url.scheme not in _PORTS:
        return f"expected http:// or https://, got {url.scheme!r}; SOCKS is not spoken"
    if not host or url.path not in {"", "/"} or url.query or url.fragment or not _is_printable(text):
        return "expected http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT"
    host = f"[{host}]" if ":" in host else host
    return Proxy(f"{url.scheme}://{host}:{_PORTS[url.scheme] if port is None else port}", _authorization(url))


def _authorization(url: SplitResult) -> Secret | None:
    if url.username is None:
        return None
    credentials = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return Secret(f"Basic {b64encode(credentials.encode()).decode()}")


def _is_printable(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def environment_proxy(base_url: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the variable that names the proxy of an https URL, and what it says; None of any other URL.

    HTTPS_PROXY and NO_PROXY are read in either case. What is said is not looked at here, beside the whole environment,
    which a traceback would show.
    """
    name = next((name for name in ("https_proxy", "HTTPS_PROXY") if environment.get(name)), None)
    if name is None or not base_url.startswith("https://"):
        return None
    host = urlsplit(base_url).hostname or ""
    excepted = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if any(_covers(entry.strip().lower(), host, urlsplit(base_url).port) for entry in excepted.split(",")):
        return None
    return name, conceal(environment[name])


def _covers(entry: str, host: str, port: int | None) -> bool:
    """Whether an entry of NO_PROXY, a host, a domain or `*`, with or without a port, is about a host."""
    if entry == "*":
        return True
    if entry == f"[{host}]":  # an IPv6 address
        return True
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and entry.count(":") == 1:
        if number != str(port or 443):
            return False
        entry = name
    domain = entry.removeprefix("*").lstrip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))
