"""The commands on the queue, as `--help` lists them. Must import nothing slow, as `app`."""

from typing import TYPE_CHECKING

import click

from periskope_async.cli.options import InOrder, asks, confirm, hands_on_connect, output

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["queue"]


@click.group(cls=InOrder)
def queue() -> None:
    """See what a phone is to send, and take it back."""


@queue.command("show")
@click.option("--jobs", is_flag=True, help="Each message in it, sent ones too.")
@click.option("--job", metavar="ID", help="Only this message, by its queue ID.")
@click.option("--broadcast", metavar="ID", help="How far a broadcast is; with --jobs, its messages.")
@output("view", "json")
@hands_on_connect
def show(connect: "Connect", *, jobs: bool, job: str | None, broadcast: str | None, output: str) -> int:
    """Show how many messages wait, are being sent, were sent and failed, in the last 24 hours."""
    from periskope_async.cli.commands import queue as _queue

    if job is not None and broadcast is not None:
        raise click.UsageError("--job and --broadcast each say what to show: choose one.")
    return _queue.show(connect, jobs=jobs, job=job, broadcast=broadcast, output=output)


@queue.command("purge")
@click.argument("queue_ids", nargs=-1, metavar="[QUEUE_ID]...")
@click.option("--broadcast", metavar="ID", help="What is left of a broadcast.")
@click.option("--all", "everything", is_flag=True, help="All that waits, whoever queued it.")
@asks
@output("view", "json")
@hands_on_connect
def purge(
    connect: "Connect", *, queue_ids: tuple[str, ...], broadcast: str | None, everything: bool, yes: bool, output: str
) -> int:
    """Take messages out of the queue, so that they are never sent. It cannot be undone."""
    from periskope_async.cli.commands import queue as _queue

    if bool(queue_ids) + (broadcast is not None) + everything != 1:
        raise click.UsageError("Say what is not to be sent: QUEUE_IDs, --broadcast ID, or --all.")
    what = (
        "all that waits"
        if everything
        else f"{len(queue_ids):,} message{'s'[: len(queue_ids) > 1]}"
        if queue_ids
        else f"what is left of broadcast {broadcast}"
    )
    confirm(f"Take {what} out of the queue?", yes=yes)
    return _queue.purge(connect, queue_ids, broadcast, everything=everything, output=output)
