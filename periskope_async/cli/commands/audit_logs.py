"""`periskope tickets | chats audit-logs`: asks the client and prints what it gives. Knows no options."""

from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from periskope_async.cli.commands import reading
from periskope_async.cli.render_planning import log_table, log_view
from periskope_async.models import AuditLog

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["list_"]

_LOGS: Final = reading.Shown("audit_logs", AuditLog, log_table, log_view)


def list_(
    connect: "Connect",
    of: Literal["tickets", "chats"],
    resource_id: str,
    filters: Mapping[str, str | None],
    limit: int | None,
    output: str,
) -> int:
    """Print what changed of a ticket or a chat: the newest *limit* changes, or all."""
    chosen: dict[str, Any] = {name: value for name, value in filters.items() if value is not None}

    def walk(client: "PeriskopeClient", most: int | None) -> AsyncGenerator[AuditLog, None]:
        resource = client.tickets if of == "tickets" else client.chats
        return resource.list_audit_logs(resource_id, limit=most, **chosen)

    return reading.list_(connect, _LOGS, limit, walk, output)
