"""What a journey would do if it began now: who comes in, which ways they take, what stands against it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, true
from sqlalchemy.sql.selectable import Subquery
from sqlmodel import col

from automation.criteria.said import Contact, CriterionKind
from automation.journey.document import Journey
from automation.journey.words import EnrolmentState
from automation.queries.entries import kept_out
from automation.queries.segments import segment_statement
from automation.results import Told, told
from automation.segment import Criterion
from automation.tables import Enrolment
from clinic.tables import Patient
from core.database import Reading
from core.values import Value
from push.caps import ANY, Cap, caps_of
from push.consent import ConsentChannel
from push.kinds import KINDS
from push.queries.contacts import contact_policy
from push.tables import ContactRing

MOST_SHOWN = 20
MOST_BRANCHES = 1_000
_CONTACTS = {
    ConsentChannel.PUSH: Contact.APP,
    ConsentChannel.SMS: Contact.PHONE,
    ConsentChannel.EMAIL: Contact.EMAIL,
    ConsentChannel.CALL: Contact.PHONE,
}
"""Of a messenger nothing can be said before: the patient opens it."""


class OfBranch(Value):
    branch_id: UUID
    count: Told


class ReachedBy(Value):
    """Of who would come in: have said yes to this way for its purpose (or need not), and can be reached so."""

    channel: ConsentChannel
    agreed: Told
    reachable: Told
    """None for a messenger."""


class WayTaken(Value):
    """Of a branch: who would turn `to` that step, as the facts are today; None: nobody's case, they go on."""

    step: str = Field(max_length=64)
    to: str | None = Field(max_length=64)
    count: Told


class DryRun(Value):
    """Nothing was written and nobody reached.

    `matching`: who the criteria hold of. `entering`: who would come in, the others being on it, or lately, or
    (`in_group`) on another journey of its group. `without_room`: have no place left under the caps of its purpose now.
    """

    matching: Told
    entering: Told
    in_group: Told
    without_room: Told
    first_day: Told
    """As many of them as `per_day` lets in."""
    branches: list[OfBranch] = Field(max_length=MOST_BRANCHES)
    channels: list[ReachedBy] = Field(max_length=10)
    ways: list[WayTaken] = Field(max_length=600)
    patient_ids: list[UUID] = Field(max_length=MOST_SHOWN)
    """The first of them, for who may read clinical facts."""


async def dry_run(reading: Reading, clinic_id: UUID, journey: Journey, now: datetime, *, clinical: bool) -> DryRun:
    """Of a journey with criteria of its own. The number of statements grows with its branches, not with patients.

    Raises ValueError where there are no criteria to ask.
    """
    if journey.trigger.criteria is None:
        raise ValueError("without criteria nobody matches yet")
    asking = _Asking(reading, clinic_id, journey, now, journey.trigger.criteria, clinical=clinical)
    counts = await asking.counts()
    return DryRun(
        matching=asking.told(counts["matching"]),
        entering=asking.told(counts["entering"]),
        in_group=asking.told(counts["in_group"]),
        without_room=asking.told(counts["without_room"]),
        first_day=asking.told(min(counts["entering"], journey.per_day or counts["entering"])),
        branches=await asking.branches(),
        channels=[await asking.reached_by(channel) for channel in _ways(journey)],
        ways=[way for step in journey.steps if step.cases for way in await asking.ways(step.id)],
        patient_ids=await asking.first() if clinical else [],
    )


def _ways(journey: Journey) -> list[ConsentChannel]:
    """All that any of its messages may go by."""
    ladders = [KINDS[step.notice].channels for step in journey.steps if step.notice is not None]
    return [channel for channel in ConsentChannel if any(channel in ladder for ladder in ladders)]


