"""Rows of a conversation: one per patient for ever, and how far each person has read in it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.database import TenantRow


def of_conversation(table: str) -> ForeignKeyConstraint:
    """The key of a row that belongs to a conversation by its `conversation_id`."""
    target = ["conversation.clinic_id", "conversation.id"]
    return ForeignKeyConstraint(["clinic_id", "conversation_id"], target, name=f"{table}_conversation")


class Conversation(TenantRow, table=True):
    """The one thread of a patient and the clinic, and the lock under which its numbers are given.

    `last_seq` numbers messages, `last_rev` everything both sides see, `last_srev` what only staff sees; each is dense
    and in commit order. `n_deleted` says whether deleted messages have to be looked for at all.
    No index but its keys and room in each page: its updates then touch no index (HOT).
    """

    __tablename__ = "conversation"
    __table_args__ = (
        of_patient("conversation"),
        UniqueConstraint("clinic_id", "patient_id", name="conversation_of_patient"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    patient_id: UUID
    last_seq: int = 0
    last_rev: int = 0
    last_srev: int = 0
    n_patient: int = 0
    n_clinic: int = 0
    n_deleted: int = 0
    last_at: datetime
    # Set when the patient was erased: the log still points here, nobody finds it any more.
    erased_at: datetime | None = None


class Mark(SQLModel, table=True):
    """How far one person got: `delivered` to a device, `read` on its screen. It only moves forward.

    `front` is how far a device got that was being looked at: what lies behind it needs no push.
    """

    __tablename__ = "mark"
    __table_args__ = (
        of_conversation("mark"),
        Index("mark_clear_due", "clinic_id", postgresql_where=text("clear_due")),
    )

    clinic_id: UUID = Field(primary_key=True)
    conversation_id: UUID = Field(primary_key=True)
    person_id: UUID = Field(primary_key=True)
    side: str
    delivered: int = 0
    read: int = 0
    front: int = 0
    # Read here what a phone had been told of: the account's other phones are to take their banners away.
    read_session_id: UUID | None = None
    clear_due: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
