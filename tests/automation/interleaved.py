"""A clinic in which everything happens in any order: its people, what a test knows of them itself, and what befalls."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import insert as upsert

from automation.campaign import CampaignDraft
from automation.commands import enter_by_hand
from automation.commands.campaigns import (
    CampaignAct,
    CampaignNotThere,
    abort_campaign,
    fresh_act,
    launch_campaign,
    make_campaign,
    pause_campaign,
    resume_campaign,
    set_campaign_policy,
)
from automation.commands.carrying import take_out
from automation.commands.drafts import make_draft
from automation.commands.publishing import Deed, pause, publish, resume
from automation.journey.document import Journey
from automation.journey.words import Carrying
from automation.queries.campaigns import CampaignPolicy
from clinic.commands import grant_access
from clinic.commands.erasing import confirm_erasure
from clinic.tables import Branch
from core.errors import Conflict, NotFound
from core.events import SYSTEM
from core.ids import new_id
from enamel.worker.automation import run_journeys
from enamel.worker.campaigns import keep_campaigns
from enamel.worker.privacy import carry_out_erasures
from push.channel import Way
from push.commands import Answer, Due, claim_notices, claim_tries, record_outcomes, register_device, set_consent
from push.commands.wishes import Heard, take_wish
from push.consent import ConsentChannel
from push.notice import Purpose
from push.outcome import Outcome, Result
from push.stop_words import Wish
from push.tables import ContactPolicyRow, ContactPreferenceRow
from tests.automation.people import Person, add_people
from tests.automation.test_recall import book
from tests.push.lines import make_usual
from tests.push.phones import app, sign_in
from tests.world import World

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
ZONES = ["Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
# Some days before clocks change, in three of the four zones: forward in the north, back in the south; then the other.
BEGINS = [
    datetime(2027, 3, 11, 9, tzinfo=UTC),
    datetime(2027, 9, 30, 9, tzinfo=UTC),
    datetime(2027, 10, 28, tzinfo=UTC),
]
LEASE = MINUTE
PEOPLE = 12
SAID = [Purpose.RECALL, Purpose.MARKETING]
WAYS = [ConsentChannel.PUSH, ConsentChannel.SMS, ConsentChannel.EMAIL]
OUTCOMES = [
    *[Outcome(Result.ACCEPTED, provider_id="it has it")] * 6, Outcome(Result.NOT_SENT, "no-connection"),
    Outcome(Result.AMBIGUOUS, "timeout"), Outcome(Result.BAD_MESSAGE, "refused"),
]  # fmt: skip
LEFT = (Result.ACCEPTED, Result.AMBIGUOUS)


@dataclass(frozen=True)
class Known:
    """What holds of everybody at one moment, as it was said to the clinic, and who has left by then."""

    words: dict[tuple[UUID, Purpose, ConsentChannel], bool] = field(default_factory=dict)
    quiet: dict[UUID, tuple[str, time, time]] = field(default_factory=dict)
    never: dict[UUID, ConsentChannel] = field(default_factory=dict)
    caps: tuple[tuple[Purpose, ConsentChannel | None, int, int], ...] = ()
    erased: frozenset[UUID] = frozenset()
    gone: frozenset[UUID] = frozenset()
    """Causes that must say nothing: who exited, whose campaign is halted or over."""


@dataclass(frozen=True)
class Sent:
    """A message as the twin saw it: when, what the provider made of it, and what was known before and after."""

    at: datetime
    due: Due
    outcome: Outcome
    known: tuple[Known, Known]


@dataclass
class Story:
    world: World
    dice: Random
    at: datetime
    people: list[Person] = field(default_factory=list)
    phones: dict[UUID, str] = field(default_factory=dict)
    hours: dict[str, tuple[time, time, list[int]]] = field(default_factory=dict)
    campaigns: list[UUID] = field(default_factory=list)
    known: Known = Known()
    sent: list[Sent] = field(default_factory=list)
    hand: list[tuple[Due, Outcome]] = field(default_factory=list)
    _claimed: list[tuple[datetime, Due, Outcome]] = field(default_factory=list)

    @property
    def clinic_id(self) -> UUID:
        return self.world.here.clinic_id

    # What befalls. Each is one or some commits of the commands that the API and the workers use.

    async def tick(self) -> None:
        await run_journeys(self.world.database, self.at, self.dice.choice([3, 2_000]))

    async def rounds(self) -> None:
        """A worker claims; what it holds is with a provider now, whether it will ever say so or not."""
        for claim in (claim_tries, claim_notices):
            async with self.world.database.sweeping() as sweeping:
                found = await claim(sweeping, self.at, self.dice.choice([2, 50]), LEASE)
            came = [(self.at, each, self.dice.choice(OUTCOMES)) for each in found]
            self._claimed += came
            self.hand += [(due, outcome) for _, due, outcome in came]

    async def answers(self) -> None:
        some, self.hand = self.hand, []
        told = [Answer(due, outcome) for due, outcome in some if self.dice.random() < 0.85]
        async with self.world.database.sweeping() as sweeping:
            await record_outcomes(sweeping, told, self.at, self.dice.random)

    async def campaigns_go_on(self) -> None:
        await keep_campaigns(self.world.database, self.at, self.dice.choice([3, 2_000]))

    async def says(self) -> None:
        said = self._somebody(), self.dice.choice(SAID), self.dice.choice(WAYS)
        await self._said(*said, granted=self.dice.random() < 0.7)

    async def _said(self, whose: UUID, purpose: Purpose, channel: ConsentChannel, *, granted: bool) -> None:
        self.known = replace(self.known, words=self.known.words | {(whose, purpose, channel): granted})
        async with self.world.database.writing(self.world.here.scope) as writing:
            await set_consent(writing, self.clinic_id, whose, purpose, granted, SYSTEM, self.at, channel=channel)

    async def stops(self) -> None:
        whose = self._somebody()
        stopped = {(whose, purpose, ConsentChannel.SMS): False for purpose in Purpose}
        self.known = replace(self.known, words=self.known.words | stopped)
        heard = Heard(new_id(), Way.SMS, self.phones[whose], str(new_id()))
        async with self.world.database.writing(self.world.here.scope) as writing:
            await take_wish(writing, self.clinic_id, heard, Wish.STOP, self.at, whole=True)

    async def prefers(self) -> None:
        whose, zone = self._somebody(), self.dice.choice(ZONES)
        starts, ends = time(self.dice.randint(17, 23), 30), time(self.dice.randint(2, 11))
        channel = self.dice.choice(WAYS)
        self.known = replace(
            self.known,
            quiet=self.known.quiet | {whose: (zone, starts, ends)},
            never=self.known.never | {whose: channel},
        )
        news = {"zone": zone, "quiet_from": starts, "quiet_to": ends, "never": [channel.value], "changed_at": self.at}
        row = {"clinic_id": self.clinic_id, "patient_id": whose, "channel_order": [], **news}
        fresh = upsert(ContactPreferenceRow).values(row)
        keys = ["clinic_id", "patient_id"]
        async with self.world.database.writing(self.world.here.scope) as writing:
            await writing.execute(fresh.on_conflict_do_update(index_elements=keys, set_=news))

    async def rules(self) -> None:
        caps = tuple(
            (purpose, channel, self.dice.choice([0, 1, 1, 2, 2, 3]), self.dice.randint(1, 6))
            for purpose in SAID
            for channel in (None, ConsentChannel.SMS)
        )
        self.known = replace(self.known, caps=caps)
        told = [
            {"purpose": purpose.value, "channel": channel and channel.value, "most": most, "days": days}
            for purpose, channel, most, days in caps
        ]
        news: dict[str, Any] = {"caps": told, "changed_at": self.at}
        row = {"clinic_id": self.clinic_id, "ladders": [], "calls": False, "closed_on": [], **news}
        fresh = upsert(ContactPolicyRow).values(row)
        async with self.world.database.writing(self.world.here.scope) as writing:
            await writing.execute(fresh.on_conflict_do_update(index_elements=["clinic_id"], set_=news))

    async def books(self) -> None:
        await book(self.world, self._somebody(), self.at)

    async def enters(self) -> None:
        who = [self._somebody(), self._somebody()]
        async with self.world.database.writing(self.world.here.scope) as writing:
            await self._unless_over(enter_by_hand(writing, self.clinic_id, "by-hand", who, self.at))

    async def taken_out(self) -> None:
        found = await self.rows("select id from enrolment where state = 'active' order by id")
        if found:
            async with self.world.database.writing(self.world.here.scope) as writing:
                await self._unless_over(take_out(writing, self.clinic_id, self.dice.choice(found)[0], SYSTEM, self.at))

    async def halts(self) -> None:
        found = await self.rows("select id from journey where state in ('active', 'paused') order by key")
        deed, turned = Deed(self.clinic_id, SYSTEM, self.at), self.dice.choice([pause, resume, resume])
        async with self.world.database.writing(self.world.here.scope) as writing:
            await self._unless_over(turned(writing, deed, self.dice.choice(found)[0]))

    async def publishes(self) -> None:
        """The next version: the same steps, in other words; who is on the old one is carried in any way."""
        key = self.dice.choice(sorted(self.hours))
        await self.published(key, self.dice.choice([Carrying.NEWCOMERS, Carrying.MOVE, Carrying.LEAVE]))

    async def campaign_begins(self) -> None:
        said = {"name": "C", "criteria": {"kind": "age_at_least", "years": 18}, "kind": "offer", "lasts_hours": 60,
                "per_hour": self.dice.choice([None, 4])}  # fmt: skip
        act = fresh_act(self.clinic_id, new_id(), self.at)
        async with self.world.database.writing(self.world.here.scope) as writing:
            await make_campaign(writing, act, CampaignDraft.model_validate(said))
            await writing.flush()
            await launch_campaign(writing, act)
        self.campaigns.append(act.campaign_id)

    async def campaign_turns(self) -> None:
        if self.campaigns:
            turn = self.dice.choice([pause_campaign, resume_campaign, abort_campaign])
            act = CampaignAct(self.clinic_id, self.dice.choice(self.campaigns), new_id(), self.at)
            async with self.world.database.writing(self.world.here.scope) as writing:
                await self._unless_over(turn(writing, act))

    async def erases(self) -> None:
        if len(self.known.erased) < 2:
            whose = self._somebody()
            self.known = replace(self.known, erased=self.known.erased | {whose})
            async with self.world.database.writing(self.world.here.scope) as writing:
                await confirm_erasure(writing, self.clinic_id, whose, None, SYSTEM, self.at)
            while await carry_out_erasures(self.world.database, self.world.ports.storage, self.at):
                pass

    # How it goes.

    async def at_once(self, deeds: Sequence[Callable[[], Awaitable[None]]]) -> None:
        """All of these together. What is claimed among them may stand before or after what else is said."""
        self.known = replace(self.known, gone=await self._gone())
        before, self._claimed = self.known, []
        await asyncio.gather(*(deed() for deed in deeds))
        self.known = replace(self.known, gone=await self._gone())
        self.sent += [Sent(at, due, outcome, (before, self.known)) for at, due, outcome in self._claimed]

    async def everything_goes_on(self) -> None:
        """And nobody who was in comes in again."""
        deed = Deed(self.clinic_id, SYSTEM, self.at)
        for row in await self.rows("select id from journey where state = 'paused'"):
            async with self.world.database.writing(self.world.here.scope) as writing:
                await resume(writing, deed, row[0])
        for key in self.hours:
            await self.published(key, Carrying.NEWCOMERS, again=False)

    async def rows(self, statement: str) -> list[Any]:
        async with self.world.database.sweeping() as sweeping:
            return list((await sweeping.execute(text(statement))).all())

    async def settled(self) -> None:
        here, world = self.world.here, self.world
        branches = {zone: new_id() for zone in ZONES}
        self.people = [
            Person(zone=self.dice.choice(ZONES), birth_date=date(self.dice.choice([1980, 2012]), 5, 17))
            for _ in range(PEOPLE)
        ]
        async with world.database.writing(here.scope) as writing:
            rows = [
                {"clinic_id": here.clinic_id, "id": each, "name": zone, "zone": zone} for zone, each in branches.items()
            ]
            await writing.execute(insert(Branch), rows)
            await add_people(writing, here.clinic_id, branches, self.people, self.at)
            await set_campaign_policy(writing, here.clinic_id, CampaignPolicy(confirm_above=500), SYSTEM, self.at)
        await make_usual(world.database, here, Way.SMS, Way.EMAIL)
        for number, person in enumerate(self.people):
            await self._reachable(person, number)
        for person, purpose, channel in product(self.people, SAID, WAYS):
            await self._said(person.id, purpose, channel, granted=self.dice.random() < 0.95)
        for key in ("by-hand", "of-age", "booked"):
            self.hours[key] = (time(self.dice.randint(0, 9)), time(self.dice.randint(14, 22)), self._weekdays())
            await self.published(key, Carrying.NEWCOMERS)
        await self.rules()

    async def published(self, key: str, carrying: Carrying, *, again: bool = True) -> None:
        deed = Deed(self.clinic_id, SYSTEM, self.at)
        async with self.world.database.writing(self.world.here.scope) as writing:
            of_key = self._journey(key).model_copy(update={} if again else {"again_after_days": None})
            draft = await make_draft(writing, self.clinic_id, of_key, SYSTEM, self.at)
            await writing.flush()
            await publish(writing, deed, draft.journey_id, draft.digest, carrying)

    async def _reachable(self, person: Person, number: int) -> None:
        """Everybody has a number and an address of their own, every other one a phone of the app."""
        self.phones[person.id], here = f"+39025559{number:03}", self.world.here
        async with self.world.database.sweeping() as sweeping:
            named = {"phone": self.phones[person.id], "email": f"p{number}@example.com", "id": person.id}
            await sweeping.execute(text("update patient set phone = :phone, email = :email where id = :id"), named)
        if number % 2:
            account_id, session_id = await sign_in(self.world.database, self.world.keys, here, self.phones[person.id])
            async with self.world.database.writing(here.scope) as writing:
                await grant_access(writing, self.clinic_id, account_id, person.id, "self", self.at)
                await register_device(
                    writing, self.clinic_id, account_id, session_id, app(f"token-of-{number}"), self.at
                )

    def _journey(self, key: str) -> Journey:
        opens, closes, weekdays = self.hours[key]
        marketing = key == "of-age"
        triggers: dict[str, dict[str, Any]] = {
            "by-hand": {"kind": "manual"}, "booked": {"kind": "event", "event": "appointment.booked"},
            "of-age": {"kind": "segment", "criteria": {"kind": "age_at_least", "years": 18}},
        }  # fmt: skip
        notice = {
            "kind": "message",
            "notice": "offer" if marketing else "recall",
            "lasts_hours": self.dice.choice([20, 90]),
        }
        return Journey.model_validate({
            "key": key, "name": key, "purpose": "marketing" if marketing else "recall", "trigger": triggers[key],
            "steps": [
                {"id": "one", **notice}, {"id": "rest", "kind": "wait", "hours": self.dice.randint(1, 30)},
                {"id": "two", **notice},
                {"id": "listen", "kind": "wait_event", "events": ["appointment.booked"], "days": 2, "then": "four"},
                {"id": "three", **notice}, {"id": "sleep", "kind": "wait", "days": 1, "at": "02:30"},
                {"id": "four", **notice}, {"id": "over", "kind": "exit"},
            ],
            "exits": [] if key == "booked" else [{"kind": "booked"}], "again_after_days": self.dice.choice([2, 6]),
            "opens": f"{opens:%H:%M}", "closes": f"{closes:%H:%M}", "weekdays": weekdays,
            **({} if key == "booked" else {"group": "g", "rank": 3 if marketing else 9, "takes_over": marketing}),
        }, strict=False)  # fmt: skip

    def _weekdays(self) -> list[int]:
        return sorted(self.dice.sample(range(7), self.dice.randint(3, 7)))

    def _somebody(self) -> UUID:
        return self.dice.choice([each.id for each in self.people if each.id not in self.known.erased])

    async def _unless_over(self, deed: Awaitable[object]) -> None:
        """It may have ended a moment ago: then it is refused, and that is right."""
        try:
            await deed
        except (CampaignNotThere, Conflict, NotFound):
            return

    async def _gone(self) -> frozenset[UUID]:
        exited = "select id from enrolment where state = 'exited'"
        halted = """select m.id from campaign_member m join campaign c on c.clinic_id = m.clinic_id
            and c.id = m.campaign_id where c.state in ('paused', 'aborted', 'finished')"""
        return frozenset(row[0] for row in await self.rows(f"{exited} union all {halted}"))
