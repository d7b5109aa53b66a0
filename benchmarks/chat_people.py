"""The people of the chat benchmarks: pairs of a patient and the one who answers, and a crowd of patients."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import api.app
from clinic.commands import admit_staff, found_clinic, open_branch, take_patients
from clinic.facts import PatientFact
from clinic.tables import Access
from core.clock import now
from core.database import Database, Scope, asyncpg_url
from core.events import SYSTEM
from core.ids import new_id
from core.schema import create_schema
from identity.keys import Keys
from identity.permissions import Permission
from identity.sign_in import Audience
from identity.tables import Account, Session
from identity.tokens import Claims

assert api.app  # every package's tables are known once the whole API is imported

SECRET = "a secret for the benchmark only, long"
_BATCH = 500
_LIFE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class People:
    """Access tokens: (patient, staff) of each pair, and the crowd's."""

    pairs: list[tuple[str, str]]
    crowd: list[str]


async def settled(url: str, pairs: int, crowd: int) -> People:
    """Make the schema and everybody in it. Each pair is a clinic of its own: what one says, one hears.

    In a clinic of many, the whole desk would hear of each message (a line of its inbox): more work than W-chat asks
    of the others. The crowd are patients of one more clinic.
    """
    owner = create_async_engine(asyncpg_url(url), isolation_level="AUTOCOMMIT")
    async with owner.connect() as connection:
        await connection.run_sync(create_schema, SQLModel.metadata)
    database, keys = Database(url), Keys(SECRET)
    made = [await _clinic(database, keys, number) for number in range(pairs)]
    idle = await _crowd(database, keys, crowd) if crowd else []
    await database.close()
    async with owner.connect() as connection:
        await connection.execute(text("vacuum analyze"))
    await owner.dispose()
    return People(made, idle)


async def _clinic(database: Database, keys: Keys, number: int) -> tuple[str, str]:
    clinic_id = await _founded(database, f"Clinic {number}")
    (patient,) = await _patients(database, keys, clinic_id, f"+39{number:03}", 1)
    (account_id,) = await _accounts(database, [f"+38{number:03}"])
    async with database.writing(Scope(clinic_id)) as writing:
        await admit_staff(writing, clinic_id, account_id, "Dr. Bianchi", frozenset(Permission))
    (staff,) = await _sessions(database, keys, clinic_id, Audience.STAFF, [account_id])
    return patient, staff


async def _crowd(database: Database, keys: Keys, size: int) -> list[str]:
    clinic_id = await _founded(database, "A large clinic")
    tokens: list[str] = []
    while len(tokens) < size:
        batch = min(_BATCH, size - len(tokens))
        tokens += await _patients(database, keys, clinic_id, f"+37{len(tokens):06}", batch)
    return tokens


async def _founded(database: Database, name: str) -> UUID:
    clinic_id = new_id()
    async with database.writing(Scope(clinic_id)) as writing:
        await found_clinic(writing, clinic_id, name, "IT", "EUR", "it", now())
        await open_branch(writing, clinic_id, "Centro", "Europe/Rome")
    return clinic_id


async def _patients(database: Database, keys: Keys, clinic_id: UUID, phone: str, count: int) -> list[str]:
    at = now()
    facts = [
        PatientFact(
            external_id=f"{phone}{place}", branch="Centro", given_name="Anna", family_name=f"Rossi {place}",
            birth_date=date(1980, 1, 1 + place % 28), language="it",
        )
        for place in range(count)
    ]  # fmt: skip
    accounts = await _accounts(database, [f"{phone}{place:03}" for place in range(count)])
    async with database.writing(Scope(clinic_id)) as writing:
        taken, faults = await take_patients(writing, clinic_id, "mis", list(enumerate(facts)), SYSTEM, at)
        assert not faults
        rows = [
            {"clinic_id": clinic_id, "id": new_id(), "account_id": account_id, "patient_id": patient.id,
             "relation": "self", "scopes": [], "granted_at": at, "proven_at": at}
            for account_id, patient in zip(accounts, taken, strict=True)
        ]  # fmt: skip
        await writing.execute(insert(Access), rows)
    return await _sessions(database, keys, clinic_id, Audience.PATIENT, accounts)


async def _accounts(database: Database, phones: Sequence[str]) -> list[UUID]:
    rows: list[dict[str, Any]] = [{"id": new_id(), "phone": phone, "created_at": now()} for phone in phones]
    async with database.writing(Scope()) as writing:
        await writing.execute(insert(Account), rows)
    return [row["id"] for row in rows]


async def _sessions(
    database: Database, keys: Keys, clinic_id: UUID, audience: Audience, accounts: Sequence[UUID]
) -> list[str]:
    """Signed in until long after the run: a token's usual life is shorter than it."""
    at = now()
    rows: list[dict[str, Any]] = [
        {"id": new_id(), "account_id": account_id, "clinic_id": clinic_id, "audience": audience.value,
         "device_key": f"device of {account_id}", "refresh_seed": b"", "created_at": at, "last_seen_at": at,
         "idle_until": at + _LIFE, "ends_at": at + _LIFE}
        for account_id in accounts
    ]  # fmt: skip
    async with database.writing(Scope(clinic_id)) as writing:
        await writing.execute(insert(Session), rows)
    claims = [Claims(audience, row["account_id"], row["id"], clinic_id, at + _LIFE) for row in rows]
    return [keys.tokens.issue(one, at) for one in claims]
