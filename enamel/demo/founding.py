"""Founds the demo clinics on an empty database: cast, crowd, staff, a partner app, and journeys."""

import json
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from api.ports import Ports
from api.uploads import Admitted, sha256_of, take_whole
from cabinet.account_facts import LedgerFact
from cabinet.commands.account import take_ledger
from cabinet.commands.chart import take_findings, take_procedures
from cabinet.commands.perio import take_perio_exams
from cabinet.commands.plans import take_plans
from cabinet.commands.promotions import take_promotions
from cabinet.facts import FindingFact, ProcedureFact
from cabinet.perio_facts import PerioExamFact
from cabinet.plan_facts import PlanFact
from cabinet.promotion_facts import PromotionFact
from clinic.commands import (
    admit_staff,
    found_clinic,
    grant_access,
    open_branch,
    take_appointments,
    take_patients,
)
from clinic.facts import AppointmentFact, PatientFact
from clinic.queries import any_clinic, named_patients
from core import clock
from core.database import NOBODY, Database, Reading, Scope, Writing
from core.events import SYSTEM, Actor
from core.ids import new_id
from enamel.demo.app import make_app
from enamel.demo.books import books
from enamel.demo.cast import ROLES, cast
from enamel.demo.chat import open_chat
from enamel.demo.crowd import crowd
from enamel.demo.desk import keep_desk
from enamel.demo.diary import keep_diary
from enamel.demo.groups import sort_patients
from enamel.demo.household import found_household
from enamel.demo.journeys import launch_journeys
from enamel.demo.loyalty import be_generous
from enamel.demo.offers import offers
from enamel.demo.papers import send_papers
from enamel.demo.people import BRANCHES, Facts
from enamel.demo.privacy import agree_and_ask
from enamel.demo.radiograph import panoramic
from enamel.demo.reaching import rule_contacts
from enamel.demo.series import take_pictures
from enamel.demo.teeth import teeth
from identity.commands import Keys, account_of_phone, make_partner_app, make_staff_account
from identity.permissions import PRESETS
from media.kinds import MediaType, PictureKind
from media.upload import Announced, ExternalName

SYSTEM_NAME = "mis"
STAFF_EMAIL = "desk@enamel.example"

# Each kind with the shape of its rows and the command that takes them: what the partner API does too.
_TAKE: dict[str, tuple[Any, Any]] = {
    "patients": (PatientFact, take_patients),
    "appointments": (AppointmentFact, take_appointments),
    "procedures": (ProcedureFact, take_procedures),
    "findings": (FindingFact, take_findings),
    "perio_exams": (PerioExamFact, take_perio_exams),
    "plans": (PlanFact, take_plans),
    "ledger": (LedgerFact, take_ledger),
    "promotions": (PromotionFact, take_promotions),
}


@dataclass(frozen=True, slots=True)
class Founded:
    """What one needs to enter: told once in the terminal and kept in demo.json (mode 600)."""

    clinic_id: UUID
    staff: dict[str, str]
    partner: dict[str, str]


async def found(ports: Ports, now: datetime) -> Founded:
    """The demo chain with everything in it, and a second clinic that must never see any of it."""
    database, keys = ports.database, ports.keys
    founded = await _found_chain(database, keys, now)
    scope = Scope(founded.clinic_id)
    today = now.date()
    async with database.writing(scope) as writing:
        for facts in (cast(today), crowd(today), teeth(today), offers(today), books(today)):
            await take_facts(writing, founded.clinic_id, facts, now)
        await keep_diary(writing, founded.clinic_id, SYSTEM_NAME, now)
        await be_generous(writing, keys.secrets, founded.clinic_id, SYSTEM_NAME, now)
        await keep_desk(writing, founded.clinic_id, SYSTEM_NAME, now)
        await launch_journeys(writing, founded.clinic_id, now)
        await rule_contacts(writing, founded.clinic_id, now)
        await sort_patients(writing, founded.clinic_id, SYSTEM_NAME, now)
    await _open_records(database, founded.clinic_id, now)
    await send_papers(ports, founded.clinic_id, SYSTEM_NAME, now)
    await _add_radiograph(ports, founded.clinic_id, now)
    await take_pictures(ports, founded.clinic_id, SYSTEM_NAME, now)
    await open_chat(database, founded.clinic_id, SYSTEM_NAME, now)
    await _found_neighbour(database, now)
    return founded


