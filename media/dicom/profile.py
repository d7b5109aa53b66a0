"""The patient's copy of a DICOM file: the same pixels, and of the rest only what `media.dicom.kept` names.

PS3.15 annex E, basic profile, by rebuilding: nothing is removed from the old file, a new one is filled with what is
known to be harmless. A private element, an overlay, an icon, a comment cannot come along because nobody lets it in.
"""

import re
import zlib
from collections.abc import Iterator
from hashlib import sha256
from itertools import chain
from uuid import UUID

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import SecondaryCaptureImageStorage

from media.dicom.codes import public_code
from media.dicom.file import DicomFile
from media.dicom.kept import CODE, EMPTY, KEPT, LISTS, MEASURED, RENAMED, TERMS, VERBATIM, WORDS, is_defined
from media.dicom.pixels import pixel_element
from media.dicom.values import clean, text
from media.layout import LARGEST_PROFILE, is_profile
from media.layout_profile import clean_profile
from media.parcels import Part, Pieces, bytes_in

_DEEPEST = 8
_NUMBERS = frozenset({"US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"})
_NUMERALS = frozenset({"DS", "IS"})
_COUNTS = frozenset({"IS", "UL", "SL"})
_BULK = frozenset({"OW", "OB", "OV"})
_DIRECTION = re.compile(r"[APRLHF]{1,3}")
_LARGEST_COUNT, _LARGEST = 10**5, 10**7
"""Below these lies every honest number; a date of birth, a telephone or a record's number mostly does not."""
_HELD = 64 * 1024**2
"""Of a larger file the copy is made twice, to be measured and to be sent: a process has no room for both."""


def patients_copy(file: DicomFile, *, burned_in: bool, recognizable: bool) -> Pieces:
    """A DICOM file of its own, in the transfer syntax of the file as it came and with the bytes of its pixels.

    It says that nobody is named in it (0012,0062), except where words are burned into the picture, or the file says
    that one can tell by it whom it shows. Raises `Rejected` over a frame that is not whole, before any piece is sent.
    """
    kept = _kept(file.header, 0)
    for keyword in EMPTY:
        setattr(kept, keyword, None)
    _name(kept, file)
    _declare(kept, burned_in=burned_in, recognizable=recognizable)
    meta, head = _meta(kept, file), _written(kept, file)
    if file.told != file.syntax:
        return _held([meta, *_deflated([head, *pixel_element(file)])])
    if len(file.content) <= _HELD:
        return _held([meta, head, *pixel_element(file)])
    length = len(meta) + len(head) + sum(map(len, pixel_element(file)))
    return Pieces(length, lambda: chain([meta, head], pixel_element(file)))


def _held(pieces: list[Part]) -> Pieces:
    return Pieces(sum(map(len, pieces)), lambda: pieces)


def _meta(kept: Dataset, file: DicomFile) -> bytes:
    """Preamble of zeros, mark, and the group that says how the rest is written (PS3.10 §7.1)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = kept.SOPClassUID
    meta.MediaStorageSOPInstanceUID = kept.SOPInstanceUID
    meta.TransferSyntaxUID = file.told
    out = DicomBytesIO()
    out.write(bytes(128) + b"DICM")
    write_file_meta_info(out, meta)
    return out.getvalue()


def _written(kept: Dataset, file: DicomFile) -> bytes:
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = file.syntax.is_little_endian, file.syntax.is_implicit_VR
    write_dataset(out, kept)
    return out.getvalue()


def _deflated(body: list[Part]) -> Iterator[bytes]:
    """PS3.5 A.5; of even length."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    pieces = [deflater.compress(bytes_in(piece)) for piece in body]
    pieces.append(deflater.flush())
    yield from pieces
    yield bytes(sum(map(len, pieces)) % 2)


def renamed(old: str) -> str:
    """A new UID, always the same for the same old one (PS3.5 B.2: a UUID under 2.25).

    No secret goes into it, for the darkroom has none: who holds the original can tell that a copy is of it.
    """
    digest = sha256(b"enamel patient's copy\0" + old.strip("\0 ").encode()).digest()
    return f"2.25.{UUID(bytes=digest[:16], version=4).int}"


def _kept(found: Dataset, depth: int) -> Dataset:
    made = Dataset()
    for tag in found.keys():  # noqa: SIM118  a Dataset iterates over values and would stop at the first bad one
        element = _element(found, tag)
        if element is None or element.keyword not in KEPT or not _is_of_its_kind(element):
            continue
        if element.VR == "SQ":
            _keep_items(made, element, depth)
        else:
            _keep(made, element)
    _keep_code(made)
    return made


