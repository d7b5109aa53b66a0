"""Rows of pictures: what each is, what its DICOM file told, what was drawn on it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from clinic.keys import of_patient
from core.changes import Told
from core.database import TenantRow
from core.schema import SHOWN, TRIGGERS
from media.tables.files import LetsGo, private_mark, texts
from media.tables.kept import Weighed
from media.voice import LONGEST_SECONDS, LOUDEST, PEAKS

_SHOWN = "{row}.state = 'ready' and {row}.released_at is not null"
_QUIET = ("lease_until", "attempts")
_SAID = f"{_SHOWN} and {{row}}.kind = 'voice' and {{row}}.said"
_TOLD = (
    Told("picture", is_open="not private", shown=f"{_SHOWN} and {{row}}.kind <> 'voice'", quiet=_QUIET),
    Told("voice", is_open="not private", shown=_SAID, quiet=_QUIET, apart=True),
)
# What a message could not tell of (`media.attached.AttachedVoice`) is never ready.
_HEARD = (
    f"seconds between 1 and {LONGEST_SECONDS} and cardinality(waveform) = {PEAKS}"
    f" and 0 <= all (waveform) and {LOUDEST} >= all (waveform)"
)


class Picture(TenantRow, table=True):
    """An X-ray, photo or voice message of a patient. The bytes never change; what is known of them does.

    Its bytes lie with its upload (`upload_id`) until they were looked into, then under their `sha256`; those of a
    picture that another server keeps lie there (`PictureElsewhere`).
    `lease_until` and `attempts` are the worker's: who looks into it until when, and how often it was tried.
    """

    __tablename__ = "picture"
    __table_args__ = (
        of_patient("picture"),
        UniqueConstraint("clinic_id", "source", "external_id", name="picture_external"),
        Index("picture_of_patient", "clinic_id", "patient_id", "id"),
        Index("picture_of_file", "clinic_id", "sha256"),
        # The worker's sweep crosses clinics and wants the few that wait, not the many that are done.
        Index("picture_waiting", "uploaded_at", postgresql_where=text("state = 'uploaded'")),
        # What waits for a verdict of staff: few.
        Index("picture_held", "clinic_id", "id", postgresql_where=text("state = 'quarantined'")),
        CheckConstraint("(kind = 'voice') = (media_type like 'audio/%')", name="picture_sound_is_voice"),
        CheckConstraint(f"kind <> 'voice' or state <> 'ready' or ({_HEARD}) is true", name="picture_voice_is_heard"),
        {"info": {TRIGGERS: Weighed(LetsGo(_TOLD)), SHOWN: _SHOWN}},
    )

    patient_id: UUID
    source: str | None = None
    external_id: str | None = None
    kind: str
    state: str
    reason: str | None = None
    media_type: str
    size_bytes: int = Field(sa_type=BigInteger)
    sha256: str
    # What its sender said of it last (`media.upload.told_hash`).
    told_hash: str | None = None
    upload_id: UUID | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    row_spacing_mm: float | None = None
    column_spacing_mm: float | None = None
    blurhash: str | None = None
    size_1024: int | None = None
    size_256: int | None = None
    # The patient's copy: the same picture without what names people, places and devices.
    size_download: int | None = Field(default=None, sa_type=BigInteger)
    # Of a voice message: how long it is, and how it is drawn (`media.voice`).
    seconds: int | None = None
    waveform: list[int] | None = Field(default=None, sa_column=Column(ARRAY(SmallInteger)))
    # Who spoke it (an account, or somebody of the staff), and whether a message of its patient's thread carries it.
    spoken_by: UUID | None = None
    said: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    teeth: list[str] = texts()
    taken_on: date | None = None
    uploaded_at: datetime
    ready_at: datetime | None = None
    released_at: datetime | None = None
    comment: str | None = None
    # Somebody of the clinic looked at a file that names another person, and says it is this patient's.
    person_confirmed_at: datetime | None = None
    # Which drawing the stored drawn copy shows; behind the latest one while the worker has not drawn it.
    drawn: int | None = None
    size_drawn: int | None = None
    private: bool = private_mark()
    # The private series that it stands in hid it, and shows it again.
    hidden_by: UUID | None = None
    lease_until: datetime | None = None
    attempts: int = 0


class PictureDicom(TenantRow, table=True):
    """What a DICOM file says of how it was taken; `id` is the picture's. Names of people and places are not kept."""

    __tablename__ = "picture_dicom"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "id"], ["picture.clinic_id", "picture.id"], name="picture_dicom_picture", ondelete="CASCADE"
        ),
        Index("picture_dicom_series", "clinic_id", "series_uid"),
    )

    modality: str
    sop_class: str
    transfer_syntax: str
    study_uid: str | None = None
    series_uid: str | None = None
    instance_uid: str | None = None
    series_number: int | None = None
    instance_number: int | None = None
    acquired_at: datetime | None = Field(default=None, sa_column_kwargs={"comment": "the device's own clock, as UTC"})
    manufacturer: str | None = None
    model: str | None = None
    body_part: str | None = None
    laterality: str | None = None
    view: str | None = None
    photometric: str
    bits_stored: int
    exposure_kv: float | None = None
    exposure_uas: float | None = None
    burned_in: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class Drawing(TenantRow, table=True):
    """What staff drew on a picture, as data: each change is a new version, the latest is the one that holds."""

    __tablename__ = "drawing"
    __table_args__ = (
        UniqueConstraint("clinic_id", "picture_id", "version", name="drawing_version"),
        ForeignKeyConstraint(
            ["clinic_id", "picture_id"], ["picture.clinic_id", "picture.id"], name="drawing_picture", ondelete="CASCADE"
        ),
        # The worker draws what is not drawn yet.
        Index("drawing_waiting", "made_at", postgresql_where=text("drawn_at is null")),
    )

    picture_id: UUID
    version: int
    shapes: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False, server_default=text("'[]'")))
    made_by: UUID
    made_at: datetime
    drawn_at: datetime | None = None
    lease_until: datetime | None = None
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