async def holds_a_clinic(database: Database) -> bool:
    """Whether anybody's clinic is in this database."""
    async with database.sweeping() as sweeping:
        return await any_clinic(sweeping)


async def _found_chain(database: Database, keys: Keys, now: datetime) -> Founded:
    clinic_id, password = new_id(), secrets.token_urlsafe(12)
    async with database.writing(NOBODY) as writing:
        desk = await make_staff_account(writing, STAFF_EMAIL, password, now)
        app_id, secret = await make_partner_app(writing, keys, clinic_id, "Demo MIS", SYSTEM_NAME, now)
    async with database.writing(Scope(clinic_id)) as writing:
        await found_clinic(writing, clinic_id, "Enamel Demo Dental", "IT", "EUR", "it", now)
        for name, zone in BRANCHES.items():
            await open_branch(writing, clinic_id, name, zone)
        await admit_staff(writing, clinic_id, desk, "Olga", PRESETS["owner"])
        await make_app(writing, keys, clinic_id, "Enamel Demo Dental", now)
    staff = {"email": STAFF_EMAIL, "password": password}
    return Founded(clinic_id, staff, {"client_id": str(app_id), "client_secret": secret})


async def take_facts(writing: Writing, clinic_id: UUID, facts: Facts, now: datetime) -> None:
    for kind, (model, command) in _TAKE.items():
        rows = [model.model_validate_json(json.dumps(row)) for row in facts.rows[kind]]
        if rows:
            done, faults = await command(writing, clinic_id, SYSTEM_NAME, list(enumerate(rows)), SYSTEM, now)
            assert not faults, (kind, faults)
            assert len(done) == len(rows), kind


async def _open_records(database: Database, clinic_id: UUID, now: datetime) -> None:
    """The cast has been at the desk already: their phones open their records, a guardian's the ward's."""
    async with database.writing(Scope(clinic_id)) as writing:
        wards = {role.guardian_of for role in ROLES if role.guardian_of}
        known = await named_patients(writing, SYSTEM_NAME, {role.external_id for role in ROLES} | wards)
        for role in ROLES:
            account = await account_of_phone(writing, role.phone, now)
            await grant_access(writing, clinic_id, account, known[role.external_id].id, "self", now)
            if role.external_id == "anna":
                await agree_and_ask(writing, clinic_id, known["anna"].id, account, now)
            if role.guardian_of:
                await grant_access(writing, clinic_id, account, known[role.guardian_of].id, "guardian", now)
        await found_household(writing, clinic_id, SYSTEM_NAME, now)


async def _add_radiograph(ports: Ports, clinic_id: UUID, now: datetime) -> None:
    """Anna's panoramic, stored first and noted then, as every upload."""
    picture = panoramic(seed=16)

    async def stand(_: Reading) -> Actor:
        return SYSTEM

    async def admit(reading: Reading) -> Admitted:
        anna = (await named_patients(reading, SYSTEM_NAME, {"anna"}))["anna"].id
        return Admitted(anna, SYSTEM, ExternalName(SYSTEM_NAME, "anna-opg"))

    digest = await sha256_of(picture)
    taken_on = min(now, clock.now()).date()  # uploads go by the clock
    announced = Announced(PictureKind.XRAY, MediaType.JPEG, len(picture), digest, taken_on, released=True)
    await take_whole(ports, Scope(clinic_id), admit, stand, announced, picture)


async def _found_neighbour(database: Database, now: datetime) -> None:
    """Somebody else's clinic on the same server: whatever leaks would leak from here."""
    clinic_id = new_id()
    async with database.writing(Scope(clinic_id)) as writing:
        await found_clinic(writing, clinic_id, "Neighbour Dental", "IT", "EUR", "it", now)
        await open_branch(writing, clinic_id, "Milano", "Europe/Rome")
        stranger = Facts()
        stranger.person("stranger", "Milano", "Piero", "Bruno", date(1970, 1, 1), "+393471209999", "it")
        await take_facts(writing, clinic_id, stranger, now)