class _Asking:
    """One dry run: every question is about who matches the journey's criteria, and something more."""

    def __init__(
        self,
        reading: Reading,
        clinic_id: UUID,
        journey: Journey,
        now: datetime,
        criteria: Criterion,
        *,
        clinical: bool,
    ) -> None:
        self._reading, self._clinic_id, self._journey = reading, clinic_id, journey
        self._now, self._criteria, self._clinical = now, criteria, clinical

    def told(self, count: int) -> int | None:
        return told(count, clinical=self._clinical)

    async def counts(self) -> dict[str, int]:
        caps = caps_of((await contact_policy(self._reading, self._clinic_id)).caps, self._journey.purpose)
        who = self._who()
        came, group = self._came(who), kept_out(self._journey, who)
        full = self._without_room(who, caps)
        entering = and_(~came, ~group)
        row = (
            await self._reading.execute(
                select(
                    func.count(),
                    func.count().filter(entering),
                    func.count().filter(and_(~came, group)),
                    func.count().filter(and_(entering, full)),
                ).select_from(who),
                {"as_of": self._now},
            )
        ).one()
        return dict(zip(("matching", "entering", "in_group", "without_room"), row, strict=True))

    async def branches(self) -> list[OfBranch]:
        who = self._who()
        of = and_(col(Patient.clinic_id) == who.c.clinic_id, col(Patient.id) == who.c.patient_id)
        statement = (
            select(col(Patient.branch_id), func.count())
            .join_from(who, Patient, of)
            .where(self._entering(who))
            .group_by(col(Patient.branch_id))
            .order_by(col(Patient.branch_id))
            .limit(MOST_BRANCHES)
        )
        rows = await self._reading.execute(statement, {"as_of": self._now})
        return [OfBranch(branch_id=branch_id, count=self.told(count)) for branch_id, count in rows]

    async def first(self) -> list[UUID]:
        who = self._who()
        statement = select(who.c.patient_id).where(self._entering(who)).order_by(who.c.patient_id).limit(MOST_SHOWN)
        return list((await self._reading.execute(statement, {"as_of": self._now})).scalars())

    async def reached_by(self, channel: ConsentChannel) -> ReachedBy:
        agreed = Criterion(kind=CriterionKind.CONSENT_GRANTED, purpose=self._journey.purpose, channel=channel)
        contact = _CONTACTS.get(channel)
        can = [Criterion(kind=CriterionKind.CONTACT_KNOWN, contact=contact)] if contact else []
        yes = await self._how_many(agreed)
        return ReachedBy(
            channel=channel,
            agreed=self.told(yes),
            reachable=self.told(await self._how_many(agreed, *can)) if contact else None,
        )

    async def ways(self, step_id: str) -> list[WayTaken]:
        """A case is taken by who no case above it holds of."""
        above: list[Criterion] = []
        taken: list[WayTaken] = []
        for case in self._journey.step(step_id).cases or ():
            count = await self._how_many(*(_not(each) for each in above), case.when)
            taken.append(WayTaken(step=step_id, to=case.to, count=self.told(count)))
            above.append(case.when)
        count = await self._how_many(*(_not(each) for each in above))
        return [*taken, WayTaken(step=step_id, to=None, count=self.told(count))]

    async def _how_many(self, *more: Criterion) -> int:
        who = self._who(*more)
        statement = select(func.count()).select_from(who).where(self._entering(who))
        return (await self._reading.execute(statement, {"as_of": self._now})).scalar_one()

    def _who(self, *more: Criterion) -> Subquery:
        both = Criterion(kind=CriterionKind.ALL, items=[self._criteria, *more]) if more else self._criteria
        mine: Callable[[Any], ColumnElement[bool]] = lambda patient: col(patient.clinic_id) == self._clinic_id  # noqa: E731
        return segment_statement(both, mine).subquery("who")

    def _entering(self, who: Subquery) -> ColumnElement[bool]:
        return and_(~self._came(who), ~kept_out(self._journey, who))

    def _came(self, who: Subquery) -> ColumnElement[bool]:
        """Is on it, or was lately: nobody is reached twice for one reason."""
        again = self._journey.again_after_days
        lately: ColumnElement[bool] = col(Enrolment.state) == EnrolmentState.ACTIVE.value
        since = true() if again is None else col(Enrolment.entered_at) > self._now - timedelta(days=again)
        lately = or_(lately, since)
        return exists().where(_theirs(who), col(Enrolment.journey_key) == self._journey.key, lately)

    def _without_room(self, who: Subquery, caps: dict[str, Cap]) -> ColumnElement[bool]:
        """No place is left over all ways together, or on none of the ways that its messages may go."""
        full = {ring: self._full(who, cap) for ring, cap in caps.items()}
        ways = [full.get(way.value, false()) for way in _ways(self._journey)]
        return or_(full.get(ANY, false()), and_(true(), *ways) if ways else false())

    def _full(self, who: Subquery, cap: Cap) -> ColumnElement[bool]:
        """The place that would have to be free again is taken still (`push.caps.room_at`)."""
        if cap.most == 0:
            return true()
        return exists().where(
            col(ContactRing.clinic_id) == who.c.clinic_id,
            col(ContactRing.patient_id) == who.c.patient_id,
            col(ContactRing.purpose) == self._journey.purpose.value,
            col(ContactRing.channel) == cap.ring,
            col(ContactRing.sent_at)[cap.most] > self._now - cap.window,
        )


def _theirs(who: Subquery) -> ColumnElement[bool]:
    return and_(col(Enrolment.clinic_id) == who.c.clinic_id, col(Enrolment.patient_id) == who.c.patient_id)


def _not(criterion: Criterion) -> Criterion:
    return Criterion(kind=CriterionKind.NOT, items=[criterion])
