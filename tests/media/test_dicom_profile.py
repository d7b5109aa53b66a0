"""The patient's copy of a DICOM file: the same pixels, and nothing of the basic profile's table that names anybody."""

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import ImageCms
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

import media
from media.dicom import developed_dicom
from media.dicom.kept import DEFINED, EMPTY, KEPT, RENAMED, WORDS
from media.dicom.profile import renamed
from tests.media.dicom_files import DOWNLOADED, PACKAGED, RAMP, deflated, dicom, item, jpeg_frame

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")

SECRET = "Zorr!"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
NO_PROFILE = PROFILE + SECRET.encode() + b"!"
TABLE = Path(media.__file__).parent / "data" / "ps315_basic_profile.tsv"


def copied(content: bytes) -> bytes:
    return bytes(developed_dicom(content).download)


def copy(content: bytes) -> Dataset:
    return pydicom.dcmread(BytesIO(copied(content)))


@cache
def profile() -> dict[str, str]:
    """Tag in hexadecimal to the basic profile's action."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {tag: action for tag, action, _ in rows}


def planted(vr: str) -> Any:
    """A value of its kind that tells on itself."""
    if vr == "SQ":
        return [item(PatientName=SECRET, CodeMeaning=SECRET, ImageComments=SECRET)]
    if vr in {"OB", "OW", "UN", "OD", "OF", "OL", "OV"}:
        return SECRET.encode() * 8
    if vr in {"DS", "IS", "US", "SS", "UL", "SL", "FL", "FD", "UV", "SV", "AT"}:
        return 77
    return {"DA": "19770707", "DT": "19770707070707", "TM": "070707", "UI": "1.9.77.7", "AS": "077Y"}.get(vr, SECRET)


def test_the_table_is_the_whole_one() -> None:
    assert len(profile()) == 657
    assert set("".join(profile().values())) <= set("XZDUK/*")
    assert (profile()["00100010"], profile()["0020000D"], profile()["private"]) == ("Z", "U", "X")


def test_no_attribute_of_the_profile_is_kept_but_emptied_or_renamed() -> None:
    for tag, action in profile().items():
        keyword = keyword_for_tag(int(tag, 16)) if tag.isalnum() and "x" not in tag and tag != "private" else ""
        if keyword in KEPT:
            assert (action, keyword in RENAMED) == ("U", True), keyword
        if keyword in EMPTY:
            assert "Z" in action, keyword


@pytest.mark.parametrize("rows", [slice(None, None, 3), slice(1, None, 3), slice(2, None, 3)])
def test_every_attribute_of_the_profile_is_gone_from_the_copy_of_a_file_that_has_it(rows: slice) -> None:
    made = pydicom.dcmread(BytesIO(dicom()))
    tags = [int(tag, 16) for tag in profile() if "x" not in tag and tag != "private"]
    for tag in [tag for tag in tags if 0x0008 <= tag >> 16 < 0x7FE0 and tag in DicomDictionary][rows]:
        if tag not in made:
            made.add_new(tag, dictionary_VR(tag), planted(dictionary_VR(tag)))
    left = copy(saved(made))
    for tag in tags:
        keyword = keyword_for_tag(tag)
        if tag >> 16 > 2 and tag in left and keyword not in RENAMED | {"PatientIdentityRemoved"}:
            assert keyword in EMPTY, keyword
            assert not left[tag].value, keyword
    assert SECRET.encode() not in copied(saved(made))
    assert b"19770707" not in copied(saved(made))
    assert b"1.9.77.7" not in copied(saved(made))


def test_no_free_text_of_any_attribute_comes_along_but_the_two_names_of_the_model() -> None:
    made = pydicom.dcmread(BytesIO(dicom()))
    for tag, (vr, *_) in DicomDictionary.items():
        if vr in {"LO", "SH", "ST", "LT", "UT", "UC", "UR", "PN", "AE", "SQ"} and 8 <= tag >> 16 < 0x7FE0:
            made.add_new(tag, vr, planted(vr))
    left = copy(saved(made))
    telling = [element.keyword for element in left.iterall() if SECRET in str(element.value) and element.VR != "SQ"]
    assert set(telling) <= WORDS
    assert copied(saved(made)).count(SECRET.encode()) == len(WORDS)


def test_private_elements_overlays_and_icons_are_left_behind() -> None:
    made = pydicom.dcmread(BytesIO(dicom()))
    made.private_block(0x0009, SECRET, create=True).add_new(1, "LO", SECRET)
    made.private_block(0x0029, "SIEMENS", create=True).add_new(1, "OB", SECRET.encode())
    made.add_new(0x60003000, "OW", SECRET.encode() + b"!")
    made.add_new(0x50003000, "OW", SECRET.encode() + b"!")
    made.IconImageSequence = [item(BitsAllocated=8, PixelData=SECRET.encode() + b"!")]
    made.add_new(0xFFFCFFFC, "OB", SECRET.encode() + b"!")
    found = copied(saved(made))
    assert SECRET.encode() not in found
    assert not [tag for tag in pydicom.dcmread(BytesIO(found)).keys() if tag.is_private]  # noqa: SIM118


def test_words_in_the_place_of_numbers_and_terms_are_left_behind() -> None:
    made = pydicom.dcmread(BytesIO(dicom()))
    made.add_new("BodyPartExamined", "CS", "Zorro's jaw, upper left")
    made.add_new("RescaleType", "LO", "of Zorro")
    content = saved(made)
    assert b"orro" not in copied(content)
    assert "BodyPartExamined" not in copy(content)


def test_a_name_that_looks_like_a_term_is_left_behind() -> None:
    left = copy(
        dicom(BodyPartExamined="ROSSI ANNA", ImageType=["DERIVED", "PRIMARY", "ROSSI ANNA"], ViewPosition="ANNA")
    )
    assert left.ImageType == ["DERIVED", "PRIMARY"]
    assert "BodyPartExamined" not in left
    assert "ViewPosition" not in left


def test_every_term_that_pydicoms_files_need_to_be_read_is_kept() -> None:
    for keyword in ("PhotometricInterpretation", "LossyImageCompression", "PresentationLUTShape", "VOILUTFunction"):
        for file in (PACKAGED / "test_files").glob("*.dcm"):
            said = pydicom.dcmread(file, stop_before_pixels=True, force=True).get(keyword)
            assert not said or said in DEFINED, (file.name, said)


@pytest.mark.parametrize(
    ("keyword", "value", "is_kept"),
    [
        ("SeriesNumber", 393331234, False),
        ("AcquisitionNumber", 19850517, False),
        ("InstanceNumber", 99_999, True),
        ("InstanceNumber", 100_000, False),
        ("ExposureInuAs", 250_000, True),
        ("KVP", "19850517", False),
        ("CTDIvol", 393331234.0, False),
        ("DimensionIndexValues", [1, 393331234], False),
        ("WindowCenter", "nan", False),
        ("ICCProfile", NO_PROFILE, False),
        ("ICCProfile", PROFILE, True),
    ],
)
def test_a_number_is_kept_if_it_can_be_no_record_or_telephone(keyword: str, value: Any, *, is_kept: bool) -> None:
    assert (keyword in copy(dicom(**{keyword: value}))) is is_kept


def test_a_value_of_another_kind_than_its_attribute_is_left_behind() -> None:
    made = pydicom.dcmread(BytesIO(dicom()))
    made.add_new("KVP", "OB", SECRET.encode() + b"!")
    made.add_new("WindowCenter", "LO", "1234")
    made.add_new("SmallestImagePixelValue", "SS", 5)
    left = copy(saved(made))
    assert "KVP" not in left
    assert "WindowCenter" not in left
    assert left.SmallestImagePixelValue == 5


def test_a_code_is_kept_if_its_scheme_is_a_public_one() -> None:
    tooth = item(CodeValue="38994002", CodingSchemeDesignator="SCT", CodeMeaning="Dens sapiens")
    own = item(CodeValue="ZORRO", CodingSchemeDesignator="99ZORRO", CodeMeaning="Tooth of Zorro")
    left = copy(dicom(PrimaryAnatomicStructureSequence=[tooth], AnatomicRegionSequence=[own]))
    assert left.PrimaryAnatomicStructureSequence[0].CodeMeaning == "Mandibular right third molar tooth"
    assert "AnatomicRegionSequence" not in left


def test_what_a_dentist_needs_is_kept() -> None:
    header: dict[str, Any] = {
        "PixelSpacing": [0.1, 0.1], "WindowCenter": 2000, "WindowWidth": 4000, "KVP": 65, "ImageLaterality": "L",
        "BodyPartExamined": "JAW", "Manufacturer": "Films & Co", "ManufacturerModelName": "Прикус 3", "RescaleSlope": 1,
        "RescaleIntercept": -1024, "RescaleType": "HU", "SeriesNumber": 3, "ImageType": ["ORIGINAL", "PRIMARY"],
    }  # fmt: skip
    left = copy(dicom(**header))
    for keyword, value in header.items():
        assert left[keyword].value == value, keyword


def test_the_copy_says_what_was_done_to_it() -> None:
    left = copy(dicom())
    assert left.PatientIdentityRemoved == "YES"
    assert left.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert left.LongitudinalTemporalInformationModified == "REMOVED"


def test_a_picture_with_words_in_it_is_not_called_nameless() -> None:
    left = copy(dicom(BurnedInAnnotation="YES"))
    assert (left.PatientIdentityRemoved, left.BurnedInAnnotation) == ("NO", "YES")


def test_uids_are_new_and_hold_a_study_together() -> None:
    one, other = copy(dicom()), copy(dicom(SOPInstanceUID="1.2.3.5"))
    assert one.StudyInstanceUID == other.StudyInstanceUID == renamed("1.2.3")
    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID
    for uid in (one.StudyInstanceUID, one.SeriesInstanceUID, one.SOPInstanceUID):
        assert uid.is_valid
        assert uid.startswith("2.25.")
        assert len(uid) <= 64


def test_a_file_without_uids_gets_some() -> None:
    left = copy(dicom(StudyInstanceUID=None, SeriesInstanceUID=None, SOPInstanceUID=None, SOPClassUID=None))
    assert left.StudyInstanceUID != left.SeriesInstanceUID != left.SOPInstanceUID
    assert left.SOPClassUID == left.file_meta.MediaStorageSOPClassUID


def test_the_preamble_is_empty() -> None:
    found = copied(b"II*\0" + bytes([7]) * 124 + dicom()[128:])
    assert found[:132] == bytes(128) + b"DICM"


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_the_bytes_of_the_pixels_are_the_same(syntax: str) -> None:
    pixels = RAMP.astype(">u2") if syntax == ExplicitVRBigEndian else RAMP
    left = copy(dicom(pixels, syntax, ImageComments=SECRET))
    assert left.PixelData == pixels.tobytes()
    assert left.file_meta.TransferSyntaxUID == syntax


@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_floating_pixels_are_copied(kind: str) -> None:
    pixels = np.linspace(0, 1, 64, dtype=kind).reshape(8, 8)
    assert (copy(dicom(pixels)).pixel_array == pixels).all()


def test_a_deflated_file_stays_a_small_one() -> None:
    content = deflated(dicom(np.zeros((512, 512), np.uint16)))
    found = copied(content)
    assert len(found) < 4000
    assert copy(content).file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    assert len(copy(content).PixelData) == 2 * 512 * 512


def test_what_stands_behind_the_last_frame_does_not_come_along() -> None:
    left = copy(dicom(PixelData=RAMP.tobytes() + SECRET.encode() * 10))
    assert left.PixelData == RAMP.tobytes()


def test_comments_inside_a_jpeg_are_overwritten_and_its_pixels_are_not() -> None:
    header = {"Rows": 32, "Columns": 64, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    content = dicom([jpeg_frame(comment=b"Zorro's teeth")], JPEGBaseline8Bit, **header)
    assert b"Zorro" in content
    assert b"Zorro" not in copied(content)
    assert (copy(content).pixel_array == pydicom.dcmread(BytesIO(content)).pixel_array).all()


@pytest.mark.parametrize(
    "file",
    [
        "pydicom/SC_rgb_jpeg_dcmtk.dcm", "pydicom/SC_rgb_rle_2frame.dcm", "pydicom/JPEGLSNearLossless_16.dcm",
        "pydicom/MR_small_RLE.dcm", "pydicom/liver_expb_1frame.dcm", "pydicom/rtdose_expb.dcm",
        "data/emri_small_jpeg_ls_lossless.dcm", "data/OBXXXX1A_expb_2frame.dcm",
    ],
)  # fmt: skip
def test_files_of_real_machines_keep_every_byte_of_their_pixels(file: str) -> None:
    folder, name = file.split("/")
    content = ((PACKAGED / "test_files" if folder == "pydicom" else DOWNLOADED) / name).read_bytes()
    old, new = pydicom.dcmread(BytesIO(content)), copy(content)
    assert new.PixelData == old.PixelData
    if old.file_meta.TransferSyntaxUID.is_encapsulated:
        frames = int(old.get("NumberOfFrames", 1))
        assert [*generate_frames(new.PixelData, number_of_frames=frames)]
    assert (new.pixel_array == old.pixel_array).all()


def test_a_jpeg_2000_keeps_its_pixels_though_its_comment_goes() -> None:
    content = (PACKAGED / "test_files" / "examples_jpeg2k.dcm").read_bytes()
    old, new = pydicom.dcmread(BytesIO(content)), copy(content)
    assert len(new.PixelData) == len(old.PixelData)
    assert (new.pixel_array == old.pixel_array).all()


def test_an_enhanced_file_keeps_its_geometry_frame_by_frame() -> None:
    content = (PACKAGED.parent.parent / "data_store" / "data" / "eCT_Supplemental.dcm").read_bytes()
    old, new = pydicom.dcmread(BytesIO(content)), copy(content)
    assert len(new.PerFrameFunctionalGroupsSequence) == len(old.PerFrameFunctionalGroupsSequence)
    for keyword, inner in (("PlanePositionSequence", "ImagePositionPatient"),):
        before = [one[keyword].value[0][inner].value for one in old.PerFrameFunctionalGroupsSequence]
        assert [one[keyword].value[0][inner].value for one in new.PerFrameFunctionalGroupsSequence] == before


def saved(made: Dataset) -> bytes:
    out = BytesIO()
    pydicom.dcmwrite(out, made)
    return out.getvalue()
