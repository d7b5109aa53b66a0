"""Rows of files: those on their way, those that nothing shows any more, and what the tables of media share."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.changes import Told
from core.database import TenantRow
from core.schema import TRIGGERS, add_function
from media.tables.kept import Weighed


@dataclass(frozen=True, slots=True)
class LetsGo:
    """A row that goes away leaves its files to the sweep, whoever deletes it; it may also be `told` of its changes,
    of each of its kinds.
    """

    told: Told | tuple[Told, ...] = ()

    def __call__(self, table: str) -> list[str]:
        """The `create trigger` statements of a table."""
        mine = f"create trigger {table}_lets_go after delete on {table} for each row execute function leave_files()"
        told = (self.told,) if isinstance(self.told, Told) else self.told
        return [*(each for kind in told for each in kind(table)), mine]


def private_mark() -> Any:
    return Field(default=False, sa_column_kwargs={"server_default": text("false")})


def texts() -> Any:
    return Field(default_factory=list, sa_column=Column(ARRAY(TEXT), nullable=False, server_default=text("'{}'")))


class Upload(TenantRow, table=True):
    """A file on its way: what the sender said it is, and where its parts gather. It is there before any byte is.

    `storage_id` is the storage's name of the unfinished whole. A file whose sending stopped is forgotten at
    `expires_at`; one that became a picture (`picture_id`) when its bytes were looked into.
    """

    __tablename__ = "upload"
    __table_args__ = (
        of_patient("upload"),
        Index("upload_of_patient", "clinic_id", "patient_id", "id"),
        Index("upload_of_file", "clinic_id", "sha256"),
        Index("upload_ends", "expires_at"),
        CheckConstraint("size_bytes > 0", name="upload_has_bytes"),
        {"info": {TRIGGERS: Weighed(LetsGo(), state="open")}},
    )

    patient_id: UUID
    sender_kind: str
    sender_id: UUID | None = None
    source: str | None = None
    external_id: str | None = None
    kind: str
    media_type: str
    size_bytes: int = Field(sa_type=BigInteger)
    sha256: str
    part_bytes: int
    storage_id: str | None = None
    teeth: list[str] = texts()
    taken_on: date | None = None
    released: bool = False
    private: bool = private_mark()
    state: str
    picture_id: UUID | None = None
    started_at: datetime
    expires_at: datetime


class FileLeft(TenantRow, table=True):
    """A file that a row let go of, erased from the storage once nothing else of the clinic shows it.

    Marks are only added, so nobody waits for another's; of those of one key the newest counts.
    """

    __tablename__ = "file_left"
    __table_args__ = (Index("file_left_key", "clinic_id", "key", "since"), Index("file_left_since", "since"))

    key: str
    since: datetime


# The keys are those of `media.storage`; a test makes the two agree.
add_function(
    SQLModel.metadata,
    """
create function leave_files() returns trigger language plpgsql as $$
declare
  mine text[];
begin
  if tg_table_name = 'picture' then
    mine := array['files/' || old.sha256, 'drawn/' || old.id];
  elsif tg_table_name = 'upload' then
    mine := array['files/' || old.sha256, 'uploads/' || old.id];
  else
    mine := array['sheets/' || old.id];
  end if;
  insert into file_left (clinic_id, id, key, since)
  select old.clinic_id, gen_random_uuid(), old.clinic_id || '/' || each, now() from unnest(mine) each;
  return null;
end $$
""",
)
