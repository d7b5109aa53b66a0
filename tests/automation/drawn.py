"""Patients drawn with everything a criterion can ask for, close to every line; as rows and as the facts they are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from sqlalchemy import insert

from automation.criteria.meaning import Source
from automation.facts import PatientFacts, Record, local_day
from automation.tables import Segment, SegmentMember, SurveyAnswer, SurveyInvitation, SurveyRow
from cabinet.loyalty import Tier, tier_of
from cabinet.plan import Answer, PlanStatus, plan_status
from cabinet.tables.account import LedgerEntry
from cabinet.tables.chart import FindingRow, ProcedureRow
from cabinet.tables.coupon import Coupon
from cabinet.tables.documents import Document
from cabinet.tables.loyalty import PointEntry, PointLot, ProgrammeRow
from cabinet.tables.plan import TreatmentPlan
from cabinet.tables.prepaid import PrepaidCard
from cabinet.tables.promotion import PromotionRow
from cabinet.tables.referral import Referral
from clinic.facts import Language
from clinic.tables import Access, Appointment, Patient
from core.database import Writing
from core.events import Event
from core.ids import new_id
from identity.tables import Account
from push.tables import ConsentRow, DeviceRow, NoticeRow
from tests.automation.leaves import BRANCH, TAG
from tests.automation.people import synced

ZONES = ["Europe/Rome", "America/Santiago", "America/Havana", "Pacific/Apia", "Asia/Kathmandu"]
TIERS = (Tier("Silver", 10), Tier("Gold", 30))
TIER_DAYS = 30
_ZEROS = dict.fromkeys(
    ("price_minor", "discount_minor", "promotion_minor", "points_minor", "insurance_minor", "patient_minor",
     "patient_high_minor"), 0,
)  # fmt: skip


@dataclass
class Drawn:
    """One patient: `rows` to insert and `records` as they are known."""

    zone: str
    as_of: datetime
    id: UUID
    birth_date: date
    language: str
    email: str | None
    phone: str | None
    rows: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    records: dict[Source, list[Record]] = field(default_factory=dict)
    has_app: bool = False
    branch_id: UUID = BRANCH

    @property
    def today(self) -> date:
        return local_day(self.as_of, self.zone)

    def knows(
        self, source: Source, at: date | datetime, amount: int = 1, row_id: UUID | None = None, **said: Any
    ) -> None:
        words = {name: str(word) for name, word in said.items() if word is not None}
        self.records.setdefault(source, []).append(Record(at, words, amount, row_id))

    def facts(self) -> PatientFacts:
        known = {"email": self.email, "phone": self.phone, "app": self.has_app or None}
        return PatientFacts(
            self.birth_date, cast("Language", self.language), self.records, self.branch_id,
            frozenset(name for name, value in known.items() if value is not None), id_time(self.id),
        )  # fmt: skip


def id_time(made: UUID) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=made.int >> 80)


def id_at(moment: datetime) -> UUID:
    """An id as if it had been made then."""
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return UUID(int=(milliseconds << 80) | (new_id().int & ((1 << 80) - 1)))


def _days(today: date) -> st.SearchStrategy[date]:
    agos = [limit + off for limit in (0, 1, 2, 30, 31) for off in (-1, 0, 1)]
    return st.sampled_from([today - timedelta(days=ago) for ago in (*agos, -30, -31, 365, 366)])


def _moments(as_of: datetime, zone: str) -> st.SearchStrategy[datetime]:
    """About now, and about the midnights that windows begin and end with."""
    midnights = _days(local_day(as_of, zone)).map(
        lambda day: datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    )
    near = st.sampled_from([-1, 0, 1, 30, 59, 61, -1440, -2880, 1440]).map(lambda minutes: timedelta(minutes=minutes))
    return st.builds(lambda moment, off: moment + off, st.one_of(st.just(as_of), midnights), near)


def _procedure(draw: st.DrawFn, who: Drawn) -> None:
    kind, tooth = draw(st.sampled_from(["hygiene", "implant", "exam"])), draw(st.sampled_from([None, "16"]))
    day, wrong, made = draw(_days(who.today)), draw(st.sampled_from([False, False, True])), new_id()
    row = {"patient_id": who.id, "kind": kind, "performed_on": day, "tooth": tooth, "entered_in_error": wrong}
    who.rows.append((ProcedureRow, {"id": made, **row}))
    if not wrong:
        who.knows(Source.PROCEDURE, day, row_id=made, kind=kind, tooth=tooth)


def _visit(draw: st.DrawFn, who: Drawn) -> None:
    statuses = ["completed", "no_show", "cancelled", "booked", "requested", "declined", "arrived"]
    status, starts, made = draw(st.sampled_from(statuses)), draw(_moments(who.as_of, who.zone)), new_id()
    row = {"patient_id": who.id, "starts_at": starts, "ends_at": starts + timedelta(hours=1), "status": status}
    service = draw(st.sampled_from(["x", "y"]))
    who.rows.append((Appointment, {"id": made, **row, "service": service, "branch_id": who.branch_id}))
    who.knows(Source.VISIT, starts, row_id=made, status=status, service=service)


def _plan(draw: st.DrawFn, who: Drawn) -> None:
    status = draw(st.sampled_from(["proposed", "accepted", "in_progress", "stopped", "declined", "completed"]))
    answer = draw(st.sampled_from([None, "accepted", "declined", "again"]))
    valid, done, made = draw(st.one_of(st.none(), _days(who.today))), draw(st.integers(0, 2)), new_id()
    offered, changed = draw(st.one_of(st.none(), _moments(who.as_of, who.zone))), draw(_moments(who.as_of, who.zone))
    row = {"status": status, "answer": answer, "valid_until": valid, "items": 2, "items_done": done}
    times = {"offered_at": offered, "changed_at": changed}
    plain = {"title": "P", "currency": "EUR", "stages_hash": "", **_ZEROS}
    who.rows.append((TreatmentPlan, {"id": made, "patient_id": who.id, **row, **times, **plain}))
    shown = plan_status(PlanStatus(status), Answer(answer) if answer else None, valid, who.today)
    words = {"status": shown.value, "done": ["none", "some", "all"][done]}
    who.knows(Source.PLAN, offered or changed, 1, made, **words)


def _document(draw: st.DrawFn, who: Drawn) -> None:
    state, asks = draw(st.sampled_from(["sent", "filled", "signed"])), draw(st.sampled_from(["sign", "fill", "read"]))
    sent, made = draw(st.one_of(st.none(), _moments(who.as_of, who.zone))), new_id()
    ends = draw(st.one_of(st.none(), _moments(who.as_of, who.zone)))
    row = {"kind": "contract", "title": "D", "asks": asks, "state": state, "sent_at": sent, "expires_at": ends}
    who.rows.append((Document, {"id": made, "patient_id": who.id, **row}))
    if asks != "read" and sent:
        over = ends is not None and local_day(ends, who.zone) < who.today
        who.knows(Source.DOCUMENT, sent, 1, made, state="expired" if over else state)


def _finding(draw: st.DrawFn, who: Drawn) -> None:
    """One finding in one or two versions; the last one counts."""
    series = new_id()
    versions = draw(st.integers(1, 2))
    for version in range(versions):
        code, status = (
            draw(st.sampled_from(["caries", "fracture", "filling"])),
            draw(st.sampled_from(["existing", "watch", "resolved"])),
        )
        day, made = draw(_days(who.today)), new_id()
        said = {"tooth": "16", "code": code, "status": status}
        row = {
            "source": "mis",
            "external_id": str(series),
            "source_version": version,
            "content_hash": "",
            "surfaces": [],
        }
        times = {"observed_on": day, "recorded_at": who.as_of}
        who.rows.append((FindingRow, {"id": made, "patient_id": who.id, "series_id": series, **row, **said, **times}))
        if version == versions - 1:
            who.knows(Source.FINDING, day, 1, made, **said)


def _ledger(draw: st.DrawFn, who: Drawn) -> None:
    kind, amount = draw(st.sampled_from([("charge", 100), ("payment", -100), ("charge", 1), ("adjustment", -50)]))
    day, due, made = draw(_days(who.today)), draw(st.one_of(st.none(), _days(who.today))), new_id()
    voided, currency = draw(st.sampled_from([False, False, True])), draw(st.sampled_from(["EUR", "EUR", "USD"]))
    row = {
        "kind": kind,
        "effect_minor": amount,
        "currency": currency,
        "posted_on": day,
        "due_on": due,
        "voided": voided,
    }
    who.rows.append((LedgerEntry, {"id": made, "patient_id": who.id, **row}))
    if not voided:
        who.knows(Source.LEDGER, day, amount, made, kind=kind, currency=currency, due=due)


def _ending(draw: st.DrawFn, who: Drawn) -> None:
    """A coupon, a card and points, each with its end."""
    ends, made, state = draw(_moments(who.as_of, who.zone)), new_id(), draw(st.sampled_from(["picked", "redeemed"]))
    coupon = {
        "promotion_id": new_id(),
        "code_hash": made.bytes,
        "state": state,
        "picked_at": who.as_of,
        "expires_at": ends,
    }
    who.rows.append((PromotionRow, {
        "id": coupon["promotion_id"], "texts": {}, "default_language": "en", "starts_on": who.today,
        "ends_on": who.today, "languages": [],
    }))  # fmt: skip
    who.rows.append((Coupon, {"id": made, "patient_id": who.id, **coupon}))
    if state == "picked":
        who.knows(Source.COUPON, ends, row_id=made)
    last, used, card = draw(st.one_of(st.none(), _days(who.today))), draw(st.integers(1, 2)), new_id()
    row = {"title": "C", "service": "x", "sessions": 2, "used": used, "expires_on": last}
    who.rows.append((PrepaidCard, {"id": card, "patient_id": who.id, **row}))
    if used < 2 and last:
        who.knows(Source.CARD, last, row_id=card)


def _points(draw: st.DrawFn, who: Drawn) -> None:
    left, ends, lot = draw(st.sampled_from([0, 10])), draw(_moments(who.as_of, who.zone)), new_id()
    who.rows.append(
        (PointLot, {"id": lot, "patient_id": who.id, "points": 20, "left_points": left, "expires_at": ends})
    )
    if left:
        who.knows(Source.POINTS, ends, left, lot)
    at, points = draw(_moments(who.as_of, who.zone)), draw(st.sampled_from([10, 20, -10]))
    kind = draw(st.sampled_from(["accrue", "spend"])) if points > 0 else "reverse"
    who.rows.append((PointEntry, {
        "id": new_id(), "patient_id": who.id, "lot_id": lot, "kind": kind, "points": points, "cause": str(lot),
        "actor_kind": "system", "at": at,
    }))  # fmt: skip
    if kind != "spend" and who.as_of - timedelta(days=TIER_DAYS) <= at <= who.as_of:
        who.records.setdefault(Source.TIER, []).append(Record(at, {}, points))


def _referral(draw: st.DrawFn, who: Drawn) -> None:
    at, made, friend = draw(_moments(who.as_of, who.zone)), new_id(), new_id()
    who.rows.append((Patient, _person(friend, who.branch_id, date(1990, 1, 1))))
    who.rows.append(
        (Referral, {"id": made, "patient_id": friend, "referrer_id": who.id, "state": "bound", "bound_at": at})
    )
    who.knows(Source.REFERRAL, at, row_id=made, state="bound")


def _notice(draw: st.DrawFn, who: Drawn) -> None:
    kind, opened, made = draw(st.sampled_from(["recall", "visit"])), draw(_moments(who.as_of, who.zone)), new_id()
    seen = draw(st.booleans())
    who.rows.append((NoticeRow, {
        "id": made, "patient_id": who.id, "kind": kind, "purpose": "recall", "dedupe_key": str(made),
        "not_before": opened, "expires_at": opened + timedelta(days=9), "state": "over", "created_at": opened,
        "opened_at": opened if seen else None,
    }))  # fmt: skip
    if seen:
        who.knows(Source.NOTICE, opened, row_id=made, kind=kind, purpose="recall")


def _event(draw: st.DrawFn, who: Drawn) -> None:
    kind = draw(st.sampled_from(["appointment.booked", "message.posted", "plan.accepted", "task.done"]))
    actor, at, made = draw(st.sampled_from(["patient", "automation"])), draw(_moments(who.as_of, who.zone)), new_id()
    row = {"kind": kind, "subject_id": who.id, "patient_id": who.id, "actor_kind": actor, "facts": {}, "at": at}
    who.rows.append((Event, {"id": made, **row}))
    who.knows(Source.EVENT, at, row_id=made, kind=kind, actor=actor)


def _consent(draw: st.DrawFn, who: Drawn) -> None:
    purpose, channel = draw(st.sampled_from([("recall", "push"), ("marketing", "sms")]))
    at, granted, made = draw(_moments(who.as_of, who.zone)), draw(st.booleans()), new_id()
    row = {"purpose": purpose, "channel": channel, "granted": granted, "actor_kind": "patient", "at": at}
    who.rows.append((ConsentRow, {"id": made, "patient_id": who.id, **row}))
    who.knows(Source.CONSENT, at, row_id=made, purpose=purpose, channel=channel, said="yes" if granted else "no")


def _phone(draw: st.DrawFn, who: Drawn) -> None:
    account, dead, ended = new_id(), draw(st.booleans()), draw(st.sampled_from([None, -1, 0, 1]))
    ends = None if ended is None else who.as_of + timedelta(minutes=ended)
    who.rows.append((Account, {"id": account, "phone": str(account), "created_at": who.as_of}))
    who.rows.append((Access, {
        "id": new_id(), "patient_id": who.id, "account_id": account, "relation": "carer", "scopes": ["chat"],
        "granted_at": who.as_of, "ends_at": ends,
    }))  # fmt: skip
    who.rows.append((DeviceRow, {
        "id": new_id(), "account_id": account, "session_id": new_id(), "platform": "android", "app_build": "b",
        "token": "t", "token_hash": account.bytes, "locale": "en", "zone": "UTC", "registered_at": who.as_of,
        "last_seen_at": who.as_of, "dead_at": who.as_of if dead else None,
    }))  # fmt: skip
    who.has_app = who.has_app or (not dead and (ends is None or ends > who.as_of))


def _score(draw: st.DrawFn, who: Drawn) -> None:
    """An answer to a question that asks for a score, and the same number to one that asks for stars."""
    kind, score = draw(st.sampled_from(["nps", "nps", "stars"])), draw(st.sampled_from([0, 6, 7, 10]))
    survey, asked, made, at = new_id(), new_id(), new_id(), draw(_moments(who.as_of, who.zone))
    questions = [{"key": "q", "kind": kind}, {"key": "other", "kind": "nps"}]
    who.rows.append((SurveyRow, {"id": survey, "definition": {"questions": questions}, "made_at": who.as_of}))
    who.rows.append((SurveyInvitation, {
        "id": asked, "patient_id": who.id, "survey_id": survey, "cause_id": made, "asked_at": at, "expires_at": at,
        "answered_at": at,
    }))  # fmt: skip
    who.rows.append((SurveyAnswer, {"id": made, "invitation_id": asked, "question": "q", "number": score}))
    if kind == "nps":
        who.knows(Source.SURVEY, at, row_id=made, score=score)


def _tag(draw: st.DrawFn, who: Drawn) -> None:
    """A tag, or a segment of criteria that is none; once at most."""
    if Source.TAG in who.records:
        return
    source = draw(st.sampled_from(["hand", "import", "ban"]))
    row = {"segment_id": TAG, "patient_id": who.id, "source": source, "since": who.as_of}
    if any(table is SegmentMember for table, _ in who.rows):
        return
    who.rows.append((SegmentMember, {"id": TAG, **row}))
    if source != "ban":
        who.knows(Source.TAG, who.as_of, segment=TAG)


_PARTS: Sequence[Callable[[st.DrawFn, Drawn], None]] = (
    _procedure, _visit, _visit, _plan, _document, _finding, _ledger, _ending, _points, _referral, _notice, _event,
    _event, _consent, _phone, _score, _tag,
)  # fmt: skip


@st.composite
def people_at(draw: st.DrawFn, as_of: datetime) -> Drawn:
    zone = draw(st.sampled_from(ZONES))
    today = local_day(as_of, zone)
    near = [(today + timedelta(days=off)) for off in (-1, 0, 1, 2, 30, 31)]
    births = st.builds(
        lambda day, years: day.replace(year=day.year - years, day=min(day.day, 28)),
        st.sampled_from(near),
        st.sampled_from([1, 17, 18]),
    )
    born = draw(st.one_of(births, st.just(date(2008, 2, 29))))
    who = Drawn(
        zone, as_of, id_at(draw(_moments(as_of, zone))), born, draw(st.sampled_from(["en", "ru"])),
        draw(st.sampled_from([None, "a@b.example"])), draw(st.sampled_from([None, "+390255501234"])),
    )  # fmt: skip
    for part in draw(st.lists(st.sampled_from(_PARTS), max_size=7)):
        part(draw, who)
    earned = who.records.pop(Source.TIER, [])
    tier = tier_of(TIERS, sum(entry.amount for entry in earned)) if earned else None
    if tier:
        who.knows(Source.TIER, as_of, sum(entry.amount for entry in earned), name=tier.name)
    return who


def _person(row_id: UUID, branch_id: UUID, born: date) -> dict[str, Any]:
    names = {"given_name": "P", "family_name": "Q", "birth_date": born, "language": "it"}
    return {"id": row_id, "branch_id": branch_id, **names}


_SYNCED = (Patient, ProcedureRow, Appointment, TreatmentPlan, Document, LedgerEntry, PrepaidCard, PromotionRow)


async def add_drawn(
    writing: Writing, clinic_id: UUID, branches: dict[str, UUID], people: Sequence[Drawn], at: datetime
) -> None:
    """Put them into the database, tables in the order of their keys."""
    programme = {
        "clinic_id": clinic_id, "worth_minor": 1, "currency": "EUR", "basis_points": 0, "per_visit": 0, "life_days": 9,
        "tiers": [{"name": tier.name, "from_points": tier.from_points} for tier in TIERS], "tier_days": TIER_DAYS,
        "referrer_points": 0, "friend_points": 0, "visits_since": at, "payments_since": at, "referrals_since": at,
    }  # fmt: skip
    await writing.execute(insert(ProgrammeRow), [programme])
    tag = {"clinic_id": clinic_id, "id": TAG, "key": "t", "name": "T", "kind": "manual", "clinical": True}
    await writing.execute(insert(Segment), [{**tag, "made_at": at, "changed_at": at}])
    rows = list(_rows(people, branches))
    for table in dict.fromkeys((Patient, Account, PromotionRow, PointLot, *(table for table, _ in rows))):
        for row in [values for name, values in rows if name is table]:
            base = synced(clinic_id, row["id"], at) if table in _SYNCED else {"clinic_id": clinic_id}
            values = {name: value for name, value in row.items() if name in table.__table__.columns}
            await writing.execute(insert(table), [{**({} if table is Account else base), **values}])


def _rows(people: Sequence[Drawn], branches: dict[str, UUID]) -> Iterator[tuple[Any, dict[str, Any]]]:
    for who in people:
        home = branches[who.zone]
        told = {"language": who.language, "email": who.email, "phone": who.phone}
        yield Patient, _person(who.id, home, who.birth_date) | told
        for table, values in who.rows:
            yield table, values | ({"branch_id": home} if "branch_id" in values else {})
        who.branch_id = home
