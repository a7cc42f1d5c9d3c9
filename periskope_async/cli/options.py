"""Options that several commands share. Knows no command."""

import re
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import click

from periskope_async.cli.outcome import Exit, Failure, explain
from periskope_async.errors import ConfigurationError

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient

    Connect = Callable[[], PeriskopeClient]

__all__ = [
    "PRIORITIES",
    "STATUSES",
    "UNCHANGED",
    "InOrder",
    "Root",
    "all_of",
    "asks",
    "changed_options",
    "chosen",
    "concurrency",
    "confirm",
    "connection",
    "export_options",
    "hand_down",
    "hands_on_connect",
    "how_many",
    "output",
    "rehearsing",
    "ticket_values",
    "which_ids",
    "writes",
]

#: Groups that have a short name too, by that.
_SHORT: Final = {"kb": "knowledge-base", "scheduled": "scheduled-messages"}

Command = Callable[..., int]
Decorator = Callable[[Command], Command]


class InOrder(click.Group):
    """A group that lists its commands in the order in which a newcomer meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order in which they were added."""
        del ctx
        return list(self.commands)


class Root(InOrder):
    """The group of all: what says how to reach the service may stand before the command as well as behind it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse *args* as if every option of the connection stood behind the command."""
        return super().parse_args(ctx, hand_down(self, args))


def hand_down(command: click.Command, args: Sequence[str]) -> list[str]:
    """Return *args* with the options of the connection that stand before a command moved behind it.

    There the last one wins, so what was behind it stays last.
    """
    words, moved, rest = list[str](), list[str](), list(args)
    while rest and isinstance(command, click.Group):
        name, equals, _ = rest[0].partition("=")
        if name in _CONNECTION:
            count = 1 if equals else 2
            moved += rest[:count]
        elif (word := _SHORT.get(rest[0], rest[0])) in command.commands:
            command = command.commands[word]
            words.append(word)
            count = 1
        else:
            break
        del rest[:count]
    return words + moved + rest


def all_of(*options: Decorator) -> Decorator:
    """One decorator out of several, listed in the order of the help."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


#: How to reach the service. Only what is set reaches the client: its own defaults stand in one place.
connection: Final = all_of(
    click.option("--api-key", metavar="KEY", envvar="PERISKOPE_API_KEY", show_envvar=True, help="The API key."),
    click.option("--phone", metavar="NUMBER", envvar="PERISKOPE_PHONE", show_envvar=True, help="The phone to act for."),
    click.option("--base-url", metavar="URL", envvar="PERISKOPE_BASE_URL", show_envvar=True, help="Another service."),
    click.option("--timeout", type=float, metavar="SECONDS", help="For one attempt.  [default: 30]"),
    click.option("--retries", type=int, metavar="N", help="Further attempts after the first.  [default: 4]"),
)
#: The names of these options. Each takes a value.
_CONNECTION: Final = frozenset(name for option in click.command(connection(lambda: 0)).params for name in option.opts)

#: As `models.TicketPriority` and `models.TicketStatus` have them, which take long to import: a test compares.
PRIORITIES: Final = ("low", "medium", "high", "urgent")
STATUSES: Final = ("open", "inprogress", "closed", "archived")


class Priority(click.Choice[str]):
    """One of the priorities, by its name or its number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        numbers = {str(number): name for number, name in enumerate(PRIORITIES, 1)}
        return super().convert(numbers.get(value, str(value).lower()), param, ctx)


#: What a person can set on a ticket besides its subject.
ticket_values: Final = all_of(
    click.option("--assignee", metavar="EMAIL", help="Who works on it."),
    click.option("--due-date", metavar="DATE", help="Such as 2026-01-31, or with a time."),
    click.option("--priority", type=Priority(PRIORITIES), help="Also as a number, from 1 for low to 4 for urgent."),
    click.option("--status", type=click.Choice(STATUSES)),
    click.option("--labels", metavar="NAMES", help="Comma-separated. They replace what was there."),
)


def output(*forms: str) -> Decorator:
    """The option that chooses among *forms*; the first is the default. Where there is `json`, there is `jsonl`."""
    if "json" in forms:
        forms = (*forms[: forms.index("json") + 1], "jsonl", *forms[forms.index("json") + 1 :])
    return click.option("-o", "--output", type=click.Choice(forms), default=forms[0], help="What to print.")


#: Of a command that changes anything at the service.
writes: Final = click.option("--dry-run", is_flag=True, help="Print what would be sent, and send nothing.")


def rehearsing() -> bool:
    """Whether the command that runs is on a dry run."""
    return bool(click.get_current_context().params.get("dry_run"))


