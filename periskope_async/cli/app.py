"""The commands in one file, as `--help` lists them, and how every run ends. `periskope --help` has 150 ms in all.

So nothing slow is imported. What a command does stands in a module of its own, imported when it runs; this one knows
click and the exit codes.
"""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import click
from click.core import ParameterSource

from periskope_async.cli.conversations import chats, groups
from periskope_async.cli.directory import contacts, members, phones
from periskope_async.cli.history import ai_settings, chat_logs, ticket_logs
from periskope_async.cli.knowledge import knowledge_base
from periskope_async.cli.messaging import messages, queue
from periskope_async.cli.options import (
    STATUSES,
    InOrder,
    Root,
    changed_options,
    chosen,
    concurrency,
    connection,
    export_options,
    hands_on_connect,
    how_many,
    output,
    ticket_values,
    which_ids,
    writes,
)
from periskope_async.cli.outcome import MEANING, Exit, Failure, Outcome, explain
from periskope_async.cli.planning import scheduled_messages, tasks
from periskope_async.cli.text import named, print_error
from periskope_async.cli.webhooks import webhooks
from periskope_async.errors import PeriskopeError

if TYPE_CHECKING:
    import io

    from periskope_async.cli.options import Connect

__all__ = ["app", "run"]

_EXIT_CODES: Final = "\b\nExit codes:\n" + "\n".join(f"  {code:3}  {text}" for code, text in MEANING.items())


def run(arguments: Sequence[str] | None) -> int:
    """Run one command and return its exit code. Whatever happens, nobody is shown a traceback."""
    for stream in (sys.stdout, sys.stderr):
        cast("io.TextIOWrapper", stream).reconfigure(errors="replace")  # what cannot be shown is a question mark
    try:
        return int(app.main(arguments, "periskope", standalone_mode=False) or Exit.OK)
    except click.ClickException as usage:
        usage.show()
        return usage.exit_code
    except click.Abort:
        return Exit.INTERRUPTED
    except SystemExit as stop:  # what click and rich make of a broken pipe; completion leaves with 0
        return Exit.READER_GONE if stop.code else Exit.OK
    except Exception as error:
        outcome = _outcome_of(error)
        if outcome.exit is Exit.BUG and os.environ.get("PERISKOPE_DEBUG"):
            raise
    print_error(outcome)
    return outcome.exit


def _outcome_of(error: Exception) -> Outcome:
    match error:
        case Failure():
            return error.outcome
        case PeriskopeError():
            return explain(error)
        case OSError():
            name = "A file" if error.filename is None else named(error.filename)
            return Outcome(Exit.FILE, f"{name}: {error.strerror or error}")
        case _:
            message = f"This is a bug in periskope ({type(error).__name__}: {error})."
            return Outcome(Exit.BUG, message, "PERISKOPE_DEBUG=1 shows where. Please report it.")


