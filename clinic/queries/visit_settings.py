"""How branches let patients book, and the clinic's words for the states of a visit."""

from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import select
from sqlmodel import col

from clinic.appointment import AppointmentStatus, BookingPolicy
from clinic.facts import Language
from clinic.tables import Branch, VisitLabel
from core.database import Reading
from core.values import Int32, ShortText, Value

MOST_LABELS = 100
MOST_BRANCHES = 500


class BranchBooking(Value):
    """What patients may do about visits of a branch by themselves."""

    booking: BookingPolicy = Field(description="What becomes of a free time that a patient takes.")
    cancel_notice_hours: Annotated[
        Int32, Field(ge=0, le=24 * 30, description="Later only a call helps.", examples=[24])
    ]
    most_ahead: Annotated[
        Int32, Field(ge=1, le=50, description="So many visits a patient may book ahead.", examples=[3])
    ]


class BranchView(Value):
    """A branch as patients choose one: where it is, on which clock it lives, and how it books."""

    branch_id: UUID
    name: str
    zone: str
    phone: str
    address: str
    rules: BranchBooking


class StateLabel(Value):
    """The clinic's word for one state in one language."""

    status: AppointmentStatus
    language: Language
    label: ShortText = Field(examples=["Reserved"])


async def branch_views(reading: Reading) -> list[BranchView]:
    rows = (await reading.execute(select(Branch).order_by(col(Branch.name)).limit(MOST_BRANCHES))).scalars()
    return [_branch(row) for row in rows]


async def visit_labels(reading: Reading) -> list[StateLabel]:
    statement = select(VisitLabel).order_by(col(VisitLabel.status), col(VisitLabel.language)).limit(MOST_LABELS)
    rows = (await reading.execute(statement)).scalars()
    return [
        StateLabel.model_validate({"status": row.status, "language": row.language, "label": row.label}) for row in rows
    ]


def _branch(row: Branch) -> BranchView:
    rules = BranchBooking(
        booking=BookingPolicy(row.booking), cancel_notice_hours=row.cancel_notice_hours, most_ahead=row.most_ahead
    )
    return BranchView(branch_id=row.id, name=row.name, zone=row.zone, phone=row.phone, address=row.address, rules=rules)
