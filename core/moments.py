"""Moments on the wire: RFC 3339 in UTC with exactly three decimals, `2026-11-22T09:30:00.000Z`."""

import re
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, PlainSerializer, WithJsonSchema

# The generated Swift client reads three decimals or none; Pydantic would write six.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def rfc3339(moment: datetime) -> str:
    """`moment` (aware) as text, for example `2026-11-22T09:30:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _whole_milliseconds_utc(moment: datetime) -> datetime:
    if not EARLIEST <= moment <= LATEST:
        raise ValueError("moment lies outside 1900 to 2200")
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


_DAY_TEXT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DAY = re.compile(_DAY_TEXT)
_MOMENT = re.compile(_DAY_TEXT + r"[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})")


# Pydantic alone would read 0 and "1700000000" as seconds since 1970, and a moment as its day.
def _rfc3339_moment(given: object) -> object:
    if isinstance(given, datetime) or (isinstance(given, str) and _MOMENT.fullmatch(given)):
        return given
    raise ValueError("not an RFC 3339 moment")


def _rfc3339_day(given: object) -> object:
    if type(given) is date or (isinstance(given, str) and _DAY.fullmatch(given)):
        return given
    raise ValueError("not an RFC 3339 date")


Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_rfc3339_moment),
    AfterValidator(_whole_milliseconds_utc),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-22T09:30:00.000Z"]}),
]
"""An instant. Input must carry a zone; output is always UTC."""

Day = Annotated[date, BeforeValidator(_rfc3339_day)]
"""A calendar day, `2026-11-22`, and nothing that could be taken for one."""
