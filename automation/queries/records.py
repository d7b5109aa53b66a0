"""Where a patient's dated records stand: one select for each source, with what each record says."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, Date, Select, Text, Uuid, and_, case, cast, func, literal, null, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased
from sqlmodel import col

from automation.criteria.meaning import Source
from automation.library import BY_HAND, MemberSource
from automation.queries.days import Days
from automation.survey import SurveyQuestionKind
from automation.tables import Segment, SegmentMember, SurveyAnswer, SurveyInvitation, SurveyRow
from cabinet.coupon import CouponState
from cabinet.document import Asks, DocumentState
from cabinet.queries.plans import plan_status_sql
from cabinet.queries.points import counts_as_earned
from cabinet.tables.account import LedgerEntry
from cabinet.tables.chart import FindingRow, ProcedureRow
from cabinet.tables.coupon import Coupon
from cabinet.tables.documents import Document
from cabinet.tables.loyalty import PointEntry, PointLot, ProgrammeRow
from cabinet.tables.plan import TreatmentPlan
from cabinet.tables.prepaid import PrepaidCard
from cabinet.tables.referral import Referral
from clinic.tables import Appointment, Patient
from core.events import Event
from push.tables import ConsentRow, NoticeRow

Records = Select[*tuple[Any, ...]]
"""clinic_id, patient_id, at, id, amount and the members that the source says. `ends`, where there is one, is a day
after which the record says something else by itself."""


def records(source: Source, days: Days) -> Records:
    """Every record of every patient in reach; PostgreSQL makes its tables part of whatever asks."""
    return _SOURCES[source](days)


def _of(table: Any, at: Any, amount: Any = None, patient: Any = None, **says: Any) -> Records:
    """The columns of a table's records."""
    return select(
        col(table.clinic_id), col(table.patient_id if patient is None else patient).label("patient_id"),
        at.label("at"), col(table.id), (literal(1) if amount is None else amount).label("amount"),
        *(word.label(name) for name, word in says.items()),
    )  # fmt: skip


def _procedures(_: Days) -> Records:
    done = aliased(ProcedureRow)
    said = {"kind": col(done.kind), "tooth": col(done.tooth)}
    return _of(done, col(done.performed_on), **said).where(~col(done.entered_in_error))


def _visits(_: Days) -> Records:
    visit = aliased(Appointment)
    return _of(visit, col(visit.starts_at), status=col(visit.status), service=col(visit.service))


def _plans(days: Days) -> Records:
    """The status turns by itself when an offer lapses, so the calendar of the home branch is needed."""
    plan, owner = aliased(TreatmentPlan), aliased(Patient)
    done = case((col(plan.items_done) == 0, "none"), (col(plan.items_done) < col(plan.items), "some"), else_="all")
    status = plan_status_sql(days.table.c.today, plan)
    at = func.coalesce(col(plan.offered_at), col(plan.changed_at))
    return (
        _of(plan, at, status=status, done=done, ends=col(plan.valid_until))
        .join(owner, and_(col(owner.clinic_id) == plan.clinic_id, col(owner.id) == plan.patient_id))
        .join(days.table, days.home(owner))
    )


def _documents(days: Days) -> Records:
    """One that runs out waits to the end of that day."""
    paper, owner = aliased(Document), aliased(Patient)
    last = cast(func.timezone(days.table.c.zone, col(paper.expires_at)), Date)
    state = case((last < days.table.c.today, DocumentState.EXPIRED.value), else_=col(paper.state))
    return (
        _of(paper, col(paper.sent_at), state=state, ends=last)
        .join(owner, and_(col(owner.clinic_id) == paper.clinic_id, col(owner.id) == paper.patient_id))
        .join(days.table, days.home(owner))
        .where(col(paper.asks) != Asks.READ.value, col(paper.sent_at).is_not(None))
    )


def _findings(_: Days) -> Records:
    """The last version of each."""
    finding, newer = aliased(FindingRow), aliased(FindingRow)
    same = and_(col(newer.clinic_id) == finding.clinic_id, col(newer.series_id) == finding.series_id)
    later = select(col(newer.id)).where(same, col(newer.source_version) > col(finding.source_version))
    said = {"tooth": col(finding.tooth), "code": col(finding.code), "status": col(finding.status)}
    return _of(finding, col(finding.observed_on), **said).where(~later.exists())


def _ledger(_: Days) -> Records:
    entry = aliased(LedgerEntry)
    said = {
        "currency": col(entry.currency), "kind": col(entry.kind), "plan": col(entry.plan_id),
        "stage": col(entry.stage), "due": col(entry.due_on),
    }  # fmt: skip
    return _of(entry, col(entry.posted_on), col(entry.effect_minor), **said).where(~col(entry.voided))


def _coupons(_: Days) -> Records:
    coupon = aliased(Coupon)
    return _of(coupon, col(coupon.expires_at)).where(col(coupon.state) == CouponState.PICKED.value)


def _cards(_: Days) -> Records:
    card = aliased(PrepaidCard)
    return _of(card, col(card.expires_on)).where(col(card.used) < col(card.sessions), col(card.expires_on).is_not(None))


