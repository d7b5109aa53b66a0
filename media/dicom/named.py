"""Reads from a DICOM file how its clinic calls the patient, and the day it was taken. Runs in the darkroom only."""

import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset

from media.dicom.values import day, value
from media.kinds import Reason, Rejected
from media.parcels import Parcel

_DAYS = ("AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate")


def named_job(_: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    """Facts: `patient_id` and `taken_on`, each null where the file does not say. Raises `Rejected`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's remarks on sloppy files, which quote them
        header = _header(files[0])
        days = [found for keyword in _DAYS if (found := day(header, keyword)) is not None]
        return Parcel({"patient_id": _patient_id(header), "taken_on": days[0].isoformat() if days else None})


def _header(content: bytes) -> Dataset:
    try:
        return dcmread(BytesIO(content), stop_before_pixels=True, specific_tags=["PatientID", *_DAYS])
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  hostile bytes raise whatever they like
        raise Rejected(Reason.BROKEN) from None


def _patient_id(header: Dataset) -> str | None:
    """Whole, or none of it: the id of somebody else may begin with the same letters."""
    found = value(header, "PatientID")
    return str(found).strip() or None if isinstance(found, str) else None
