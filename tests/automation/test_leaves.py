"""What each leaf means, said once more by example: SQL and rule come of one description, so this holds both."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlmodel import col

from automation.criteria.meaning import Source
from automation.criteria.registry import LEAVES
from automation.criteria.said import CriterionKind
from automation.evidence import evidence, readable
from automation.facts import PatientFacts, Record
from automation.queries.segments import segment_statement
from automation.segment import Criterion, matches
from cabinet.facts import ServiceKind
from clinic.tables import Patient
from core.database import Database
from tests.automation.leaves import OF_KIND
from tests.automation.people import Done, Person, add_clinic, add_people

ROME = "Europe/Rome"
NOON = datetime(2026, 7, 15, 10, 0, tzinfo=UTC)
TODAY = NOON.date()
MARK = UUID("0198c0de-0000-7000-8000-00000000000a")


def leaf(kind: str, **members: Any) -> Criterion:
    return Criterion.model_validate_json(json.dumps({"kind": kind, **members}))


def at(days: int, **says: str) -> Record:
    """So many days ago, by moment."""
    return Record(NOON - timedelta(days=days), says, id=MARK)


def on(days: int, amount: int = 1, **says: str) -> Record:
    return Record(TODAY - timedelta(days=days), says, amount, MARK)


def knows(**records: list[Record]) -> PatientFacts:
    return PatientFacts(date(1985, 7, 20), "it", {Source(name): found for name, found in records.items()})


MISSED = at(5, status="no_show")
CARIES: dict[str, Any] = {"code": "caries", "status": "existing", "tooth": "16"}
CHARGE: dict[str, Any] = {"currency": "EUR", "kind": "charge", "due": (TODAY - timedelta(days=20)).isoformat()}
PAID: dict[str, Any] = {"currency": "EUR", "kind": "payment"}
BOOKED, WROTE = "appointment.booked", "message.posted"
SILENT: dict[str, Any] = {"kind": "visit_missed_silent", "older_than_days": 3}
NEVER_CAME: dict[str, Any] = {"kind": "visit_never_came", "within_days": 180}
SURGERY: dict[str, Any] = {"kind": "appointment_ahead_for", "service": "Implant", "within_days": 2}
UNSIGNED: dict[str, Any] = {"kind": "document_waiting", "older_than_days": 3}
UNTREATED: dict[str, Any] = {"kind": "finding_untreated", "older_than_days": 30}
STALLED: dict[str, Any] = {"kind": "plan_stalled", "older_than_days": 60}
ON_PLAN = at(90, status="in_progress", done="some")
OFFERED: dict[str, Any] = {
    "kind": "event_without", "event": "plan.published", "then_event": "plan.accepted", "then_days": 7,
           "within_days": 30}  # fmt: skip
OWES: dict[str, Any] = {"kind": "balance_over", "amount": {"amount_minor": 99, "currency": "EUR"}}
OVERDUE: dict[str, Any] = {"kind": "bill_overdue", "older_than_days": 14}
DETRACTS: dict[str, Any] = {"kind": "survey_scored", "to_score": 6, "within_days": 30}
MAIL: dict[str, Any] = {"kind": "consent_granted", "purpose": "marketing", "channel": "email"}


@pytest.mark.parametrize(
    ("said", "facts", "holds"),
    [
        (SILENT, knows(visit=[MISSED]), True),
        (SILENT, knows(visit=[at(3, status="no_show")]), False),  # three days are not more than three
        (SILENT, knows(visit=[MISSED, at(-9, status="booked")]), False),
        (SILENT, knows(visit=[MISSED], event=[at(4, kind=BOOKED, actor="patient")]), False),
        (SILENT, knows(visit=[MISSED], event=[at(1, kind=WROTE, actor="patient")]), False),
        (SILENT, knows(visit=[MISSED], event=[at(1, kind=WROTE, actor="automation")]), True),  # a bot is no contact
        (SILENT, knows(visit=[MISSED], event=[at(6, kind=WROTE, actor="patient")]), True),  # before it was missed
        (SILENT, knows(visit=[MISSED, at(2, status="completed")]), False),
        (NEVER_CAME, knows(visit=[at(9, status="cancelled")]), True),
        (NEVER_CAME, knows(visit=[at(9, status="cancelled"), at(2, status="completed")]), False),
        (NEVER_CAME, knows(visit=[at(9, status="declined")]), False),
        ({"kind": "visit_last_is", "visit_status": "no_show"}, knows(visit=[MISSED, at(-2, status="booked")]), True),
        (SURGERY, knows(visit=[at(-2, status="booked", service="Implant")]), True),
        (SURGERY, knows(visit=[at(-2, status="booked", service="Hygiene")]), False),
        (SURGERY, knows(visit=[at(-3, status="booked", service="Implant")]), False),
        (SURGERY, knows(visit=[at(-2, status="cancelled", service="Implant")]), False),
        ({"kind": "plan_finished"}, knows(plan=[at(9, status="completed", done="all")]), True),
        ({"kind": "plan_finished"}, knows(plan=[at(9, status="in_progress", done="all")]), False),
        (UNSIGNED, knows(document=[at(4, state="seen")]), True),
        (UNSIGNED, knows(document=[at(3, state="sent")]), False),  # three days are not more than three
        (UNSIGNED, knows(document=[at(4, state="signed")]), False),
        (UNSIGNED, knows(document=[at(4, state="expired")]), False),
        ({"kind": "visit_last_is", "visit_status": "no_show"}, knows(visit=[MISSED, at(1, status="cancelled")]), False),
        ({"kind": "first_visit", "within_days": 7}, knows(visit=[at(2, status="completed")]), True),
        (
            {"kind": "first_visit", "within_days": 7},
            knows(visit=[at(2, status="completed"), at(400, status="completed")]),
            False,
        ),
        ({"kind": "consultation_missed", "within_days": 30}, knows(visit=[MISSED]), True),
        (
            {"kind": "consultation_missed", "within_days": 30},
            knows(visit=[MISSED, at(900, status="completed")]),
            False,
        ),
        ({"kind": "asleep", "months": 12}, knows(visit=[at(366, status="completed")]), True),
        ({"kind": "asleep", "months": 12}, knows(visit=[at(365, status="completed")]), False),
        ({"kind": "asleep", "months": 12}, knows(), False),  # who never came does not sleep
        (UNTREATED, knows(finding=[on(31, **CARIES)]), True),
        (UNTREATED, knows(finding=[on(30, **CARIES)]), False),
        (UNTREATED, knows(finding=[on(31, **CARIES)], procedure=[on(31, kind="filling", tooth="16")]), False),
        (UNTREATED, knows(finding=[on(31, **CARIES)], procedure=[on(9, kind="imaging", tooth="16")]), True),
        (UNTREATED, knows(finding=[on(31, **CARIES)], procedure=[on(9, kind="filling", tooth="17")]), True),
        (STALLED, knows(plan=[ON_PLAN]), True),
        (STALLED, knows(plan=[ON_PLAN], procedure=[on(60, kind="filling")]), False),
        (STALLED, knows(plan=[ON_PLAN], visit=[at(-3, status="confirmed")]), False),
        (STALLED, knows(plan=[ON_PLAN], event=[at(2, kind="stage.accepted", actor="patient")]), False),
        (STALLED, knows(plan=[at(90, status="in_progress", done="all")]), False),
        ({"kind": "estimate_pending", "older_than_days": 7}, knows(plan=[at(8, status="proposed", done="none")]), True),
        (OWES, knows(ledger=[on(1, 100, **CHARGE)]), True),
        (OWES, knows(ledger=[on(1, 99, **CHARGE)]), False),
        (OVERDUE, knows(ledger=[on(40, 100, **CHARGE)]), True),
        ({"kind": "bill_overdue", "older_than_days": 20}, knows(ledger=[on(40, 100, **CHARGE)]), False),
        (OVERDUE, knows(ledger=[on(40, 100, **CHARGE), on(3, -100, **PAID)]), False),
        ({"kind": "coupon_expiring", "within_days": 30}, knows(coupon=[at(-30)]), True),
        ({"kind": "coupon_expiring", "within_days": 30}, knows(coupon=[at(-31)]), False),
        ({"kind": "card_expiring", "within_days": 30}, knows(card=[on(0)]), True),
        ({"kind": "card_expiring", "within_days": 30}, knows(card=[on(1)]), False),
        ({"kind": "points_at_least", "at_least": 10}, knows(points=[Record(NOON + timedelta(1), {}, 10)]), True),
        ({"kind": "points_at_least", "at_least": 10}, knows(points=[Record(NOON, {}, 10)]), False),
        ({"kind": "referrals_at_least", "at_least": 2}, knows(referral=[at(1), at(2)]), True),
        (OFFERED, knows(event=[at(8, kind="plan.published", actor="staff")]), True),
        (OFFERED, knows(event=[at(6, kind="plan.published", actor="staff")]), False),  # its time is not over
        (
            OFFERED,
            knows(event=[at(8, kind="plan.published", actor="staff"), at(3, kind="plan.accepted", actor="patient")]),
            False,
        ),
        (MAIL, knows(consent=[at(9, purpose="marketing", channel="email", said="yes")]), True),
        (MAIL, knows(), False),
        ({**MAIL, "purpose": "recall", "channel": "push"}, knows(), True),  # needs no asking
        (DETRACTS, knows(survey=[at(3, score="6")]), True),
        (DETRACTS, knows(survey=[at(3, score="7")]), False),
        (DETRACTS, knows(survey=[at(31, score="6")]), False),
        ({"kind": "survey_scored", "from_score": 9, "within_days": 30}, knows(survey=[at(3, score="10")]), True),
        ({**DETRACTS, "from_score": 5}, knows(survey=[at(3, score="4")]), False),
        ({"kind": "tag_is", "segment_id": str(MARK)}, knows(tag=[at(900, segment=str(MARK))]), True),
        ({"kind": "tag_is", "segment_id": str(MARK)}, knows(tag=[at(1, segment=str(UUID(int=1)))]), False),
        (SILENT, knows(visit=[MISSED], event=[at(1, kind="task.done", actor="staff")]), False),
        ({"kind": "birthday_within", "within_days": 5}, knows(), True),
        ({"kind": "birthday_within", "within_days": 4}, knows(), False),
    ],
)  # fmt: skip
def test_a_leaf_means(said: dict[str, Any], facts: PatientFacts, holds: bool) -> None:
    assert matches(leaf(**said), facts, NOON, ROME) is holds


def test_who_was_born_on_the_leap_day_has_a_birthday_on_the_28th_and_in_leap_years_on_the_29th() -> None:
    today = leaf("birthday_within", within_days=0)
    facts = PatientFacts(date(2004, 2, 29), "it")
    held = [
        (year, day)
        for year in (2026, 2028)
        for day in (date(year, 2, 27), date(year, 2, 28), date(year, 3, 1), date(year, 3, 1) - timedelta(1))
        if matches(today, facts, datetime(day.year, day.month, day.day, 12, tzinfo=UTC), ROME)
    ]
    assert {day for _, day in held} == {date(2026, 2, 28), date(2028, 2, 29)}


def test_evidence_names_the_record_its_time_and_how_many() -> None:
    (why,) = evidence(leaf(**SILENT), knows(visit=[at(40, status="no_show"), MISSED]), NOON, ROME)
    assert (why.holds, why.decided_on, why.decided_by, why.number) == (True, date(2026, 7, 10), MARK, 1)
    (why,) = evidence(leaf(**UNTREATED), knows(finding=[on(3, **CARIES)]), NOON, ROME)
    assert (why.holds, why.decided_on, why.number) == (False, date(2026, 7, 12), 0)


def test_of_clinical_leaves_nothing_is_told_to_who_may_not_read_them() -> None:
    tree = Criterion(kind=CriterionKind.ALL, items=[leaf(**UNTREATED), leaf("appointment_ahead")])
    told = evidence(tree, knows(finding=[on(31, **CARIES)]), NOON, ROME)
    assert [each.kind for each in readable(told, clinical=False)] == ["appointment_ahead"]
    assert readable(told, clinical=True) == told


EXTREMES: dict[str, Any] = {
    "procedure": "other", "older_than_days": 36_500, "within_days": 36_500, "at_least": 1_000_000, "months": 600,
    "years": 150, "to_years": 150, "language": "zh", "branch_id": str(MARK), "contact": "app",
    "visit_status": "declined", "finding": "peri_implantitis", "amount": {"amount_minor": 10**12, "currency": "XAF"},
    "service": "' or '1'='1",
    "tier": "' or '1'='1", "notice": "combined", "event": "bill.settled", "then_event": "bill.settled",
    "then_days": 3_650, "purpose": "photo_use", "channel": "use",
    "from_score": 0, "to_score": 10, "segment_id": str(MARK),
    "from_day": "1900-01-01", "to_day": "2199-12-31",
}  # fmt: skip


async def test_the_farthest_members_compile_and_find_nobody_who_is_not_there(database: Database) -> None:
    async with database.sweeping() as sweeping:
        for kind in OF_KIND:
            for shape in LEAVES[kind].shapes:
                tree = leaf(kind, **{name: EXTREMES[name] for name in shape})
                for moment in (datetime(1901, 1, 1, tzinfo=UTC), NOON, datetime(2199, 12, 31, 23, tzinfo=UTC)):
                    await sweeping.execute(segment_statement(tree), {"as_of": moment})


async def test_who_was_erased_belongs_to_nothing(database: Database) -> None:
    never = leaf("procedure_never", procedure="implant")
    async with database.sweeping() as sweeping:
        clinic_id, branches = await add_clinic(sweeping, [ROME], NOON)
        stays, goes = (Person(done=[Done(ServiceKind.HYGIENE, TODAY)]) for _ in range(2))
        await add_people(sweeping, clinic_id, branches, [stays, goes], NOON)
        await sweeping.execute(text("select set_config('enamel.restricted', 'on', true)"))
        await sweeping.execute(update(Patient).where(col(Patient.id) == goes.id).values(erased_at=NOON))
        await sweeping.execute(text("select set_config('enamel.restricted', '', true)"))
        rows = await sweeping.execute(segment_statement(never), {"as_of": NOON})
        assert {row.patient_id for row in rows if row.clinic_id == clinic_id} == {stays.id}
        await sweeping.rollback()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"kind": "visit_count", "visit_status": "no_show", "at_least": 1}, "members do not fit the kind"),
        ({"kind": "age_between", "years": 9, "to_years": 8}, "ends before it begins"),
        ({"kind": "first_visit", "from_day": "2026-02-02", "to_day": "2026-02-01"}, "ends before it begins"),
        ({"kind": "first_visit", "from_day": "2026-02-01", "within_days": 3}, "members do not fit the kind"),
        ({"kind": "event_count", "event": "patient.read", "within_days": 1, "at_least": 1}, "event"),
        ({"kind": "balance_over", "amount": {"amount_minor": -1, "currency": "EUR"}}, "amount_minor"),
    ],
)
def test_what_cannot_be_meant_is_refused(said: dict[str, Any], code: str) -> None:
    with pytest.raises(ValueError, match=code):
        leaf(**said)
