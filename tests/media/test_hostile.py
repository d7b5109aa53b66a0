"""Hostile files: each is turned down for the right reason, harms no process, and the next good file is served."""

import asyncio
import resource
import sys
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import RLELossless

from media.darkroom import Darkroom
from media.darkroom_process import MEMORY
from media.kinds import LARGEST_UPLOAD, MediaType, Rejected
from tests.media.developing import developed
from tests.media.dicom_files import dicom
from tests.media.hostile import HOSTILE, Hostile, header, zeros
from tests.media.hostile_dicom import HOSTILE_DICOM
from tests.media.samples import chunk, photo, png, xray

ALL = (*HOSTILE, *HOSTILE_DICOM)
ITEM = b"\xfe\xff\x00\xe0"
SIXTEEN: dict[str, Any] = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
RLE: dict[str, Any] = {
    "rows": 1024, "columns": 1024, "samples_per_pixel": 1, "bits_allocated": 16, "bits_stored": 16,
    "number_of_frames": 1, "pixel_representation": 0, "photometric_interpretation": "MONOCHROME2",
}  # fmt: skip
MOST_RESIDENT = MEMORY // 2
"""What none of these files may make a process hold; its limit is twice that."""


@pytest.fixture(scope="module", autouse=True)
def held_before() -> int:
    """Bytes of the largest process of this run that ended before these tests: the system keeps but one maximum."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


@pytest.fixture(scope="module")
async def room(anyio_backend: str) -> AsyncIterator[Darkroom]:  # noqa: ARG001  the loop of all tests
    async with Darkroom(1) as opened:
        yield opened


async def peak_bytes(room: Darkroom) -> int:
    """The most that the process which serves next ever held."""
    process = room._fit(await room._free.get())
    assert process is not None
    room._free.put_nowait(process)
    return await asyncio.to_thread(_high_water, process.pid)


def _high_water(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    told = status.read_text().partition("VmHWM:")[2].split() if status.exists() else []
    return int(told[0]) * 1024 if told else 0


def test_there_are_enough_of_them() -> None:
    assert len(ALL) >= 40
    assert len({each.name for each in ALL}) == len(ALL)


@pytest.mark.parametrize("hostile", ALL, ids=lambda hostile: hostile.name)
async def test_a_hostile_file_is_turned_down_and_the_next_good_one_is_served(room: Darkroom, hostile: Hostile) -> None:
    with pytest.raises(Rejected) as caught:
        await room.develop(hostile.make(), hostile.announced)
    assert caught.value.reason is hostile.reason
    assert await peak_bytes(room) < MOST_RESIDENT
    assert (await room.develop(photo(120, 80))).width == 120


@pytest.mark.parametrize("mode", ["RGBA", "I;16"])
async def test_the_largest_honest_picture_stays_within_the_memory_of_a_process(room: Darkroom, mode: str) -> None:
    out = BytesIO()
    Image.new(mode, (8_000, 8_000), 200).save(out, "PNG", compress_level=1)
    assert (await room.develop(out.getvalue())).width == 8_000
    assert await peak_bytes(room) < MEMORY * 3 // 4


async def test_the_largest_upload_can_be_looked_into(tmp_path: Path) -> None:
    """A volume, whose patient's copy is as large as itself."""
    volume = tmp_path / "volume"
    frame = np.zeros((512, 512), np.uint16)
    count = LARGEST_UPLOAD // frame.nbytes - 1
    head = xray(frame, {"NumberOfFrames": count})[: -frame.nbytes - 4]
    with volume.open("wb") as file:
        file.write(head + (count * frame.nbytes).to_bytes(4, "little"))
        file.truncate(file.tell() + count * frame.nbytes)  # the rest is zeros, and takes no disk
    async with Darkroom(1) as room:
        made = await room.develop(volume, MediaType.DICOM)
        assert made.frames == count
        assert await peak_bytes(room) < LARGEST_UPLOAD + MEMORY // 4


async def test_the_largest_compressed_upload_can_be_looked_into_after_other_pictures(tmp_path: Path) -> None:
    """Its copy is made while it is sent: for two of them there is no room in a process."""
    volume = tmp_path / "volume"
    noise = np.random.default_rng(1).integers(0, 65536, (1024, 1024), np.uint16)
    frame = get_encoder(RLELossless).encode(noise, **RLE)
    count = LARGEST_UPLOAD // len(frame) - 1
    head = dicom([frame], RLELossless, **SIXTEEN, Rows=1024, Columns=1024, NumberOfFrames=count)
    with volume.open("wb") as file:
        file.write(head[: head.index(ITEM)] + ITEM + bytes(4))
        for _ in range(count):
            file.write(ITEM + len(frame).to_bytes(4, "little") + frame)
        file.write(b"\xfe\xff\xdd\xe0" + bytes(4))
    async with Darkroom(1) as room:
        for _ in range(3):
            await room.develop(photo(4_000, 3_000))
        made = await room.develop(volume, MediaType.DICOM)
        assert made.frames == count
        assert isinstance(made.download, bytes)
        assert made.download.count(frame) == count
        assert await peak_bytes(room) < LARGEST_UPLOAD + MEMORY // 4


@pytest.mark.skipif(sys.platform != "linux", reason="MACOS COUNTS ru_maxrss IN BYTES AND KNOWS NO LIMIT")
def test_no_process_that_ended_ever_held_more_than_its_limit(held_before: int) -> None:
    # A child begins as a copy of this process, and that counts as having been its own.
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if max(held_before, ours) >= MEMORY:
        pytest.skip("ANOTHER PROCESS OF THIS RUN HELD MORE: NOTHING CAN BE SAID OF THE DARKROOM'S")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < MEMORY


def test_a_bomb_in_the_pixels_inflates_no_further_than_its_picture() -> None:
    """Not turned down: what comes after the last pixel is never inflated, and shows nothing."""
    assert developed(png(header(8, 8), chunk(b"IDAT", zeros(200)))).width == 8


def test_a_file_of_noise_is_never_an_error_of_ours() -> None:
    random, refused = np.random.default_rng(4), 0
    for content in (photo(64, 64, form=form) for form in ("JPEG", "PNG", "WEBP")):
        for _ in range(300):
            hurt = bytearray(content)
            for at in random.integers(0, len(hurt), 3):
                hurt[at] = random.integers(0, 256)
            try:
                developed(bytes(hurt))
            except Rejected:
                refused += 1
    assert refused > 100
