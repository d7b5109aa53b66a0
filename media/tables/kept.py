"""Rows of how much a clinic keeps: changes of it, left by triggers, whoever writes, and added up when it is asked for.

The sum of what an announcement is compared with is exact at every commit, and nobody waits for it: rows are only
added, so two who keep files of one clinic touch none of the same. The worker makes one row of many.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from core.database import TenantRow
from core.schema import add_function


class KeptBytes(TenantRow, table=True):
    """By how many bytes what a clinic keeps has grown; less than nothing where it has shrunk."""

    __tablename__ = "kept_bytes"

    bytes: int = Field(sa_type=BigInteger)


@dataclass(frozen=True, slots=True)
class Weighed:
    """A row's `size_bytes` are kept by its clinic, or (`elsewhere`) by another server; only in `state`, if given.

    `also`: what else the table does.
    """

    also: Callable[[str], list[str]] | None = None
    state: str = ""
    elsewhere: bool = False

    def __call__(self, table: str) -> list[str]:
        """The `create trigger` statements of a table."""
        columns = "state, size_bytes" if self.state else "size_bytes"
        mine = (
            f"create trigger {table}_weighs after insert or delete or update of {columns} on {table} for each row "
            f"execute function weigh('{-1 if self.elsewhere else 1}', '{self.state}')"
        )
        return [*(self.also(table) if self.also else []), mine]


add_function(
    SQLModel.metadata,
    """
create function weigh() returns trigger language plpgsql as $$
declare
  v_was jsonb := to_jsonb(old);
  v_is jsonb := to_jsonb(new);
  v_bytes bigint := 0;
begin
  if tg_argv[1] in ('', v_is ->> 'state') then
    v_bytes := coalesce((v_is ->> 'size_bytes')::bigint, 0);
  end if;
  if tg_argv[1] in ('', v_was ->> 'state') then
    v_bytes := v_bytes - coalesce((v_was ->> 'size_bytes')::bigint, 0);
  end if;
  if v_bytes <> 0 then
    insert into kept_bytes (clinic_id, id, bytes)
    values (coalesce(new.clinic_id, old.clinic_id), gen_random_uuid(), tg_argv[0]::bigint * v_bytes);
  end if;
  return null;
end $$
""",
)
