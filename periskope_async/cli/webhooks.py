"""The commands on webhooks: subscriptions, and what helps to develop a receiver. Must import nothing slow, as `app`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from periskope_async.cli.options import InOrder, asks, confirm, hands_on_connect, output

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["webhooks"]

#: As `testing.Assumptions.envelope` has them, which take long to import: a test compares.
ENVELOPES = ("event_type", "event", "flat", "bare")

_key = click.option("--key", metavar="KEY", envvar="PERISKOPE_WEBHOOK_KEY", show_envvar=True, help="The signing key.")


@click.group(cls=InOrder)
def webhooks() -> None:
    """Have URLs called for events."""


@webhooks.command("list")
@output("table", "json")
@hands_on_connect
def list_webhooks(connect: "Connect", *, output: str) -> int:
    """List which URL is called for what."""
    from periskope_async.cli.commands import webhooks as _webhooks

    return _webhooks.list_(connect, output)


@webhooks.command("create")
@click.argument("hook_url", metavar="URL")
@click.argument("events", nargs=-1, required=True, metavar="EVENT...")
@asks
@output("table", "json")
@hands_on_connect
def create_webhook(connect: "Connect", *, hook_url: str, events: tuple[str, ...], yes: bool, output: str) -> int:
    """Have a URL called for events such as ticket.created. Never sent twice.

    An event that this version does not know, as one that is new tomorrow, needs a yes.
    """
    from periskope_async.cli.commands import webhooks as _webhooks
    from periskope_async.cli.commands.event_names import doubts

    if found := doubts(events):
        confirm("\n".join([*found, "Subscribe all the same?"]), yes=yes)
    return _webhooks.create(connect, hook_url, events, output)


@webhooks.command("delete")
@click.argument("webhook_id", metavar="ID")
@asks
@hands_on_connect
def delete_webhook(connect: "Connect", *, webhook_id: str, yes: bool) -> int:
    """End a subscription."""
    from periskope_async.cli.commands import webhooks as _webhooks

    confirm(f"End the subscription {webhook_id}?", yes=yes)
    return _webhooks.delete(connect, webhook_id)


@webhooks.command()
@click.option("--host", default="127.0.0.1", help="Where to listen. Whoever reaches it may post.")
@click.option("--port", type=click.IntRange(0, 65_535), metavar="N", default=8081, help="0 takes a free one.")
@click.option("--forward", metavar="URL", help="Post all that arrives to this URL too, and answer what it answers.")
@_key
@output("lines", "jsonl")
def listen(*, host: str, port: int, forward: str | None, key: str | None, output: str) -> int:
    """Print the deliveries that arrive, until Ctrl-C.

    Each line says whether the delivery is signed with the key. What is not gets 400. With --forward all of it is passed
    on, the body and the header fields as they came.
    """
    from periskope_async.cli.commands import webhook_listener

    return webhook_listener.listen(host, port, forward=forward, key=key, output=output)


@webhooks.command()
@click.argument("event", metavar="EVENT")
@click.option("--to", "url", required=True, metavar="URL", help="Your receiver.")
@_key
@click.option(
    "--data",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="What it is about, as JSON; - is standard input.  [default: an example]",
)
@click.option("--envelope", type=click.Choice(ENVELOPES), default=ENVELOPES[0], help="What lies about the data.")
@click.option("--elsewhere", is_flag=True, help="The URL may lead to another machine.")
def send(*, event: str, url: str, key: str | None, data: Path | None, envelope: str, elsewhere: bool) -> int:
    """Post an example of an event, such as ticket.updated, to a receiver, signed as the service signs it."""
    from periskope_async.cli.commands import webhook_sender

    return webhook_sender.send(event, url, key=key, data=data, envelope=envelope, elsewhere=elsewhere)
