"""What is read off a DICOM header: facts of the picture, however sloppily a device wrote them, and the person."""

from io import BytesIO
from typing import Any

import pydicom
import pytest

from media.dicom import DicomDeveloped, developed_dicom
from media.kinds import NamedPerson
from tests.media.dicom_files import PACKAGED, dicom, item

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")  # it warns of what we write on purpose


def made(**header: Any) -> DicomDeveloped:
    return developed_dicom(dicom(**header))


def test_the_facts_of_a_tooth_film() -> None:
    found = made(
        Modality="IO", Manufacturer="Films & Co", ManufacturerModelName="Bite 3", BodyPartExamined="JAW",
        ImageLaterality="L", ViewPosition="AP", KVP=65, ExposureInuAs=420, SeriesNumber=2, InstanceNumber=7,
        AcquisitionDate="20260131", AcquisitionTime="101530.25",
    ).facts  # fmt: skip
    assert (found.modality, found.manufacturer, found.model) == ("IO", "Films & Co", "Bite 3")
    assert (found.body_part, found.laterality, found.view) == ("JAW", "L", "AP")
    assert (found.exposure_kv, found.exposure_uas, found.bits_stored) == (65, 420, 16)
    assert (found.series_number, found.instance_number, found.acquired_at) == (2, 7, "2026-01-31T10:15:30")
    assert (found.study_uid, found.series_uid, found.instance_uid) == ("1.2.3", "1.2.3.1", "1.2.3.4")
    assert (found.photometric, found.transfer_syntax) == ("MONOCHROME2", "1.2.840.10008.1.2.1")


def test_a_region_and_a_view_may_be_codes() -> None:
    region = item(CodeValue="661005", CodingSchemeDesignator="SCT", CodeMeaning="Kiefer")
    view = item(CodeValue="R-10206", CodingSchemeDesignator="SRT", CodeMeaning="von vorn")
    found = made(AnatomicRegionSequence=[region], ViewCodeSequence=[view]).facts
    assert (found.body_part, found.view) == ("Jaw region", "antero-posterior")


def test_words_that_are_no_terms_are_no_facts() -> None:
    tooth = item(CodeValue="123456", CodingSchemeDesignator="SCT", CodeMeaning="Tooth of Anna Rossi")
    found = made(
        Modality="ANNA", BodyPartExamined="ROSSI ANNA", ViewPosition="HIV POS", ImageLaterality="ROSSI",
        AnatomicRegionSequence=[tooth], ViewCodeSequence=[tooth],
    ).facts  # fmt: skip
    assert (found.modality, found.body_part, found.view, found.laterality) == ("OT", None, None, None)


