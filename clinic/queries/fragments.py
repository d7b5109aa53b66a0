"""SQL for the statements of packages above, always correlated with a clinic column."""

from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, bindparam, func, or_, select
from sqlmodel import col

from clinic.appointment import STANDING
from clinic.tables import Access, Appointment, Branch, Patient
from core.database import MOMENT_PARAMETER, UUID_PARAMETER
from core.moments_sql import rfc3339_sql
from identity.queries import live_session


def may_open(account_id: Any, session_id: Any, now: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Access.account_id) == account_id,
        col(Access.revoked_at).is_(None),
        or_(col(Access.ends_at).is_(None), col(Access.ends_at) > now),
        live_session(session_id, col(Access.account_id), now),
    )


def same_patient(table: Any) -> ColumnElement[bool]:
    """SQL join condition of any patient's row with its patient."""
    return and_(col(Patient.clinic_id) == table.clinic_id, col(Patient.id) == table.patient_id)


def openers(now: Any) -> Subquery:
    """SQL: (clinic_id, patient_id, account_id) of every account that may open a record at present."""
    return (
        select(col(Access.clinic_id), col(Access.patient_id), col(Access.account_id))
        .where(col(Access.revoked_at).is_(None), or_(col(Access.ends_at).is_(None), col(Access.ends_at) > now))
        .subquery("opener")
    )


def record_row(scope_clinic: Any) -> Any:
    """SQL: the one record a document is about, chosen by `:account`, `:session`, `:patient` (null: own), `:now`."""
    asked = bindparam("patient", type_=UUID_PARAMETER)
    own = and_(asked.is_(None), col(Access.relation) == "self")
    return (
        select(
            col(Patient.clinic_id),
            col(Patient.id),
            col(Patient.given_name),
            col(Patient.family_name),
            col(Patient.birth_date),
            col(Access.relation),
        )
        .join(Access, same_patient(Access))
        .where(
            col(Patient.clinic_id) == scope_clinic,
            col(Access.clinic_id) == scope_clinic,
            *may_open(
                bindparam("account", type_=UUID_PARAMETER),
                bindparam("session", type_=UUID_PARAMETER),
                bindparam("now", type_=MOMENT_PARAMETER),
            ),
            or_(own, col(Access.patient_id) == asked),
        )
        .limit(1)
    )


def person_row(scope_clinic: Any, patient_id: Any) -> Any:
    """SQL: one patient as offers and dates see them, with the day (`today`) it is in their branch at `:now`.

    `scope_clinic` None: row-level security alone decides.
    """
    moment = func.timezone(col(Branch.zone), bindparam("now", type_=MOMENT_PARAMETER))
    in_scope = [] if scope_clinic is None else [col(Patient.clinic_id) == scope_clinic]
    return (
        select(
            col(Patient.clinic_id),
            col(Patient.id),
            col(Patient.birth_date),
            col(Patient.language),
            func.date(moment).label("today"),
        )
        .join(Branch, and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == Patient.branch_id))
        .where(*in_scope, col(Patient.id) == patient_id)
        .limit(1)
    )


def patient_name(clinic_id: Any, patient_id: Any) -> ColumnElement[str]:
    """SQL: a patient's given and family name, for lists that staff see."""
    return (
        select(col(Patient.given_name) + " " + col(Patient.family_name))
        .where(col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
        .scalar_subquery()
    )


def birth_date_of(clinic_id: Any, patient_id: Any) -> Any:
    """SQL: the patient's birth date, as a scalar."""
    same = (col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
    return select(col(Patient.birth_date)).where(*same).scalar_subquery()


def next_visit_json(clinic_id: Any, patient_id: Any) -> Any:
    """SQL: the patient's next standing appointment as a `Visit` document, or null."""
    return (
        select(
            func.json_build_object(
                *("appointment_id", Appointment.id, "patient_id", Appointment.patient_id),
                *("branch_id", col(Branch.id), "branch_name", col(Branch.name), "zone", Branch.zone),
                *(
                    "starts_at",
                    rfc3339_sql(col(Appointment.starts_at)),
                    "ends_at",
                    rfc3339_sql(col(Appointment.ends_at)),
                ),
                *("status", Appointment.status, "service", Appointment.service),
                *("practitioner", Appointment.practitioner),
            )
        )
        .join(Branch, and_(col(Branch.clinic_id) == Appointment.clinic_id, col(Branch.id) == Appointment.branch_id))
        .where(
            col(Appointment.clinic_id) == clinic_id,
            col(Appointment.patient_id) == patient_id,
            col(Appointment.starts_at) > bindparam("now", type_=MOMENT_PARAMETER),
            col(Appointment.status).in_([status.value for status in sorted(STANDING)]),
        )
        .order_by(col(Appointment.starts_at))
        .limit(1)
        .scalar_subquery()
    )
