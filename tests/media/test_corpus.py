"""Every file that pydicom itself is tested with: a preview where pydicom can decode it, a reason where it cannot."""

import asyncio
import warnings
from collections import Counter
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.pixels.utils import pixel_array

from media.darkroom import Darkroom, Unfinished
from media.kinds import Rejected, media_type_of
from tests.media.corpus import PAGE, REFUSED, TABLE, files, outcomes, table
from tests.media.dicom_files import PACKAGED


@pytest.fixture(scope="module")
def found() -> dict[str, str]:
    return asyncio.run(outcomes())


def decoded_by_pydicom(content: bytes) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pixel_array(dcmread(BytesIO(content)), index=0)
        except Exception:  # noqa: BLE001  whatever pydicom says: it cannot
            return False
        return True


def test_whatever_pydicom_decodes_gets_a_preview_and_all_else_a_reason(found: dict[str, str]) -> None:
    readable = 0
    for name, file in files():
        content = file.read_bytes()
        if decoded_by_pydicom(content):
            readable += 1
            assert found[name].startswith("preview"), name
        elif media_type_of(content) is None:
            assert found[name] == REFUSED, name
        else:
            assert found[name].startswith(("quarantine", "preview")), name
    assert readable == 166


def test_a_file_without_pixels_is_called_so(found: dict[str, str]) -> None:
    outcome = Counter(found.values())
    assert outcome["quarantine: no-picture"] >= 70
    assert found["test_files/rtplan.dcm"] == found["test_files/dicomdirtests/DICOMDIR"] == "quarantine: no-picture"


def test_the_page_shows_what_happens(found: dict[str, str]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert page.partition(TABLE)[2] == table(found), "python -m tests.media.corpus"


async def test_a_hostile_lossless_jpeg_may_end_its_process_and_harms_nobody() -> None:
    honest = (PACKAGED / "test_files" / "SC_rgb_jpeg_gdcm.dcm").read_bytes()
    hostile = honest.replace(b"Adobe\0d\0\0\0\0\0", b"Adobe\0d\0\xff\xff\xff\x7f")  # GDCM aborts over this
    assert hostile != honest
    async with Darkroom(1) as darkroom:
        with pytest.raises((Rejected, Unfinished)):
            await darkroom.develop(hostile)
        assert (await darkroom.develop(honest)).width == 100
