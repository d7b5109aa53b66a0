"""What the schema needs beyond its tables: roles, rights, row-level security, functions.

The migrations do the same in their own words (they import no package); a test compares the catalogue of
a migrated database with one made from here, so neither can drift.
"""

from sqlalchemy import Connection, MetaData, Table, text

from core.database import APP_ROLE, WORKER_ROLE

# Info keys of a table's metadata. An append-only table grants no update and no delete to anybody.
APPEND_ONLY = "append_only"
FUNCTIONS = "functions"

_MINE = "clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid"


def roles() -> list[str]:
    """Two roles that cannot log in and own nothing; the connecting user becomes one in its first packet."""
    return [
        f"do $$ begin create role {role} nologin; exception when duplicate_object then null; end $$"
        for role in (APP_ROLE, WORKER_ROLE)
    ]


def rules_of(table: Table) -> list[str]:
    """Rights on one table, and its policies where it belongs to a clinic."""
    rights = "select, insert" if table.info.get(APPEND_ONLY) else "select, insert, update, delete"
    statements = [f"grant {rights} on {table.name} to {APP_ROLE}, {WORKER_ROLE}"]
    if "clinic_id" not in table.primary_key.columns:
        return statements
    return [
        *statements,
        f"alter table {table.name} enable row level security",
        f"create policy own_clinic on {table.name} to {APP_ROLE} using ({_MINE}) with check ({_MINE})",
        f"create policy every_clinic on {table.name} to {WORKER_ROLE} using (true) with check (true)",
    ]


def add_function(metadata: MetaData, definition: str) -> None:
    """Register a `create function` of a package, to be made after the tables."""
    metadata.info.setdefault(FUNCTIONS, []).append(definition)


def create_schema(connection: Connection, metadata: MetaData) -> None:
    """Everything at once, on an empty database, as its owner."""
    for statement in roles():
        connection.execute(text(statement))
    connection.execute(text(f"grant usage on schema public to {APP_ROLE}, {WORKER_ROLE}"))
    metadata.create_all(connection)
    for table in metadata.sorted_tables:
        for statement in rules_of(table):
            connection.execute(text(statement))
    for definition in metadata.info.get(FUNCTIONS, []):
        connection.exec_driver_sql(definition)
