"""`periskope phones ...`: asks the client and prints what it gives. Knows no options, and asks nobody."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
from rich.text import Text

from periskope_async import DeadlineExceeded, NotFoundError, PeriskopeClient
from periskope_async.cli.outcome import Exit, Failure
from periskope_async.cli.render_directory import phone_table
from periskope_async.cli.running import console, display, run, waiting
from periskope_async.cli.text import JSON, write, write_json
from periskope_async.models import Phone, QrImage

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["delete", "get", "list_", "qr", "reset", "restart"]

#: How long a code is shown before it is asked for again, seconds: WhatsApp changes it about as often.
_FRESH: Final = 15.0


def list_(connect: "Connect", output: str) -> int:
    """Print all phones."""

    async def fetch() -> tuple[Phone, ...]:
        async with connect() as client:
            return await client.phones.list()

    with waiting("Listing"):
        found = run(fetch)
    if output in JSON:
        write_json([phone.to_dict() for phone in found], output)
    else:
        _table(found)
    return 0


def get(connect: "Connect", output: str) -> int:
    """Print the phone of the client."""

    async def fetch() -> Phone:
        async with connect() as client:
            return await client.phones.get()

    with waiting("Fetching"):
        phone = run(fetch)
    if output in JSON:
        write_json(phone.to_dict(), output)
    else:
        _table([phone])
    return 0


def qr(connect: "Connect", out: Path | None, deadline: float | None) -> int:
    """Show or save the code of the client's phone; with *deadline*, wait as many seconds until it was scanned."""

    async def follow() -> Phone | None:
        async with connect() as client:
            try:
                image = await client.phones.get_qr()
            except NotFoundError as error:
                hint = "A connected phone has none; `periskope phones list` shows which are."
                raise Failure(Exit.NOT_FOUND, f"The service has no code to show: {error}", hint) from None
            _show(image, out)
            return None if deadline is None else await _scanned(client, image, out, deadline)

    phone = run(follow)
    if phone is not None:
        _table([phone])
    return 0


def restart(connect: "Connect") -> int:
    """Restart the client's phone, and print nothing."""
    return _done(connect, lambda client: client.phones.restart())


def reset(connect: "Connect", phone: str) -> int:
    """Log a phone out, and print nothing."""
    return _done(connect, lambda client: client.phones.reset(phone=phone))


def delete(connect: "Connect", phone: str) -> int:
    """Delete a phone, and print nothing."""
    return _done(connect, lambda client: client.phones.delete(phone=phone))


async def _scanned(client: PeriskopeClient, image: QrImage, out: Path | None, deadline: float) -> Phone:
    """Return the phone once it is connected; until then show each code that takes the place of the one before.

    Raises:
        Failure: it was not scanned in time.
    """
    ends_at = anyio.current_time() + deadline
    while (left := ends_at - anyio.current_time()) > 0:
        try:
            return await client.phones.wait_until_connected(deadline=min(left, _FRESH))
        except DeadlineExceeded:
            pass
        try:
            newer = await client.phones.get_qr()
        except NotFoundError:  # scanned between the two questions: the next answer says so
            continue
        if newer.content != image.content:
            image = newer
            _show(image, out)
    raise Failure(
        Exit.NO_ANSWER, f"The code was not scanned within {deadline:g} s.", "The same command shows a new one."
    )


def _show(image: QrImage, out: Path | None) -> None:
    if out is not None:
        image.save(out)
        return
    screen = console()
    try:
        # On a terminal black on white, whatever its colours: some scanners read no code that is inverted.
        text = image.to_text(inverted=True) if screen.is_terminal else image.to_text()
    except ValueError as error:
        raise Failure(Exit.SERVICE_FAILED, str(error), "periskope phones qr --out FILE") from None
    if screen.is_terminal:
        screen.print(Text(text, "#000000 on #ffffff", no_wrap=True), crop=False)
    else:
        write(f"{text}\n".encode())


def _done(connect: "Connect", call: Callable[[PeriskopeClient], Awaitable[None]]) -> int:
    async def send() -> None:
        async with connect() as client:
            await call(client)

    with waiting("Sending"):
        run(send)
    return 0


def _table(phones: Sequence[Phone]) -> None:
    display(phone_table(phones), wide=True)
