"""SQL: how each patient may be reached, and how their visits stand, for the statements of packages above."""

from typing import Any

from sqlalchemy import Subquery, and_, or_, select
from sqlmodel import col

from clinic.appointment import AppointmentStatus
from clinic.tables import Appointment, Branch, Patient


def reachable_people() -> Subquery:
    """SQL: (clinic_id, patient_id, given_name, family_name, phone, email, language, zone) of every patient; the zone is
    the home branch's."""
    home = and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == Patient.branch_id)
    names = (col(Patient.given_name), col(Patient.family_name), col(Patient.phone), col(Patient.email))
    columns: list[Any] = [col(Patient.clinic_id), col(Patient.id).label("patient_id"), *names, col(Patient.language)]
    return select(*columns, col(Branch.zone)).join(Branch, home).subquery("person")


def visits_now() -> Subquery:
    """SQL: (clinic_id, visit_id, patient_id, status, starts_at, confirmed) of every visit; `confirmed` by the patient
    or by the clinic."""
    by_clinic = col(Appointment.status) == AppointmentStatus.CONFIRMED.value
    confirmed = or_(by_clinic, col(Appointment.confirmed_by_patient_at).is_not(None))
    whose: list[Any] = [col(Appointment.clinic_id), col(Appointment.id).label("visit_id"), col(Appointment.patient_id)]
    state = (col(Appointment.status), col(Appointment.starts_at))
    return select(*whose, *state, confirmed.label("confirmed")).subquery("visit")
