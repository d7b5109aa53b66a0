"""SQL for the first screen: the next visit in full, and the freed times that wait for an answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, bindparam, case, cast, func, literal, literal_column, null, select
from sqlmodel import col

from clinic.appointment import STANDING, AppointmentStatus
from clinic.tables import Appointment, Branch, SlotOffer, SlotRow, VisitLabel, WaitingEntry
from clinic.visit_label import LABELS
from clinic.waiting_list import EntryStatus, OfferStatus
from core.database import MOMENT_PARAMETER
from core.moments_sql import rfc3339_sql
from core.upsert import OWN_SOURCE

MOST_OPEN_OFFERS = 5


def local_sql(moment: Any, zone: Any) -> ColumnElement[str]:
    """The SQL twin of `clinic.hours.local_text`."""
    here, there = func.timezone(zone, moment), func.timezone(literal_column("'UTC'"), moment)
    offset = here - there
    sign = case((here < there, "-"), else_="+")
    picture: ColumnElement[str] = literal_column("""'YYYY-MM-DD"T"HH24:MI:SS'""")
    hours: ColumnElement[str] = literal_column("'HH24:MI'")
    return func.to_char(here, picture) + sign + func.to_char(func.greatest(offset, -offset), hours)


def next_visit_view_json(clinic_id: Any, patient_id: Any, language: Any = "en") -> Any:
    """SQL: the patient's next standing appointment as a `VisitView` document, or null.

    `language`: one of ours, or SQL that says one.
    """
    return (
        select(_visit_json(language))
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


def _visit_json(language: Any) -> Any:
    starts, ends, zone = col(Appointment.starts_at), col(Appointment.ends_at), col(Branch.zone)
    confirmed: Any = col(Appointment.confirmed_by_patient_at)
    return func.json_build_object(
        *("appointment_id", Appointment.id, "patient_id", Appointment.patient_id),
        *("branch_id", col(Branch.id), "branch_name", col(Branch.name), "zone", zone),
        *("starts_at", rfc3339_sql(starts), "ends_at", rfc3339_sql(ends)),
        *("status", Appointment.status, "service", Appointment.service, "practitioner", Appointment.practitioner),
        *("status_label", _label(language)),
        *("starts_local", local_sql(starts, zone), "ends_local", local_sql(ends, zone), "elsewhere", null()),
        *("cancel_until", rfc3339_sql(_cancel_until(starts))),
        *("confirmed_by_patient_at", rfc3339_sql(confirmed)),
        *("booked_here", col(Appointment.source) == OWN_SOURCE),
    )


def _cancel_until(starts: Any) -> ColumnElement[datetime]:
    """The SQL twin of `clinic.appointment.cancel_until`."""
    notice = func.make_interval(0, 0, 0, 0, col(Branch.cancel_notice_hours))
    requested = col(Appointment.status) == AppointmentStatus.REQUESTED.value
    return case((requested, starts), else_=starts - notice)


def _label(language: Any) -> ColumnElement[str]:
    """The clinic's word for the state, ours where it has none, English where the language is none of ours."""
    own = (
        select(col(VisitLabel.label))
        .where(
            col(VisitLabel.clinic_id) == Appointment.clinic_id,
            col(VisitLabel.status) == Appointment.status,
            col(VisitLabel.language) == language,
        )
        .scalar_subquery()
    )
    return func.coalesce(own, case(*_words(language), else_=""))


def _words(language: Any) -> list[Any]:
    status, standing = col(Appointment.status), {each: LABELS[each] for each in sorted(STANDING)}
    if isinstance(language, str):
        return [(status == each.value, _word(words, language)) for each, words in standing.items()]
    told = [
        (and_(status == each.value, language == name), _word(words, name))
        for each, words in standing.items()
        for name in words
        if name != "en"
    ]
    return [*told, *((status == each.value, _word(words, "en")) for each, words in standing.items())]


def _word(words: Mapping[str, str], language: str) -> ColumnElement[str]:
    return literal(words.get(language, words["en"]))


def open_offers_json(clinic_id: Any, patient_id: Any) -> Any:
    """SQL: the freed times that wait for this patient's answer as a list of `Offer` documents, latest first."""
    now = bindparam("now", type_=MOMENT_PARAMETER)
    offers = (
        select(_offer_json().label("offer"), col(SlotOffer.id))
        .join(SlotRow, and_(col(SlotRow.clinic_id) == SlotOffer.clinic_id, col(SlotRow.id) == SlotOffer.slot_id))
        .join(Branch, and_(col(Branch.clinic_id) == SlotRow.clinic_id, col(Branch.id) == SlotRow.branch_id))
        .join(
            WaitingEntry,
            and_(col(WaitingEntry.clinic_id) == SlotOffer.clinic_id, col(WaitingEntry.id) == SlotOffer.entry_id),
        )
        .where(
            col(SlotOffer.clinic_id) == clinic_id,
            col(SlotOffer.patient_id) == patient_id,
            col(SlotOffer.status) == OfferStatus.OPEN.value,
            col(SlotOffer.expires_at) > now,
            col(SlotRow.is_open).is_(True),
            col(SlotRow.appointment_id).is_(None),
            col(SlotRow.starts_at) == SlotOffer.starts_at,
            col(WaitingEntry.status) == EntryStatus.WAITING.value,
        )
        .order_by(col(SlotOffer.id).desc())
        .limit(MOST_OPEN_OFFERS)
        .correlate_except(SlotOffer, SlotRow, Branch, WaitingEntry)
        .lateral("open_offer")
    )
    listed = select(func.json_agg(offers.c.offer)).select_from(offers).scalar_subquery()
    return func.coalesce(listed, literal_column("'[]'::json"))


def _offer_json() -> Any:
    starts, ends, zone = col(SlotRow.starts_at), col(SlotRow.ends_at), col(Branch.zone)
    slot = func.json_build_object(
        *("slot_id", col(SlotRow.id), "branch_id", col(Branch.id), "branch_name", col(Branch.name), "zone", zone),
        *("practitioner", SlotRow.practitioner, "services", SlotRow.services),
        *("starts_at", rfc3339_sql(starts), "ends_at", rfc3339_sql(ends)),
        *("starts_local", local_sql(starts, zone), "ends_local", local_sql(ends, zone), "elsewhere", null()),
        *("booking", cast(col(Branch.booking), Text)),
    )
    return func.json_build_object(
        *("offer_id", SlotOffer.id, "entry_id", SlotOffer.entry_id, "status", SlotOffer.status),
        *("expires_at", rfc3339_sql(col(SlotOffer.expires_at)), "slot", slot),
    )
