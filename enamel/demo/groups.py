"""The demo's library: who is overdue for hygiene, who never came back, and a tag that Anna carries."""

from datetime import datetime
from uuid import UUID

from automation.commands.membership import put_in
from automation.commands.segments import make_segment
from automation.criteria.said import CriterionKind
from automation.library import SegmentDraft, SegmentKind
from automation.segment import Criterion
from cabinet.facts import ServiceKind
from clinic.queries import named_patients
from core.database import Writing
from core.events import SYSTEM

_AHEAD = Criterion(kind=CriterionKind.APPOINTMENT_AHEAD)
_OVERDUE = Criterion(
    kind=CriterionKind.ALL,
    items=[
        Criterion(kind=CriterionKind.PROCEDURE_LAST, procedure=ServiceKind.HYGIENE, older_than_days=180),
        Criterion(kind=CriterionKind.NOT, items=[_AHEAD]),
    ],
)
_ASLEEP = Criterion(kind=CriterionKind.ASLEEP, months=12)
GROUPS = (
    SegmentDraft(key="hygiene-overdue", name="Overdue for hygiene", kind=SegmentKind.RULE, criteria=_OVERDUE),
    SegmentDraft(key="asleep", name="Not seen for a year", kind=SegmentKind.RULE, criteria=_ASLEEP),
)
TAG = SegmentDraft(key="early-bird", name="Likes mornings", kind=SegmentKind.MANUAL, clinical=False, colour="#f08c00")


async def sort_patients(writing: Writing, clinic_id: UUID, source: str, now: datetime) -> None:
    """The worker fills the groups within seconds."""
    for draft in GROUPS:
        await make_segment(writing, clinic_id, draft, SYSTEM, now)
    tag = await make_segment(writing, clinic_id, TAG, SYSTEM, now)
    anna = (await named_patients(writing, source, {"anna"}))["anna"].id
    await put_in(writing, clinic_id, tag, anna, SYSTEM, now)
