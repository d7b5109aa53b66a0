"""Privacy as rules: how readers are named, how long a copy and its link live, when an erasure waits."""

import hashlib
from datetime import timedelta
from enum import StrEnum

COPY_LIFE = timedelta(days=7)
"""How long a copy of a record lies ready."""
LINK_LIFE = timedelta(hours=1)
"""How long its one-time link is good; at most a day is wanted of it."""
COPY_PAUSE = timedelta(days=1)
"""For how long a ready copy is given again instead of a new one."""
HIDDEN_SINCE = "hidden_since"
"""Among the scopes of a copy: something in it was hidden since, or taken back. It is no scope that anybody has."""
MOST_TRIES = 5
LEASE = timedelta(minutes=10)
MONEY_WAIT = timedelta(days=14)
"""For how long after its confirmation an erasure waits for money that is on its way into the books."""

_READ = ".read"


class ReadersBy(StrEnum):
    """How patients see who read their record."""

    NAME = "name"
    ROLE = "role"


class CopyState(StrEnum):
    ASKED = "asked"
    READY = "ready"
    EXPIRED = "expired"
    FAILED = "failed"


class ErasureState(StrEnum):
    CONFIRMED = "confirmed"
    EMPTIED = "emptied"
    """The rows have met their fate; the files are still to go."""
    DONE = "done"


class RefusalReason(StrEnum):
    """Why an erasure is declined (GDPR Art. 17(3), and Art. 12(6) for the last)."""

    LEGAL_DUTY = "legal_duty"
    LEGAL_CLAIMS = "legal_claims"
    PUBLIC_HEALTH = "public_health"
    IDENTITY_IN_DOUBT = "identity_in_doubt"


class ArchiveReason(StrEnum):
    """Why a restricted archive is opened: nothing else is allowed (GDPR Art. 18(2))."""

    LEGAL_CLAIMS = "legal_claims"
    AUTHORITY = "authority"
    PATIENTS_WISH = "patients_wish"


def area_of(event_kind: str) -> str:
    """What was looked at: `chart` of `chart.read`."""
    return event_kind.removesuffix(_READ)


def name_digest(salt: bytes, source: str, external_id: str) -> bytes:
    """What is kept of an erased name: enough to know it again, useless to anybody who has not the name."""
    return hashlib.sha256(salt + source.encode() + b"\0" + external_id.encode()).digest()


def copy_key(clinic_id: object, patient_id: object, export_id: object) -> str:
    """Where a copy of a record lies: below the patient's own files, so an erasure reaches it."""
    return f"{clinic_id}/{patient_id}/copies/{export_id}"


def archive_key(clinic_id: object, erasure_id: object) -> str:
    """Where the restricted archive of an erasure lies: apart from every patient's files."""
    return f"restricted/{clinic_id}/{erasure_id}"


def tombstone_key(clinic_id: object, erasure_id: object) -> str:
    """Where the erasure list lies outside the database: a database that was put back is told from here."""
    return f"{TOMBSTONES}/{clinic_id}/{erasure_id}"


TOMBSTONES = "erasures"
