"""SQL: how each patient may be reached, for the statements of packages above."""

from typing import Any

from sqlalchemy import Subquery, and_, select
from sqlmodel import col

from clinic.tables import Branch, Patient


def reachable_people() -> Subquery:
    """SQL: (clinic_id, patient_id, given_name, family_name, phone, email, language, zone) of every patient; the zone is
    the home branch's."""
    home = and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == Patient.branch_id)
    names = (col(Patient.given_name), col(Patient.family_name), col(Patient.phone), col(Patient.email))
    columns: list[Any] = [col(Patient.clinic_id), col(Patient.id).label("patient_id"), *names, col(Patient.language)]
    return select(*columns, col(Branch.zone)).join(Branch, home).subquery("person")
