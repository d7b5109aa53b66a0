"""Every kind of leaf once or more, with small numbers, so that what is drawn lies close to its lines."""

from datetime import date
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from automation.criteria.said import CriterionKind
from automation.segment import Criterion

K = CriterionKind
BRANCH = UUID("0198c0de-0000-7000-8000-000000000001")
TAG = UUID("0198c0de-0000-7000-8000-000000000002")

LIMITS = st.sampled_from([0, 1, 2, 30])
_WINDOWS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    LIMITS.map(lambda days: {"within_days": days}),
    st.sampled_from([
        {"from_day": date(2026, 3, 28), "to_day": date(2026, 3, 29)},
        {"from_day": date(2026, 2, 27), "to_day": date(2026, 3, 1)},
        {"from_day": date(2026, 10, 25), "to_day": date(2026, 10, 25)},
    ]),
)  # fmt: skip


def _leaf(kind: CriterionKind, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[Criterion]:
    return st.builds(Criterion, kind=st.just(kind), **members)


def _windowed(kind: CriterionKind, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[Criterion]:
    return st.builds(
        lambda window, said: Criterion(kind=kind, **window, **said), _WINDOWS, st.fixed_dictionaries(members)
    )


_PROCEDURE = st.sampled_from(["hygiene", "implant"])
_STATUS = st.sampled_from(["completed", "no_show", "cancelled"])
_EVENT = st.sampled_from(["appointment.booked", "message.posted"])
_SCORE = st.sampled_from([0, 6, 7, 10])
_COUNT = st.sampled_from([1, 2])

OF_KIND: dict[CriterionKind, st.SearchStrategy[Criterion]] = {
    K.PROCEDURE_LAST: _leaf(K.PROCEDURE_LAST, procedure=_PROCEDURE, older_than_days=LIMITS),
    K.PROCEDURE_NEVER: _leaf(K.PROCEDURE_NEVER, procedure=_PROCEDURE),
    K.PROCEDURE_WITHIN: _windowed(K.PROCEDURE_WITHIN, procedure=_PROCEDURE),
    K.PROCEDURE_COUNT: _windowed(K.PROCEDURE_COUNT, procedure=_PROCEDURE, at_least=_COUNT),
    K.APPOINTMENT_AHEAD: _leaf(K.APPOINTMENT_AHEAD),
    K.APPOINTMENT_AHEAD_FOR: _leaf(K.APPOINTMENT_AHEAD_FOR, service=st.sampled_from(["x", "y"]), within_days=LIMITS),
    K.VISIT_COUNT: _windowed(K.VISIT_COUNT, visit_status=_STATUS, at_least=_COUNT),
    K.VISIT_LAST_IS: _leaf(K.VISIT_LAST_IS, visit_status=_STATUS),
    K.VISIT_MISSED_SILENT: _leaf(K.VISIT_MISSED_SILENT, older_than_days=LIMITS),
    K.VISIT_NEVER_CAME: _windowed(K.VISIT_NEVER_CAME),
    K.FIRST_VISIT: _windowed(K.FIRST_VISIT),
    K.CONSULTATION_MISSED: _windowed(K.CONSULTATION_MISSED),
    K.ASLEEP: _leaf(K.ASLEEP, months=st.sampled_from([1, 12])),
    K.ESTIMATE_PENDING: _leaf(K.ESTIMATE_PENDING, older_than_days=LIMITS),
    K.PLAN_STALLED: _leaf(K.PLAN_STALLED, older_than_days=LIMITS),
    K.PLAN_DROPPED: _leaf(K.PLAN_DROPPED),
    K.PLAN_FINISHED: _leaf(K.PLAN_FINISHED),
    K.DOCUMENT_WAITING: _leaf(K.DOCUMENT_WAITING, older_than_days=LIMITS),
    K.FINDING_UNTREATED: _leaf(
        K.FINDING_UNTREATED, older_than_days=LIMITS, finding=st.sampled_from([None, "caries", "fracture"])
    ),
    K.BALANCE_OVER: _leaf(
        K.BALANCE_OVER,
        amount=st.sampled_from([0, 99, 100]).map(lambda minor: {"amount_minor": minor, "currency": "EUR"}),
    ),
    K.BILL_OVERDUE: _leaf(K.BILL_OVERDUE, older_than_days=LIMITS),
    K.COUPON_EXPIRING: _leaf(K.COUPON_EXPIRING, within_days=LIMITS),
    K.CARD_EXPIRING: _leaf(K.CARD_EXPIRING, within_days=LIMITS),
    K.POINTS_AT_LEAST: _leaf(K.POINTS_AT_LEAST, at_least=st.sampled_from([10, 20])),
    K.TIER_IS: _leaf(K.TIER_IS, tier=st.sampled_from(["Silver", "Gold"])),
    K.REFERRALS_AT_LEAST: _leaf(K.REFERRALS_AT_LEAST, at_least=_COUNT),
    K.MESSAGE_OPENED: _windowed(K.MESSAGE_OPENED, notice=st.sampled_from([None, "recall"])),
    K.EVENT_COUNT: _windowed(K.EVENT_COUNT, event=_EVENT, at_least=_COUNT),
    K.EVENT_WITHOUT: _windowed(K.EVENT_WITHOUT, event=_EVENT, then_event=_EVENT, then_days=st.sampled_from([1, 2])),
    K.CONSENT_GRANTED: _leaf(
        K.CONSENT_GRANTED, purpose=st.sampled_from(["recall", "marketing"]), channel=st.sampled_from(["push", "sms"])
    ),
    K.SURVEY_SCORED: st.one_of(
        _windowed(K.SURVEY_SCORED, to_score=_SCORE),
        _windowed(K.SURVEY_SCORED, from_score=_SCORE),
        _windowed(K.SURVEY_SCORED, from_score=st.just(6), to_score=_SCORE.filter(lambda score: score >= 6)),
    ),
    K.TAG_IS: _leaf(K.TAG_IS, segment_id=st.just(TAG)),
    K.AGE_AT_LEAST: _leaf(K.AGE_AT_LEAST, years=st.sampled_from([0, 17, 18])),
    K.AGE_BETWEEN: _leaf(K.AGE_BETWEEN, years=st.sampled_from([0, 17]), to_years=st.sampled_from([17, 18])),
    K.BIRTHDAY_WITHIN: _leaf(K.BIRTHDAY_WITHIN, within_days=st.sampled_from([0, 1, 2, 30, 364, 365])),
    K.LANGUAGE_IS: _leaf(K.LANGUAGE_IS, language=st.sampled_from(["en", "ru"])),
    K.BRANCH_IS: _leaf(K.BRANCH_IS, branch_id=st.just(BRANCH)),
    K.CONTACT_KNOWN: _leaf(K.CONTACT_KNOWN, contact=st.sampled_from(["email", "phone", "app"])),
    K.REGISTERED_WITHIN: _windowed(K.REGISTERED_WITHIN),
}
LEAVES = st.one_of(*OF_KIND.values())


def trees(depth: int, leaves: st.SearchStrategy[Criterion] = LEAVES) -> st.SearchStrategy[Criterion]:
    if depth == 1:
        return leaves
    items = st.lists(trees(depth - 1, leaves), min_size=1, max_size=3)
    groups = st.builds(Criterion, kind=st.sampled_from([K.ALL, K.ANY]), items=items)
    one = st.lists(trees(depth - 1, leaves), min_size=1, max_size=1)
    return st.one_of(leaves, groups, st.builds(Criterion, kind=st.just(K.NOT), items=one))
