"""What the schema needs beyond its tables: roles, rights, row-level security, functions, triggers.

The migrations do the same in their own words (they import no package); a test compares the catalogue of
a migrated database with one made from here, so neither can drift.
"""

from collections.abc import Callable

from sqlalchemy import Connection, MetaData, Table, text

from core.database import APP_ROLE, WORKER_ROLE

# Info keys of a table's metadata. An append-only table grants no update and no delete to anybody.
APPEND_ONLY = "append_only"
# Of an append-only table: columns of free text that the worker may empty when a person is erased, and nothing else.
ERASABLE = "erasable"
FUNCTIONS = "functions"
# Of a table: what gives its `create trigger` statements, from its name (`core.changes.Told`).
TRIGGERS = "triggers"
# Of a table with a column `private`: which of its columns name a thing whose mark its rows inherit, and in which
# tables: `{"plan_id": "plan", "subject_id": ("appointment", "plan")}`. See `core.private`.
PRIVATE_WITH = "private_with"
# Of a table of patients' rows: SQL for a row that its patient may be shown; `{row}` stands before its columns.
SHOWN = "shown"
# Of the metadata: the trigger function that a patient's row runs as it becomes private; with a word, "whole", as it is
# shown to that patient no more: taken back, moved to another or deleted.
WHEN_HIDDEN = "when_hidden"

_MINE = "clinic_id = nullif(current_setting('enamel.clinic_id', true), '')::uuid"
# What is marked as private only the clinic and the patient whose own record it is see: not those who may open a
# ward's. Without a viewer (a query that forgot to open a record) it is hidden.
_SEEN = "not private or current_setting('enamel.viewer', true) in ('clinic', patient_id::text)"
# A row emptied by an erasure is found by nobody any more but the erasure itself (`core.holding_sql`).
_NOT_ERASED = "erased_at is null or current_setting('enamel.restricted', true) = 'on'"


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
    if words := table.info.get(ERASABLE):
        statements.append(f"grant update ({', '.join(words)}) on {table.name} to {WORKER_ROLE}")
    if table.info.get(APPEND_ONLY) and table.info.get(PRIVATE_WITH):
        marks = ", ".join(name for name in ("private", "hidden_by") if name in table.columns)
        statements.append(f"grant update ({marks}) on {table.name} to {APP_ROLE}, {WORKER_ROLE}")
    if "clinic_id" not in table.primary_key.columns:
        return statements
    return [
        *statements,
        f"alter table {table.name} enable row level security",
        f"create policy own_clinic on {table.name} to {APP_ROLE} using ({_in_sight(table)}) with check ({_MINE})",
        f"create policy every_clinic on {table.name} to {WORKER_ROLE} using ({_unerased(table)}) with check (true)",
    ]


def _in_sight(table: Table) -> str:
    rules = [_MINE]
    if "private" in table.columns:
        rules.append(f"({_SEEN})")
    if "erased_at" in table.columns:
        rules.append("erased_at is null")
    return " and ".join(rules)


def _unerased(table: Table) -> str:
    return _NOT_ERASED if "erased_at" in table.columns else "true"


def triggers_of(table: Table) -> list[str]:
    """The triggers of one table, to be made after the functions."""
    written: Callable[[str], list[str]] | None = table.info.get(TRIGGERS)
    return [*(written(table.name) if written else []), *_marks_of(table)]


def _marks_of(table: Table) -> list[str]:
    """What makes rows as private as the things they belong to, what belongs to a row as private as it is, and who
    is told of it."""
    statements = _hides(table)
    named = [(column, parent) for column, parent, child in _marked(table.metadata) if child is table]
    if named:
        columns = ", ".join(dict.fromkeys(column for column, _ in named))
        statements.append(
            f"create trigger {table.name}_inherits before insert or update of {columns} on {table.name}"
            f" for each row execute function inherit_private({_words(named)})"
        )
    tail = [(child.name, column) for column, parent, child in _marked(table.metadata) if parent == table.name]
    if tail:
        # After any update: a mark that `inherit_private` sets stands in no list of columns.
        statements.append(
            f"create trigger {table.name}_spreads after update on {table.name} for each row"
            f" when (old.private is distinct from new.private) execute function spread_private({_words(tail)})"
        )
    return statements


def _hides(table: Table) -> list[str]:
    """What happens as a row is hidden from those who act for its patient, and as it is taken from the patient too."""
    told, shown = table.metadata.info.get(WHEN_HIDDEN), table.info.get(SHOWN)
    statements = []
    if told and {"private", "patient_id"} <= set(table.columns.keys()):
        statements.append(
            f"create trigger {table.name}_hides after update on {table.name} for each row"
            f" when (new.private and not old.private) execute function {told}()"
        )
    if told and shown:
        was, still = (shown.format(row=row) for row in ("old", "new"))
        ends = f"({was}) and not (({still}) and new.patient_id = old.patient_id)"
        for name, act, when in (("leaves", "update", ends), ("goes", "delete", was)):
            statements.append(
                f"create trigger {table.name}_{name} after {act} on {table.name} for each row"
                f" when ({when}) execute function {told}('whole')"
            )
    return statements


def _marked(metadata: MetaData) -> list[tuple[str, str, Table]]:
    """Column, table it names a thing of, table that has the column: for every mark that is inherited."""
    return [
        (column, parent, child)
        for child in metadata.sorted_tables
        for column, parents in child.info.get(PRIVATE_WITH, {}).items()
        for parent in ([parents] if isinstance(parents, str) else parents)
    ]


def _words(pairs: list[tuple[str, str]]) -> str:
    return ", ".join(f"'{word}'" for pair in pairs for word in pair)


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
    for table in metadata.sorted_tables:
        for statement in triggers_of(table):
            connection.execute(text(statement))
