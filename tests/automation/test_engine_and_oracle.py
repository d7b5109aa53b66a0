"""The engine's answers about all at once against `decide` about each: drawn journeys, people, events, jumps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select
from sqlmodel import col

from automation.commands import advance
from automation.commands.moves import MOST_LOOKS
from automation.criteria.said import EventKind
from automation.journey.decide import Standing, decide
from automation.journey.document import Journey
from automation.journey.look import Move
from automation.journey.words import PATHS, EnrolmentState, ExitKind, JourneyState, Place, StepKind, Verdict
from automation.library import MemberSource, SegmentKind
from automation.queries.journeys import active_journeys
from automation.tables import Enrolment, JourneyRow, Segment, SegmentMember, Timer, Touchpoint
from cabinet.facts import ServiceKind
from clinic.appointment import AppointmentStatus
from clinic.tables import Appointment
from core.database import Sweeping
from core.events import Actor, ActorKind, Happening, record_across
from core.ids import new_id
from push.kinds import expiry
from push.notice import NoticeKind
from push.tables import NoticeRow
from tests.automation.journeys_drawn import OF_HYGIENE
from tests.automation.people import Booking, Done, Person, add_clinic, add_people
from tests.automation.standings import standings
from tests.automation.test_recall import DAY, NOON
from tests.world import World

HOUR = timedelta(hours=1)
ZONES = ["Europe/Rome", "America/New_York", "Asia/Kathmandu"]
# Of each kind of thing what begins, goes on with and ends it, and what the patient does.
KINDS = [
    EventKind.APPOINTMENT_BOOKED, EventKind.APPOINTMENT_MOVED, EventKind.APPOINTMENT_NO_SHOW,
    EventKind.PLAN_PUBLISHED, EventKind.PLAN_ACCEPTED, EventKind.MESSAGE_POSTED, EventKind.TASK_DONE,
]  # fmt: skip
CRITERIA: list[dict[str, Any]] = [
    OF_HYGIENE,
    {"kind": "age_at_least", "years": 40},
    {"kind": "language_is", "language": "it"},
    {"kind": "appointment_ahead"},
    {"kind": "procedure_count", "procedure": "hygiene", "within_days": 400, "at_least": 2},
    {"kind": "any", "items": [
        {"kind": "birthday_within", "within_days": 60}, {"kind": "procedure_never", "procedure": "hygiene"},
        {"kind": "all", "items": [{"kind": "language_is", "language": "en"}, {"kind": "appointment_ahead"}]}]},
]  # fmt: skip
STATUSES = list(AppointmentStatus)
_PEOPLE, _JOURNEYS, _TICKS = 12, 60, 6


@dataclass
class Drawn:
    """What a seed makes; the clinic and its people come with the first journeys."""

    dice: Random
    clinic_id: UUID = field(default_factory=new_id)
    visits: list[UUID] = field(default_factory=list)
    things: list[UUID] = field(default_factory=lambda: [new_id() for _ in range(4)])

    def trigger(self) -> dict[str, Any]:
        return self.dice.choice([
            {"kind": "manual"},
            {"kind": "segment", "criteria": self.dice.choice(CRITERIA)},
            {"kind": "segment", "segment": "told"},
            {"kind": "event", "event": self.dice.choice(KINDS).value, "criteria": self.dice.choice(CRITERIA)},
            {"kind": "event", "event": self.dice.choice(KINDS).value},
        ])  # fmt: skip

    def exits(self) -> list[dict[str, Any]]:
        every: list[dict[str, Any]] = [
            {"kind": "booked"}, {"kind": "visit_gone"}, {"kind": "left_segment"},
            {"kind": "matches", "criteria": self.dice.choice(CRITERIA)},
            *({"kind": "happened", "event": each.value} for each in self.dice.sample(KINDS, 3)),
        ]  # fmt: skip
        return self.dice.sample(every, self.dice.choice([0, 0, 0, 1, 1, 2, 4]))

    def step(self, number: int, last: int) -> dict[str, Any]:
        dice = self.dice
        to = [f"s{dice.randint(number + 1, last)}" for _ in range(3)]
        ways: list[dict[str, Any]] = [
            {"kind": "message", "notice": dice.choice(["recall", "visit", "note"]), "place": "offers"},
            {"kind": "message", "notice": "reminding", "lasts_hours": 30},
            {"kind": "wait", "days": dice.randint(1, 3)},
            {"kind": "wait", "hours": dice.randint(1, 30)},
            {"kind": "wait", "at": "02:30", "weekdays": [1, 3]},
            {"kind": "wait_visit", "hours_before": dice.randint(1, 60)},
            {"kind": "wait_visit", "days_after": dice.randint(0, 2), "at": "09:30", "late": to[0]},
            {"kind": "wait_event", "events": [each.value for each in dice.sample(KINDS, 2)], "then": to[0],
             "days": dice.randint(1, 3), "about": dice.choice(["this", "patient"])},
            {"kind": "wait_event", "events": ["task.done"], "outcomes": ["booked"], "then": to[1], "hours": 40},
            {"kind": "branch", "cases": [{"when": dice.choice(CRITERIA), "to": each} for each in to[:2]]},
            {"kind": "split", "shares": [{"percent": 35, "to": to[0]}, {"percent": 65, "to": to[2]}]},
            {"kind": "exit", "outcome": "over"},
        ]  # fmt: skip
        # To the end come enough; the last one is an exit or ends the journey as what it is.
        return {"id": f"s{number}", **dice.choice(ways[:-1] if number == 0 else ways)}

    def journey(self, number: int) -> Journey:
        last = self.dice.randint(2, 6)
        steps = [self.step(each, last) for each in range(last)]
        steps.append({"id": f"s{last}", **self.dice.choice([{"kind": "exit"}, {"kind": "wait", "hours": 5}])})
        said = {
            "key": f"j{number}", "name": "J", "purpose": "recall", "trigger": self.trigger(), "exits": self.exits(),
            "steps": steps, "weekdays": self.dice.choice([[0, 1, 2, 3, 4, 5, 6], [2, 3]]),
        }  # fmt: skip
        return Journey.model_validate(said, strict=False)

    def person(self) -> Person:
        dice = self.dice
        done = [
            Done(ServiceKind.HYGIENE, (NOON - dice.randint(1, 500) * DAY).date()) for _ in range(dice.randint(0, 3))
        ]
        born = date(dice.randint(1960, 2015), dice.randint(1, 12), dice.randint(1, 28))
        return Person(dice.choice(ZONES), born, dice.choice(["it", "en"]), done, self.bookings())

    def bookings(self) -> list[Booking]:
        starts = [NOON + self.dice.randint(-48, 96) * HOUR for _ in range(self.dice.choice([0, 1, 1, 2]))]
        return [Booking(self.dice.choice(STATUSES), each) for each in starts]


async def settled(world: World, drawn: Drawn) -> list[UUID]:
    """People of a clinic on each of the drawn journeys, wherever one may stand; the ids of the people."""
    async with world.database.sweeping() as sweeping:
        drawn.clinic_id, branches = await add_clinic(sweeping, ZONES, NOON)
        people = [drawn.person() for _ in range(_PEOPLE)]
        await add_people(sweeping, drawn.clinic_id, branches, people, NOON)
        await _tagged(sweeping, drawn, people[::2])
        mine = col(Appointment.clinic_id) == drawn.clinic_id
        drawn.visits = sorted((await sweeping.execute(select(col(Appointment.id)).where(mine))).scalars())
    async with world.database.sweeping() as sweeping:
        # Not published: what a clinic may publish is less than what the engine must stand.
        for number in range(_JOURNEYS):
            each = drawn.journey(number)
            sweeping.add(
                JourneyRow(
                    clinic_id=drawn.clinic_id, id=new_id(), key=each.key, version=1, definition=each.definition(),
                    state=JourneyState.ACTIVE.value, started_at=NOON, made_at=NOON, changed_at=NOON,
                )
            )  # fmt: skip
        await sweeping.flush()
        for active in await active_journeys(sweeping):
            rows = [_enrolment(drawn, active.journey, active.ids[0], each.id) for each in people]
            await sweeping.execute(insert(Enrolment), rows)
            named = [{"clinic_id": row["clinic_id"], "enrolment_id": row["id"], "due_at": NOON} for row in rows]
            await sweeping.execute(insert(Timer), named)
    return [each.id for each in people]


async def _tagged(sweeping: Sweeping, drawn: Drawn, people: Sequence[Person]) -> None:
    tag = {
        "clinic_id": drawn.clinic_id, "id": new_id(), "key": "told", "name": "Told", "kind": SegmentKind.MANUAL.value,
        "clinical": False, "made_at": NOON, "changed_at": NOON,
    }  # fmt: skip
    await sweeping.execute(insert(Segment), [tag])
    sources = [MemberSource.HAND, MemberSource.HAND, MemberSource.BAN]
    rows = [
        {"clinic_id": drawn.clinic_id, "segment_id": tag["id"], "patient_id": each.id, "since": NOON,
         "source": drawn.dice.choice(sources).value}
        for each in people
    ]  # fmt: skip
    await sweeping.execute(insert(SegmentMember), rows)


def _enrolment(drawn: Drawn, journey: Journey, journey_id: UUID, patient_id: UUID) -> dict[str, Any]:
    step, since = drawn.dice.choice(journey.steps), NOON - drawn.dice.randint(0, 80) * HOUR
    waits = step.kind in (StepKind.WAIT, StepKind.WAIT_EVENT, StepKind.WAIT_VISIT) and drawn.dice.random() < 0.7
    subject = drawn.dice.choice([None, drawn.dice.choice(drawn.visits), drawn.dice.choice(drawn.things)])
    return {
        "clinic_id": drawn.clinic_id, "id": new_id(), "journey_id": journey_id, "journey_key": journey.key,
        "patient_id": patient_id, "subject_id": subject, "entry_no": 1, "state": EnrolmentState.ACTIVE.value,
        "step": step.id, "step_since": since, "waiting": waits, "seq": drawn.dice.randint(1, 5),
        "entered_at": since - drawn.dice.randint(0, 24) * HOUR,
    }  # fmt: skip


async def time_passes(world: World, drawn: Drawn, people: list[UUID], since: datetime, until: datetime) -> None:
    """Things happen to some, and visits move or are called off."""
    dice, hours = drawn.dice, int((until - since) / HOUR)
    async with world.database.sweeping() as sweeping:
        on = select(col(Enrolment.patient_id), col(Enrolment.id)).order_by(col(Enrolment.id))
        ways = [*await sweeping.execute(on), *((each, None) for each in people * _JOURNEYS)]
        for actor in (ActorKind.SYSTEM, ActorKind.PATIENT):
            for _ in range(16):
                subject = dice.choice([*drawn.visits, *drawn.things, new_id()])
                outcome = {"outcome": dice.choice(["booked", "busy"])} if dice.random() < 0.5 else {}
                patient_id, cause = dice.choice(ways)
                told = Happening(dice.choice(KINDS).value, subject, patient_id, outcome, cause)
                at = since + dice.randint(-24, hours) * HOUR
                await record_across(sweeping, Actor(actor), [(drawn.clinic_id, told)], at)
        for visit_id in dice.sample(drawn.visits, min(2, len(drawn.visits))):
            row = await sweeping.get_one(Appointment, (drawn.clinic_id, visit_id))
            row.status, moved = dice.choice(STATUSES).value, dice.randint(-30, 60) * HOUR
            row.starts_at, row.ends_at = row.starts_at + moved, row.ends_at + moved


@dataclass(frozen=True)
class Gone:
    """What comes of one enrolment: its lines, how it stands, and when it is looked at again."""

    lines: list[tuple[int, str, str, str]]
    state: tuple[Any, ...]
    due_at: datetime | None
    said: list[tuple[Any, ...]]


def expected(journey: Journey, row: Enrolment, standing: Standing, now: datetime) -> Gone:
    """By `decide`, one look after another."""
    lines, said, move = list[tuple[int, str, str, str]](), list[tuple[Any, ...]](), Move(row.step, now)
    for _ in range(MOST_LOOKS):
        step = journey.step(standing.step)
        move = decide(journey, standing, now)
        if move.verdict is not None:
            if move.verdict is Verdict.SENT:
                said.append(_notice(journey, standing, row, row.seq + len(lines), now))
            lines.append((row.seq + len(lines), step.id, move.verdict.value, move.reason))
        begins = move.to is not None and (move.to != step.id or (move.waiting and not standing.waiting))
        standing = replace(
            standing, step=move.to or step.id, waiting=move.waiting, step_since=now if begins else standing.step_since
        )
        if move.due_at != now:
            break
    left, over = move.verdict is Verdict.EXITED, move.due_at is None
    at = journey.step(standing.step)
    state = (
        "exited" if left else "completed" if over else "active", standing.step, standing.step_since, standing.waiting,
        row.seq + len(lines), move.reason if left else None,
        at.outcome if over and not left and at.kind is StepKind.EXIT else None, now if over else None,
    )  # fmt: skip
    return Gone(lines, state, move.due_at, said)


def _notice(journey: Journey, standing: Standing, row: Enrolment, seq: int, now: datetime) -> tuple[Any, ...]:
    step = journey.step(standing.step)
    assert step.notice is not None
    of_visit = standing.visit is not None and step.notice in (NoticeKind.VISIT, NoticeKind.REMINDING)
    lasts = now + timedelta(hours=step.lasts_hours) if step.lasts_hours else expiry(step.notice, now)
    return (
        f"{row.id}:{seq}:0", row.patient_id, step.notice.value, journey.purpose.value, now, lasts, standing.zone,
        sorted(journey.weekdays), PATHS[step.place or Place.BOOKING], row.id,
        row.subject_id if of_visit else None, standing.visit.starts_at if of_visit and standing.visit else None,
    )  # fmt: skip


async def found(sweeping: Sweeping, row: Enrolment) -> Gone:
    mine = col(Touchpoint.enrolment_id) == row.id
    lines = (await sweeping.execute(select(Touchpoint).where(mine).order_by(col(Touchpoint.seq)))).scalars().all()
    now = await sweeping.get_one(Enrolment, (row.clinic_id, row.id))
    due = (await sweeping.execute(select(col(Timer.due_at)).where(col(Timer.enrolment_id) == row.id))).scalar()
    news = [each for each in lines if each.seq >= row.seq]
    notices = [await sweeping.get_one(NoticeRow, (row.clinic_id, each.notice_id)) for each in news if each.notice_id]
    return Gone(
        [(each.seq, each.step, each.verdict, each.reason) for each in news],
        (now.state, now.step, now.step_since, now.waiting, now.seq, now.exit_reason, now.outcome, now.exited_at),
        due,
        [
            (each.dedupe_key, each.patient_id, each.kind, each.purpose, each.not_before, each.expires_at,
             each.hours_zone, each.hours_weekdays, each.link, each.cause_id, each.visit_id, each.visit_at)
            for each in notices
        ],
    )  # fmt: skip


async def foretold(sweeping: Sweeping, now: datetime) -> list[tuple[Enrolment, Gone]]:
    """What `decide` says of everybody whose timer is due."""
    actives = await active_journeys(sweeping)
    journeys: Mapping[UUID, Journey] = {row_id: each.journey for each in actives for row_id in each.ids}
    due = select(Enrolment).join(Timer, col(Timer.enrolment_id) == Enrolment.id).where(col(Timer.due_at) <= now)
    rows = list((await sweeping.execute(due)).scalars())
    known = await standings(sweeping, rows, journeys, now)
    return [(row, expected(journeys[row.journey_id], row, known[row.clinic_id, row.id], now)) for row in rows]


@pytest.mark.parametrize("seed", [1, 20261124])
async def test_the_engine_does_what_is_decided_of_each(world: World, seed: int) -> None:
    drawn, seen = Drawn(Random(seed)), set[str]()  # noqa: S311  drawn again by its seed
    people, now = await settled(world, drawn), NOON
    for _ in range(_TICKS):
        async with world.database.sweeping() as sweeping:
            told = await foretold(sweeping, now)
        async with world.database.sweeping() as sweeping:
            assert await advance(sweeping, now, 10_000) == len(told)
        async with world.database.sweeping() as sweeping:
            for row, gone in told:
                assert await found(sweeping, row) == gone, (seed, row, now)
                seen |= {verdict for _, _, verdict, _ in gone.lines} | {str(gone.state[5])}
        then = now + drawn.dice.randint(1, 60) * HOUR
        await time_passes(world, drawn, people, now, then)
        now = then
    assert seen >= {kind.value for kind in ExitKind}, seen
    assert seen >= {"sent", "held", "waited", "happened", "timed_out", "turned", "skipped", "completed"}, seen