def how_many(thing: str) -> Decorator:
    """Let a list of each *thing* be as long as a person wants it. The command takes `limit`, None for all."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def limited(*, limit: int, everything: bool, **values: Any) -> int:
            return command(limit=None if everything else limit, **values)

        at_most = click.option("--limit", type=click.IntRange(1), metavar="N", default=30, help=f"At most N {thing}s.")
        no_end = click.option(
            "--all", "everything", is_flag=True, help=f"Every {thing} there is, whatever --limit says."
        )
        return at_most(no_end(limited))

    return decorate


def chosen(values: dict[str, Any], *, nothing: str = "") -> dict[str, Any]:
    """Return those of the *values* of options that a person has set.

    Raises:
        UsageError: none is set, and *nothing* is what to say of that.
    """
    found = {name: value for name, value in values.items() if value is not None}
    if nothing and not found:
        raise click.UsageError(nothing)
    return found


#: What a command says that is to change something, and has nothing to change.
UNCHANGED: Final = "Nothing to change: name at least one value."

#: Which things an export is of, where each has an id.
which_ids: Final = all_of(
    click.argument("ids", nargs=-1, metavar="[ID]..."),
    click.option("--all", "everything", is_flag=True, help="All that is listed, what is marked deleted too."),
    click.option("--ids-file", metavar="FILE", help="One ID a line. `-`, also as ID, is standard input."),
)
#: That an export brings a file up to date.
changed_options: Final = all_of(
    click.option(
        "--changed", is_flag=True, help="All that is not deleted; only what changed since --state is fetched."
    ),
    click.option("--state", metavar="FILE", help="What the last run with --changed saw; this run replaces it."),
)


#: How fast an export may ask.
concurrency: Final = click.option(
    "--concurrency", type=int, metavar="N", help="Requests in flight at once.  [default: 32]"
)
#: Where an export goes, and what becomes of what is there.
export_options: Final = all_of(
    click.option("--out", default="-", metavar="FILE", help=".jsonl, .csv or .parquet. `-` is standard output."),
    click.option(
        "--format", "form", type=click.Choice(["jsonl", "csv", "parquet"]), help="Where its name does not say."
    ),
    click.option("--resume", is_flag=True, help="Go on with FILE where a stopped export left it."),
    click.option("--overwrite", is_flag=True, help="Replace FILE."),
)

#: Of a command that asks before it does what cannot be taken back.
asks: Final = all_of(click.option("-y", "--yes", is_flag=True, help="Do not ask."), writes)


def confirm(question: str, *, yes: bool, what: str = "changed") -> None:
    """Return if a person agrees, or has with `--yes`, or if it is a dry run.

    Raises:
        UsageError: nobody is there to be asked.
        Exit: the person does not agree, and reads that nothing was *what*.
        Abort: Ctrl-C.
    """
    if yes or rehearsing():
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question}\nNobody is there to be asked: this needs --yes.")
    if not click.confirm(question, err=True):
        click.echo(f"Nothing was {what}.", err=True)
        raise click.exceptions.Exit(Exit.SOME_FAILED)


#: What arguments are called on the command line that no option is made of.
_ELSEWHERE: Final = {"journal": "FILE.journal", "found": "--sent, --not-sent"}


def in_options(problem: str) -> str:
    """Return *problem*, which may begin with the names of arguments, with what the running command calls them."""
    names, colon, why = problem.partition(": ")
    shown = dict(_ELSEWHERE)
    for param in click.get_current_context().command.params:
        name = str(param.name)
        if not isinstance(param, click.Argument):
            shown[name] = param.opts[0]
            continue
        words = re.findall(r"\w+", param.metavar or name.upper())
        shown |= {word.lower(): word for word in words}
        if len(words) == 1:
            shown |= {name: words[0], name.removesuffix("s"): words[0]}  # of several ids, one is wrong
    return ", ".join(shown.get(name, name) for name in names.split(", ")) + colon + why if colon else problem


def hands_on_connect(command: Command) -> Command:
    """Give *command* the connection options, and hand it one function instead that makes a client of them."""

    @wraps(command)
    def connected(*, api_key: str | None, concurrency: int | None = None, dry_run: bool = False, **values: Any) -> int:
        settings: dict[str, Any] = {name: values.pop(name) for name in ("phone", "base_url", "timeout", "retries")}
        settings["concurrency"] = concurrency
        chosen = {name: value for name, value in settings.items() if value is not None}

        def connect() -> "PeriskopeClient":
            from periskope_async import PeriskopeClient
            from periskope_async.cli.running import watching

            if not api_key:
                raise Failure(
                    Exit.USAGE,
                    "No API key. Set PERISKOPE_API_KEY, or pass --api-key.",
                    "To look around without one: periskope demo",
                )
            return PeriskopeClient(api_key, hooks=watching(), **chosen)

        try:
            if not dry_run:
                return command(connect, **values)
            from periskope_async.cli.rehearsal import rehearse

            return rehearse(connect, lambda rehearsed: command(rehearsed, **values))
        except ConfigurationError as error:
            outcome = explain(error)
            message = outcome.message.replace(error.message, in_options(error.message), 1)
            raise Failure(outcome.exit, message, outcome.hint) from None

    return connection(connected)
