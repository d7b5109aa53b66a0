"""Keys that tables of every package above share: a row never points into another clinic."""

from sqlalchemy import ForeignKeyConstraint


def of_patient(table: str) -> ForeignKeyConstraint:
    """The composite foreign key of a patient's row (`clinic_id`, `patient_id`)."""
    return ForeignKeyConstraint(
        ["clinic_id", "patient_id"], ["patient.clinic_id", "patient.id"], name=f"{table}_patient"
    )
