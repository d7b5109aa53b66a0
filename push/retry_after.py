"""Reads `Retry-After`: when a provider wants to be asked again (RFC 9110 §10.2.3)."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST_PAUSE = timedelta(hours=1)


def retry_after(value: str, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date, at most an hour: a slip of theirs must not stop us for a day. None for anything else."""
    try:
        wait = timedelta(seconds=int(value)) if value.isdecimal() else parsedate_to_datetime(value) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), LONGEST_PAUSE)
