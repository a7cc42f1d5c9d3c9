"""Print the tickets that wait, and remind of them. Try it: python typer_script.py --help."""

from typing import Annotated

import typer

from periskope_sync import PeriskopeClient, PeriskopeError

app = typer.Typer()


@app.command()
def waiting(
    label: Annotated[str | None, typer.Option(help="Only tickets with this label.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 20,
) -> None:
    """Print the open tickets that nobody works on."""
    with PeriskopeClient() as client:
        try:
            for row in client.tickets.list(status="open", assignee="", label=label, limit=limit):
                typer.echo(f"{row.ticket_id}  {row.subject}")
        except PeriskopeError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
