"""The demo clinic with a clock of its own: facts arrive by the commands, the worker ticks, and days pass.

Whatever reaches somebody is written down as it would be told: when in Rome, what the journey did, what their phone
showed, what they read in the conversation, what the desk was asked to do.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from automation.commands import Means, start_journey
from automation.templates import TEMPLATES, Filled
from clinic.commands import admit_staff, found_clinic, grant_access, open_branch
from clinic.queries import named_patients
from core.database import NOBODY, Database, Scope
from core.events import SYSTEM, Actor, ActorKind
from core.ids import new_id
from enamel.demo.cast import ROME, cast
from enamel.demo.crowd import crowd
from enamel.demo.founding import SYSTEM_NAME, take_facts
from enamel.demo.offers import offers
from enamel.demo.people import BRANCHES, Facts
from enamel.demo.teeth import teeth
from enamel.worker.automation import run_journeys
from enamel.worker.push import deliver_due, only
from enamel.worker.tasks import keep_tasks
from enamel.worker.wording import Words
from identity.commands import Device, Keys, account_of_phone, make_staff_account, open_session
from identity.permissions import PRESETS
from identity.secrets import Secrets
from identity.sign_in import Audience
from push.commands import DeviceFacts, register_device, set_consent
from push.consent import ConsentChannel
from push.links import Links
from push.notice import Purpose
from push.printed import Printed, PrintedPushes
from tests.world import SECRET

ZONE = ZoneInfo("Europe/Rome")
MONDAY = date(2030, 1, 14)
START = datetime.combine(MONDAY, time(8), ZONE).astimezone(UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CROWD = 40
# At these hours somebody may come in; whoever is in is looked at when their timer rings.
_HOURS = (9, 10, 11, 12, 17)
_MOST_ROUNDS = 20
_WISHES = (Purpose.MARKETING, Purpose.RECALL, Purpose.SURVEY)


@dataclass(frozen=True, slots=True)
class Someone:
    """A patient of the clinic in Rome, with the app on a phone."""

    name: str
    id: UUID
    account_id: UUID

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.PATIENT, self.account_id)


@dataclass
class Stage:
    database: Database
    clinic_id: UUID
    staff_id: UUID
    printed: Path
    now: datetime = START
    shown: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    read: int = 0

    @property
    def today(self) -> date:
        return self.now.astimezone(ZONE).date()

    def writing(self) -> Any:
        return self.database.writing(Scope(self.clinic_id))

    async def told(self, tell: Callable[[Facts], None]) -> None:
        """The clinic's own system says something; told again, it is the next version."""
        facts = Facts()
        tell(facts)
        for kind, rows in facts.rows.items():
            for row in rows:
                name = f"{kind}/{row['external_id']}"
                self.versions[name] = row["version"] = self.versions.get(name, 0) + 1
        async with self.writing() as writing:
            await take_facts(writing, self.clinic_id, facts, self.now)

    async def someone(self, name: str, born: date = date(1985, 5, 17)) -> Someone:
        """A new patient, whose phone has the app, and who agreed to everything."""
        phone = f"+39347{len(self.versions):07d}"
        await self.told(lambda facts: facts.person(name, ROME, name.capitalize(), "Verdi", born, phone, "it"))
        keys = Keys(SECRET)
        async with self.writing() as writing:
            patient_id = (await named_patients(writing, SYSTEM_NAME, {name}))[name].id
            account_id = await account_of_phone(writing, phone, self.now)
            await grant_access(writing, self.clinic_id, account_id, patient_id, "self", self.now)
            device = Device(f"device of {name}, 0123456789")
            pair = await open_session(writing, keys, Audience.PATIENT, account_id, self.clinic_id, device, self.now)
            session = keys.tokens.verify(pair.access_token, Audience.PATIENT, self.now).session_id
            await register_device(writing, self.clinic_id, account_id, session, _app(name), self.now)
            for purpose in _WISHES:
                await set_consent(
                    writing, self.clinic_id, patient_id, purpose, True, SYSTEM, self.now, channel=ConsentChannel.PUSH
                )
        return Someone(name, patient_id, account_id)

    async def launch(self, key: str, filled: Mapping[str, Filled] | None = None) -> None:
        """Without a holdout: its lot would fall upon some of the stories."""
        journey = TEMPLATES[key].draft("en", filled or {}).model_copy(update={"holdout_percent": 0})
        async with self.writing() as writing:
            await start_journey(writing, self.clinic_id, journey, self.now)

    async def until(self, who: Someone, moment: datetime) -> None:
        """Time passes: the worker ticks while they may come in, and then whenever something of theirs is due."""
        while True:
            await self.tick()
            is_in, due = await self._next_due(who)
            following = min(due, moment) if is_in else min(due, moment, self._next_hour())
            if following >= moment:
                break
            self.now = following
        self.now = moment
        await self.tick()

    async def tick(self) -> None:
        for _ in range(_MOST_ROUNDS):
            changed = await run_journeys(self.database, self.now, means=Means(Secrets(SECRET)))
            await deliver_due(
                self.database, only(PrintedPushes(Printed(self.printed))), now=lambda: self.now, jitter=lambda: 0.0,
                words=Words(self.database, Links(b"l" * 32, "https://clinic.example"), b"v" * 32),
            )  # fmt: skip
            await keep_tasks(self.database, self.now)
            if not changed:
                break
        else:
            raise AssertionError(f"the journeys do not come to rest at {self.now}")
        self._note_what_phones_showed()

    def _note_what_phones_showed(self) -> None:
        lines = self.printed.read_text(encoding="utf-8").splitlines() if self.printed.exists() else []
        for line in lines[self.read :]:
            said = json.loads(line)
            self.shown.setdefault(said["to"], []).append((self.now, said["text"]))
        self.read = len(lines)

    def _next_hour(self) -> datetime:
        here = self.now.astimezone(ZONE)
        for ahead in (0, 1):
            for hour in _HOURS:
                moment = datetime.combine(here.date() + ahead * DAY, time(hour), ZONE).astimezone(UTC)
                if moment > self.now:
                    return moment
        raise AssertionError

    async def _next_due(self, who: Someone) -> tuple[bool, datetime]:
        """Whether they were let in, and their next timer or message; what the tick has put off, a minute later."""
        ((came, due),) = await self.ask(
            "select exists(select from enrolment where patient_id = :who), min(at) from ("
            "select t.due_at at from timer t join enrolment e on e.clinic_id = t.clinic_id and e.id = t.enrolment_id"
            " where e.patient_id = :who"
            " union all select next_at from notice where patient_id = :who and state = 'due') due", who,
        )  # fmt: skip
        return came, max(due or datetime.max.replace(tzinfo=UTC), self.now + MINUTE)

    async def ask(self, statement: str, who: Someone) -> list[Any]:
        async with self.database.sweeping() as sweeping:
            return list(await sweeping.execute(text(statement), {"who": who.id}))


def _app(name: str) -> DeviceFacts:
    facts = {"platform": "android", "app_build": "it.example.clinic", "locale": "it-IT", "zone": "Europe/Rome"}
    return DeviceFacts.model_validate({**facts, "token": f"phone-of-{name}"})


async def found_stage(database: Database, printed: Path) -> Stage:
    """The demo's people as its clinic's system told them on the morning that the stories begin."""
    clinic_id = new_id()
    async with database.writing(NOBODY) as writing:
        desk = await make_staff_account(writing, f"{clinic_id}@enamel.example", "correct horse battery", START)
    async with database.writing(Scope(clinic_id)) as writing:
        await found_clinic(writing, clinic_id, "Enamel Demo Dental", "IT", "EUR", "it", START)
        for name, zone in BRANCHES.items():
            await open_branch(writing, clinic_id, name, zone)
        staff_id = await admit_staff(writing, clinic_id, desk, "Olga", PRESETS["owner"])
        await writing.flush()
        for facts in (cast(MONDAY), crowd(MONDAY, CROWD), teeth(MONDAY), offers(MONDAY)):
            await take_facts(writing, clinic_id, facts, START)
    return Stage(database, clinic_id, staff_id, printed)