def _keep_code(made: Dataset) -> None:
    """What a code of a public scheme means, in the scheme's own words; of another one nothing."""
    code = public_code(made)
    if code:
        made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = code.value, code.scheme, code.meaning
    else:
        for keyword in CODE & set(made.dir()):
            del made[keyword]


def _element(found: Dataset, tag: BaseTag) -> DataElement | None:
    try:
        return found[tag]
    except Exception:  # noqa: BLE001  an element that cannot be read cannot be vouched for
        return None


def _is_of_its_kind(element: DataElement) -> bool:
    """A number that is written as bytes or as words may be anything; only its width may be another."""
    wanted, found = (set(vr.split(" or ")) for vr in (dictionary_VR(element.tag), element.VR))
    return found <= wanted or found | wanted <= _NUMBERS


def _keep_items(made: Dataset, element: DataElement, depth: int) -> None:
    items = [_kept(one, depth + 1) for one in element.value] if depth < _DEEPEST else []
    if any(len(one) for one in items):  # if so all of them: groups stand in the order of the frames
        setattr(made, element.keyword, items)


def _keep(made: Dataset, element: DataElement) -> None:
    """Only what the kind of the value vouches for: no name fits into a number or into a word of a fixed list."""
    keyword, values = element.keyword, _values(element)
    if keyword in RENAMED:
        if values:
            setattr(made, keyword, renamed(str(values[0])))
    elif keyword in WORDS or keyword in CODE:
        setattr(made, keyword, clean(" ".join(str(one) for one in values)))
    elif keyword in LISTS:
        setattr(made, keyword, [one for one in values if is_defined(one)])
    elif keyword == "ICCProfile":
        _keep_profile(made, values)
    elif _harmless(element, values):
        made[element.tag] = element


def _keep_profile(made: Dataset, values: list[object]) -> None:
    """PS3.5 §6.2: of even length."""
    found = values[0] if values else None
    if not isinstance(found, bytes) or len(found) > LARGEST_PROFILE or not is_profile(found):
        return
    profile = clean_profile(found)
    if profile is not None:
        made.ICCProfile = profile + bytes(len(profile) % 2)


def _values(element: DataElement) -> list[object]:
    found = element.value
    if found is None or found == "":
        return []
    return list(found) if isinstance(found, MultiValue) else [found]


def _harmless(element: DataElement, values: list[object]) -> bool:
    if element.keyword == "PatientOrientation":
        return all(_DIRECTION.fullmatch(str(one).strip()) for one in values)
    if element.VR == "CS" or element.keyword in TERMS:
        return all(is_defined(one) for one in values)
    if element.VR in _BULK or element.VR == "AT" or element.keyword in VERBATIM:
        return True
    counts = element.VR in _COUNTS and element.keyword not in MEASURED
    return element.VR in _NUMERALS | _NUMBERS and all(
        _is_number(one, _LARGEST_COUNT if counts else _LARGEST) for one in values
    )


def _is_number(found: object, limit: int) -> bool:
    try:
        return abs(float(str(found))) < limit
    except ValueError:
        return False


def _name(made: Dataset, file: DicomFile) -> None:
    """The names that a file needs, new ones where the old file had none (PS3.10 §7.1)."""
    meta = file.header.file_meta
    old = text(file.header, "SOPInstanceUID") or text(meta, "MediaStorageSOPInstanceUID")
    old = old or sha256(file.content).hexdigest()
    for keyword, kind in (("SOPInstanceUID", ""), ("SeriesInstanceUID", "series "), ("StudyInstanceUID", "study ")):
        if not made.get(keyword):
            setattr(made, keyword, renamed(kind + old))
    if not made.get("SOPClassUID"):
        made.SOPClassUID = text(meta, "MediaStorageSOPClassUID") or SecondaryCaptureImageStorage


def _declare(made: Dataset, *, burned_in: bool, recognizable: bool) -> None:
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientIdentityRemoved = "NO" if burned_in or recognizable else "YES"
    if burned_in:
        made.BurnedInAnnotation = "YES"
    if recognizable:
        made.RecognizableVisualFeatures = "YES"
    made.DeidentificationMethod = "PS3.15 basic profile, rebuilt from a list"
    profile = Dataset()
    profile.CodeValue, profile.CodingSchemeDesignator = "113100", "DCM"
    profile.CodeMeaning = "Basic Application Confidentiality Profile"
    made.DeidentificationMethodCodeSequence = [profile]
    made.LongitudinalTemporalInformationModified = "REMOVED"
