"""Uploads in parts: announced, sent with breaks, completed once, within the quota, and nobody else's."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from core.clock import now
from core.errors import Unavailable
from enamel.worker.files import sweep_files
from media.commands.files import PATIENCE
from media.storage import Part, upload_key
from media.upload import PART_BYTES, UPLOAD_LIFE, Quota
from tests.world import World

TWO_PARTS = bytes(range(256)) * (PART_BYTES // 256) + b"the rest"


def said(content: bytes, **more: Any) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"kind": "xray", "media_type": "image/jpeg", "size_bytes": len(content), "sha256": digest, **more}


async def begun(world: World, content: bytes = TWO_PARTS, **more: Any) -> dict[str, Any]:
    path = f"/v1/staff/patients/{world.here.patient_id}/uploads"
    answer = await world.post(path, world.here.staff, said(content, **more))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def put_part(world: World, upload_id: str, number: int, content: bytes) -> httpx.Response:
    headers = {**world.here.staff, "content-type": "application/octet-stream"}
    return await world.http.put(f"/v1/staff/uploads/{upload_id}/parts/{number}", headers=headers, content=content)


async def put_all(world: World, view: dict[str, Any], content: bytes = TWO_PARTS) -> None:
    for part in view["parts"]:
        piece = content[part["first_byte"] : part["first_byte"] + part["size_bytes"]]
        answer = await put_part(world, view["upload_id"], part["number"], piece)
        assert answer.status_code == 200, answer.text
        assert answer.json()["received"] is True


async def completed(world: World, upload_id: str) -> httpx.Response:
    return await world.http.post(f"/v1/staff/uploads/{upload_id}/complete", headers=world.here.staff)


async def shown(world: World, upload_id: str) -> dict[str, Any]:
    answer = await world.get(f"/v1/staff/uploads/{upload_id}", world.here.staff)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_file_comes_in_parts_and_becomes_one_picture(world: World) -> None:
    view = await begun(world, teeth=["21", "11"])
    assert [(part["number"], part["first_byte"], part["size_bytes"]) for part in view["parts"]] == [
        (1, 0, PART_BYTES),
        (2, PART_BYTES, 8),
    ]
    assert (view["state"], view["received_bytes"], view["picture_id"]) == ("open", 0, None)
    await put_all(world, view)
    assert (await shown(world, view["upload_id"]))["received_bytes"] == len(TWO_PARTS)
    first = await completed(world, view["upload_id"])
    assert (first.status_code, first.json()["state"]) == (200, "uploaded"), first.text
    again = await completed(world, view["upload_id"])
    assert again.json() == first.json()
    after = await shown(world, view["upload_id"])
    assert (after["state"], after["picture_id"], after["parts"]) == ("complete", first.json()["picture_id"], [])
    assert after["picture_state"] == "uploaded"
    assert await world.ports.storage.get(upload_key(world.here.clinic_id, UUID(view["upload_id"]))) == TWO_PARTS


async def test_after_a_break_only_what_is_missing_is_sent(world: World) -> None:
    view = await begun(world)
    await put_part(world, view["upload_id"], 2, TWO_PARTS[PART_BYTES:])
    again = await begun(world)
    assert again["upload_id"] == view["upload_id"], "announcing it again goes on with it"
    assert [part["received"] for part in again["parts"]] == [False, True]
    refused(await completed(world, view["upload_id"]), 409, "upload-incomplete")
    await put_part(world, view["upload_id"], 1, TWO_PARTS[:PART_BYTES])
    assert (await completed(world, view["upload_id"])).status_code == 200


@pytest.mark.parametrize(
    ("number", "content", "status", "code"),
    [
        (1, b"short", 409, "part-too-short"),
        (2, b"far too long", 413, "part-too-long"),
        (3, b"", 404, "not-found"),
    ],
)
async def test_a_part_of_another_size_or_number_is_refused_and_the_upload_goes_on(
    world: World, number: int, content: bytes, status: int, code: str
) -> None:
    view = await begun(world)
    refused(await put_part(world, view["upload_id"], number, content), status, code)
    await put_all(world, view)
    assert (await completed(world, view["upload_id"])).status_code == 200


async def test_fifty_who_complete_at_once_make_one_picture(world: World) -> None:
    view = await begun(world, b"x" * 100)
    await put_all(world, view, b"x" * 100)
    answers = await asyncio.gather(*(completed(world, view["upload_id"]) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["picture_id"] for answer in answers}) == 1
    async with world.database.sweeping() as sweeping:
        assert (await sweeping.execute(text("select count(*) from picture"))).scalar_one() == 1


async def test_an_upload_that_was_given_up_is_gone_with_its_bytes(world: World) -> None:
    view = await begun(world)
    await put_part(world, view["upload_id"], 1, TWO_PARTS[:PART_BYTES])
    path = f"/v1/staff/uploads/{view['upload_id']}"
    assert (await world.http.delete(path, headers=world.here.staff)).status_code == 204
    refused(await world.get(path, world.here.staff), 404, "not-found")
    refused(await completed(world, view["upload_id"]), 404, "not-found")
    assert await world.ports.storage.unfinished() == []


async def test_what_is_complete_takes_no_parts_and_is_not_given_up(world: World) -> None:
    view = await begun(world, b"x" * 9)
    await put_all(world, view, b"x" * 9)
    await completed(world, view["upload_id"])
    refused(await put_part(world, view["upload_id"], 1, b"x" * 9), 409, "upload-over")
    path = f"/v1/staff/uploads/{view['upload_id']}"
    refused(await world.http.delete(path, headers=world.here.staff), 409, "upload-over")


async def test_a_clinics_own_system_sends_under_its_own_names_and_nobody_elses_upload_is_found(world: World) -> None:
    path = "/v1/partner/patients/anna/pictures/x-9/uploads"
    answer = await world.post(path, world.here.partner, said(b"x" * 9))
    upload = answer.json()["upload"]
    refused(await world.get(f"/v1/staff/uploads/{upload['upload_id']}", world.here.staff), 404, "not-found")
    refused(await world.get(f"/v1/partner/uploads/{upload['upload_id']}", world.there.partner), 404, "not-found")
    headers = {**world.here.partner, "content-type": "application/octet-stream"}
    mine = f"/v1/partner/uploads/{upload['upload_id']}"
    await world.http.put(f"{mine}/parts/1", headers=headers, content=b"x" * 9)
    receipt = (await world.http.post(f"{mine}/complete", headers=world.here.partner)).json()
    assert (receipt["outcome"], receipt["state"]) == ("created", "uploaded")
    again = (await world.post(path, world.here.partner, said(b"x" * 9))).json()
    assert again == {"upload": None, "picture": {**receipt, "outcome": "unchanged"}}
    refused(await world.post(path, world.here.partner, said(b"y" * 9)), 409, "picture-differs")


async def test_the_quota_counts_what_is_kept_and_what_is_on_its_way(world: World) -> None:
    object.__setattr__(world.ports, "quota", Quota(patient_bytes=100, clinic_bytes=150))
    first = await begun(world, b"a" * 60)
    await put_all(world, first, b"a" * 60)
    await completed(world, first["upload_id"])
    path = f"/v1/staff/patients/{world.here.patient_id}/uploads"
    refused(await world.post(path, world.here.staff, said(b"b" * 60)), 409, "media-quota-of-patient")
    await begun(world, b"b" * 40)
    refused(await world.post(path, world.here.staff, said(b"c")), 409, "media-quota-of-patient")
    other = "/v1/partner/patients/boris/pictures/x-9/uploads"
    refused(await world.post(other, world.here.partner, said(b"c" * 60)), 409, "media-quota-of-clinic")
    fits = await world.post(other, world.here.partner, said(b"c" * 50))
    assert fits.status_code == 200


async def test_of_twenty_who_announce_at_once_only_what_fits_the_quota_is_taken(world: World) -> None:
    object.__setattr__(world.ports, "quota", Quota(patient_bytes=100, clinic_bytes=1_000))
    path = f"/v1/staff/patients/{world.here.patient_id}/uploads"
    asked = [world.post(path, world.here.staff, said(bytes([number]) * 30)) for number in range(20)]
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 17


async def later(world: World, age: timedelta) -> int:
    """What the sweep takes away after so long: in one round what is over, in the next what that left."""
    moment = now() + age
    taken = await sweep_files(world.database, world.ports.storage, moment)
    return taken + await sweep_files(world.database, world.ports.storage, moment + PATIENCE)


async def test_an_upload_that_never_came_whole_is_forgotten_after_a_day_and_leaves_nothing(world: World) -> None:
    view = await begun(world)
    await put_part(world, view["upload_id"], 1, TWO_PARTS[:PART_BYTES])
    assert await later(world, UPLOAD_LIFE - timedelta(hours=1)) == 0
    assert await later(world, UPLOAD_LIFE + timedelta(minutes=1)) > 0
    assert await world.ports.storage.unfinished() == []
    assert await world.ports.storage.keys_under(str(world.here.clinic_id)) == []
    refused(await world.get(f"/v1/staff/uploads/{view['upload_id']}", world.here.staff), 404, "not-found")


async def test_a_crash_between_the_whole_file_and_its_row_is_mended_by_asking_again(world: World) -> None:
    view = await begun(world, b"x" * 9)
    await put_all(world, view, b"x" * 9)
    key = upload_key(world.here.clinic_id, UUID(view["upload_id"]))
    [unfinished] = await world.ports.storage.unfinished()
    parts = await world.ports.storage.parts(key, unfinished.storage_id)
    await world.ports.storage.finish(key, unfinished.storage_id, parts)
    assert (await shown(world, view["upload_id"]))["state"] == "open", "no picture yet"
    assert (await completed(world, view["upload_id"])).json()["state"] == "uploaded"


class Down:
    """A storage that cannot be reached."""

    def __getattr__(self, name: str) -> Any:
        async def refuse(*_: object, **__: object) -> list[Part]:
            raise Unavailable(retry_after_seconds=5)

        return refuse


async def test_while_the_storage_is_down_uploads_say_when_to_come_again_and_go_on_afterwards(world: World) -> None:
    view = await begun(world, b"x" * 9)
    storage = world.ports.storage
    object.__setattr__(world.ports, "storage", Down())
    for answer in (await put_part(world, view["upload_id"], 1, b"x" * 9), await completed(world, view["upload_id"])):
        refused(answer, 503, "temporarily-unavailable")
        assert answer.headers["retry-after"] == "5"
    object.__setattr__(world.ports, "storage", storage)
    await put_all(world, view, b"x" * 9)
    assert (await completed(world, view["upload_id"])).status_code == 200


async def test_a_picture_in_one_request_is_announced_and_noted_the_same_way(world: World) -> None:
    form = {"kind": "photo", "released": "true"}
    path = f"/v1/staff/patients/{world.here.patient_id}/pictures"
    content = b"\xff\xd8\xff" + bytes(100)
    for _ in range(2):
        answer = await world.http.post(path, headers=world.here.staff, data=form, files={"file": ("a.jpg", content)})
        assert answer.status_code == 201, answer.text
    keys = await world.ports.storage.keys_under(str(world.here.clinic_id))
    assert len(keys) == 1, "the same file is kept once"
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("delete from picture"))
    assert await later(world, UPLOAD_LIFE + timedelta(minutes=1)) > 0
    assert await world.ports.storage.keys_under(str(world.here.clinic_id)) == []


async def test_a_file_that_another_picture_shows_outlives_the_first(world: World) -> None:
    content = b"\xff\xd8\xff" + bytes(100)
    form = {"kind": "photo"}
    for patient in ("anna", "boris"):
        path = f"/v1/partner/patients/{patient}/pictures/{patient}"
        answer = await world.http.put(path, headers=world.here.partner, data=form, files={"file": ("a.jpg", content)})
        assert answer.status_code == 200, answer.text
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("delete from picture where external_id = 'anna'"))
    await later(world, UPLOAD_LIFE + timedelta(minutes=1))
    [key] = await world.ports.storage.keys_under(str(world.here.clinic_id))
    assert await world.ports.storage.get(key) == content


async def test_telling_the_same_again_undoes_nothing_that_staff_did_and_telling_otherwise_is_the_senders_new_word(
    world: World,
) -> None:
    path, content = "/v1/partner/patients/anna/pictures/x-7", b"\xff\xd8\xff" + bytes(100)

    async def told(**said: str) -> str:
        form = {"kind": "photo", "released": "true", **said}
        answer = await world.http.put(path, headers=world.here.partner, data=form, files={"file": ("a.jpg", content)})
        outcome: str = answer.json()["outcome"]
        return outcome

    async def released() -> bool:
        async with world.database.sweeping() as sweeping:
            return bool((await sweeping.execute(text("select released_at is not null from picture"))).scalar_one())

    assert await told() == "created"
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update picture set released_at = null"))  # as staff hides it
    assert (await told(), await released()) == ("unchanged", False)
    assert (await told(taken_on="2026-01-09"), await released()) == ("updated", True)
    assert (await told(released="false"), await released()) == ("updated", False)
