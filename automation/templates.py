"""Journeys that come with Enamel, ready to launch."""

from enum import StrEnum

from automation.journey import ExitReason, Journey, Step, StepKind
from automation.segment import Criterion, CriterionKind
from cabinet.facts import ServiceKind
from push.notice import NoticeKind, Purpose


class JourneyTemplate(StrEnum):
    HYGIENE_RECALL = "hygiene-recall"


OVERDUE_FOR_HYGIENE = Criterion(
    kind=CriterionKind.ALL,
    items=[
        Criterion(kind=CriterionKind.PROCEDURE_LAST, procedure=ServiceKind.HYGIENE, older_than_days=180),
        Criterion(kind=CriterionKind.NOT, items=[Criterion(kind=CriterionKind.APPOINTMENT_AHEAD)]),
    ],
)
"""The last cleaning was more than 180 days ago and no visit is ahead. Who never had one is no recall."""

HYGIENE_RECALL = Journey(
    key=JourneyTemplate.HYGIENE_RECALL.value,
    version=1,
    purpose=Purpose.RECALL,
    trigger=OVERDUE_FOR_HYGIENE,
    again_after_days=150,
    exits=[ExitReason.BOOKED, ExitReason.LEFT_SEGMENT],
    steps=[
        Step(id="nudge", kind=StepKind.PUSH, notice=NoticeKind.RECALL),
        Step(id="think", kind=StepKind.WAIT_FOR, days=4),
        Step(id="remind", kind=StepKind.PUSH, notice=NoticeKind.RECALL),
        Step(id="settle", kind=StepKind.WAIT_FOR, days=10),
        Step(id="done", kind=StepKind.END),
    ],
)

TEMPLATES: dict[JourneyTemplate, Journey] = {JourneyTemplate.HYGIENE_RECALL: HYGIENE_RECALL}
