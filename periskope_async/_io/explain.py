"""What broke, in our own words: aiohttp's may quote what was on the wire, and hold the request's headers."""

import os
from typing import Final

import aiohttp

from periskope_async._io.shortage import HINT, ShortageError, is_shortage
from periskope_async._sansio.response import FailedAttempt, FailureKind
from periskope_async.errors import (
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    PeriskopeError,
    ProtocolError,
    TlsError,
)

__all__ = ["CONNECT_TIMEOUT", "explain", "lacks_descriptor"]

#: A blackholed address must not eat a whole attempt, seconds.
CONNECT_TIMEOUT: Final = 10.0
#: What a peer that does not answer a TLS hello, or not with one, may be.
NO_TLS_HINT: Final = "; perhaps it speaks plain http there and no https (see base_url)"


def explain(
    cause: BaseException | None, host: str, *, tls: bool, closed: bool, borrowed: bool, proxy: str | None = None
) -> FailedAttempt:
    """Return the failure of an attempt that broke with *cause*.

    *tls*: whether the base URL is an https one. *closed*: whether the client or its session was closed meanwhile.
    *proxy*: the URL of the proxy, without credentials. *borrowed*: whether the session is not our own.
    """
    error: PeriskopeError
    kind, unsent = FailureKind.PASSING, True
    match cause:
        case aiohttp.ClientHttpProxyError():
            wants = ": it wants a user and a password, http://USER:PASSWORD@HOST:PORT" if cause.status == 407 else ""
            error = ConnectError(f"the proxy {proxy} refused to connect to {host} ({cause.status}){wants}")
            kind = FailureKind.PASSING if cause.status >= 500 else FailureKind.FINAL
        case aiohttp.ClientProxyConnectionError():
            error, kind = _not_connected(f"the proxy {proxy}", cause, tls=False)
        case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
            hint = NO_TLS_HINT if "WRONG_VERSION_NUMBER" in str(cause) else ""
            error, kind = TlsError(f"{host}: the TLS handshake failed: {_reason(cause)}{hint}"), FailureKind.FINAL
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError() | ShortageError():
            error, kind = _not_connected(host, cause, tls=tls)
        case aiohttp.ClientConnectionError():
            error, kind = ProtocolError(f"{host}: the connection ended before an answer"), FailureKind.DROPPED
            unsent = False
        case aiohttp.ClientPayloadError():
            error, unsent = ProtocolError(f"{host}: the answer broke off or is damaged"), False
        case RuntimeError() if closed:
            error, kind = ClientClosedError("the client, or the session it borrows, is closed"), FailureKind.FINAL
        case RuntimeError():
            error, kind = ConnectError(f"{host}: no connection: the event loop is shutting down"), FailureKind.FINAL
        case ValueError() if borrowed:
            error = ConfigurationError("session: its own headers or credentials clash with ours")
            kind = FailureKind.FINAL
        case _:
            error, unsent = ProtocolError(f"{host}: the answer is not valid HTTP ({type(cause).__name__})"), False
    return FailedAttempt(error, kind, unsent=unsent)


def lacks_descriptor(exc: BaseException | None) -> bool:
    """Whether the process has no file descriptor left for a connection."""
    if isinstance(exc, aiohttp.ClientConnectorError) and not isinstance(exc, aiohttp.ClientSSLError):
        return is_shortage(exc)
    return isinstance(exc, ShortageError)


def _not_connected(host: str, cause: Exception, *, tls: bool) -> tuple[PeriskopeError, FailureKind]:
    if lacks_descriptor(cause):
        return ConnectError(f"{host}: no connection: out of file descriptors; {HINT}"), FailureKind.PASSING
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return ConnectError(f"{host}: name resolution failed: {_reason(cause)}"), FailureKind.UNRESOLVED
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        within = f"{host}: no connection within {CONNECT_TIMEOUT:g} s"
        return ConnectError(within + (NO_TLS_HINT if tls else "")), FailureKind.PASSING
    return ConnectError(f"{host}: no connection: {_reason(cause)}"), FailureKind.PASSING


def _reason(exc: BaseException) -> str:
    """Return what the operating system said, without the objects that say it."""
    os_error = getattr(exc, "os_error", None) or getattr(exc, "certificate_error", None) or exc
    if isinstance(os_error, ConnectionError) and os_error.errno:
        return os.strerror(os_error.errno)  # asyncio's own text is about Python: "Connect call failed ('127.0.0.1', 9)"
    return str(getattr(os_error, "strerror", None) or type(os_error).__name__)
