"""Due enrolments of fifty clinics moved one step: through the product, and by one set statement by hand, in one run.

`BENCH_ROWS=500000` makes as many; 100,000 without. Everybody stands on the first message of the hygiene recall that
comes with Enamel. The product advances them in the batches of the worker: exits, the hours of the journey, notice, log,
enrolment, timer. The floor is one statement for a batch of the same size over a copy of the same tables, in which the
same becomes of the same people; it knows this one journey, and nothing else. Both in one transaction for a batch, by
one worker, in slices by turns, so that what slows the machine slows both.

Consent, caps and the ladder are not in this step, neither here nor there: the product judges them when a notice is
claimed, which `push` measures. The bar: 0.7 of the floor's enrolments a second.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg

from automation.commands.journeys import start_journey
from automation.commands.steps import advance
from automation.journey.words import PATHS, Place
from automation.templates import TEMPLATES
from benchmarks.cabinet import database_on
from benchmarks.harness import cores
from core.database import Database, Scope
from core.embedded_postgres import EmbeddedPostgres
from enamel.migrate import upgrade
from enamel.worker.automation import AT_ONCE
from push.kinds import KINDS, expiry
from push.notice import NoticeKind

CLINICS, SLICES = 50, 10
BAR = 0.7
# A Wednesday, at which all six zones are awake.
NOW = datetime(2026, 7, 15, 12, tzinfo=UTC)
_ZONES = (
    "array['Europe/Rome', 'Europe/Moscow', 'Europe/London', 'Europe/Lisbon', 'Europe/Athens', 'Asia/Yekaterinburg']"
)

_CLINICS = f"""
create function id_of(kind int, n bigint) returns uuid language sql immutable parallel safe return
    (lpad(to_hex(1700000000000 + n * 1000), 12, '0') || '7' || lpad(to_hex(kind), 3, '0') || '8'
    || substr(md5(n::text), 1, 15))::uuid;
insert into clinic (clinic_id, name, country, currency, language, created_at)
select id_of(1, c), 'B', 'IT', 'EUR', 'it', now() from generate_series(0, {CLINICS - 1}) c;
insert into branch (clinic_id, id, name, zone, opens, closes, phone, address)
select id_of(1, c), id_of(2, c), 'B', ({_ZONES})[1 + c % 6], '09:00', '20:00', '', ''
from generate_series(0, {CLINICS - 1}) c;
"""  # noqa: S608  our own numbers
# Of a hundred people eight have a visit ahead since they came in, and four were cleaned meanwhile.
_PEOPLE = """
set session_replication_role = replica;
insert into patient (clinic_id, id, source, external_id, source_version, content_hash, changed_at, branch_id,
    given_name, family_name, birth_date, language)
select id_of(1, n % {clinics}), id_of(3, n), 'mis', n::text, 1, '', now(), id_of(2, n % {clinics}),
    'P', 'Q', date '1980-01-01', 'it' from generate_series(1, {rows}) n;
insert into procedure (clinic_id, id, source, external_id, source_version, content_hash, changed_at, patient_id, kind,
    performed_on, name, entered_in_error)
select id_of(1, n % {clinics}), id_of(4, n * 2 + m), 'mis', n || '.' || m, 1, '', now(), id_of(3, n), 'hygiene',
    date '2026-07-15' - case when m = 1 and n / {clinics} % 100 between 8 and 11 then 10 else 200 + n % 100 + m end,
    '', false
from generate_series(1, {rows}) n, generate_series(0, 1) m;
insert into appointment (clinic_id, id, source, external_id, source_version, content_hash, changed_at, patient_id,
    branch_id, starts_at, ends_at, status, service, practitioner)
select id_of(1, n % {clinics}), id_of(5, n * 2 + m), 'mis', n || '.' || m, 1, '', now(), id_of(3, n),
    id_of(2, n % {clinics}), at, at + interval '1 hour', case m when 0 then 'completed' else 'booked' end, '', ''
from generate_series(1, {rows}) n, generate_series(0, 1) m,
    lateral (select timestamptz '2026-07-15 12:00Z' + case m when 0 then -200 else 7 end * interval '1 day' as at)
where m = 0 or n / {clinics} % 100 < 8;
insert into enrolment (clinic_id, id, journey_id, journey_key, patient_id, entry_no, state, exclusive_group, step,
    step_since, seq, entered_at)
select id_of(1, n % {clinics}), id_of(6, n), j.id, j.key, id_of(3, n), 1, 'active', 'recalls', 'nudge',
    timestamptz '2026-07-15 11:00Z', 1, timestamptz '2026-07-15 11:00Z'
