"""Rows of privacy: how readers are named, copies people asked for, erasures, what must not come back, legal holds."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from clinic.privacy import HIDDEN_SINCE
from core.database import TenantRow
from core.schema import WHEN_HIDDEN, add_function


class PrivacyPolicy(SQLModel, table=True):
    """What a clinic decided; without a row its patients see staff by name."""

    __tablename__ = "privacy_policy"

    clinic_id: UUID = Field(primary_key=True)
    readers_by: str
    changed_at: datetime


class PrivacyExport(TenantRow, table=True):
    """A copy of a record that somebody asked for. The file lies in the storage under a key made from this row.

    `scopes` is what of the record the asker could see then, and `HIDDEN_SINCE`; `whole`, that it is their own. Of the
    link only a keyed hash is kept. `lease_until` and `attempts` are the worker's.
    """

    __tablename__ = "privacy_export"
    __table_args__ = (
        of_patient("privacy_export"),
        Index("privacy_export_of_patient", "clinic_id", "patient_id", "asked_at"),
        Index("privacy_export_link", "clinic_id", "link_hash", unique=True),
        # Of one person's copies of one record one is being made.
        Index(
            "privacy_export_once", "clinic_id", "patient_id", "account_id",
            unique=True, postgresql_where=text("state = 'asked'"),
        ),
        Index("privacy_export_open", "asked_at", postgresql_where=text("state in ('asked', 'ready')")),
    )  # fmt: skip

    patient_id: UUID
    account_id: UUID
    whole: bool
    scopes: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False))
    state: str
    asked_at: datetime
    ready_at: datetime | None = None
    expires_at: datetime | None = None
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)
    link_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    link_expires_at: datetime | None = None
    link_used_at: datetime | None = None
    lease_until: datetime | None = None
    attempts: int = 0


# A guardian's copy that lies ready is given to nobody any more; one that is being made is not finished. So it is with
# the patient's own where something leaves their sight too (the word "whole"). One that nobody began yet will be made
# without what is hidden now: whoever makes it waits for this transaction to end (`clinic.commands.privacy.hold_marks`),
# and the marks, which are many at once, do not wait for each other.
SQLModel.metadata.info[WHEN_HIDDEN] = "narrow_copies"
add_function(
    SQLModel.metadata,
    f"""
create function narrow_copies() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('copies ' || old.clinic_id, 0));
    update privacy_export
       set scopes = scopes || '{HIDDEN_SINCE}'::text, state = case state when 'asked' then 'failed' else state end
     where clinic_id = old.clinic_id and patient_id = old.patient_id and (tg_nargs > 0 or not whole)
       and (state = 'ready' or state = 'asked' and lease_until is not null)
       and '{HIDDEN_SINCE}' <> all (scopes);
    return null;
end $$
""",  # noqa: S608  a constant of ours
)


class Erasure(TenantRow, table=True):
    """An erasure that the clinic confirmed, and the restricted archive that is left until `keep_until`.

    Points at no patient by a key: it outlives them. Holds no fact of the person.
    """

    __tablename__ = "erasure"
    __table_args__ = (
        Index("erasure_of_patient", "clinic_id", "patient_id", unique=True),
        Index("erasure_open", "confirmed_at", postgresql_where=text("state <> 'done'")),
        Index("erasure_kept", "keep_until", postgresql_where=text("archive_bytes is not null")),
    )

    patient_id: UUID
    state: str
    confirmed_by: UUID | None = None
    confirmed_at: datetime
    emptied_at: datetime | None = None
    done_at: datetime | None = None
    keep_until: date | None = None
    archive_bytes: int | None = Field(default=None, sa_type=BigInteger)
    lease_until: datetime | None = None
    attempts: int = 0


class Erased(TenantRow, table=True):
    """A name of another system that must not come back: SHA-256 over the salt, the source and the external id.

    A clinic's names share one salt, so that a batch is asked about with one hash a row.
    """

    __tablename__ = "erased"
    __table_args__ = (Index("erased_digest", "clinic_id", "digest", unique=True),)

    erasure_id: UUID
    salt: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class LegalHold(TenantRow, table=True):
    """While one stands nothing of the patient is erased."""

    __tablename__ = "legal_hold"
    __table_args__ = (
        of_patient("legal_hold"),
        Index(
            "legal_hold_standing", "clinic_id", "patient_id",
            unique=True, postgresql_where=text("lifted_at is null"),
        ),
    )  # fmt: skip

    patient_id: UUID
    reason: str
    set_by: UUID | None = None
    set_at: datetime
    lifted_by: UUID | None = None
    lifted_at: datetime | None = None