def _points(_: Days) -> Records:
    lot = aliased(PointLot)
    return _of(lot, col(lot.expires_at), col(lot.left_points)).where(col(lot.left_points) > 0)


def _tiers(days: Days) -> Records:
    """The highest tier that what was earned reaches (`cabinet.loyalty.tier_of`)."""
    programme = ProgrammeRow
    since = days.moment - func.make_interval(0, 0, 0, col(programme.tier_days))
    earned = (
        select(
            col(PointEntry.clinic_id),
            col(PointEntry.patient_id),
            col(programme.tiers),
            func.sum(PointEntry.points).label("points"),
        )
        .join(programme, col(programme.clinic_id) == PointEntry.clinic_id)
        .where(counts_as_earned(), col(PointEntry.at) >= since, col(PointEntry.at) <= days.moment)
        .group_by(col(PointEntry.clinic_id), col(PointEntry.patient_id), col(programme.clinic_id))
        .subquery("earned")
    )
    tier = func.jsonb_array_elements(earned.c.tiers).table_valued("value").render_derived("tier")
    from_points = cast(tier.c.value.op("->>")("from_points"), BigInteger)
    return (
        select(
            earned.c.clinic_id, earned.c.patient_id, days.moment.label("at"), cast(null(), Uuid).label("id"),
            cast(earned.c.points, BigInteger).label("amount"), tier.c.value.op("->>")("name").label("name"),
        )
        .join(tier, literal(True))
        .where(from_points <= earned.c.points)
        .ext(distinct_on(earned.c.clinic_id, earned.c.patient_id))
        .order_by(earned.c.clinic_id, earned.c.patient_id, from_points.desc())
    )  # fmt: skip


def _referrals(_: Days) -> Records:
    brought = aliased(Referral)
    return _of(brought, col(brought.bound_at), patient=brought.referrer_id, state=col(brought.state))


def _notices(_: Days) -> Records:
    notice = aliased(NoticeRow)
    said = {"kind": col(notice.kind), "purpose": col(notice.purpose)}
    return _of(notice, col(notice.opened_at), **said).where(col(notice.opened_at).is_not(None), ~col(notice.silent))


def _events(_: Days) -> Records:
    event = aliased(Event)
    said = {"kind": col(event.kind), "actor": col(event.actor_kind)}
    return _of(event, col(event.at), **said).where(col(event.patient_id).is_not(None))


def _consents(_: Days) -> Records:
    word = aliased(ConsentRow)
    said = case((col(word.granted), "yes"), else_="no")
    return _of(word, col(word.at), purpose=col(word.purpose), channel=col(word.channel), said=said)


def _scores(_: Days) -> Records:
    """Answers to `nps` questions; which those are is in the survey's definition."""
    answer, asked, survey = aliased(SurveyAnswer), aliased(SurveyInvitation), aliased(SurveyRow)
    question = func.jsonb_build_array(
        func.jsonb_build_object("key", col(answer.question), "kind", SurveyQuestionKind.NPS.value)
    )
    return (
        select(
            col(asked.clinic_id), col(asked.patient_id), col(asked.answered_at).label("at"), col(answer.id),
            literal(1).label("amount"), cast(col(answer.number), Text).label("score"),
        )
        .join(asked, and_(col(asked.clinic_id) == answer.clinic_id, col(asked.id) == answer.invitation_id))
        .join(survey, and_(col(survey.clinic_id) == asked.clinic_id, col(survey.id) == asked.survey_id))
        .where(
            col(answer.number).is_not(None),
            col(asked.answered_at).is_not(None),
            col(survey.definition)["questions"].contains(question),
        )
    )  # fmt: skip


def _tags(_: Days) -> Records:
    """Of the library what is given by hand: a segment of criteria is no criterion, so nothing can ask for itself."""
    member, segment = aliased(SegmentMember), aliased(Segment)
    return (
        select(
            col(member.clinic_id), col(member.patient_id), col(member.since).label("at"),
            cast(null(), Uuid).label("id"), literal(1).label("amount"), col(member.segment_id).label("segment"),
        )
        .join(segment, and_(col(segment.clinic_id) == member.clinic_id, col(segment.id) == member.segment_id))
        .where(
            col(segment.kind).in_(sorted(kind.value for kind in BY_HAND)),
            col(member.source) != MemberSource.BAN.value,
        )
    )  # fmt: skip


_SOURCES: dict[Source, Callable[[Days], Records]] = {
    Source.PROCEDURE: _procedures,
    Source.VISIT: _visits,
    Source.PLAN: _plans,
    Source.DOCUMENT: _documents,
    Source.FINDING: _findings,
    Source.LEDGER: _ledger,
    Source.COUPON: _coupons,
    Source.CARD: _cards,
    Source.POINTS: _points,
    Source.TIER: _tiers,
    Source.REFERRAL: _referrals,
    Source.NOTICE: _notices,
    Source.EVENT: _events,
    Source.CONSENT: _consents,
    Source.SURVEY: _scores,
    Source.TAG: _tags,
}