from generate_series(1, {rows}) n join journey j on j.clinic_id = id_of(1, n % {clinics});
insert into timer (clinic_id, enrolment_id, due_at)
select clinic_id, id, timestamptz '2026-07-15 11:00Z' + random() * interval '50 minutes' from enrolment;
"""
_BY_HAND = """
with due as materialized (
    select clinic_id, enrolment_id from timer where due_at <= $1 order by due_at limit $2 for update skip locked
), held as materialized (
    select e.clinic_id, e.id, e.patient_id, e.seq, e.entered_at, b.zone
    from due join enrolment e on e.clinic_id = due.clinic_id and e.id = due.enrolment_id
    join patient p on p.clinic_id = e.clinic_id and p.id = e.patient_id
    join branch b on b.clinic_id = p.clinic_id and b.id = p.branch_id
    for update of e skip locked
), judged as materialized (
    select h.*, case
        when exists (select 1 from appointment a where a.clinic_id = h.clinic_id and a.patient_id = h.patient_id
            and a.starts_at > $1 and a.status in ('requested', 'booked', 'confirmed'))
        or exists (select 1 from event v join appointment a on a.clinic_id = v.clinic_id and a.id = v.subject_id
            where v.clinic_id = h.clinic_id and v.patient_id = h.patient_id and v.at >= h.entered_at
            and v.kind in ('appointment.requested', 'appointment.booked', 'appointment.confirmed')
            and a.starts_at > v.at) then 'booked'
        when not coalesce((select max(d.performed_on) from procedure d where d.clinic_id = h.clinic_id
            and d.patient_id = h.patient_id and d.kind = 'hygiene' and not d.entered_in_error
            and d.performed_on <= ($1 at time zone h.zone)::date) < ($1 at time zone h.zone)::date - 180, false)
        or coalesce((select max(a.starts_at) from appointment a where a.clinic_id = h.clinic_id
            and a.patient_id = h.patient_id and a.status = 'completed' and a.starts_at <= $1)
            < $1 - interval '11 months', false) then 'left_segment'
    end as reason from held h
), told as materialized (
    select j.*, id_made_at($1) as notice_id from judged j where reason is null
    and extract(isodow from $1 at time zone zone) between 1 and 7
    and ($1 at time zone zone)::time between '{opens}' and '{closes}'
), said as (
    insert into notice (clinic_id, id, patient_id, kind, purpose, wording, lane, tried, state, reason, silent,
        dedupe_key, not_before, expires_at, hours_zone, hours_opens, hours_closes, hours_weekdays, link, cause_id,
        next_at, created_at)
    select clinic_id, notice_id, patient_id, 'recall', 'recall', 'hygiene-recall', {lane}, '{{}}', 'due', '', false,
        id::text || ':' || seq || ':0', $1, $3::timestamptz, zone, '{opens}', '{closes}', '{weekdays}', '{link}', id,
        $1, $1
    from told on conflict (clinic_id, dedupe_key) do nothing
), logged as (
    insert into touchpoint (clinic_id, id, enrolment_id, seq, step, verdict, reason, notice_id, at)
    select clinic_id, id_made_at($1), id, seq, 'nudge', 'sent', '', notice_id, $1 from told
    union all
    select clinic_id, id_made_at($1), id, seq, 'nudge', 'exited', reason, null, $1 from judged where reason is not null
), moved as (
    update enrolment e set step = 'think', step_since = $1, waiting = true, seq = e.seq + 1, failures = 0
    from told where e.clinic_id = told.clinic_id and e.id = told.id
), timed as (
    update timer t set due_at = ($1 at time zone zone + interval '4 days') at time zone zone
    from told where t.clinic_id = told.clinic_id and t.enrolment_id = told.id
), gone as (
    update enrolment e set state = 'exited', exited_at = $1, exit_reason = judged.reason, seq = e.seq + 1,
        waiting = false
    from judged where judged.reason is not null and e.clinic_id = judged.clinic_id and e.id = judged.id
), untimed as (
    delete from timer t using judged where judged.reason is not null and t.clinic_id = judged.clinic_id
        and t.enrolment_id = judged.id
)
select count(*) from judged
"""
# Everything that was written, but for the ids and the turn in which it was.
_CAME = """
select (select jsonb_object_agg(k, n) from (select concat_ws(' ', state, step, waiting, seq, exit_reason) k, count(*) n
        from enrolment group by 1) e) as enrolments,
    (select jsonb_object_agg(k, n) from (select concat_ws(' ', due_at, t.clinic_id) k, count(*) n
        from timer t group by 1) t) as timers,
    (select jsonb_object_agg(k, n) from (select concat_ws(' ', step, verdict, reason, seq, notice_id is null) k,
        count(*) n from touchpoint group by 1) t) as log,
    (select jsonb_object_agg(k, n) from (select (to_jsonb(n) - 'id' - 'clinic_id' - 'patient_id' - 'dedupe_key'
        - 'cause_id')::text k, count(*) n from notice n group by 1) n) as notices,
    (select md5(string_agg(dedupe_key, ',' order by dedupe_key)) from notice) as keys
