"""`periskope serve`: the fake service as a process. Knows no client."""

import errno
from collections.abc import Sequence

import click

from periskope_async.testing import FakePeriskope
from periskope_async.testing import serve as serve_fake

__all__ = ["serve"]


def serve(
    host: str,
    port: int,
    *,
    faults: Sequence[str],
    delivery_faults: Sequence[str],
    tickets: int,
    rate_limit: str | None,
    seed: int,
    api_key: str | None,
    signing_key: str | None,
) -> int:
    """Serve until Ctrl-C, which is how it is meant to end."""
    try:
        serve_fake(
            host,
            port,
            tickets=tickets,
            rate_limit=rate_limit,
            faults=dict(_fault(text) for text in faults),
            seed=seed,
            api_key=api_key,
            signing_key=signing_key,
            delivery_faults=dict(_fault(text) for text in delivery_faults),
            on_ready=_announce,
        )
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise click.UsageError(f"Port {port} is in use by another program; --port 0 takes a free one.") from None
        raise click.UsageError(f"{host}, port {port}: {error.strerror or error}.") from None
    return 0


def _fault(text: str) -> tuple[str, float]:
    """Read `reset-before=0.1`: a kind of fault, and its share of the calls or deliveries."""
    kind, _, share = text.partition("=")
    try:
        return kind, float(share)
    except ValueError:
        raise ValueError(f"fault {text!r}: expected KIND=SHARE, such as reset-before=0.1") from None


def _announce(fake: FakePeriskope) -> None:
    """Say where it is, as lines to paste into another shell."""
    click.echo(f"export PERISKOPE_BASE_URL={fake.base_url}")
    click.echo(f"export PERISKOPE_API_KEY={fake.api_key}")
    click.echo(f"export PERISKOPE_WEBHOOK_KEY={fake.signing_key}")
    click.echo("Serving made-up tickets. Ctrl-C ends it.", err=True)
