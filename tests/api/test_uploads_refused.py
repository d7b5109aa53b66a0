"""What is sent wrongly is refused with word of what to do, and nothing of it is kept."""

from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from api.problems import wordings
from api.staff.uploads import PartNumber
from core.errors import Invalid
from media.kinds import LARGEST_FILE, LARGEST_UPLOAD, PictureTooLarge
from media.upload import check_size
from tests.api.picturing import came, refused
from tests.api.test_uploads import TWO_PARTS, begun, put_part, said, shown
from tests.media.samples import photo
from tests.world import World


async def kept(world: World) -> int:
    async with world.database.sweeping() as sweeping:
        found: int = (await sweeping.execute(text("select count(*) from upload"))).scalar_one()
        return found


async def announced(world: World, door: str, size: object) -> httpx.Response:
    """A file of this size, by staff or by a clinic's own system."""
    patient, headers = (world.here.patient_id, world.here.staff) if door == "staff" else ("anna", world.here.partner)
    path = f"/v1/{door}/patients/{patient}" + ("/uploads" if door == "staff" else "/pictures/x-9/uploads")
    return await world.post(path, headers, {**said(b"x"), "size_bytes": size})


@pytest.mark.parametrize("door", ["staff", "partner"])
@pytest.mark.parametrize("size", [LARGEST_UPLOAD + 1, 2**53 - 1, 0, -1])
async def test_a_size_that_no_file_may_have_is_refused_and_nothing_is_kept(world: World, door: str, size: int) -> None:
    answer = await announced(world, door, size)
    refused(answer, 422, "invalid-input")
    code = "less-than-equal" if size > 0 else "greater-than-equal"
    assert answer.json()["errors"] == [{"pointer": "/size_bytes", "code": code}]
    assert await kept(world) == 0


async def test_a_file_of_the_largest_size_is_announced(world: World) -> None:
    answer = await announced(world, "staff", LARGEST_UPLOAD)
    assert answer.status_code == 201, answer.text


def test_no_door_takes_a_size_that_no_file_may_have() -> None:
    check_size(1)
    check_size(LARGEST_UPLOAD)
    with pytest.raises(PictureTooLarge):
        check_size(LARGEST_UPLOAD + 1)
    with pytest.raises(Invalid):
        check_size(0)


async def test_the_database_keeps_no_upload_without_bytes(world: World) -> None:
    await begun(world)
    with pytest.raises(IntegrityError, match="upload_has_bytes"):
        async with world.database.sweeping() as sweeping:
            await sweeping.execute(text("update upload set size_bytes = 0"))


@pytest.mark.parametrize(("number", "sent", "bytes_wanted"), [(1, b"short", 8 * 1024**2), (2, b"far too long", 8)])
async def test_who_sends_a_part_of_another_size_is_told_how_many_bytes_it_has(
    world: World, number: int, sent: bytes, bytes_wanted: int
) -> None:
    view = await begun(world)
    answer = await put_part(world, view["upload_id"], number, sent)
    assert answer.json()["expected_bytes"] == bytes_wanted
    assert (await shown(world, view["upload_id"]))["received_bytes"] == 0


@pytest.mark.parametrize("headers", [{"content-type": "text/html"}, {"content-type": "application/json"}, {}])
async def test_a_part_is_bytes_and_says_so(world: World, headers: dict[str, str]) -> None:
    view = await begun(world, TWO_PARTS)
    path = f"/v1/staff/uploads/{view['upload_id']}/parts/2"
    answer = await world.http.put(path, headers={**world.here.staff, **headers}, content=TWO_PARTS[-8:])
    refused(answer, 415, "unsupported-media-type")
    assert (await world.http.put(path, content=b"x", headers=headers)).status_code == 401, "a stranger learns nothing"
    assert (await shown(world, view["upload_id"]))["received_bytes"] == 0


@pytest.mark.parametrize("number", ["1.0", "+1", "01", "%201", "1_0", "\u0661"])
async def test_a_part_has_one_number(world: World, number: str) -> None:
    view = await begun(world)
    path = f"/v1/staff/uploads/{view['upload_id']}/parts/{number}"
    headers = {**world.here.staff, "content-type": "application/octet-stream"}
    refused(await world.http.put(path, headers=headers, content=TWO_PARTS[:-8]), 422, "invalid-input")
    assert TypeAdapter(PartNumber).validate_python("12") == 12


def form(world: World) -> tuple[str, dict[str, str]]:
    return f"/v1/staff/patients/{world.here.patient_id}/pictures", world.here.staff


async def test_a_picture_comes_as_a_form_and_as_nothing_else(world: World) -> None:
    path, headers = form(world)
    refused(await world.post(path, headers, {"kind": "photo"}), 415, "unsupported-media-type")
    refused(await world.http.post(path, headers=headers, data={"kind": "photo"}), 415, "unsupported-media-type")


async def test_a_file_that_is_a_field_of_text_is_named_so(world: World) -> None:
    path, headers = form(world)
    parts: Any = {"kind": (None, "photo"), "file": (None, "words")}
    answer = await world.http.post(path, headers=headers, files=parts)
    refused(answer, 422, "invalid-input")
    assert answer.json()["errors"] == [{"pointer": "/file", "code": "not-a-file"}]


async def test_a_form_without_its_boundary_is_told_what_a_form_needs(world: World) -> None:
    path, headers = form(world)
    typed = {**headers, "content-type": "multipart/form-data"}
    answer = await world.http.post(path, headers=typed, content=b"--a\r\n")
    refused(answer, 400, "malformed-request")
    assert "boundary" in answer.json()["detail"]


async def test_a_file_too_large_for_one_request_is_sent_to_the_parts(world: World) -> None:
    path, headers = form(world)
    content = photo() + bytes(LARGEST_FILE)
    answer = await world.http.post(path, headers=headers, data={"kind": "photo"}, files={"file": ("a.jpg", content)})
    refused(answer, 413, "picture-too-large")
    assert all(
        "MiB" in words or "МиБ" in words for name, words in wordings()["picture-too-large"].items() if len(name) == 2
    )
    assert await kept(world) == 0
    await came(world)
