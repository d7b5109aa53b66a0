"""Writes down what whole bands of enrolments went through: messages, what is done beside, log, state and timers.

What is the same for a band is said once; what is a patient's own the database adds. Only what is done beside
(`DOES`) is told enrolment by enrolment, since each comes to something of its own.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, delete, func, insert, literal, select, update
from sqlmodel import col

from automation.commands.doings import DOES, Doing, Means
from automation.commands.journey_notices import say
from automation.effect import Effect
from automation.journey.document import Journey
from automation.journey.words import EnrolmentState, StepKind, Verdict
from automation.queries.days import AS_OF
from automation.queries.places import Place
from automation.queries.told import Said
from automation.tables import Enrolment, Timer, Touchpoint
from core.database import Sweeping
from core.ids import new_id
from push.commands.batch import FLAGS, MOMENTS, NUMBERS, TEXTS, UUIDS, batch


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the log, the same for all of a band."""

    step: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Enrolments that went through the same: the lines that it left, where they stand now, and when they are looked at
    again (None: they came to the end). `begun`: they came to their step just now."""

    journey: Journey
    step: str
    zone: str
    waiting: bool
    begun: bool
    lines: tuple[Line, ...]
    due_at: datetime | None
    members: list[Place]

    def numbered(self) -> Iterator[tuple[int, Line]]:
        return enumerate(self.lines)

    def is_done(self, line: Line) -> bool:
        """Something was done beside the patient, for each apart."""
        return line.verdict is Verdict.DONE and self.journey.step(line.step).kind in DOES


async def write(sweeping: Sweeping, means: Means, moved: Sequence[Moved], now: datetime) -> None:
    """All of it; the enrolments are held by the caller."""
    if not moved:
        return
    await _say(sweeping, moved, now)
    await _do(sweeping, means, moved, now)
    await _stand(sweeping, moved, now)


async def _say(sweeping: Sweeping, moved: Sequence[Moved], now: datetime) -> None:
    by_step: dict[tuple[int, str], list[tuple[Moved, int]]] = defaultdict(list)
    for each in moved:
        for offset, line in each.numbered():
            if line.verdict is Verdict.SENT:
                by_step[id(each.journey), line.step].append((each, offset))
    for (_, step_id), told in by_step.items():
        journey = told[0][0].journey
        said = [Said(place.key, offset, each.zone) for each, offset in told for place in each.members]
        await say(sweeping, journey, journey.step(step_id), said, now)


async def _do(sweeping: Sweeping, means: Means, moved: Sequence[Moved], now: datetime) -> None:
    """What is done beside, a command for each kind of step, and the lines of what came of it."""
    doings: dict[StepKind, list[Doing]] = defaultdict(list)
    for each in moved:
        for offset, line in each.numbered():
            if each.is_done(line):
                step = each.journey.step(line.step)
                doings[step.kind] += [_doing(place, each.journey, line.step, offset) for place in each.members]
    rows = list[tuple[Any, ...]]()
    for kind in DOES:
        if of_kind := doings.get(kind):
            came = await DOES[kind](sweeping, means, of_kind, now)
            rows += [_own_line(each, came[each.effect.key]) for each in of_kind]
    if rows:
        lines = batch(_OWN_LINE, rows)
        values = {**{name: lines.c[name] for name in _OWN_LINE}, "at": literal(now, MOMENTS)}
        logged = insert(Touchpoint).from_select(list(values), select(*values.values()), include_defaults=False)
        await sweeping.execute(logged)


def _doing(place: Place, journey: Journey, step_id: str, offset: int) -> Doing:
    effect = Effect(place.clinic_id, place.enrolment_id, place.seq + offset, place.patient_id)
    return Doing(effect, journey.step(step_id), journey, place.subject_id, place.hops)


_OWN_LINE: dict[str, Any] = {
    "clinic_id": UUIDS, "id": UUIDS, "enrolment_id": UUIDS, "seq": NUMBERS, "step": TEXTS, "verdict": TEXTS,
    "reason": TEXTS, "thing_id": UUIDS,
}  # fmt: skip


def _own_line(doing: Doing, came: UUID | str) -> tuple[Any, ...]:
    clinic_id, enrolment_id, seq = doing.effect.key
    thing_id = came if isinstance(came, UUID) else None
    verdict, reason = (Verdict.DONE, "") if thing_id is not None else (Verdict.SKIPPED, str(came))
    return clinic_id, new_id(), enrolment_id, seq, doing.step.id, verdict.value, reason, thing_id


async def _stand(sweeping: Sweeping, moved: Sequence[Moved], now: datetime) -> None:
    """State, timers and the lines that are the same for a band: one statement for all."""
    bands, lines, members = dict[tuple[Any, ...], int](), list[tuple[Any, ...]](), list[tuple[Any, ...]]()
    for each in moved:
        # Due moments may be as many as people; how they stand is not.
        alike = (_standing(each), each.lines)
        if alike not in bands:
            bands[alike] = len(bands)
            lines += [
                (bands[alike], offset, line.step, line.verdict.value, line.reason)
                for offset, line in each.numbered()
                if line.verdict is not Verdict.SENT and not each.is_done(line)
            ]
        number = bands[alike]
        members += [(place.clinic_id, place.enrolment_id, number, each.due_at) for place in each.members]
    standings = [(number, *standing) for (standing, _), number in bands.items()]
    await sweeping.execute(_stood(members, standings, lines), {"as_of": now})


def _standing(moved: Moved) -> tuple[Any, ...]:
    over, step = moved.due_at is None, moved.journey.step(moved.step)
    state = EnrolmentState.COMPLETED if over else EnrolmentState.ACTIVE
    outcome = step.outcome if over and step.kind is StepKind.EXIT else None
    return state.value, moved.step, moved.begun, moved.waiting, len(moved.lines), outcome


_MEMBER: dict[str, Any] = {"clinic_id": UUIDS, "id": UUIDS, "band": NUMBERS, "due_at": MOMENTS}
_STANDING: dict[str, Any] = {
    "band": NUMBERS, "state": TEXTS, "step": TEXTS, "begun": FLAGS, "waiting": FLAGS, "lines": NUMBERS, "outcome": TEXTS
}  # fmt: skip
_LINE: dict[str, Any] = {"band": NUMBERS, "offset": NUMBERS, "step": TEXTS, "verdict": TEXTS, "reason": TEXTS}


def _stood(
    members: list[tuple[Any, ...]], standings: list[tuple[Any, ...]], lines: list[tuple[Any, ...]]
) -> Select[Any]:
    who = batch(_MEMBER, members).alias("who")
    so = batch(_STANDING, standings).alias("so")
    news = {
        "state": so.c.state, "step": so.c.step, "waiting": so.c.waiting, "seq": Enrolment.seq + so.c.lines,
        "step_since": case((so.c.begun, AS_OF), else_=col(Enrolment.step_since)), "failures": 0,
        "exited_at": case((who.c.due_at.is_(None), AS_OF)), "outcome": so.c.outcome,
    }  # fmt: skip
    stood = (
        update(Enrolment)
        .where(col(Enrolment.clinic_id) == who.c.clinic_id, col(Enrolment.id) == who.c.id, so.c.band == who.c.band)
        .values(news)
        .returning(
            col(Enrolment.clinic_id), col(Enrolment.id), (col(Enrolment.seq) - so.c.lines).label("seq"), who.c.band,
            who.c.due_at,
        )
        .cte("stood")
    )  # fmt: skip
    mine = (col(Timer.clinic_id) == stood.c.clinic_id, col(Timer.enrolment_id) == stood.c.id)
    timed = update(Timer).where(*mine, stood.c.due_at.is_not(None)).values(due_at=stood.c.due_at).cte("timed")
    untimed = delete(Timer).where(*mine, stood.c.due_at.is_(None)).cte("untimed")
    return select(func.count()).select_from(stood).add_cte(timed, untimed, _logged(stood, lines))


def _logged(stood: Any, lines: list[tuple[Any, ...]]) -> Any:
    line = batch(_LINE, lines).alias("line")
    values: dict[str, Any] = {
        "clinic_id": stood.c.clinic_id, "id": func.id_made_at(AS_OF), "enrolment_id": stood.c.id,
        "seq": stood.c.seq + line.c.offset, "step": line.c.step, "verdict": line.c.verdict, "reason": line.c.reason,
        "at": AS_OF,
    }  # fmt: skip
    found = select(*values.values()).join_from(stood, line, line.c.band == stood.c.band)
    return insert(Touchpoint).from_select(list(values), found, include_defaults=False).cte("logged")
