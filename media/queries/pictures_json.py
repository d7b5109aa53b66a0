"""A patient's pictures as JSON made by PostgreSQL: for the documents of packages above, always correlated."""

from typing import Any

from sqlalchemy import case, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from media.queries.pictures import is_shown, same_picture
from media.tables import Picture as PictureRow
from media.tables import PictureDicom

MOST_IN_DOCUMENT = 100
_CLOCK = 'YYYY-MM-DD"T"HH24:MI:SS'


def pictures_json(clinic_id: Any, patient_id: Any) -> Any:
    """SQL: the latest 100 pictures a patient may see as a JSON array of `Picture`, latest first; never null."""
    latest = (
        select(col(PictureRow.id), _object().label("document"))
        .outerjoin(PictureDicom, same_picture())
        .where(col(PictureRow.clinic_id) == clinic_id, col(PictureRow.patient_id) == patient_id, *is_shown())
        .order_by(col(PictureRow.id).desc())
        .limit(MOST_IN_DOCUMENT)
        .correlate_except(PictureRow, PictureDicom)
        .subquery("latest_picture")
    )
    every = func.json_agg(aggregate_order_by(latest.c.document, latest.c.id.desc()))
    return select(func.coalesce(every, literal_column("'[]'::json"))).select_from(latest).scalar_subquery()


def _object() -> Any:
    row, dicom = PictureRow, PictureDicom
    acquired = func.json_build_object(
        *("modality", dicom.modality, "acquired_at", func.to_char(func.timezone("UTC", dicom.acquired_at), _CLOCK)),
        *("body_part", dicom.body_part, "laterality", dicom.laterality, "view", dicom.view),
        *("exposure_kv", dicom.exposure_kv, "exposure_uas", dicom.exposure_uas),
    )
    download = func.json_build_object(
        *("media_type", col(row.media_type)),
        *("size_bytes", func.coalesce(row.size_download, row.size_bytes)),
    )
    return func.json_build_object(
        *("picture_id", row.id, "kind", row.kind, "state", row.state, "taken_on", row.taken_on, "teeth", row.teeth),
        *("width", row.width, "height", row.height, "frames", row.frames, "row_spacing_mm", row.row_spacing_mm),
        *("column_spacing_mm", row.column_spacing_mm, "blurhash", row.blurhash, "comment", row.comment),
        *("has_drawing", col(row.drawn).is_not(None), "download", download),
        *("acquired", case((col(dicom.id).is_not(None), acquired))),
    )
