"""`periskope webhooks list | create | delete`: asks the client and prints. Knows no options, and asks nobody."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from periskope_async.cli.render_directory import webhook_table
from periskope_async.cli.running import display, run, waiting
from periskope_async.cli.text import JSON, write_json
from periskope_async.models import Webhook

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["create", "delete", "list_"]


def list_(connect: "Connect", output: str) -> int:
    """Print all subscriptions."""

    async def fetch() -> tuple[Webhook, ...]:
        async with connect() as client:
            return await client.webhooks.list()

    with waiting("Listing"):
        found = run(fetch)
    _print(found, output)
    return 0


def create(connect: "Connect", hook_url: str, events: Sequence[str], output: str) -> int:
    """Subscribe a URL to events, and print the subscriptions."""

    async def send() -> tuple[Webhook, ...]:
        async with connect() as client:
            return await client.webhooks.create(hook_url, events[0] if len(events) == 1 else events)

    with waiting("Subscribing"):
        made = run(send)
    _print(made, output)
    return 0


def delete(connect: "Connect", webhook_id: str) -> int:
    """End a subscription, and print nothing."""

    async def send() -> None:
        async with connect() as client:
            await client.webhooks.delete(webhook_id)

    with waiting("Deleting"):
        run(send)
    return 0


def _print(webhooks: Sequence[Webhook], output: str) -> None:
    if output in JSON:
        write_json([webhook.to_dict() for webhook in webhooks], output)
    else:
        display(webhook_table(webhooks), wide=True)
