"""What changed for a patient since an app last asked: marks left by triggers, whoever wrote.

A table that a patient sees says so in its metadata: `{"info": {TRIGGERS: Told("visit")}}`. Statement triggers
then note in `change` which of its things a transaction touched. No command can forget it, a batch of a thousand
rows costs one more statement, and what is deleted or hidden later is found by its mark (a tombstone is a mark
whose thing cannot be seen any more). Marks are only added, each under its own transaction's id: nobody waits for
another's, so nothing can deadlock here; the worker takes away what newer marks of the same thing repeat.

Commit order is not id order, and transaction ids are no commit order either. A reader asks for marks from a
*horizon* on: the oldest transaction that was still running when it last looked (`pg_snapshot_xmin`). What a
slow transaction commits later has an id at or after that horizon, so it is found; what was seen already may
be told again, which an app that keeps the newest copy by id does not notice.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Column, Index, text
from sqlmodel import Field, SQLModel

from core.database import Sweeping
from core.events import Xid8
from core.schema import add_function

# Stands for "every patient of the clinic" where a change is nobody's own: an offer, a price list.
EVERYBODY = UUID(int=0)
TO_EVERYBODY = f"'{EVERYBODY}'::uuid"

_ROWS = {"insert": "new table as told", "update": "old table as was new table as told", "delete": "old table as told"}


@dataclass(frozen=True, slots=True)
class Told:
    """How a table tells of its rows: as what `kind`, to whom, and by which id.

    `patient` and `subject` are columns of the table, or SQL over them. An update that leaves all but the `quiet`
    columns as they were is not told. `is_open`: SQL, true for a row that also others than the patient may see. `shown`:
    SQL as `core.schema.SHOWN` has it, true for a row that its patient may see; of one that they could see neither
    before nor after nothing is told. `apart`: rows of one table are told as several kinds, each with its own `shown`.
    """

    kind: str
    patient: str = "patient_id"
    subject: str = "id"
    quiet: tuple[str, ...] = ()
    is_open: str = "true"
    shown: str = ""
    apart: bool = False

    def __call__(self, table: str) -> list[str]:
        """The `create trigger` statements of a table: one for each act, since each knows other rows."""
        told: tuple[str, ...] = (self.kind, self.patient, self.subject, "{" + ",".join(self.quiet) + "}", self.is_open)
        if self.shown:
            told += (self.shown.format(row="touched"),)
        arguments = ", ".join("'" + text.replace("'", "''") + "'" for text in told)
        name = f"{table}_{self.kind}" if self.apart else table
        return [
            f"create trigger {name}_{act} after {act} on {table} referencing {rows} for each statement "
            f"execute function note_change({arguments})"
            for act, rows in _ROWS.items()
        ]


class Change(SQLModel, table=True):
    """One thing that one transaction touched. `was_open`: before or after it, others than the patient might see it."""

    __tablename__ = "change"
    # Who looks at every clinic (segments) reads on from a transaction too.
    __table_args__ = (Index("change_xid", "xid"),)

    # In the order in which an app reads: its patient's marks from a transaction on.
    clinic_id: UUID = Field(primary_key=True)
    patient_id: UUID = Field(primary_key=True)
    xid: int = Field(
        default=None, sa_column=Column(Xid8, primary_key=True, server_default=text("pg_current_xact_id()"))
    )
    kind: str = Field(primary_key=True)
    subject_id: UUID = Field(primary_key=True)
    was_open: bool


# The conflict is only ever with a mark of the same transaction.
add_function(
    SQLModel.metadata,
    """
create function note_change() returns trigger language plpgsql as $$
declare
    v_rows text := case
        when tg_op <> 'UPDATE' then 'told'
        when tg_argv[3] = '{}' then '(table was union all table told)'
        else format(
            '(select side.* from told join was using (clinic_id, id)
              cross join lateral (select was.* union all select told.*) as side
              where to_jsonb(told) - %1$L::text[] is distinct from to_jsonb(was) - %1$L::text[])', tg_argv[3]
        ) end;
begin
    -- Most of what a worker writes are leases and tries: found out by a statement that is planned once.
    if tg_op = 'UPDATE' and tg_argv[3] <> '{}' then
        perform 1 from told join was using (clinic_id, id)
        where to_jsonb(told) - tg_argv[3]::text[] is distinct from to_jsonb(was) - tg_argv[3]::text[] limit 1;
        if not found then
            return null;
        end if;
    end if;
    execute format(
        'insert into change (clinic_id, patient_id, xid, kind, subject_id, was_open)
         select clinic_id, %s, pg_current_xact_id(), %L, %s, bool_or(%s) from %s as touched where %s group by 1, 2, 5
         on conflict (clinic_id, patient_id, xid, kind, subject_id)
         do update set was_open = change.was_open or excluded.was_open',
        tg_argv[1], tg_argv[0], tg_argv[2], tg_argv[4], v_rows, coalesce(tg_argv[5], 'true')
    );
    return null;
end $$
""",
)

# What a newer mark of the same thing repeats, once no reader's horizon can lie between the two: both are settled.
_REPEATED = text("""
delete from change old using change new
where new.clinic_id = old.clinic_id and new.patient_id = old.patient_id and new.kind = old.kind
    and new.subject_id = old.subject_id and new.xid > old.xid and new.was_open >= old.was_open
    and new.xid < pg_snapshot_xmin(pg_current_snapshot())
""")
# Marks from a future of this database: it was loaded from another one's dump, whose counting was further. Those of
# one thing become one.
_FROM_ELSEWHERE = text("""
with gone as (
    delete from change where xid > pg_snapshot_xmax(pg_current_snapshot())
    returning clinic_id, patient_id, kind, subject_id, was_open
)
insert into change (clinic_id, patient_id, kind, subject_id, was_open)
select clinic_id, patient_id, kind, subject_id, bool_or(was_open) from gone group by 1, 2, 3, 4
on conflict (clinic_id, patient_id, xid, kind, subject_id) do update set was_open = change.was_open or excluded.was_open
""")


async def tidy_changes(sweeping: Sweeping) -> int:
    """Take repeated marks away, and bring marks of a loaded dump into this database's counting; how many went."""
    await sweeping.execute(_FROM_ELSEWHERE)
    gone = await sweeping.execute(_REPEATED)
    return int(gone.rowcount)  # type: ignore[attr-defined]  # a delete's result has it
