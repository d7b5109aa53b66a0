"""The recall's question of one clinic with 20,000 patients: through the product, and as it is usually written.

"The last cleaning is more than 180 days ago, and no visit is ahead": 9,376 of these people, in every implementation.
The usual ways are the loop that asks PostgreSQL for each patient, and the bulk selects that are joined in Python; both
by the ORM, over the same tables and indexes. The bar: the product at least 90 times the loop.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from uuid import UUID

import asyncpg
from sqlalchemy import ColumnElement, func, select
from sqlmodel import col

from automation.queries.segments import segment_statement
from automation.templates import OVERDUE_FOR_HYGIENE
from benchmarks.cabinet import database_on
from benchmarks.harness import cores
from cabinet.facts import ServiceKind
from cabinet.tables.chart import ProcedureRow
from clinic.appointment import STANDING
from clinic.tables import Appointment, Patient
from core.database import Database, Reading, Scope
from core.embedded_postgres import EmbeddedPostgres
from enamel.migrate import upgrade

CLINIC = UUID("0198c0de-0000-7000-8000-0000000000c2")
AS_OF = datetime(2026, 11, 22, 12, tzinfo=UTC)
BEFORE = date(2026, 11, 22) - timedelta(days=180)
EXPECTED = 9_376
_BAR = 90.0
_ROUNDS = {"product": 9, "bulk": 3, "loop": 1}

# Patient i: i % 5 fillings; two cleanings but for every fifth, the later (i * 7919) % 720 days ago; a visit that was;
# one to come for three of ten, of which some are cancelled.
_PEOPLE = """
insert into clinic (clinic_id, name, country, currency, language, created_at)
values ('{clinic}', 'B', 'IT', 'EUR', 'it', now());
insert into branch (clinic_id, id, name, zone, opens, closes, phone, address)
values ('{clinic}', '{clinic}', 'B', 'Europe/Rome', '09:00', '20:00', '', '');
create temp table person as select i, gen_random_uuid() as id from generate_series(0, 19999) i;
insert into patient (clinic_id, id, source, external_id, source_version, content_hash, changed_at, branch_id,
    given_name, family_name, birth_date, language)
select '{clinic}', id, 'mis', i::text, 1, '', now(), '{clinic}', 'P', 'Q', date '1980-01-01', 'it' from person;
insert into procedure (clinic_id, id, source, external_id, source_version, content_hash, changed_at, patient_id, kind,
    performed_on, name, entered_in_error)
select '{clinic}', gen_random_uuid(), 'mis', i || what, 1, '', now(), id, kind, date '2026-11-22' - ago, '', false
from (select id, i, 'f' || n as what, 'filling' as kind, n * 100 as ago from person, generate_series(1, i % 5) n
    union all select id, i, 'h' || n, 'hygiene', (i * 7919) % 720 + n * 200 from person, generate_series(0, 1) n
    where i % 5 <> 0) done;
insert into appointment (clinic_id, id, source, external_id, source_version, content_hash, changed_at, patient_id,
    branch_id, starts_at, ends_at, status, service, practitioner)
select '{clinic}', gen_random_uuid(), 'mis', i || what, 1, '', now(), id, '{clinic}', at, at + interval '1 hour',
    status, '', ''
from (select id, i, 'p' as what, 'completed' as status, timestamptz '2026-11-22 12:00Z' - interval '300 days' as at
    from person
    union all select id, i, 'f', case when (i / 10) % 10 = 3 then 'cancelled' else 'booked' end,
    timestamptz '2026-11-22 12:00Z' + interval '20 days' from person where i % 10 < 3) v;
analyze;
"""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="enamel-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with database_on(Path(folder), cores()[1]) as server:
            return asyncio.run(_run(server))


async def _run(server: EmbeddedPostgres) -> int:
    url = server.url("bench")
    await asyncio.to_thread(upgrade, url)
    connection = await asyncpg.connect(url)
    await connection.execute(_PEOPLE.format(clinic=CLINIC))
    await connection.close()
    ways: dict[str, Callable[[Reading], Awaitable[int]]] = {"product": _product, "bulk": _bulk, "loop": _loop}
    took: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, int] = {}
    database = Database(url)
    for turn in range(max(_ROUNDS.values())):
        for name, way in ways.items():
            if turn < _ROUNDS[name]:
                async with database.reading(Scope(CLINIC)) as reading:
                    began = time.perf_counter()
                    found[name] = await way(reading)
                    took[name].append(time.perf_counter() - began)
    await database.close()
    return _verdict({name: median(each) for name, each in took.items()}, found)


async def _product(reading: Reading) -> int:
    members = segment_statement(OVERDUE_FOR_HYGIENE).subquery()
    return int((await reading.execute(select(func.count()).select_from(members), {"as_of": AS_OF})).scalar_one())


async def _bulk(reading: Reading) -> int:
    """Three selects of all rows, joined in Python."""
    patients = (await reading.execute(select(Patient))).scalars().all()
    done = (await reading.execute(select(ProcedureRow).where(_is_hygiene()))).scalars().all()
    ahead = (await reading.execute(select(Appointment).where(*_is_ahead()))).scalars().all()
    last: dict[UUID, date] = {}
    for each in done:
        last[each.patient_id] = max(last.get(each.patient_id, each.performed_on), each.performed_on)
    coming = {each.patient_id for each in ahead}
    return sum(patient.id in last and last[patient.id] < BEFORE and patient.id not in coming for patient in patients)


async def _loop(reading: Reading) -> int:
    """One or two questions for each patient."""
    found = 0
    for patient in (await reading.execute(select(Patient))).scalars().all():
        mine = select(ProcedureRow).where(_is_hygiene(), col(ProcedureRow.patient_id) == patient.id)
        newest = mine.order_by(col(ProcedureRow.performed_on).desc()).limit(1)
        last = (await reading.execute(newest)).scalar_one_or_none()
        if last is None or last.performed_on >= BEFORE:
            continue
        coming = select(Appointment).where(*_is_ahead(), col(Appointment.patient_id) == patient.id)
        found += (await reading.execute(coming.limit(1))).scalar_one_or_none() is None
    return found


def _is_hygiene() -> ColumnElement[bool]:
    return col(ProcedureRow.kind) == ServiceKind.HYGIENE.value


def _is_ahead() -> tuple[ColumnElement[bool], ...]:
    return col(Appointment.starts_at) > AS_OF, col(Appointment.status).in_([each.value for each in STANDING])


def _verdict(took: dict[str, float], found: dict[str, int]) -> int:
    for name, seconds in took.items():
        print(f"{name:8} {seconds * 1000:9.1f} ms  {took['loop'] / seconds:7.1f} x the loop  {found[name]:>6} found")
    times = took["loop"] / took["product"]
    good = set(found.values()) == {EXPECTED} and times >= _BAR
    print(f"naive: {times:.0f} times the loop (bar {_BAR:.0f}): {'holds' if good else 'FAILS'}")
    return 0 if good else 1
