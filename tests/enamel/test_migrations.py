"""Migrations: a migrated database is the one the tables describe, in every detail the catalogue knows."""

import asyncio

import asyncpg
import pytest
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from cabinet.plan_view import StageView
from chat.commands.speaking import named
from clinic.household import AccessScope
from core.database import asyncpg_url
from core.embedded_postgres import EmbeddedPostgres, create_database
from core.ids import new_id
from core.schema import create_schema
from enamel.migrate import downgrade, revisions, upgrade

# Alembic's own check sees columns and plain indexes; this sees constraints, predicates, policies, rights,
# functions, storage options and defaults too.
CATALOGUE = """
select 'column' as what, table_name || '.' || column_name as name,
       concat_ws(' ', data_type, udt_name, is_nullable, column_default, generation_expression) as is
  from information_schema.columns where table_schema = 'public' and table_name <> 'alembic_version'
union all
select 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
  from pg_constraint where connamespace = 'public'::regnamespace and conrelid::regclass::text <> 'alembic_version'
union all
select 'index', tablename || '.' || indexname, indexdef
  from pg_indexes where schemaname = 'public' and tablename <> 'alembic_version'
union all
select 'policy', tablename || '.' || policyname, concat_ws(' ', permissive, roles::text, cmd, qual, with_check)
  from pg_policies where schemaname = 'public'
union all
select 'table', relname, concat_ws(' ', relrowsecurity, relforcerowsecurity, reloptions::text, relacl::text)
  from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'alembic_version'
union all
select 'rights on a column', attrelid::regclass || '.' || attname, attacl::text
  from pg_attribute join pg_class c on c.oid = attrelid
  where relnamespace = 'public'::regnamespace and relkind = 'r' and attacl is not null
union all
select 'function', proname, pg_get_functiondef(oid) || coalesce(proacl::text, '')
  from pg_proc where pronamespace = 'public'::regnamespace
union all
select 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
"""


async def catalogue(url: str) -> dict[tuple[str, str], str]:
    connection = await asyncpg.connect(url)
    try:
        return {(row["what"], row["name"]): row["is"] for row in await connection.fetch(CATALOGUE)}
    finally:
        await connection.close()