def test_a_term_is_one_in_small_letters_too() -> None:
    assert made(BodyPartExamined="Jaw", Modality="io").facts.body_part == "JAW"


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ({"PixelSpacing": [0.1, 0.2]}, (0.1, 0.1)),  # wide pixels were drawn out to square ones
        ({"PixelSpacing": [0.2, 0.1]}, (0.1, 0.1)),
        ({"PixelSpacing": [0.02, 0.02], "ImagerPixelSpacing": [0.03, 0.03]}, (0.02, 0.02)),
        ({"ImagerPixelSpacing": [0.03, 0.03]}, (0.03, 0.03)),
        ({"ImagerPixelSpacing": [0.03, 0.03], "EstimatedRadiographicMagnificationFactor": 1.5}, (0.02, 0.02)),
        ({"PixelSpacing": [0.1]}, (None, None)),
        ({"PixelSpacing": [0, 0.1]}, (None, None)),
        ({"PixelSpacing": [1e9, 1e9]}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_the_spacing_is_of_the_picture_as_it_is_looked_at(
    header: dict[str, Any], wanted: tuple[float | None, float | None]
) -> None:
    found = made(**header).facts
    assert (found.row_spacing_mm, found.column_spacing_mm) == pytest.approx(wanted)


def test_rows_come_before_columns() -> None:
    found = made(PixelSpacing=[0.1, 0.1005]).facts  # too little a difference to be drawn out
    assert (found.row_spacing_mm, found.column_spacing_mm) == (0.1, 0.1005)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ({"AcquisitionDateTime": "20260131101530.5+0300"}, "2026-01-31T10:15:30"),
        ({"ContentDate": "20260131", "ContentTime": "10"}, "2026-01-31T10:00:00"),
        ({"StudyDate": "20260131"}, "2026-01-31T00:00:00"),
        ({"StudyDate": "2026.01.31", "StudyTime": "10:15:30"}, "2026-01-31T10:15:30"),
        ({"AcquisitionDate": "20261331", "StudyDate": "20260131"}, "2026-01-31T00:00:00"),
        ({"StudyDate": "20260131", "StudyTime": "256199"}, "2026-01-31T00:00:00"),
        ({"StudyDate": "00010101"}, None),
        ({"StudyDate": "yesterday"}, None),
        ({}, None),
    ],
)
def test_the_moment_is_the_most_exact_one_that_can_be_read(header: dict[str, str], wanted: str | None) -> None:
    assert made(**header).facts.acquired_at == wanted


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ({"ExposureInuAs": 420, "Exposure": 9}, 420),
        ({"Exposure": 2}, 2000),
        ({"XRayTubeCurrent": 7, "ExposureTime": 60}, 420),
        ({"Exposure": 0}, None),
        ({}, None),
    ],
)
def test_the_exposure_is_told_in_microampereseconds(header: dict[str, int], wanted: float | None) -> None:
    assert made(**header).facts.exposure_uas == wanted


def test_text_is_cut_and_cleaned_for_the_database() -> None:
    found = made(Manufacturer="A\x07" + "b" * 200, ManufacturerModelName=" \x1b ").facts
    assert found.manufacturer == "A" + "b" * 63
    assert found.model is None


def test_a_file_that_says_next_to_nothing_has_facts_all_the_same() -> None:
    found = made(Modality=None, StudyInstanceUID=None, SeriesInstanceUID=None).facts
    assert (found.modality, found.study_uid, found.series_uid, found.manufacturer) == ("OT", None, None, None)


def test_a_person_is_read_in_every_alphabet() -> None:
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    found = made(PatientName=name, PatientBirthDate="19800229").person
    assert found == NamedPerson(name, "1980-02-29")


@pytest.mark.parametrize(
    ("file", "part"), [("chrRuss.dcm", "Люкceмбypг"), ("chrGerm.dcm", "Äneas"), ("chrH31.dcm", "山田")]
)
def test_names_of_real_files_keep_their_letters(file: str, part: str) -> None:
    found = developed_dicom((PACKAGED / "charset_files" / file).read_bytes()).person
    assert found is not None
    assert part in (found.name or "")


@pytest.mark.parametrize("born", ["19800230", "unknown", ""])
def test_a_birth_date_that_is_none_is_left_out(born: str) -> None:
    assert made(PatientName="Rossi^Anna", PatientBirthDate=born).person == NamedPerson("Rossi^Anna", None)


def test_a_file_may_name_nobody() -> None:
    assert made(PatientName="", PatientBirthDate="").person is None
    assert made().person is None


@pytest.mark.parametrize(
    ("said", "wanted"),
    [("YES", True), ("Yes", True), ("yes", True), ("Y", True), ("NO", False), ("no", False), ("", False)],
)
def test_words_in_the_picture_are_told(said: str, wanted: bool) -> None:
    assert made(BurnedInAnnotation=said).facts.burned_in is wanted
    assert not made().facts.burned_in


def test_an_overlay_hidden_in_the_spare_bits_counts_as_words() -> None:
    content = dicom()
    read = pydicom.dcmread(BytesIO(content))
    read.add_new(0x60000102, "US", 12)
    out = BytesIO()
    read.save_as(out)
    assert developed_dicom(out.getvalue()).facts.burned_in
