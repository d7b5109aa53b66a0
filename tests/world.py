"""The world every test stands in: the API over a real database, and two clinics that must not mix."""

import json
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI

from api.app import bare_app, guarded
from api.ports import Ports
from cabinet.printed_payments import PrintedPayments
from cabinet.seal import Seal
from chat.hub import Hub
from chat.wakeups import MemoryWakeups
from clinic.commands import admit_staff, found_clinic, grant_access, open_branch, take_patients
from clinic.facts import PatientFact
from core.clock import now
from core.database import NOBODY, Database, Scope, Writing
from core.events import SYSTEM
from core.ids import new_id
from identity.commands import (
    Device,
    Keys,
    account_of_phone,
    admit_partner,
    make_partner_app,
    make_staff_account,
    open_session,
)
from identity.permissions import PRESETS
from identity.sign_in import Audience
from identity.tables import Account
from media.archives import Archives
from media.dicomweb_folder import FolderArchive
from media.folder import FolderStorage
from push.printed import Printed, PrintedTexts
from tests.documented import check

SECRET = "a secret for tests only, 32 characters"
PASSWORD = "correct horse battery"
HOST = "http://127.0.0.1"


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@dataclass(frozen=True, slots=True)
class Party:
    """One clinic with an owner, a patient who signed in, another patient, and a partner app."""

    clinic_id: UUID
    branch_id: UUID
    scope: Scope
    staff_id: UUID
    patient_id: UUID
    other_patient_id: UUID
    account_id: UUID
    phone: str
    email: str
    patient_token: str
    refresh_token: str
    staff_token: str
    partner_token: str
    app_id: UUID
    app_secret: str

    @property
    def patient(self) -> dict[str, str]:
        return bearer(self.patient_token)

    @property
    def staff(self) -> dict[str, str]:
        return bearer(self.staff_token)

    @property
    def partner(self) -> dict[str, str]:
        return bearer(self.partner_token)


@dataclass(frozen=True, slots=True)
class World:
    database: Database
    ports: Ports
    http: httpx.AsyncClient
    here: Party
    there: Party
    printed: Path

    @property
    def keys(self) -> Keys:
        return self.ports.keys

    def texts(self, channel: str = "sms") -> list[dict[str, str]]:
        """What the printed twin sent, oldest first."""
        if not self.printed.exists():
            return []
        lines = [json.loads(line) for line in self.printed.read_text().splitlines()]
        return [line for line in lines if line["channel"] == channel]

    def last_code(self, phone: str) -> str:
        text = next(line["text"] for line in reversed(self.texts()) if line["to"] == phone)
        found = re.search(r"\d{6}", text)
        assert found
        return found.group()

    async def get(self, path: str, headers: dict[str, str], **options: Any) -> httpx.Response:
        return await self.http.get(path, headers=headers, **options)

    async def post(self, path: str, headers: dict[str, str], body: Any) -> httpx.Response:
        return await self.http.post(path, headers=headers, json=body)


def make_world(database: Database, folder: Path, here: Party, there: Party) -> World:
    printed = folder / "printed.jsonl"
    ports = Ports(
        database=database,
        keys=Keys(SECRET),
        texts=PrintedTexts(Printed(printed)),
        storage=FolderStorage(folder / "files"),
        hub=Hub(database, MemoryWakeups()),
        public_url=HOST,
        seal=Seal.from_secret(SECRET),
        payments=PrintedPayments(HOST, SECRET),
        archives=Archives(FolderArchive(folder / "archive"), Keys(SECRET).secrets.keyed_hash("dicomweb sources", "")),
    )
    app = _application()
    app.state.ports = ports
    transport = httpx.ASGITransport(app=guarded(app, ports, {"127.0.0.1"}), raise_app_exceptions=False)
    return World(
        database,
        ports,
        httpx.AsyncClient(transport=transport, base_url=HOST, event_hooks={"response": [check]}),
        here,
        there,
        printed,
    )


@cache
def _application() -> FastAPI:
    """One for all tests of a process: FastAPI works out an application's routes when they are first asked for, and that
    costs more than most tests. Which world it serves is what its ports say.
    """
    return bare_app(None)


async def make_parties(database: Database) -> tuple[Party, Party]:
    keys = Keys(SECRET)
    here = await make_party(database, keys, "Rome", "+39025550")
    return here, await make_party(database, keys, "Milan", "+39025551")


async def make_party(database: Database, keys: Keys, name: str, prefix: str) -> Party:
    clinic_id, at, phone = new_id(), now(), prefix + "1234"
    scope = Scope(clinic_id)
    email = f"owner@{name.lower()}.example"
    async with database.writing(NOBODY) as writing:
        owner = await _owner(writing, email, at)
        account_id = await account_of_phone(writing, phone, at)
        app_id, secret = await make_partner_app(writing, keys, clinic_id, "MIS", "mis", at)
    async with database.writing(NOBODY) as writing:
        partner_token, _ = await admit_partner(writing, keys, app_id, secret, at)
    async with database.writing(scope) as writing:
        await found_clinic(writing, clinic_id, f"{name} Dental", "IT", "EUR", "it", at)
        branch_id = await open_branch(writing, clinic_id, "Centro", "Europe/Rome")
        staff_id = await admit_staff(writing, clinic_id, owner, "Olga", PRESETS["owner"])
        facts = [patient_fact("anna", "Anna", phone), patient_fact("boris", "Boris", None)]
        taken, faults = await take_patients(writing, clinic_id, "mis", list(enumerate(facts)), SYSTEM, at)
        assert not faults
        patient_id, other = taken[0].id, taken[1].id
        await grant_access(writing, clinic_id, account_id, patient_id, "self", at)
        patient = await open_session(
            writing, keys, Audience.PATIENT, account_id, clinic_id, Device("phone-of-" + name + "-0123456789"), at
        )
        staff = await open_session(writing, keys, Audience.STAFF, owner, clinic_id, Device("desk-of-" + name), at)
    return Party(
        clinic_id, branch_id, scope, staff_id, patient_id, other, account_id, phone, email, patient.access_token,
        patient.refresh_token, staff.access_token, partner_token, app_id, secret,
    )  # fmt: skip


async def _owner(writing: Writing, email: str, at: datetime) -> UUID:
    """Hashing a password takes as long as all else that a world is made of: one hash serves all tests of a process."""
    if not _HASHES:
        first = await make_staff_account(writing, email, PASSWORD, at)
        hashed = (await writing.get_one(Account, first)).password_hash
        assert hashed is not None
        _HASHES.append(hashed)
        return first
    account = Account(email=email, password_hash=_HASHES[0], created_at=at)
    writing.add(account)
    await writing.flush()
    return account.id


_HASHES: list[str] = []


def patient_fact(external_id: str, name: str, phone: str | None, born: date = date(1985, 5, 17)) -> PatientFact:
    return PatientFact(
        external_id=external_id, version=1, branch="Centro", given_name=name, family_name="Rossi",
        birth_date=born, phone=phone, language="it",
    )  # fmt: skip


DAY = timedelta(days=1)
