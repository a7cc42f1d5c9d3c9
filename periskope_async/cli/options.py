"""Options that several commands share. Knows no command."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import click

from periskope_async.cli.outcome import Exit, Failure

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient

    Connect = Callable[[], PeriskopeClient]

__all__ = ["InOrder", "confirm", "connection", "hands_on_connect", "output", "ticket_values", "unasked"]

Command = Callable[..., int]
Decorator = Callable[[Command], Command]


class InOrder(click.Group):
    """A group that lists its commands in the order in which a newcomer meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order in which they were added."""
        del ctx
        return list(self.commands)


def _all(*options: Decorator) -> Decorator:
    """One decorator out of several, listed in the order of the help."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


#: How to reach the service. Only what is set reaches the client: its own defaults stand in one place.
connection: Final = _all(
    click.option("--api-key", metavar="KEY", envvar="PERISKOPE_API_KEY", show_envvar=True, help="The API key."),
    click.option("--phone", metavar="NUMBER", envvar="PERISKOPE_PHONE", show_envvar=True, help="The phone to act for."),
    click.option("--base-url", metavar="URL", envvar="PERISKOPE_BASE_URL", show_envvar=True, help="Another service."),
    click.option("--timeout", type=float, metavar="SECONDS", help="For one attempt.  [default: 30]"),
    click.option("--retries", type=int, metavar="N", help="Further attempts after the first.  [default: 4]"),
)

#: What a person can set on a ticket besides its subject.
ticket_values: Final = _all(
    click.option("--assignee", metavar="EMAIL", help="Who works on it."),
    click.option("--due-date", metavar="DATE", help="Such as 2026-01-31, or with a time."),
    click.option("--priority", type=click.Choice(["low", "medium", "high", "urgent"])),
    click.option("--status", type=click.Choice(["open", "inprogress", "closed", "archived"])),
    click.option("--labels", metavar="NAMES", help="Comma-separated. They replace what was there."),
)


def output(*forms: str) -> Decorator:
    """The option that chooses among *forms*; the first is the default."""
    return click.option("-o", "--output", type=click.Choice(forms), default=forms[0], help="What to print.")


#: Of a command that asks before it does what cannot be taken back.
unasked: Final = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


def confirm(question: str, *, yes: bool) -> None:
    """Return if a person agrees, or has with `--yes`.

    Raises:
        UsageError: nobody is there to be asked.
        Abort: the person does not agree.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody is there to be asked: this needs --yes.")
    click.confirm(question, abort=True, err=True)


def hands_on_connect(command: Command) -> Command:
    """Give *command* the connection options, and hand it one function instead that makes a client of them."""

    @wraps(command)
    def connected(*, api_key: str | None, concurrency: int | None = None, **values: Any) -> int:
        settings: dict[str, Any] = {name: values.pop(name) for name in ("phone", "base_url", "timeout", "retries")}
        settings["concurrency"] = concurrency
        chosen = {name: value for name, value in settings.items() if value is not None}

        def connect() -> "PeriskopeClient":
            from periskope_async import PeriskopeClient

            if not api_key:
                raise Failure(
                    Exit.USAGE,
                    "No API key. Set PERISKOPE_API_KEY, or pass --api-key.",
                    "To look around without one: periskope demo",
                )
            return PeriskopeClient(api_key, **chosen)

        return command(connect, **values)

    return connection(connected)
