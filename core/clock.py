"""Reads the clock: what decides asks here, or is told (only ids read the time on their own, to sort by)."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware UTC, in whole milliseconds.

    Cut to milliseconds because the API speaks RFC 3339 with exactly three decimals:
    what a client reads back is then the very moment that was stored.
    """
    moment = datetime.now(UTC)  # noqa: TID251  this is the clock
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
