"""An upload past the API: its parts go to S3 by signed addresses; only what was announced becomes a picture."""

import hashlib
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from media.s3 import S3Storage
from media.upload import PART_BYTES
from tests.media.looking import look
from tests.media.samples import photo
from tests.world import World


@pytest.fixture
def over_s3(world: World, s3: S3Storage) -> World:
    object.__setattr__(world.ports, "storage", s3)
    return world


async def begun(world: World, content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    said = {"kind": "photo", "media_type": "image/jpeg", "size_bytes": len(content), "sha256": digest}
    path = f"/v1/staff/patients/{world.here.patient_id}/uploads"
    answer = await world.post(path, world.here.staff, said)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def sent(upload: dict[str, Any], content: bytes, *numbers: int) -> None:
    async with httpx.AsyncClient() as http:
        for part in upload["parts"]:
            if part["number"] in numbers:
                piece = content[part["first_byte"] : part["first_byte"] + part["size_bytes"]]
                answer = await http.put(part["address"]["url"], headers=part["address"]["headers"], content=piece)
                assert answer.status_code == 200, answer.text


async def completed(world: World, upload: dict[str, Any]) -> httpx.Response:
    return await world.http.post(f"/v1/staff/uploads/{upload['upload_id']}/complete", headers=world.here.staff)


async def states(world: World) -> list[tuple[str, str | None]]:
    async with world.database.sweeping() as sweeping:
        return [(state, reason) for state, reason in await sweeping.execute(text("select state, reason from picture"))]


async def test_parts_go_straight_into_the_bucket_with_a_break_and_become_a_picture(over_s3: World) -> None:
    content = photo(90, 60) + bytes(PART_BYTES)  # zeros behind the end, as some cameras leave
    upload = await begun(over_s3, content)
    await sent(upload, content, 2)
    assert (await completed(over_s3, upload)).json()["code"] == "upload-incomplete"
    again = await begun(over_s3, content)
    assert [part["received"] for part in again["parts"]] == [False, True]
    assert again["parts"][1]["address"] is None
    await sent(again, content, 1)
    assert (await completed(over_s3, upload)).status_code == 200
    await look(over_s3)
    assert await states(over_s3) == [("ready", None)]
    keys = await over_s3.ports.storage.keys_under(str(over_s3.here.clinic_id))
    assert {key.rpartition("/")[2] for key in keys} == {"original", "preview_1024", "preview_256", "download"}


async def test_other_bytes_than_were_announced_end_in_quarantine_whatever_the_storage_took(over_s3: World) -> None:
    content = photo(90, 60)
    upload = await begun(over_s3, content)
    await sent(upload, bytes(len(content)), 1)
    assert (await completed(over_s3, upload)).status_code == 200
    await look(over_s3)
    assert await states(over_s3) == [("quarantined", "file-differs")]
