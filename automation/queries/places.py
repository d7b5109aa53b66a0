"""Where enrolments stand: what is known of each before anything is asked about its patient."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlmodel import col

from automation.tables import Enrolment
from clinic.tables import Branch, Patient

Key = tuple[UUID, UUID]
"""(clinic_id, enrolment_id)."""


class Place(NamedTuple):
    """Where an enrolment stands. `waiting`: the wait of this step has begun. `zone`: of the patient's home branch; of
    who was erased none is known."""

    clinic_id: UUID
    enrolment_id: UUID
    journey_id: UUID
    patient_id: UUID
    subject_id: UUID | None
    step: str
    step_since: datetime
    waiting: bool
    seq: int
    hops: int
    zone: str | None

    @property
    def key(self) -> Key:
        return self.clinic_id, self.enrolment_id


def places() -> Select[Any]:
    """SQL: the columns of a `Place`, of enrolments that the caller chooses and holds."""
    columns: list[Any] = [
        col(Enrolment.clinic_id), col(Enrolment.id), col(Enrolment.journey_id), col(Enrolment.patient_id),
        col(Enrolment.subject_id), col(Enrolment.step), col(Enrolment.step_since), col(Enrolment.waiting),
        col(Enrolment.seq), col(Enrolment.hops), col(Branch.zone),
    ]  # fmt: skip
    return (
        select(*columns)
        .outerjoin(
            Patient, and_(col(Patient.clinic_id) == Enrolment.clinic_id, col(Patient.id) == Enrolment.patient_id)
        )
        .outerjoin(Branch, and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == Patient.branch_id))
    )
