"""The second wall: what PostgreSQL itself refuses, to a query that forgot its clinic and to one that lies."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlmodel import SQLModel

from core.database import APP_ROLE, NOBODY, WORKER_ROLE, Database, Scope
from core.embedded_postgres import EmbeddedPostgres
from core.ids import new_id
from core.schema import APPEND_ONLY
from tests.world import World

ROLES = (APP_ROLE, WORKER_ROLE)
TENANTS = [table for table in SQLModel.metadata.sorted_tables if "clinic_id" in table.primary_key.columns]
APPENDED = [table.name for table in SQLModel.metadata.sorted_tables if table.info.get(APPEND_ONLY)]
COUNT = text("select count(*), count(distinct clinic_id) from patient")


async def test_a_query_without_predicate_sees_nothing_before_a_clinic_is_named(world: World) -> None:
    async with world.database.reading(NOBODY) as reading:
        assert tuple((await reading.execute(COUNT)).one()) == (0, 0)


async def test_a_query_without_predicate_sees_its_own_clinic_only(world: World) -> None:
    async with world.database.reading(world.here.scope) as reading:
        found = await reading.execute(text("select clinic_id from patient"))
        assert set(found.scalars()) == {world.here.clinic_id}


async def test_an_unknown_clinic_is_an_empty_one(world: World) -> None:
    async with world.database.reading(Scope(new_id())) as reading:
        assert tuple((await reading.execute(COUNT)).one()) == (0, 0)


async def test_the_worker_sees_all_clinics(world: World) -> None:
    async with world.database.sweeping() as sweeping:
        assert tuple((await sweeping.execute(COUNT)).one()) == (4, 2)


async def test_a_row_cannot_be_put_into_another_clinic(world: World) -> None:
    stray = text("insert into branch (clinic_id, id, name, zone, opens, closes, phone, address)"
                 " values (:clinic, :id, 'Stray', 'UTC', '09:00', '18:00', '', '')")  # fmt: skip
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(stray, {"clinic": world.there.clinic_id, "id": new_id()})


async def test_a_row_cannot_be_moved_into_another_clinic_nor_a_foreign_one_be_touched(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        theirs = {"id": world.there.patient_id}
        touched = await writing.execute(
            text("update patient set given_name = 'Taken' where id = :id returning id"), theirs
        )
        assert touched.all() == []
        gone = await writing.execute(text("delete from link_code returning id"))
        assert gone.all() == []
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text("update branch set clinic_id = :there"), {"there": world.there.clinic_id})


async def test_a_row_cannot_point_at_another_clinics_patient(world: World) -> None:
    """Foreign keys are checked past row-level security; the composite key refuses what the policy cannot see."""
    pointing = text("insert into access (clinic_id, id, account_id, patient_id, relation, granted_at)"
                    " values (:clinic, :id, :account, :patient, 'guardian', now())")  # fmt: skip
    row = {"clinic": world.here.clinic_id, "id": new_id(), "account": world.here.account_id}
    with pytest.raises(DBAPIError, match="access_patient"):
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(pointing, {**row, "patient": world.there.patient_id})


@pytest.mark.parametrize("table", APPENDED)
@pytest.mark.parametrize("change", ["update {0} set {1} = {1}", "delete from {0}", "truncate {0}"])
@pytest.mark.parametrize("role", ["app", "worker"])
async def test_what_is_appended_stays(world: World, table: str, change: str, role: str) -> None:
    opened = world.database.writing(world.here.scope) if role == "app" else world.database.sweeping()
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with opened as writing:
            await writing.execute(text(change.format(table, SQLModel.metadata.tables[table].columns[0].name)))


async def test_a_reading_transaction_writes_nothing(world: World) -> None:
    with pytest.raises(DBAPIError, match="read-only transaction"):
        async with world.database.reading(world.here.scope) as reading:
            await reading.execute(text("update patient set given_name = 'Taken'"))


async def test_a_reading_transaction_cannot_make_itself_a_writing_one(world: World) -> None:
    async with world.database.reading(world.here.scope) as reading:
        await reading.execute(COUNT)
        with pytest.raises(DBAPIError, match="read-write mode"):
            await reading.execute(text("set transaction read write"))


async def test_a_scope_does_not_leak_into_the_next_transaction_of_the_connection(
    world: World, postgres: EmbeddedPostgres
) -> None:
    """One connection in the pool, so the next transaction surely gets the same."""
    narrow = Database(postgres.url("enamel_test"), pool=1)
    pid = text("select pg_backend_pid()")
    try:
        async with narrow.writing(world.here.scope) as writing:
            first = (await writing.execute(pid)).scalar_one()
        with pytest.raises(DBAPIError, match="division by zero"):
            async with narrow.writing(world.here.scope) as writing:
                await writing.execute(text("select 1 / 0"))
        async with narrow.reading(NOBODY) as reading:
            assert (await reading.execute(pid)).scalar_one() == first
            assert tuple((await reading.execute(COUNT)).one()) == (0, 0)
        assert await narrow.trip("select count(*)::text from patient") == b"0"
        async with narrow.writing(world.there.scope) as writing:
            assert tuple((await writing.execute(COUNT)).one()) == (2, 1)
            assert (await writing.execute(text("show transaction_read_only"))).scalar_one() == "off"
    finally:
        await narrow.close()


async def test_the_roles_own_nothing_and_may_not_log_in_or_make_anything(database: Database) -> None:
    owned = text("select count(*) from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = any(:roles)")
    powers = text(
        "select bool_or(rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolcanlogin or rolreplication)"
        " from pg_roles where rolname = any(:roles)"
    )
    makes = text("select bool_or(has_schema_privilege(r, 'public', 'create')) from unnest(cast(:roles as text[])) r")
    members = text(
        "select count(*) from pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname = any(:roles)"
    )
    async with database.reading(NOBODY) as reading:
        values = {"roles": list(ROLES)}
        assert (await reading.execute(owned, values)).scalar_one() == 0
        assert (await reading.execute(powers, values)).scalar_one() is False
        assert (await reading.execute(makes, values)).scalar_one() is False
        assert (await reading.execute(members, values)).scalar_one() == 0


async def test_every_table_of_a_clinic_is_behind_the_wall(database: Database) -> None:
    """From the catalogue, so that a table made by any way counts."""
    keyed = text(
        "select c.relname, c.relrowsecurity,"
        " (select array_agg(p.polname::text order by p.polname) from pg_policy p where p.polrelid = c.oid)"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " join pg_attribute a on a.attrelid = c.oid and a.attname = 'clinic_id'"
        " join pg_index i on i.indrelid = c.oid and i.indisprimary and a.attnum = any(i.indkey)"
        " where n.nspname = 'public' and c.relkind in ('r', 'p')"
    )
    async with database.reading(NOBODY) as reading:
        found = {name: (secured, policies) for name, secured, policies in await reading.execute(keyed)}
    assert {table.name for table in TENANTS} == set(found)
    assert len(found) >= 7
    assert {name for name, rules in found.items() if rules != (True, ["every_clinic", "own_clinic"])} == set()


def test_every_table_with_a_clinic_outside_the_wall_is_known() -> None:
    """Sessions and apps are looked up before a clinic is known. Whoever adds a table here must say why."""
    outside = {table.name for table in SQLModel.metadata.sorted_tables if "clinic_id" in table.columns} - {
        table.name for table in TENANTS
    }
    assert outside == {"session", "partner_app"}


@pytest.mark.parametrize("table", TENANTS, ids=lambda table: table.name)
def test_the_clinic_leads_the_keys_of_every_table_of_a_clinic(table: object) -> None:
    keys = table.primary_key, *(index for index in table.indexes if index.unique)  # type: ignore[attr-defined]
    assert [next(iter(key.columns)).name for key in keys] == ["clinic_id"] * len(keys)


async def test_no_function_of_ours_runs_with_its_owners_rights(database: Database) -> None:
    """`security definer` would walk around the wall."""
    defined = text(
        "select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname = 'public' and p.prosecdef"
    )
    async with database.reading(NOBODY) as reading:
        assert list((await reading.execute(defined)).scalars()) == []
