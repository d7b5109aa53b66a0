"""What a telephone system tells of a call, how it proves itself, and what came of the call."""

import hashlib
import hmac
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from core.moments import Moment
from core.outside import address_fault, host_of, leads_inside
from core.values import MaybeText, ShortText, Value
from identity.phone import Phone

LONGEST_BODY = 16 * 1024
TOLERANCE = timedelta(seconds=300)
"""How far the clock of a telephone system may be from ours; an older notice is no news."""


class News(StrEnum):
    STARTED = "started"
    ANSWERED = "answered"
    ENDED = "ended"
    MISSED = "missed"
    """Nobody picked up, on either side."""
    RECORDED = "recorded"


class CallDirection(StrEnum):
    IN = "in"
    OUT = "out"


class CallVerdict(StrEnum):
    UNKNOWN = "unknown"
    """Nothing was told yet that says."""
    MISSED = "missed"
    TALKED = "talked"


_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def _https(address: str) -> str:
    """An address that a colleague's browser is sent to: none of their own computer or network."""
    parts = urlsplit(address)
    if address_fault(f"{parts.scheme}://{parts.netloc}/") is not None or leads_inside(host_of(address), ()):
        raise ValueError("not an https address")
    return address


Recording = Annotated[
    str, StringConstraints(max_length=2_000, pattern=r"^[\x21-\x7e]+$"), AfterValidator(_https)
]  # fmt: skip


class CallNews(Value):
    """One notice of one call. Notices may come late, twice and in any order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "call_id": "c-2041", "what": "missed", "direction": "in", "number": "+39 02 5555 1234",
                    "extension": "", "at": "2026-11-23T09:30:00.000Z",
                }
            ]
        }
    )  # fmt: skip

    call_id: ShortText
    what: News
    direction: CallDirection
    number: Phone | None = Field(default=None, description="Of the person outside; none where it is hidden.")
    extension: MaybeText = Field(default="", description="Of the colleague.")
    at: Moment
    recording_url: Recording | None = Field(default=None, description="https only; told to those with the right.")


def signature(secret: str, notice_id: str, timestamp: str, body: bytes) -> str:
    """`v1=` and the hex of HMAC-SHA256 over `id.timestamp.body`."""
    made = hmac.digest(secret.encode(), f"{notice_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1={made.hex()}"


def is_genuine(secret: str, notice_id: str, timestamp: str, signed: str, body: bytes, now: datetime) -> bool:
    """Signed with this secret, and no more than five minutes from `now`."""
    if not _SECONDS.fullmatch(timestamp):
        return False
    near = abs(now.timestamp() - int(timestamp)) <= TOLERANCE.total_seconds()
    fits = hmac.compare_digest(signed.encode(), signature(secret, notice_id, timestamp, body).encode())
    return near and fits


def verdict(answered_at: datetime | None, missed_at: datetime | None) -> CallVerdict:
    """What came of a call: whoever was talked to was not missed, whatever else was told."""
    if answered_at is not None:
        return CallVerdict.TALKED
    return CallVerdict.UNKNOWN if missed_at is None else CallVerdict.MISSED


def caller(clinic_id: UUID, patient_id: UUID | None, number: str | None) -> UUID | None:
    """Who called, for what lives once for each caller; None of a hidden number."""
    if patient_id is not None:
        return patient_id
    return None if number is None else uuid5(clinic_id, number)
