"""Segments of a large clinic, through the product and as one would write them by hand, in one run.

`PATIENTS=1000000` makes the clinic as large as that, with five procedures a patient; 100,000 without. The bars: the
recall's question within 1.3 of the statement by hand, the size for the editor below twice a plain count of patients
who were ever cleaned.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import func, select, text

from automation.queries.segments import segment_preview, segment_statement
from automation.segment import Criterion
from automation.templates import OVERDUE_FOR_HYGIENE
from benchmarks.cabinet import database_on
from benchmarks.harness import cores
from core.database import Database, Reading, Scope
from core.embedded_postgres import EmbeddedPostgres
from enamel.migrate import upgrade

ROUNDS = 5
AS_OF = datetime(2026, 7, 15, 12, tzinfo=UTC)
CLINIC = UUID("0198c0de-0000-7000-8000-0000000000c1")
_MOST_OF_BY_HAND, _MOST_OF_A_COUNT = 1.3, 2.0

# Of one clinic with three branches: some come often, a quarter of what is done is hygiene, as in a real one.
# Filled as a restore fills: no rule, trigger or index looks at a row on its way in; the indexes are built at the end.
# Ids are ours (RFC 9562, version 7), made in the order in which people were registered, one in half a minute.
_PEOPLE = """
set session_replication_role = replica;
set maintenance_work_mem = '256MB';
update pg_index set indisready = false, indisvalid = false
where indrelid in ('patient'::regclass, 'procedure'::regclass, 'appointment'::regclass);
select setseed(0.42);
create function id_of(kind int, n bigint) returns uuid language sql immutable parallel safe return
    (lpad(to_hex(1700000000000 + n * 30000), 12, '0') || '7' || lpad(to_hex(kind), 3, '0') || '8'
    || substr(md5(n::text), 1, 15))::uuid;
insert into clinic (clinic_id, name, country, currency, language, created_at)
values ('{clinic}', 'B', 'IT', 'EUR', 'it', now());
insert into branch (clinic_id, id, name, zone, opens, closes, phone, address)
select '{clinic}', ('0198c0de-0000-7000-8000-0000000000b' || n)::uuid, zone, zone, '09:00', '20:00', '', ''
from unnest(array['Europe/Rome', 'Europe/Moscow', 'Asia/Shanghai']) with ordinality as z (zone, n);
insert into patient (clinic_id, id, source, external_id, source_version, content_hash, changed_at, branch_id,
    given_name, family_name, birth_date, language)
select '{clinic}', id_of(1, n), 'mis', n::text, 1, '', now(),
    ('0198c0de-0000-7000-8000-0000000000b' || n % 3 + 1)::uuid, 'P', 'Q',
    date '1940-01-01' + (random() * 29000)::int, 'it' from generate_series(1, {patients}) n;
insert into procedure (clinic_id, id, source, external_id, source_version, content_hash, changed_at, patient_id, kind,
    performed_on, name, entered_in_error)
select '{clinic}', id_of(2, n), 'mis', n::text, 1, '', now(),
    id_of(1, floor(power(random(), 1.3) * {patients})::int + 1),
    (array['hygiene', 'filling', 'exam', 'crown'])[1 + floor(random() * 4)::int],
    date '2026-07-15' - (power(random(), 1.2) * 1825)::int, '', false
from generate_series(1, {patients} * 5) n;
insert into appointment (clinic_id, id, source, external_id, source_version, content_hash, changed_at, patient_id,
    branch_id, starts_at, ends_at, status, service, practitioner)
select '{clinic}', id_of(3, n), 'mis', n::text, 1, '', now(), id_of(1, who),
    '0198c0de-0000-7000-8000-0000000000b1', at, at + interval '1 hour',
    case when at < '2026-07-15' then (array['completed', 'completed', 'no_show'])[1 + n % 3] else 'booked' end, '', ''
from (select n, floor(random() * {patients})::int + 1 as who,
    timestamptz '2026-07-15' + (random() - 0.7) * interval '300 days' as at
    from generate_series(1, {patients}) n) v;
