"""Rows of series: pictures that belong together in a known order."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import SQLModel

from clinic.keys import of_patient
from core.changes import Told
from core.database import TenantRow
from core.schema import PRIVATE_WITH, SHOWN, TRIGGERS, add_function
from media.tables.files import LetsGo, private_mark, texts

# What of a picture a series shows: with it, the series is another one.
_SHOWN = ("state", "released_at", "private", "patient_id", "kind", "taken_on")
# Of a series, as `core.schema.SHOWN`.
_OF_PATIENT = "{row}.released_at is not null"


def _tells_series(table: str) -> list[str]:
    """A series is told of what is put into it, what becomes of the pictures in it, and of the series before it."""
    touched, differs = ", ".join(_SHOWN), " or ".join(f"old.{name} is distinct from new.{name}" for name in _SHOWN)
    put = f"create trigger {table}_tells after insert or update or delete on {table}"
    changed = f"create trigger picture_tells_series after update of {touched} on picture for each row when ({differs})"
    seen = "(old.released_at, old.private) is distinct from (new.released_at, new.private)"
    # Of series any update: a mark that is inherited as it is tied to something private stands in no list of columns.
    shown = f"create trigger series_tells after update on series for each row when ({seen})"
    return [
        f"{put} for each row execute function tell_series()",
        f"{shown} execute function tell_series()",
        f"{changed} execute function tell_series_of_picture()",
        *_hides_pictures(table),
    ]


def _hides_pictures(table: str) -> list[str]:
    """A picture is as private as the series it is put into: else a guardian would see it by itself."""
    put = f"create trigger {table}_hides_picture after insert on {table} for each row when (new.picture_id is not null)"
    marked = "create trigger series_hides_pictures after update on series for each row"
    return [
        f"{put} execute function hide_pictures_of_series()",
        f"{marked} when (old.private is distinct from new.private) execute function hide_pictures_of_series()",
    ]


class Series(TenantRow, table=True):
    """Pictures that belong together in a known order: a photo protocol, a full-mouth series of X-rays."""

    __tablename__ = "series"
    __table_args__ = (
        of_patient("series"),
        UniqueConstraint("clinic_id", "source", "external_id", name="series_external"),
        Index("series_of_patient", "clinic_id", "patient_id", "id"),
        Index("series_after", "clinic_id", "before_id"),
        ForeignKeyConstraint(
            ["clinic_id", "appointment_id"], ["appointment.clinic_id", "appointment.id"], name="series_appointment"
        ),
        ForeignKeyConstraint(["clinic_id", "before_id"], ["series.clinic_id", "series.id"], name="series_before"),
        {
            "info": {
                TRIGGERS: LetsGo(Told("series", is_open="not private", shown=_OF_PATIENT)),
                PRIVATE_WITH: {"appointment_id": "appointment", "plan_id": "plan"},
                SHOWN: _OF_PATIENT,
            }
        },
    )

    patient_id: UUID
    source: str | None = None
    external_id: str | None = None
    protocol: str
    title: str
    phase: str | None = None
    before_id: UUID | None = None
    taken_on: date | None = None
    appointment_id: UUID | None = None
    plan_id: UUID | None = None
    plan_stage: int | None = None
    teeth: list[str] = texts()
    made_at: datetime
    released_at: datetime | None = None
    comment: str | None = None
    private: bool = private_mark()
    hidden_by: UUID | None = None


class SeriesView(TenantRow, table=True):
    """A place of a series that holds a picture, or of which the clinic says that it is left out."""

    __tablename__ = "series_view"
    __table_args__ = (
        UniqueConstraint("clinic_id", "series_id", "view", name="series_view_once"),
        ForeignKeyConstraint(
            ["clinic_id", "series_id"], ["series.clinic_id", "series.id"], name="series_view_series", ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["clinic_id", "picture_id"],
            ["picture.clinic_id", "picture.id"],
            name="series_view_picture",
            ondelete="CASCADE",
        ),
        Index("series_view_of_picture", "clinic_id", "picture_id"),
        {"info": {TRIGGERS: _tells_series}},
    )

    series_id: UUID
    view: str
    picture_id: UUID | None = None
    left_out: bool = False


# A sheet that was drawn shows what the series showed then: it is let go of, and drawn again when it is asked for. Marks
# are only added, one a transaction: nobody waits for another's.
add_function(
    SQLModel.metadata,
    """
create function tell_series() returns trigger language plpgsql as $$
declare
  v_series uuid;
begin
  if tg_table_name = 'series' then
    v_series := new.id;
  elsif tg_op = 'DELETE' then
    v_series := old.series_id;
  else
    v_series := new.series_id;
  end if;
  insert into change (clinic_id, patient_id, xid, kind, subject_id, was_open)
  select clinic_id, patient_id, pg_current_xact_id(), 'series', id, not private from series
   where clinic_id = coalesce(new.clinic_id, old.clinic_id) and (id = v_series or before_id = v_series)
     and released_at is not null
  on conflict (clinic_id, patient_id, xid, kind, subject_id)
  do update set was_open = change.was_open or excluded.was_open;
  insert into file_left (clinic_id, id, key, since)
  select coalesce(new.clinic_id, old.clinic_id), gen_random_uuid(),
         coalesce(new.clinic_id, old.clinic_id) || '/sheets/' || v_series, now()
   where not exists (select from file_left where clinic_id = coalesce(new.clinic_id, old.clinic_id)
     and key = clinic_id || '/sheets/' || v_series and since >= now());
  return null;
end $$
""",
)
# A picture that turns out to be somebody else's leaves the series it was in.
add_function(
    SQLModel.metadata,
    """
create function tell_series_of_picture() returns trigger language plpgsql as $$
begin
  if old.patient_id <> new.patient_id then
    delete from series_view where clinic_id = new.clinic_id and picture_id = new.id;
  else
    update series_view set picture_id = picture_id where clinic_id = new.clinic_id and picture_id = new.id;
  end if;
  return null;
end $$
""",
)
# As `spread_private` does: shown again, a series shows what it hid, unless another private one has it too.
add_function(
    SQLModel.metadata,
    """
create function hide_pictures_of_series() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'series_view' then
    update picture set private = true, hidden_by = new.series_id
     where clinic_id = new.clinic_id and id = new.picture_id and not private
       and exists (select from series where clinic_id = new.clinic_id and id = new.series_id and private);
    return null;
  end if;
  perform from picture
    where clinic_id = new.clinic_id and patient_id = new.patient_id and (hidden_by = new.id or id in (
      select picture_id from series_view where clinic_id = new.clinic_id and series_id = new.id))
    order by id for update;
  if new.private then
    update picture set private = true, hidden_by = new.id
     where clinic_id = new.clinic_id and patient_id = new.patient_id and not private and id in (
       select picture_id from series_view where clinic_id = new.clinic_id and series_id = new.id);
  else
    update picture set (private, hidden_by) = (
       select count(*) > 0, min(series.id::text)::uuid
         from series_view join series on series.clinic_id = series_view.clinic_id and series.id = series_view.series_id
        where series_view.clinic_id = new.clinic_id and series_view.picture_id = picture.id and series.private)
     where clinic_id = new.clinic_id and patient_id = new.patient_id and hidden_by = new.id;
  end if;
  return null;
end $$
""",
)
