"""A dry run: what reads is sent, what would change anything is kept and shown instead. Knows no command."""

import json
from typing import TYPE_CHECKING, Any, TypeVar

import click

from periskope_async._io.caller import Caller
from periskope_async._sansio.operation import Request
from periskope_async._sansio.upload import FileBody, with_file
from periskope_async.cli.outcome import Exit, Unsent
from periskope_async.cli.text import to_json, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from periskope_async import PeriskopeClient

    Connect = Callable[[], PeriskopeClient]

__all__ = ["Rehearsal", "rehearse"]

T = TypeVar("T")


class Rehearsal(Caller):
    """Calls as another caller does, but keeps in *kept* what would change anything."""

    def __init__(self, caller: Caller, kept: list[Request[Any]]) -> None:
        super().__init__(caller.settings, caller.connections, caller.report.watch)
        self._kept = kept

    async def call(self, request: Request[T], **options: Any) -> T:
        """Send *request* if it only reads.

        Raises:
            Unsent: it would change something.
            PeriskopeError: as for any caller.
        """
        if request.operation.method == "GET":
            return await super().call(request, **options)
        self._kept.append(request)
        raise Unsent


def rehearse(connect: "Connect", command: "Callable[[Connect], int]") -> int:
    """Run *command* with clients that change nothing, print what they would have sent, and return the exit code."""
    kept: list[Request[Any]] = []
    clients: list[PeriskopeClient] = []

    def connect_to_nothing() -> "PeriskopeClient":
        client = connect()
        client._caller = Rehearsal(client._caller, kept)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # ours
        clients.append(client)
        return client

    try:
        code = command(connect_to_nothing)
    except Unsent:
        code = Exit.OK
    if not kept and code == Exit.OK:
        click.echo("Nothing would be sent.", err=True)
    write(b"\n".join(_shown(request, clients[0]) for request in kept))
    return code


def _shown(request: Request[Any], client: "PeriskopeClient") -> bytes:
    """Return a request as HTTP has it, without what every request says; so the key never gets here."""
    settings = client._caller.settings  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # ours
    query = f"?{request.query}" if request.query else ""
    lines = [f"{request.operation.method} {settings.base_url}{request.path}{query}"]
    if phone := request.phone or settings.phone:
        lines.append(f"x-phone: {phone}")
    head = "".join(f"{line}\n" for line in lines).encode()
    return head if request.body is None else head + b"\n" + to_json(_summarised(request.body), indent=2)


def _summarised(body: bytes | FileBody) -> Any:
    """Return what *body* holds, of a file only how long it is."""
    fields = json.loads(with_file(body) if isinstance(body, FileBody) else body)
    for name, key in (("media", "filedata"), ("document", "base64")):
        if key in fields.get(name, ()):
            fields[name][key] = f"({len(fields[name][key]):,} characters of base64)"
    return fields