async def described(url: str) -> None:
    engine = create_async_engine(asyncpg_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(create_schema, SQLModel.metadata)
    await engine.dispose()


@pytest.fixture
def empty(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> str:
    name = f"migration_{abs(hash(request.node.name))}"
    asyncio.run(create_database(postgres, name))
    return postgres.url(name)


def test_a_migrated_database_is_what_the_tables_describe(postgres: EmbeddedPostgres, empty: str) -> None:
    upgrade(empty)
    asyncio.run(create_database(postgres, "described"))
    asyncio.run(described(postgres.url("described")))
    migrated, wanted = asyncio.run(catalogue(empty)), asyncio.run(catalogue(postgres.url("described")))
    assert {key: (migrated.get(key), text) for key, text in wanted.items() if migrated.get(key) != text} == {}
    assert migrated.keys() - wanted.keys() == set()


def test_every_migration_goes_up_down_and_up_again(empty: str) -> None:
    steps = revisions()
    assert steps
    for before, revision in zip(["base", *steps], steps, strict=False):
        upgrade(empty, revision)
        downgrade(empty, before)
        upgrade(empty, revision)


def test_migrating_twice_changes_nothing(empty: str) -> None:
    upgrade(empty)
    once = asyncio.run(catalogue(empty))
    upgrade(empty)
    assert asyncio.run(catalogue(empty)) == once


# What a clinic that began with the first schema holds: a guardian, a visit, a plan of one item, a picture.
_FIRST = """
insert into clinic values ('{clinic}', 'Rome Dental', 'IT', 'EUR', 'it', now());
insert into branch (clinic_id, id, name, zone, opens, closes, phone, address)
  values ('{clinic}', '{thing}', 'Centro', 'Europe/Rome', '09:00', '20:00', '', '');
insert into patient (clinic_id, id, source, external_id, source_version, content_hash, changed_at, branch_id,
    given_name, family_name, birth_date, language)
  values ('{clinic}', '{thing}', 'mis', 'anna', 1, '', now(), '{thing}', 'Anna', 'Rossi', '1985-05-17', 'it');
insert into account (id, phone, created_at) values ('{thing}', '+390255501234', now());
insert into access (clinic_id, id, account_id, patient_id, relation, granted_at)
  values ('{clinic}', '{thing}', '{thing}', '{thing}', 'guardian', now());
insert into appointment (clinic_id, id, source, external_id, source_version, content_hash, changed_at, patient_id,
    branch_id, starts_at, ends_at, status, service, practitioner)
  values ('{clinic}', '{thing}', 'mis', 'v', 1, '', now(), '{thing}', '{thing}', now(), now() + interval '1 hour',
    'booked', 'Hygiene', '');
insert into plan (clinic_id, id, source, external_id, source_version, content_hash, changed_at, patient_id, title,
    currency, status, stages_hash, items, items_done, price_minor, discount_minor, insurance_minor, patient_minor)
  values ('{clinic}', '{thing}', 'mis', 'p', 1, '', now(), '{thing}', 'Plan', 'EUR', 'accepted', '', 1, 0,
    1000, 0, 0, 1000);
insert into plan_stage (clinic_id, plan_id, position, title, status, items, items_done, price_minor, discount_minor,
    insurance_minor, patient_minor)
  values ('{clinic}', '{thing}', 0, 'First', 'pending', 1, 0, 1000, 0, 0, 1000);
insert into plan_item (clinic_id, plan_id, stage, position, name, tooth, surfaces, quantity, unit_price_minor,
    discount_basis_points, status, price_minor, discount_minor, insurance_minor, patient_minor)
  values ('{clinic}', '{thing}', 0, 0, 'Filling', '16', 'MO', 1, 1000, 0, 'accepted', 1000, 0, 0, 1000);
insert into conversation (clinic_id, id, patient_id, last_seq, last_rev, n_patient, n_clinic, last_at)
  values ('{clinic}', '{thing}', '{thing}', 1, 1, 1, 0, now());
insert into message (clinic_id, conversation_id, seq, rev, ordinal, side, sender_id, sender_name, client_id, body, at)
  values ('{clinic}', '{thing}', 1, 1, 1, 'patient', '{thing}', '', '{thing}', 'Good morning', now());
insert into chat_event (clinic_id, conversation_id, log, rev, kind, data, at)
  values ('{clinic}', '{thing}', 's', 1, 'msg', '{{"seq": 1}}', now());
insert into notice (clinic_id, id, patient_id, kind, purpose, dedupe_key, not_before, expires_at, state, reason,
    next_at, created_at)
  values ('{clinic}', '{thing}', '{thing}', 'visit', 'service', 'spread', now(), now() + interval '1 day', 'due', '',
    null, now()),
    ('{clinic}', '{other}', '{thing}', 'offer', 'marketing', 'held', now(), now() + interval '1 day', 'due', '',
    now(), now());
insert into delivery (clinic_id, id, notice_id, state, attempt, next_at, reason, created_at)
  values ('{clinic}', '{thing}', '{thing}', 'due', 1, now(), '', now());
insert into staff (clinic_id, id, account_id, name, permissions)
  values ('{clinic}', '{thing}', '{thing}', 'Boss', '{{clinic.manage}}');
insert into picture (clinic_id, id, patient_id, kind, state, media_type, size_bytes, sha256, uploaded_at, attempts)
  values ('{clinic}', '{thing}', '{thing}', 'xray', 'uploaded', 'image/png', 4321, repeat('0', 64), now(), 0);
"""


_LATER = """
update notice set kind = 'reminding' where id = '{other}';
insert into delivery (clinic_id, id, notice_id, channel, address, state, attempt, next_at, reason, created_at)
  values ('{clinic}', '{other}', '{thing}', 'sms', '+39', 'due', 0, now(), '', now());
"""


def test_what_a_clinic_holds_at_the_first_schema_is_there_at_the_last(empty: str) -> None:
    clinic, thing, other = new_id(), new_id(), new_id()
    upgrade(empty, "0001")

    async def ask(*statements: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(empty)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            found: list[asyncpg.Record] = await connection.fetch(statements[-1])
            return found
        finally:
            await connection.close()

    asyncio.run(ask(_FIRST.format(clinic=clinic, thing=thing, other=other), "select 1"))
    upgrade(empty)
    (plan,) = asyncio.run(ask("select stages::text as stages, patient_high_minor from plan"))
    (stage,) = TypeAdapter(list[StageView]).validate_json(plan["stages"])
    assert (plan["patient_high_minor"], stage.items[0].surfaces, stage.items[0].unit_price.amount_minor) == (
        1000,
        ["M", "O"],
        1000,
    )
    (access,) = asyncio.run(ask("select scopes from access"))
    assert set(access["scopes"]) == set(AccessScope)
    told = {(row["kind"], row["subject_id"]) for row in asyncio.run(ask("select kind, subject_id from change"))}
    assert told >= {("visit", thing), ("plan", thing)}
    (said,) = asyncio.run(ask("select client_id, digest from chat_event"))
    assert said["client_id"] == thing
    assert said["digest"] == named(thing, "msg", "Good morning", None, None, None)["digest"], (
        "sent again it is the same"
    )
    (kept,) = asyncio.run(ask("select sum(bytes) as bytes from kept_bytes"))
    assert kept["bytes"] == 4321
    notices = asyncio.run(ask("select id, lane, tried from notice"))
    assert {row["id"]: (row["lane"], row["tried"]) for row in notices} == {thing: (0, ["push"]), other: (2, [])}
    (delivery,) = asyncio.run(ask("select channel, lane from delivery"))
    assert tuple(delivery) == ("push", 0)
    (boss,) = asyncio.run(ask("select permissions from staff"))
    assert boss["permissions"] == ["clinic.manage", "channels.manage"]
    # What the schema before has no room for: another way, a kind that it does not know.
    asyncio.run(ask(_LATER.format(clinic=clinic, thing=thing, other=other), "select 1"))
    downgrade(empty, "0006")
    assert [row["id"] for row in asyncio.run(ask("select id from notice"))] == [thing]
    assert [row["id"] for row in asyncio.run(ask("select id from delivery"))] == [thing]
    assert [row["permissions"] for row in asyncio.run(ask("select permissions from staff"))] == [["clinic.manage"]]
    downgrade(empty, "0001")
    (item,) = asyncio.run(ask("select surfaces from plan_item"))
    assert item["surfaces"] == "MO"
