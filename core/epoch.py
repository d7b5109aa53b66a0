"""Which history of which database this is, so that nobody goes on from what never was: another one after a restore.

A number that counts what happened (a `rev`, a transaction's id) means something in one history only. A backup that is
put back forgets the newest of them, and then gives the same numbers to other things. So whatever a device keeps to go
on from carries the epoch it was given in, and of another epoch it begins anew.

Most restores say so themselves: another cluster has another system identifier, recovery to a point in time and the
promotion of a replica begin another timeline, and a dump that is loaded writes the marks below in another table or
transaction. A snapshot of a volume that is put back says nothing: then `enamel restored` adds a mark. A host that
keeps PostgreSQL's control file to itself leaves the marks and the timeline.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DDL, ColumnElement, Text, event, literal_column, select
from sqlmodel import Field, SQLModel

from core.database import Reading, Writing
from core.ids import new_id
from core.schema import APPEND_ONLY, add_function


class EpochMark(SQLModel, table=True):
    """A moment from which this database went on as another one. The first is its making."""

    __tablename__ = "epoch_mark"
    __table_args__ = ({"info": {APPEND_ONLY: True}},)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    at: datetime


FIRST_MARK = "insert into epoch_mark (id, at) values (gen_random_uuid(), now())"
_table: Any = SQLModel.metadata.tables["epoch_mark"]
event.listen(_table, "after_create", DDL(FIRST_MARK))  # type: ignore[no-untyped-call]  # SQLAlchemy's own gap

# The control file's timeline is that of the last checkpoint, minutes behind a promotion; the name of the segment that
# is written now is not. A server that still recovers writes none: what is read there may be of any moment before.
# The right is asked before the statement that needs it is planned.
add_function(
    SQLModel.metadata,
    """
create function present_epoch() returns text language plpgsql stable as $$
declare
    v_known text := (select concat_ws(' ', 'epoch_mark'::regclass::oid, string_agg(concat_ws('.', xmin, id), ' '
        order by id)) from epoch_mark);
begin
    if has_function_privilege('pg_control_system()', 'execute') then
        v_known := v_known || ' ' || (select system_identifier from pg_control_system());
    end if;
    if pg_is_in_recovery() then
        v_known := v_known || ' recovering';
    else
        v_known := v_known || ' ' || left(pg_walfile_name(pg_current_wal_lsn()), 8);
    end if;
    return encode(substring(sha256(convert_to(v_known, 'UTF8')) for 6), 'hex');
end $$
""",
)


async def present_epoch(reading: Reading) -> str:
    """Twelve letters; they say nothing but whether they are the same."""
    return str((await reading.execute(select(epoch_sql()))).scalar_one())


async def begin_epoch(writing: Writing, now: datetime) -> None:
    """From now on this is another history: who kept anything of the one before begins anew."""
    writing.add(EpochMark(at=now))
    await writing.flush()


def epoch_sql() -> ColumnElement[str]:
    """SQL: the present epoch, asked once a statement."""
    return literal_column("(select present_epoch())", Text())
