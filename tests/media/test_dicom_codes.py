"""Codes in the patient's copy of a DICOM file: they mean what their scheme says, whatever the file says beside them."""

from io import BytesIO
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from media.dicom import developed_dicom
from tests.media.dicom_files import dicom, item

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning:pydicom")  # it warns of what we write on purpose

NAMED = "Tooth of Anna Rossi"


def copied(**header: Any) -> bytes:
    return bytes(developed_dicom(dicom(**header)).download)


def copied_code(value: str, scheme: str) -> Dataset | None:
    code = item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=NAMED)
    content = copied(AnatomicRegionSequence=[code])
    assert b"Rossi" not in content
    kept = pydicom.dcmread(BytesIO(content)).get("AnatomicRegionSequence")
    return kept[0] if kept else None


@pytest.mark.parametrize(
    ("value", "scheme", "meaning"),
    [
        ("661005", "SCT", "Jaw region"),
        ("T-D1213", "SRT", "Jaw region"),
        ("T-D1213", "SNM3", "Jaw region"),
        ("123456", "SCT", "123456"),
        ("48", "ISO3950", "48"),
        ("113100", "DCM", "Basic Application Confidentiality Profile"),
    ],
)
def test_a_code_means_what_its_scheme_says(value: str, scheme: str, meaning: str) -> None:
    kept = copied_code(value, scheme)
    assert kept is not None
    assert (kept.CodeValue, kept.CodingSchemeDesignator, kept.CodeMeaning) == (value, scheme, meaning)


@pytest.mark.parametrize(
    ("value", "scheme"),
    [("Anna Rossi", "SCT"), ("ROSSI", "SRT"), ("99", "ISO3950"), ("ROSSI", "UCUM"), ("661005", "99ROSSI")],
)
def test_a_code_that_is_none_of_its_scheme_is_left_behind(value: str, scheme: str) -> None:
    assert copied_code(value, scheme) is None


def test_a_meaning_without_a_code_is_left_behind() -> None:
    assert b"Rossi" not in copied(ViewCodeSequence=[item(CodeMeaning=NAMED)])


@pytest.mark.parametrize("said", ["YES", "yes", "Yes"])
@pytest.mark.parametrize("keyword", ["BurnedInAnnotation", "RecognizableVisualFeatures"])
def test_a_picture_that_tells_who_it_is_is_not_called_nameless(keyword: str, said: str) -> None:
    left = pydicom.dcmread(BytesIO(copied(**{keyword: said})))
    assert (left.PatientIdentityRemoved, left[keyword].value) == ("NO", "YES")


@pytest.mark.parametrize("keyword", ["BurnedInAnnotation", "RecognizableVisualFeatures"])
def test_a_picture_that_tells_nothing_is_called_nameless(keyword: str) -> None:
    for header in ({}, {keyword: "NO"}, {keyword: ""}):
        assert pydicom.dcmread(BytesIO(copied(**header))).PatientIdentityRemoved == "YES"
