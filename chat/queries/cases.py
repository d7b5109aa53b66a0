"""What is known of cases: how one stands, and which there were."""

from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Select, select
from sqlmodel import col

from chat.case import MOST_LABELS, CaseState
from chat.tables import ChatCase, Conversation
from clinic.queries.desk import staff_name
from core.database import Reading
from core.moments import Moment
from core.values import Int32, MaybeText, ShortText, Value

MOST_CASES = 100


class CaseLine(Value):
    """What the desk sees of a case at a glance."""

    case_id: UUID
    state: CaseState
    assignee_id: UUID | None
    assignee_name: str | None
    branch_id: UUID | None
    topic: MaybeText
    labels: list[ShortText] = Field(max_length=MOST_LABELS)
    priority: Int32 = Field(description="0 to 3; what nobody answered in time is 3.")
    waiting_since: Moment | None = Field(description="Since when the patient waits for an answer.")
    snoozed_until: Moment | None


class CaseView(CaseLine):
    """A case as staff sees it."""

    conversation_id: UUID
    opened_at: Moment
    first_reply_at: Moment | None
    escalated_at: Moment | None = Field(description="When it was said that nobody answers.")
    closed_at: Moment | None
    score: Int32 | None = Field(description="1 to 5, given by the patient.")
    score_words: str = ""


async def cases_of(reading: Reading, clinic_id: UUID, conversation_id: UUID) -> list[CaseView]:
    """The cases of a conversation, the newest first; only the first can be live."""
    newest = _cases(clinic_id).where(col(ChatCase.conversation_id) == conversation_id)
    ordered = newest.order_by(col(ChatCase.opened_at).desc(), col(ChatCase.id).desc()).limit(MOST_CASES)
    return [_view(*row) for row in await reading.execute(ordered)]


async def case_view(reading: Reading, clinic_id: UUID, case_id: UUID) -> CaseView | None:
    row = (await reading.execute(_cases(clinic_id).where(col(ChatCase.id) == case_id))).one_or_none()
    return None if row is None else _view(*row)


def of_conversation() -> Any:
    """SQL: the case is of this conversation."""
    return col(ChatCase.conversation_id) == col(Conversation.id)


def _cases(clinic_id: UUID) -> Select[ChatCase, str]:
    name = staff_name(col(ChatCase.clinic_id), col(ChatCase.assignee_id))
    fresh = {"populate_existing": True}  # commands change rows by statements
    return select(ChatCase, name).where(col(ChatCase.clinic_id) == clinic_id).execution_options(**fresh)


def _view(case: ChatCase, assignee_name: str | None) -> CaseView:
    known = {name: getattr(case, name) for name in CaseView.model_fields if hasattr(case, name)}
    return CaseView.model_validate({**known, "case_id": case.id, "assignee_name": assignee_name})