"""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="enamel-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with database_on(Path(folder), cores()[1]) as server:
            return asyncio.run(_run(server, int(os.environ.get("BENCH_ROWS", "100000"))))


async def _run(server: EmbeddedPostgres, rows: int) -> int:
    began = time.perf_counter()
    await _fill(server, rows)
    print(f"{rows} enrolments of {CLINICS} clinics are there after {time.perf_counter() - began:.0f} s")
    database, by_hand = Database(server.url("bench")), await asyncpg.connect(server.url("byhand"))
    statement = _by_hand()
    took: dict[str, list[float]] = {"product": [], "by hand": []}

    async def product(limit: int) -> int:
        async with database.sweeping() as sweeping:
            return await advance(sweeping, NOW, limit)

    async def hand(limit: int) -> int:
        return int(await by_hand.fetchval(statement, NOW, limit, expiry(NoticeKind.RECALL, NOW)))

    for _ in range(SLICES):
        for name, step in (("product", product), ("by hand", hand)):
            took[name].append(await _slice(step, rows // SLICES))
    left = await product(1) + await hand(1)
    await database.close()
    await by_hand.close()
    product_came, hand_came = [await _came(server.url(name)) for name in ("bench", "byhand")]
    return _verdict(rows, took, left=left, same=product_came == hand_came, came=(product_came, hand_came))


def _by_hand() -> str:
    """The statement, with what the journey and its kind of notice say filled in as one who writes by hand would."""
    hours = TEMPLATES["hygiene-recall"].draft("en").hours("Europe/Rome")
    return _BY_HAND.format(
        opens=hours.opens, closes=hours.closes, weekdays="{" + ",".join(map(str, sorted(hours.weekdays))) + "}",
        lane=int(KINDS[NoticeKind.RECALL].lane), link=PATHS[Place.BOOKING],
    )  # fmt: skip


async def _slice(step: Callable[[int], Awaitable[int]], rows: int) -> float:
    """Seconds for each."""
    began, done = time.perf_counter(), 0
    while done < rows:
        moved = await step(min(AT_ONCE, rows - done))
        if not moved:
            raise RuntimeError("fewer are due than there are")
        done += moved
    return (time.perf_counter() - began) / done


async def _fill(server: EmbeddedPostgres, rows: int) -> None:
    """The clinics with their journey by the product's own command, the people by hand; then a copy of all of it."""
    url = server.url("bench")
    await asyncio.to_thread(upgrade, url)
    owner = await asyncpg.connect(url)
    await owner.execute(_CLINICS)
    clinics: list[UUID] = [row["clinic_id"] for row in await owner.fetch("select clinic_id from clinic")]
    database = Database(url)
    for clinic_id in clinics:
        async with database.writing(Scope(clinic_id)) as writing:
            await start_journey(writing, clinic_id, TEMPLATES["hygiene-recall"].draft("en"), NOW - timedelta(hours=2))
    await database.close()
    await owner.execute(_PEOPLE.format(rows=rows, clinics=CLINICS))
    await owner.execute("vacuum analyze")
    await owner.close()
    keeper = await asyncpg.connect(server.url("postgres"))
    await keeper.execute("create database byhand template bench")
    await keeper.close()


async def _came(url: str) -> dict[str, Any]:
    connection = await asyncpg.connect(url)
    row = await connection.fetchrow(_CAME)
    await connection.close()
    assert row is not None
    return dict(row)


def _verdict(
    rows: int, took: dict[str, list[float]], *, left: int, same: bool, came: tuple[dict[str, Any], dict[str, Any]]
) -> int:
    rates = {name: 1 / median(each) for name, each in took.items()}
    for name, rate in rates.items():
        print(f"{name:10} {rate:8.0f} enrolments a second")
    if not same:
        for name in came[0]:
            if came[0][name] != came[1][name]:
                print(f"{name}: product {str(came[0][name])[:600]}\n{name}: by hand {str(came[1][name])[:600]}")
    ratio = rates["product"] / rates["by hand"]
    good = ratio >= BAR and same and left == 0
    told = "the same came of it" if same else "NOT the same came of it"
    print(f"journey: {rows} enrolments, product/by hand {ratio:.2f} (bar {BAR}), {told}: {'ok' if good else 'NOT'}")
    return 0 if good else 1
