"""The people of the push benchmarks: one clinic with an FCM line, patients who are signed in on one phone each."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import api.app
from benchmarks.chat_people import SECRET
from clinic.commands import found_clinic, open_branch, take_patients
from clinic.facts import PatientFact
from clinic.tables import Access
from core.clock import now
from core.database import Database, Scope, asyncpg_url
from core.events import SYSTEM
from core.ids import new_id
from core.schema import create_schema
from identity.keys import Keys
from identity.tables import Account, Session
from push.commands import enqueue_across
from push.commands.lines import LineDraft, LineHouse, make_line
from push.commands.pace import set_clinic_rate
from push.line import Provider
from push.line_seal import LineSeal
from push.notice import Notice, NoticeKind, Purpose
from push.tables import ConsentRow, DeviceRow

assert api.app  # every package's tables are known once the whole API is imported

BUILD, PROJECT, DEAD = "it.example.clinic", "enamel-bench", "x000"
# So many a minute that no turn is ever later: what is measured is the outbox, not its brakes.
FREE = 60_000_000
_BATCH = 500
_LIFE = timedelta(hours=6)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Crowd:
    """A clinic and its patients, in the order of their phones' tokens."""

    clinic_id: UUID
    patient_ids: list[UUID]


async def made_schema(url: str) -> None:
    owner = create_async_engine(asyncpg_url(url), isolation_level="AUTOCOMMIT")
    async with owner.connect() as connection:
        await connection.run_sync(create_schema, SQLModel.metadata)
    await owner.dispose()


async def vacuumed(url: str) -> None:
    """So that every round finds the tables as a night leaves them."""
    owner = create_async_engine(asyncpg_url(url), isolation_level="AUTOCOMMIT")
    async with owner.connect() as connection:
        await connection.execute(text("vacuum analyze"))
    await owner.dispose()


async def crowded(database: Database, size: int, rate: int = FREE) -> Crowd:
    """A clinic of so many patients who said yes to offers, and a line of `rate` a minute; the tokens are `token_of`."""
    clinic_id, at = new_id(), now()
    async with database.writing(Scope(clinic_id)) as writing:
        await found_clinic(writing, clinic_id, "Studio Rossi", "IT", "EUR", "it", at)
        await open_branch(writing, clinic_id, "Centro", "Europe/Rome")
        await make_line(writing, LineHouse(LineSeal(Keys(SECRET))), clinic_id, _line(rate), SYSTEM, at)
    async with database.sweeping() as sweeping:
        await set_clinic_rate(sweeping, clinic_id, 2 * rate, at)
    patients: list[UUID] = []
    while len(patients) < size:
        patients += await _patients(database, clinic_id, len(patients), min(_BATCH, size - len(patients)))
    return Crowd(clinic_id, patients)


def token_of(place: int) -> str:
    """As long as FCM's; one in fifty ends in `DEAD`."""
    return f"{place:08}:APA91b".ljust(152, "x") + f"{place % 50:03}"


def account() -> str:
    """A throw-away service account: nobody checks its signatures."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    return json.dumps({
        "type": "service_account", "project_id": PROJECT, "private_key_id": "1", "private_key": pem.decode(),
        "client_email": f"push@{PROJECT}.example", "client_id": "1", "token_uri": "http://127.0.0.1:9/token",
    })  # fmt: skip


async def told(
    database: Database, crowd: Crowd, places: Sequence[int], kind: NoticeKind, purpose: Purpose
) -> None:  # fmt: skip
    """One notice for each of these patients, due now, all in one commit."""
    at = now()
    notices = [
        (
            crowd.clinic_id,
            Notice(crowd.patient_ids[place], kind, purpose, str(new_id()), at, at + _HOUR, link="/visits"),
        )
        for place in places
    ]
    async with database.writing(Scope(crowd.clinic_id)) as writing:
        await enqueue_across(writing, notices, at)


def _line(rate: int) -> LineDraft:
    return LineDraft(BUILD, Provider.FCM, rate, {}, {"account": account()})


async def _patients(database: Database, clinic_id: UUID, first: int, count: int) -> list[UUID]:
    at, places = now(), range(first, first + count)
    facts = [
        PatientFact(
            external_id=f"p{place}", branch="Centro", given_name="Anna", family_name=f"Rossi {place}",
            birth_date=date(1980, 1, 1 + place % 28), language="it",
        )
        for place in places
    ]  # fmt: skip
    accounts = [{"id": new_id(), "phone": f"+3933{place:08}", "created_at": at} for place in places]
    async with database.writing(Scope(clinic_id)) as writing:
        taken, faults = await take_patients(writing, clinic_id, "mis", list(enumerate(facts)), SYSTEM, at)
        assert not faults
        patients = [patient.id for patient in taken]
        await writing.execute(insert(Account), accounts)
        for table, rows in _signed_in(clinic_id, patients, [row["id"] for row in accounts], first).items():
            await writing.execute(insert(table), rows)
    return patients


def _signed_in(
    clinic_id: UUID, patients: Sequence[UUID], accounts: Sequence[Any], first: int
) -> dict[type[SQLModel], list[dict[str, Any]]]:
    """Each on a phone of their own, with a yes to offers."""
    rows: dict[type[SQLModel], list[dict[str, Any]]] = {Access: [], Session: [], DeviceRow: [], ConsentRow: []}
    at = now()
    for place, (patient_id, account_id) in enumerate(zip(patients, accounts, strict=True), first):
        session_id, token = new_id(), token_of(place)
        rows[Access].append({
            "clinic_id": clinic_id, "id": new_id(), "account_id": account_id, "patient_id": patient_id,
            "relation": "self", "scopes": [], "granted_at": at, "proven_at": at,
        })  # fmt: skip
        rows[Session].append({
            "id": session_id, "account_id": account_id, "clinic_id": clinic_id, "audience": "patient",
            "device_key": f"device {place}", "refresh_seed": b"", "created_at": at, "last_seen_at": at,
            "idle_until": at + _LIFE, "ends_at": at + _LIFE,
        })  # fmt: skip
        rows[DeviceRow].append({
            "clinic_id": clinic_id, "id": new_id(), "account_id": account_id, "session_id": session_id,
            "platform": "android", "app_build": BUILD, "token": token,
            "token_hash": hashlib.sha256(token.encode()).digest(), "locale": "it-IT", "zone": "Europe/Rome",
            "registered_at": at, "last_seen_at": at,
        })  # fmt: skip
        rows[ConsentRow].append({
            "clinic_id": clinic_id, "id": new_id(), "patient_id": patient_id, "purpose": "marketing", "channel": "push",
            "granted": True, "actor_kind": "patient", "at": at,
        })  # fmt: skip
    return rows