@click.group(
    cls=Root,
    epilog=_EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(package_name="periskope", message="%(prog)s %(version)s")
def app() -> None:
    """Tickets, chats, messages and groups of Periskope on the command line (unofficial).

    The key comes from PERISKOPE_API_KEY or --api-key, which may stand before the command or behind it, as may --phone,
    --base-url, --timeout and --retries. Without a key, start with `periskope demo`.
    """


@app.result_callback()
def _flush(code: int, **_: Any) -> int:
    """Find out here, where click answers for it, that the reader of our output has gone."""
    sys.stdout.flush()
    return code


@app.command()
@click.option(
    "--tickets", type=click.IntRange(1, 100_000), metavar="N", default=2_000, help="How many to fetch in bulk."
)
@click.option("--rate-limit", metavar="N/SECONDS", default="500/2s", help="The fake service's.")
@click.option("--seed", type=int, metavar="N", default=1, help="The same seed, the same faults.")
def demo(tickets: int, rate_limit: str, seed: int) -> int:
    """Show everything on a fake service of its own."""
    from periskope_async.cli.commands import demo as _demo

    return _demo.demo(tickets=tickets, rate_limit=rate_limit, seed=seed)


@app.group("tickets", cls=InOrder)
def tickets_() -> None:
    """Read, write and export tickets."""


@tickets_.command()
@click.argument("ticket_ids", nargs=-1, required=True, metavar="ID...")
@output("view", "table", "json")
@hands_on_connect
def get(connect: "Connect", *, ticket_ids: tuple[str, ...], output: str) -> int:
    """Show tickets with their chat and messages.

    `json` prints what the API sends: an object for one ID, an array for several.
    """
    from periskope_async.cli.commands import tickets as _tickets

    return _tickets.get(connect, ticket_ids, output)


@tickets_.command("list")
@how_many("ticket")
@click.option("--status", type=click.Choice(STATUSES), help="Only these.")
@click.option("--assignee", metavar="EMAIL", help="Only theirs.")
@click.option("--label", metavar="NAME", help="Only with this label.")
@click.option("--updated-since", metavar="DATE", help="Only what was changed then or later.")
@output("table", "json", "csv")
@hands_on_connect
def list_(connect: "Connect", *, limit: int | None, output: str, **filters: str | None) -> int:
    """List tickets, without their chats and messages.

    The API knows no filters: all rows are read, and those that fit are shown.
    """
    from periskope_async.cli.commands import tickets as _tickets

    return _tickets.list_(connect, limit, chosen(filters), output)


@tickets_.command()
@click.option("--chat-id", required=True, metavar="ID", help="The chat it is about: ...@c.us or ...@g.us.")
@click.option("--subject", required=True, metavar="TEXT")
@ticket_values
@click.option("--quoted-message-id", metavar="ID", help="The message it is about.")
@writes
@output("view", "json")
@hands_on_connect
def create(connect: "Connect", *, output: str, **values: str | None) -> int:
    """Create a ticket and show it. Never sent twice: after an unclear failure, look before you repeat it."""
    from periskope_async.cli.commands import tickets as _tickets

    return _tickets.create(connect, chosen(values), output)


@tickets_.command()
@click.argument("ticket_ids", nargs=-1, required=True, metavar="ID...")
@click.option("--subject", metavar="TEXT")
@ticket_values
@click.option("--add-label", multiple=True, metavar="NAME", help="Add it to the labels there are.")
@click.option("--remove-label", multiple=True, metavar="NAME", help="Take it off them.")
@click.option("--clear", multiple=True, type=click.Choice(["assignee", "due-date", "labels"]), help="Empty it.")
@writes
@output("view", "json")
@hands_on_connect
def update(
    connect: "Connect",
    *,
    ticket_ids: tuple[str, ...],
    clear: tuple[str, ...],
    add_label: tuple[str, ...],
    remove_label: tuple[str, ...],
    output: str,
    **values: str | None,
) -> int:
    """Change tickets, each in the same way, and show them. What is not named stays as it is.

    --add-label and --remove-label read a ticket before they write: a label that somebody else sets between the two is
    lost.
    """
    from periskope_async.cli.commands import tickets as _tickets

    cleared = {name.replace("-", "_"): None for name in clear}
    changes = chosen(values)
    if cleared.keys() & changes.keys():
        raise click.UsageError("The same value is set and cleared.")
    if (add_label or remove_label) and "labels" in cleared.keys() | changes.keys():
        raise click.UsageError(
            "--labels and --clear labels replace all labels, which leaves none to add to: choose one."
        )
    if not (cleared or changes or add_label or remove_label):
        raise click.UsageError("Nothing to change: name at least one value, or --clear one.")
    return _tickets.update(connect, ticket_ids, changes | cleared, (add_label, remove_label), output)


@tickets_.command()
@which_ids
@changed_options
@export_options
@concurrency
@hands_on_connect
def export(connect: "Connect", **options: Any) -> int:
    """Save tickets in full, with chats and messages, into a file.

    After Ctrl-C, a lost connection or a crash, the same command with --resume goes on, and every ticket is in the
    file once. Tickets stand in the order in which they came; what failed stands in FILE.errors.jsonl with its reason.

    With --changed, FILE is brought up to date: what changed since the last run is replaced, what is deleted is removed,
    and nothing else is fetched. FILE and --state change both or not at all.
    """
    from periskope_async.cli.commands import sources

    return sources.export_by_ids(connect, sources.TICKETS, **options)


tickets_.add_command(ticket_logs)
chats.add_command(ai_settings)
chats.add_command(chat_logs)
app.add_command(chats)
app.add_command(messages)
app.add_command(scheduled_messages)
app.add_command(groups)
app.add_command(queue)
app.add_command(contacts)
app.add_command(phones)
app.add_command(members)
app.add_command(webhooks)
app.add_command(knowledge_base)
app.add_command(tasks)


@app.command()
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only such as message.created, or 'ticket.*'.")
@click.option("--backfill", type=click.Choice(["tickets"]), help="After a gap, show what the list says was changed.")
@output("lines", "json")
@hands_on_connect
def events(connect: "Connect", *, types: tuple[str, ...], backfill: Literal["tickets"] | None, output: str) -> int:
    """Print what happens as it happens, until Ctrl-C.

    A connection that is lost is made again; a line says from when to when events may be missing. Needs the extra `live`
    besides.
    """
    from periskope_async.cli.commands import events as _events

    return _events.print_events(connect, types=types, backfill=backfill, output=output)


@app.command()
@connection
@output("report", "json")
def doctor(*, output: str, **options: Any) -> int:
    """Check settings, network, key, clock and rate limit.

    It says what to do next, and never shows a key, a password or a phone number. Ten small calls at most are made.
    """
    from periskope_async.cli.commands import doctor as _doctor

    context = click.get_current_context()
    params = {option.name: option for option in context.command.params}
    return _doctor.examine({name: (value, _source(context, params[name])) for name, value in options.items()}, output)


def _source(context: click.Context, option: click.Parameter) -> str:
    """Where the value of *option* comes from."""
    match context.get_parameter_source(option.name):
        case ParameterSource.COMMANDLINE:
            return option.opts[0]
        case ParameterSource.ENVIRONMENT:
            return str(option.envvar)
        case _:
            return "default"


@app.command()
@click.option("--host", default="127.0.0.1", help="Whoever reaches it may use it.")
@click.option("--port", type=click.IntRange(0, 65_535), metavar="N", default=8080, help="0 takes a free one.")
@click.option("--tickets", type=click.IntRange(0, 1_000_000), metavar="N", default=1_000, help="How many it holds.")
@click.option("--rate-limit", metavar="N/SECONDS", help="Such as 100/60s.")
@click.option("--fault", "faults", multiple=True, metavar="KIND=SHARE", help="Such as reset-before=0.1.")
@click.option(
    "--delivery-fault", "delivery_faults", multiple=True, metavar="KIND=SHARE", help="Such as duplicate=0.05."
)
@click.option("--seed", type=int, metavar="N", default=0, help="The same seed, the same tickets and faults.")
@click.option("--api-key", metavar="KEY", help="The key it accepts.")
@click.option("--signing-key", metavar="KEY", help="The key it signs deliveries to webhooks with.")
def serve(*, host: str, port: int, **options: Any) -> int:
    """Run the fake service, for tests in any language.

    What happens in it is posted to the webhooks that are made in it, if their URLs lead to this machine.
    """
    from periskope_async.cli.commands import serve as _serve

    return _serve.serve(host, port, **options)


@app.command()
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
def completion(shell: str) -> int:
    """Print the completion script of a shell.

    For bash, put this in ~/.bashrc: eval "$(periskope completion bash)"
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    if complete is None:
        raise AssertionError("unreachable")
    click.echo(complete(app, {}, "periskope", "_PERISKOPE_COMPLETE").source())
    return 0
