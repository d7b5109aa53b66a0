"""What a DICOM file says of how it was taken, and of whom. Darkroom only."""

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from media.dicom.codes import public_code
from media.dicom.file import DicomFile
from media.dicom.frame import aspect
from media.dicom.kept import is_defined
from media.dicom.shades import bits_of
from media.dicom.values import clean, day, item, moment, number, numbers, stamp, text
from media.kinds import DicomFacts, NamedPerson

_SMALLEST_MM, _LARGEST_MM = 1e-4, 100.0
_INT32 = 2**31
_LONGEST_NAME = 200
_OVERLAYS, _OVERLAY_BIT = range(0x6000, 0x6020, 2), 0x0102


def facts_of(file: DicomFile, header: Dataset, *, stretch: float, hides: bool) -> DicomFacts:
    """`header` of the shown frame; `stretch`: how much taller its pixels were drawn, see `spacing`; `hides`: something
    lies in bits of the copy that nobody is shown."""
    row, column = spacing(header, stretch)
    return DicomFacts(
        modality=_term(header, "Modality") or "OT",
        sop_class=text(header, "SOPClassUID") or "",
        transfer_syntax=clean(str(file.told)) or "",
        photometric=text(header, "PhotometricInterpretation") or "",
        bits_stored=bits_of(header),
        study_uid=text(header, "StudyInstanceUID"),
        series_uid=text(header, "SeriesInstanceUID"),
        instance_uid=text(header, "SOPInstanceUID"),
        series_number=_count(header, "SeriesNumber"),
        instance_number=_count(header, "InstanceNumber"),
        acquired_at=_acquired(header),
        manufacturer=text(header, "Manufacturer"),
        model=text(header, "ManufacturerModelName"),
        body_part=_term(header, "BodyPartExamined") or _meaning(header, "AnatomicRegionSequence"),
        laterality=_term(header, "ImageLaterality") or _term(header, "FrameLaterality") or _term(header, "Laterality"),
        view=_term(header, "ViewPosition") or _meaning(header, "ViewCodeSequence"),
        exposure_kv=_positive(number(header, "KVP")),
        exposure_uas=_positive(_microampereseconds(header)),
        row_spacing_mm=row,
        column_spacing_mm=column,
        burned_in=hides or _burned_in(header),
    )


def spacing(header: Dataset, stretch: float) -> tuple[float | None, float | None]:
    """Millimetres from row to row and from column to column of the picture as it is looked at (PS3.3 §10.7).

    At the patient where the file says so; else at the detector, brought back by the magnification where it is known.
    `stretch`: above 1 the picture was drawn taller by it, below 1 wider by its inverse.
    """
    pair = numbers(header, "PixelSpacing")
    if len(pair) != 2:  # noqa: PLR2004
        magnified = number(header, "EstimatedRadiographicMagnificationFactor") or 1.0
        pair = [at / magnified for at in numbers(header, "ImagerPixelSpacing")] if magnified > 0 else []
    if len(pair) != 2 or not all(_SMALLEST_MM <= at <= _LARGEST_MM for at in pair):  # noqa: PLR2004
        return None, None
    return pair[0] / max(stretch, 1.0), pair[1] * min(stretch, 1.0)


def stretch_of(header: Dataset, size: tuple[int, int], stored: tuple[int, int]) -> float:
    """How `size` (width, height) came of `stored`: 1, or the pixel's aspect where it was honoured."""
    return 1.0 if size == stored else aspect(header)


def person_of(header: Dataset) -> NamedPerson | None:
    """Whom the file names; None where it names nobody."""
    try:
        name = str(header.get("PatientName") or "")[:_LONGEST_NAME].strip() or None
    except Exception:  # noqa: BLE001  a name in no known alphabet
        name = None
    born = day(header, "PatientBirthDate")
    return NamedPerson(name, born.isoformat() if born else None) if name or born else None


def _burned_in(header: Dataset) -> bool:
    """Whether the file says that words are written into its pixels, or hides an overlay in their spare bits."""
    return _is_not_denied(header, "BurnedInAnnotation") or any(
        tag.element == _OVERLAY_BIT and tag.group in _OVERLAYS and _is_set(header, tag)
        for tag in header.keys()  # noqa: SIM118
    )


def is_recognizable(header: Dataset) -> bool:
    """Whether the file says that one can tell by the picture whom it shows (PS3.3 C.7.6.1)."""
    return _is_not_denied(header, "RecognizableVisualFeatures")


def _is_not_denied(header: Dataset, keyword: str) -> bool:
    """Whatever a device writes there, in whatever letters, only NO means no; nothing written means nothing."""
    said = text(header, keyword)
    return said is not None and said.upper() != "NO"


def _is_set(header: Dataset, tag: BaseTag) -> bool:
    try:
        return int(header[tag].value or 0) > 0
    except Exception:  # noqa: BLE001  what cannot be read may hide anything
        return True


def _acquired(header: Dataset) -> str | None:
    found = (
        stamp(header, "AcquisitionDateTime")
        or moment(header, "AcquisitionDate", "AcquisitionTime")
        or moment(header, "ContentDate", "ContentTime")
        or moment(header, "StudyDate", "StudyTime")
    )
    return found.isoformat() if found else None


def _microampereseconds(header: Dataset) -> float | None:
    """Of whichever the device wrote: in µAs, in mAs, or as its two factors mA and ms."""
    exact, coarse = number(header, "ExposureInuAs"), number(header, "Exposure")
    if exact or coarse:
        return exact or (coarse or 0) * 1000
    current, milliseconds = number(header, "XRayTubeCurrent"), number(header, "ExposureTime")
    return current * milliseconds if current and milliseconds else None


def _positive(found: float | None) -> float | None:
    return found if found is not None and 0 < found < _INT32 else None


def _count(header: Dataset, keyword: str) -> int | None:
    found = number(header, keyword)
    return int(found) if found is not None and -_INT32 <= found < _INT32 else None


def _meaning(header: Dataset, keyword: str) -> str | None:
    found = item(header, keyword)
    code = public_code(found) if found is not None else None
    return clean(code.meaning) if code is not None and code.meaning != code.value else None


def _term(header: Dataset, keyword: str) -> str | None:
    """A defined term in whatever letters: any other word might be a name, and patient and guardian read it."""
    found = (text(header, keyword) or "").upper()
    return found if is_defined(found) else None
