"""What became of pictures that were looked into: several are settled in one transaction, by a statement each kind."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Update, bindparam, column, func, update
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert

from core.database import Sweeping
from core.events import SYSTEM, Happening, record_across
from media.commands.files import leave_files
from media.commands.pictures import ClaimedPicture
from media.kinds import Developed, DicomFacts, PictureState, Reason
from media.pieces import bytes_of
from media.storage import file_folder
from media.tables import Picture, PictureDicom
from media.voice import Heard


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a picture once everything made of it lies in the storage: `Developed` or `Heard` without the
    bytes.
    """

    width: int | None = None
    height: int | None = None
    frames: int | None = None
    blurhash: str | None = None
    size_1024: int | None = None
    size_256: int | None = None
    size_download: int | None = None
    dicom: DicomFacts | None = None
    seconds: int | None = None
    waveform: tuple[int, ...] | None = None

    @classmethod
    def of(cls, made: Developed) -> Self:
        return cls(
            made.width, made.height, made.frames, made.blurhash, len(made.preview_1024), len(made.preview_256),
            None if made.download is None else bytes_of(made.download), made.dicom,
        )  # fmt: skip

    @classmethod
    def of_voice(cls, made: Heard) -> Self:
        return cls(size_download=len(made.copy), seconds=made.seconds, waveform=made.waveform)


async def record_previews(sweeping: Sweeping, stored: Mapping[ClaimedPicture, Stored], now: datetime) -> set[UUID]:
    """Make pictures ready whose previews are stored; the ids of those that still waited."""
    state = {"state": PictureState.READY.value, "ready_at": now.isoformat()}
    told = [_told(claimed, **state, **_columns_of(made)) for claimed, made in stored.items()]
    settled = await _settle(sweeping, _MAKE_READY, told, "picture.ready", now)
    dicoms = [(claimed, made.dicom) for claimed, made in stored.items() if claimed.picture_id in settled and made.dicom]
    if dicoms:
        await sweeping.execute(_NOTE_DICOM, [_dicom_row(claimed, facts) for claimed, facts in dicoms])
    # Gone or moved meanwhile: what was stored of it may have come after the sweep of its file.
    late = [claimed for claimed in stored if claimed.picture_id not in settled]
    keys = [(claimed.clinic_id, file_folder(claimed.clinic_id, claimed.sha256)) for claimed in late]
    await leave_files(sweeping, keys)
    return settled


async def quarantine(sweeping: Sweeping, held: Mapping[ClaimedPicture, Reason], now: datetime) -> set[UUID]:
    """Hold pictures back, their bytes stay where they are; the ids of those that still waited."""
    state = PictureState.QUARANTINED.value
    told = [_told(claimed, state=state, reason=reason.value) for claimed, reason in held.items()]
    return await _settle(sweeping, _HOLD_BACK, told, "picture.quarantined", now)


async def _settle(
    sweeping: Sweeping, settling: Update, told: list[dict[str, Any]], kind: str, now: datetime
) -> set[UUID]:
    if not told:
        return set()
    rows = (await sweeping.execute(settling, {"told": told})).all()
    happenings = [
        (clinic_id, Happening(kind, row_id, patient_id=patient_id, facts={"reason": reason} if reason else {}))
        for clinic_id, row_id, patient_id, reason in rows
    ]
    await record_across(sweeping, SYSTEM, happenings, now)
    return {row_id for _, row_id, _, _ in rows}


def _told(claimed: ClaimedPicture, **values: Any) -> dict[str, Any]:
    same = (claimed.clinic_id, claimed.picture_id, claimed.patient_id)
    return {**dict(zip(_SAME, map(str, same), strict=True)), **values}


def _columns_of(made: Stored) -> dict[str, Any]:
    spacing = (made.dicom.row_spacing_mm, made.dicom.column_spacing_mm) if made.dicom else (None, None)
    sizes = {name: getattr(made, name) for name in _MEASURED}
    return {**sizes, "row_spacing_mm": spacing[0], "column_spacing_mm": spacing[1]}


def _settling(*names: str, **others: Any) -> Update:
    """SQL: set these columns of all pictures of `:told` that still wait, whichever worker looked into them.

    Only a picture that still waits can be settled: of two workers whose leases overlapped, one is told of it.
    """
    picture = Picture.__table__  # type: ignore[attr-defined]  # SQLModel does not declare it
    columns = [column(name, picture.c[name].type) for name in (*_SAME, *names)]
    listed = func.jsonb_to_recordset(bindparam("told", type_=JSONB)).table_valued(*columns)
    told = listed.render_derived(name="told", with_types=True)
    return (
        update(picture)
        .where(
            *(picture.c[name] == told.c[name] for name in _SAME),  # not moved: compared with the right person
            picture.c.state == PictureState.UPLOADED.value,
        )
        .values({**{name: told.c[name] for name in names}, **others, "lease_until": None})
        .returning(*(picture.c[name] for name in (*_SAME, "reason")))
    )


_SAME = ("clinic_id", "id", "patient_id")
_MEASURED = ("width", "height", "frames", "blurhash", "size_1024", "size_256", "size_download", "seconds", "waveform")
_HOLD_BACK = _settling("state", "reason")
_MAKE_READY = _settling(
    "state", *_MEASURED, "row_spacing_mm", "column_spacing_mm", "ready_at", reason=None, upload_id=None
)


def _dicom_row(claimed: ClaimedPicture, facts: DicomFacts) -> dict[str, Any]:
    told = {name: value for name, value in asdict(facts).items() if name in PictureDicom.model_fields}
    at = facts.acquired_at and datetime.fromisoformat(facts.acquired_at).replace(tzinfo=UTC)
    return {**told, "clinic_id": claimed.clinic_id, "id": claimed.picture_id, "acquired_at": at or None}


def _noting() -> Insert:
    row = insert(PictureDicom.__table__)  # type: ignore[attr-defined]  # SQLModel does not declare it
    told = {name: row.excluded[name] for name in PictureDicom.model_fields if name not in ("clinic_id", "id")}
    return row.on_conflict_do_update(index_elements=["clinic_id", "id"], set_=told)


_NOTE_DICOM = _noting()
