"""The texts of headers as what they mean: numbers and dates. Total: what means nothing is None."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

__all__ = ["parse_date", "parse_number"]

# Fifteen digits hold every wait and every epoch, in milliseconds too.
_NUMBER: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,20})?")
#: A longer text is not the date that it claims to be, characters.
_MAX_DATE: Final = 100


@lru_cache(maxsize=1024)  # texts: most services count down the same few hundred numbers, window after window
def parse_number(text: str | None) -> float | None:
    """Return what is a number, whole or not; None for anything else, and for no text."""
    return float(text) if text is not None and _NUMBER.fullmatch(text := text.strip()) else None


@lru_cache(maxsize=64)
def parse_date(text: str) -> float | None:
    """Return an HTTP, ISO or JavaScript date as seconds since the epoch; None for anything else."""
    if len(text) > _MAX_DATE:
        return None
    for parse in (parsedate_to_datetime, datetime.fromisoformat, _javascript_date):
        try:
            moment = parse(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _javascript_date(text: str) -> datetime:
    # `String(new Date())`: "Mon Nov 23 2026 12:00:00 GMT+0000 (Coordinated Universal Time)"
    return datetime.strptime(text.partition(" (")[0], "%a %b %d %Y %H:%M:%S GMT%z")
