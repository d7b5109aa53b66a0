"""Rows of cases: one matter of a conversation after the other."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import Field

from chat.tables.conversation import of_conversation
from core.database import TenantRow


class ChatCase(TenantRow, table=True):
    """One matter. `waiting_since`: the first message of the patient that nobody answered yet.

    Every change is made under the lock of the conversation's row. No index names a column that a message changes
    (`waiting_since`, `first_reply_at`, `state`), and pages keep room: such an update touches no index (HOT).
    """

    __tablename__ = "chat_case"
    __table_args__ = (
        of_conversation("chat_case"),
        ForeignKeyConstraint(["clinic_id", "assignee_id"], ["staff.clinic_id", "staff.id"], name="chat_case_assignee"),
        ForeignKeyConstraint(["clinic_id", "branch_id"], ["branch.clinic_id", "branch.id"], name="chat_case_branch"),
        Index(
            "chat_case_live", "clinic_id", "conversation_id", unique=True, postgresql_where=text("closed_at is null")
        ),
        Index("chat_case_of_conversation", "clinic_id", "conversation_id", "opened_at"),
        # What is still to be counted, over all clinics: little.
        Index(
            "chat_case_uncounted",
            "first_reply_at",
            postgresql_where=text("first_reply_at is not null and reply_minutes is null"),
        ),
        {"postgresql_with": {"fillfactor": 70}},
    )

    conversation_id: UUID
    state: str
    assignee_id: UUID | None = None
    branch_id: UUID | None = None
    topic: str = ""
    labels: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False, server_default=text("'{}'")))
    priority: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    opened_at: datetime
    # Since when people have it: from the beginning, or since the bot handed it over.
    queued_at: datetime | None = None
    waiting_since: datetime | None = None
    first_reply_at: datetime | None = None
    # What the worker made of the first answer: so many minutes of working time.
    reply_minutes: int | None = None
    snoozed_until: datetime | None = None
    # When nobody will have answered for too long, and when that was said.
    escalates_at: datetime | None = None
    planned_at: datetime | None = None
    escalated_at: datetime | None = None
    # The closed period (by its end) in which the away text was sent.
    away_until: datetime | None = None
    closed_at: datetime | None = None
    score: int | None = None
    score_words: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    scored_at: datetime | None = None