reindex table patient;
reindex table procedure;
reindex table appointment;
"""
_BY_HAND = """
select count(*) from (
    select p.id from patient p
    join (select patient_id, max(performed_on) as last from procedure
          where clinic_id = :clinic and kind = 'hygiene' and not entered_in_error and performed_on <= date '2026-07-15'
          group by patient_id) d on d.patient_id = p.id
    where p.clinic_id = :clinic and d.last < date '2026-07-15' - 180 and not exists (
        select 1 from appointment a where a.clinic_id = :clinic and a.patient_id = p.id and a.starts_at > :as_of
        and a.status in ('requested', 'booked', 'confirmed'))) found
"""
_COUNT = """
select count(*) from patient p where p.clinic_id = :clinic and exists (
    select 1 from procedure d where d.clinic_id = :clinic and d.patient_id = p.id and d.kind = 'hygiene')
"""
WIDE = Criterion.model_validate_json(json.dumps({"kind": "any", "items": [
    {"kind": "visit_missed_silent", "older_than_days": 3},
    {"kind": "all", "items": [
        {"kind": "procedure_count", "procedure": "filling", "within_days": 730, "at_least": 3},
        {"kind": "not", "items": [{"kind": "procedure_within", "procedure": "exam", "within_days": 365}]}]},
    {"kind": "all", "items": [
        {"kind": "asleep", "months": 12},
        {"kind": "any", "items": [
            {"kind": "age_at_least", "years": 60}, {"kind": "birthday_within", "within_days": 30}]}]},
]}))  # fmt: skip


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="enamel-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with database_on(Path(folder), cores()[1]) as server:
            return asyncio.run(_run(server, int(os.environ.get("PATIENTS", "100000"))))


async def _run(server: EmbeddedPostgres, patients: int) -> int:
    url = server.url("bench")
    await asyncio.to_thread(upgrade, url)
    await _fill(url, patients)
    database = Database(url)
    parts: dict[str, Callable[[Reading], Awaitable[Any]]] = {
        "by hand": lambda reading: _number(reading, _BY_HAND),
        "through the product": lambda reading: _members(reading, OVERDUE_FOR_HYGIENE),
        "plain count": lambda reading: _number(reading, _COUNT),
        "size for the editor": lambda reading: _size(reading, OVERDUE_FOR_HYGIENE),
        "seven leaves, any of three groups": lambda reading: _members(reading, WIDE),
    }
    took: dict[str, list[float]] = {name: [] for name in parts}
    found: dict[str, Any] = {}
    for _ in range(ROUNDS):
        for name, part in parts.items():
            async with database.reading(Scope(CLINIC)) as reading:
                began = time.perf_counter()
                found[name] = await part(reading)
                took[name].append(time.perf_counter() - began)
    await database.close()
    return _verdict(patients, {name: median(each) for name, each in took.items()}, found)


async def _fill(url: str, patients: int) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(_PEOPLE.format(clinic=CLINIC, patients=patients))
    await connection.execute("vacuum analyze")
    await connection.close()


async def _number(reading: Reading, sql: str) -> int:
    values = {"clinic": CLINIC} | ({"as_of": AS_OF} if ":as_of" in sql else {})
    return int((await reading.execute(text(sql), values)).scalar_one())


async def _members(reading: Reading, criterion: Criterion) -> int:
    members = segment_statement(criterion).subquery()
    statement = select(func.count()).select_from(members)
    return int((await reading.execute(statement, {"as_of": AS_OF})).scalar_one())


async def _size(reading: Reading, criterion: Criterion) -> int:
    return (await segment_preview(reading, criterion, AS_OF, 50))[0]


def _verdict(patients: int, took: dict[str, float], found: dict[str, Any]) -> int:
    for name, seconds in took.items():
        print(f"{name:36} {seconds * 1000:8.0f} ms  {found[name]:>8} found")
    product = took["through the product"] / took["by hand"]
    size = took["size for the editor"] / took["plain count"]
    good = product <= _MOST_OF_BY_HAND and size < _MOST_OF_A_COUNT
    good = good and found["by hand"] == found["through the product"] == found["size for the editor"]
    print(
        f"segment: {patients} patients, product/by hand {product:.2f}, size/count {size:.2f}: {'ok' if good else 'NOT'}"
    )
    return 0 if good else 1
