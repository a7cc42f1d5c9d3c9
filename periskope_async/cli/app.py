"""The commands, as `--help` lists them, and how every run ends. `periskope --help` has 150 ms in all.

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
from periskope_async.cli.messaging import messages
from periskope_async.cli.options import Root, connection, hands_on_connect, output
from periskope_async.cli.outcome import MEANING, Exit, Failure, Outcome, explain
from periskope_async.cli.planning import scheduled_messages, tasks
from periskope_async.cli.queueing import queue
from periskope_async.cli.text import named, print_error
from periskope_async.cli.ticketing import tickets
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


tickets.add_command(ticket_logs)
chats.add_command(ai_settings)
chats.add_command(chat_logs)
app.add_command(tickets)
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
