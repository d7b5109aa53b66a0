"""Marks things of a patient as private: then the clinic sees them and the patient, and nobody who may open a ward's.

Every table with a column `private` has such things; row-level security hides them (`core.schema`). What staff or
the patient marked stays so, whatever a sync says later (`core.upsert`): only they take the mark off again.

What belongs to a private thing would tell of it: a bill of the plan, a request about the visit. A table says in
its metadata whose mark its rows inherit, `{"info": {PRIVATE_WITH: {"plan_id": "plan"}}}` (`core.schema`). Triggers
then mark a row as it is written, and with a thing everything that hangs on it. A column `hidden_by` keeps which
thing did so: shown again, that thing shows those rows again, and never one that was marked for itself. A table
without that column keeps what it inherited.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, text, update
from sqlmodel import SQLModel

from core.database import Writing
from core.errors import NotFound
from core.events import Actor, Happening, record
from core.schema import add_function


def private_tables() -> dict[str, Table]:
    """The tables whose rows may be private, by name."""
    return {table.name: table for table in SQLModel.metadata.sorted_tables if "private" in table.columns}


async def mark_private(
    writing: Writing, clinic_id: UUID, patient_id: UUID, kind: str, thing_id: UUID, *, private: bool,
    actor: Actor, now: datetime,
) -> None:  # fmt: skip
    """Hide one thing of this patient from those who act for them, or show it again; `kind` is its table's name.

    Marking it again changes nothing. Raises `NotFound`.
    """
    table = private_tables()[kind]
    own = (table.c.clinic_id == clinic_id, table.c.patient_id == patient_id, table.c.id == thing_id)
    mark: dict[str, Any] = {"private": private} | ({"hidden_by": None} if "hidden_by" in table.columns else {})
    marked = update(table).where(*own).values(mark).returning(table.c.id)
    if (await writing.execute(marked)).scalar_one_or_none() is None:
        raise NotFound
    told = Happening("thing.hidden" if private else "thing.shown", thing_id, patient_id, {"kind": kind})
    await record(writing, clinic_id, actor, [told], now)


# The lock of `inherit_private`; a test makes the two agree.
_HOLD_MARKS = text("select pg_advisory_xact_lock_shared(hashtextextended('private ' || cast(:clinic as text), 0))")


async def hold_marks(writing: Writing, clinic_id: UUID) -> None:
    """Wait for whoever marks a thing of this clinic, and make them wait until the commit.

    A thing that is looked for after this is as private as it is when something of it is written. After the patient
    is held, as everybody locks; before any row of theirs.
    """
    await writing.execute(_HOLD_MARKS, {"clinic": str(clinic_id)})


# Who writes a row of a private thing and who marks the thing wait for each other, clinic by clinic: otherwise a row
# that is being written while the mark is set would miss it. Many write at once; marking is rare. A guardian who
# writes does not see the private thing: it is looked for as the clinic sees.
add_function(
    SQLModel.metadata,
    """
create function inherit_private() returns trigger language plpgsql as $$
declare
    v_row jsonb := to_jsonb(new);
    v_parent uuid;
    v_private boolean;
    v_moved boolean := tg_op = 'INSERT' or pg_trigger_depth() > 1;
    v_viewer text := coalesce(current_setting('enamel.viewer', true), '');
begin
    for v_at in 0 .. tg_nargs - 1 by 2 loop
        v_moved := v_moved or v_row ->> tg_argv[v_at] is distinct from to_jsonb(old) ->> tg_argv[v_at];
    end loop;
    for v_at in 0 .. tg_nargs - 1 by 2 loop
        v_parent := v_row ->> tg_argv[v_at];
        continue when new.private or v_parent is null or not v_moved;
        perform pg_advisory_xact_lock_shared(hashtextextended('private ' || new.clinic_id, 0));
        perform set_config('enamel.viewer', 'clinic', true);
        execute format('select exists (select from %I where clinic_id = $1 and id = $2 and private)', tg_argv[v_at + 1])
            into v_private using new.clinic_id, v_parent;
        perform set_config('enamel.viewer', v_viewer, true);
        if v_private then
            new.private := true;
            new := jsonb_populate_record(new, jsonb_build_object('hidden_by', v_parent));
        end if;
    end loop;
    return new;
end $$
""",
)
# The column named again in the update lets `inherit_private` look whether another private thing still hides the row.
add_function(
    SQLModel.metadata,
    """
create function spread_private() returns trigger language plpgsql as $$
declare
    v_remembers boolean;
begin
    perform pg_advisory_xact_lock(hashtextextended('private ' || new.clinic_id, 0));
    for v_at in 0 .. tg_nargs - 1 by 2 loop
        select exists (select from pg_attribute where attrelid = tg_argv[v_at]::regclass and attname = 'hidden_by')
            into v_remembers;
        if new.private then
            execute format(
                'update %I set private = true%s where clinic_id = $1 and patient_id = $3 and %I = $2 and not private',
                tg_argv[v_at], case when v_remembers then ', hidden_by = $2' else '' end, tg_argv[v_at + 1]
            ) using new.clinic_id, new.id, new.patient_id;
        elsif v_remembers then
            execute format(
                'update %1$I set private = false, hidden_by = null, %2$I = %2$I
                  where clinic_id = $1 and patient_id = $3 and hidden_by = $2', tg_argv[v_at], tg_argv[v_at + 1]
            ) using new.clinic_id, new.id, new.patient_id;
        end if;
    end loop;
    return null;
end $$
""",
)
