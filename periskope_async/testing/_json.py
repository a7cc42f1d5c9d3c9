"""JSON as the service reads and writes it. Pure."""

import json
from typing import Any, TypeAlias, cast

__all__ = ["Json", "dumps", "json_object"]

Json: TypeAlias = dict[str, Any]


def dumps(value: Any) -> bytes:
    """JSON as JavaScript writes it: no blanks, no escapes beyond the needed."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_object(body: bytes) -> Json | None:
    """The JSON object in *body*; `{}` for an empty body, as Express parses it; None for anything else."""
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
    return cast("Json", value) if isinstance(value, dict) else None
