"""Uploads that are asked for twice, lost on the way, or swept meanwhile: nothing doubled, nothing lost."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from core.clock import now
from enamel.worker.files import sweep_files
from enamel.worker.media import look_into_pictures
from media.commands import forget_uploads
from media.commands.files import PATIENCE, forget_left_file, take_left_file
from media.kinds import Variant
from media.storage import Given, file_key, upload_key
from media.upload import PART_BYTES
from tests.api.test_uploads import TWO_PARTS, begun, completed, put_all, put_part, refused, said, shown
from tests.media.looking import look, looking_into
from tests.media.samples import photo
from tests.world import World


async def pictures(world: World) -> list[tuple[str, str | None]]:
    async with world.database.sweeping() as sweeping:
        rows = await sweeping.execute(text("select state, reason from picture order by id"))
        return [(state, reason) for state, reason in rows]


async def test_who_lost_the_answer_of_complete_and_begins_anew_gets_the_same_picture(world: World) -> None:
    content = photo(90, 60)
    view = await begun(world, content)
    await put_all(world, view, content)
    first = (await completed(world, view["upload_id"])).json()
    again = await begun(world, content)
    assert (again["upload_id"], again["state"], again["picture_id"]) == (
        view["upload_id"], "complete", first["picture_id"],
    )  # fmt: skip
    assert len(await pictures(world)) == 1


async def test_a_form_sent_twice_or_at_once_is_one_picture_and_one_told_otherwise_is_another(world: World) -> None:
    path, content = f"/v1/staff/patients/{world.here.patient_id}/pictures", photo(90, 60)

    async def posted(**form: str) -> httpx.Response:
        return await world.http.post(path, headers=world.here.staff, data=form, files={"file": ("a.jpg", content)})

    answers = await asyncio.gather(*(posted(kind="photo", released="true") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["picture_id"] for answer in answers}) == 1
    other = (await posted(kind="xray")).json()
    assert (other["kind"], other["released_at"]) == ("xray", None)
    assert len(await pictures(world)) == 2


@pytest.mark.parametrize("hurt", [None, b"hurt on the way"])
async def test_what_was_lost_or_hurt_on_the_way_may_be_sent_again_under_its_name(
    world: World, hurt: bytes | None
) -> None:
    path, content = "/v1/partner/patients/anna/pictures/x-5", photo(90, 60)

    async def put() -> str:
        form = {"kind": "photo", "released": "true"}
        answer = await world.http.put(path, headers=world.here.partner, data=form, files={"file": ("a.jpg", content)})
        assert answer.status_code == 200, answer.text
        outcome: str = answer.json()["outcome"]
        return outcome

    assert await put() == "created"
    key = file_key(world.here.clinic_id, hashlib.sha256(content).hexdigest(), Variant.ORIGINAL)
    await world.ports.storage.erase_under(key)
    if hurt is not None:
        await world.ports.storage.put(key, hurt, "image/jpeg")
    for minutes in (0, 11, 22):
        await look(world, now() + timedelta(minutes=minutes))
    assert await pictures(world) == [("quarantined", "file-differs" if hurt else "lost")]
    assert await put() == "updated"
    await look(world)
    assert await pictures(world) == [("ready", None)]
    assert await world.ports.storage.get(key) == content


async def test_only_what_is_taken_is_announced(world: World) -> None:
    path = f"/v1/staff/patients/{world.here.patient_id}/uploads"
    answer = await world.post(path, world.here.staff, {**said(b"x"), "media_type": "image/avif"})
    refused(answer, 422, "invalid-input")


async def test_an_upload_that_the_storage_forgot_begins_anew_under_the_same_id(world: World) -> None:
    view = await begun(world)
    await put_part(world, view["upload_id"], 1, TWO_PARTS[:PART_BYTES])
    [unfinished] = await world.ports.storage.unfinished()
    await world.ports.storage.give_up(unfinished.key, unfinished.storage_id)
    assert [part["received"] for part in (await shown(world, view["upload_id"]))["parts"]] == [False, False]
    [unfinished] = await world.ports.storage.unfinished()
    await world.ports.storage.give_up(unfinished.key, unfinished.storage_id)
    await put_all(world, view)
    assert (await completed(world, view["upload_id"])).status_code == 200


async def test_who_completes_while_the_worker_has_it_already_hears_of_the_picture(world: World) -> None:
    """Its bytes are where pictures lie by then, and no part of them where the upload's were."""
    content = photo(90, 60)
    view = await begun(world, content)
    await put_all(world, view, content)
    reading = asyncio.Event()
    storage, inner = world.ports.storage, world.ports.storage.parts

    async def slow(key: str, storage_id: str) -> Any:
        if not reading.is_set():
            reading.set()
            await settled.wait()
        return await inner(key, storage_id)

    settled = asyncio.Event()
    object.__setattr__(storage, "parts", slow)
    late = asyncio.create_task(completed(world, view["upload_id"]))
    await reading.wait()
    first = await completed(world, view["upload_id"])
    await look(world)
    assert await storage.size(upload_key(world.here.clinic_id, UUID(view["upload_id"]))) is None
    settled.set()
    assert ((await late).status_code, (await late).json()["picture_id"]) == (200, first.json()["picture_id"])


async def test_a_picture_that_goes_while_its_file_is_swept_for_another_reason_is_swept_too(world: World) -> None:
    """An older note of the same file is being looked at when the picture's own is written."""
    content = photo(90, 60)
    view = await begun(world, content)
    await put_all(world, view, content)
    await completed(world, view["upload_id"])
    await look(world)
    at = now() + timedelta(hours=25)
    async with world.database.sweeping() as sweeping:
        assert len(await forget_uploads(sweeping, at, 10)) == 1  # the upload's row goes and leaves its file
    async with world.database.writing(world.here.scope) as going:
        await going.execute(text("delete from picture"))
        async with world.database.sweeping() as sweeping:
            seen = []
            while left := await take_left_file(sweeping, at + PATIENCE):
                seen += [left.is_free] if "/files/" in left.key else []
                await forget_left_file(sweeping, left)
            assert seen == [False], "to the sweep the picture is there still: the older note goes"
    await sweep_files(world.database, world.ports.storage, at + 2 * PATIENCE)
    assert await world.ports.storage.keys_under(str(world.here.clinic_id)) == []


async def test_what_is_stored_of_a_picture_that_went_meanwhile_goes_with_the_next_sweep(world: World) -> None:
    content = photo(90, 60)
    view = await begun(world, content)
    await put_all(world, view, content)
    await completed(world, view["upload_id"])
    storage, put = world.ports.storage, world.ports.storage.put_all

    async def put_late(given: Sequence[Given]) -> None:
        await put(given[:1])
        async with world.database.sweeping() as sweeping:
            await sweeping.execute(text("delete from picture"))
            await sweeping.execute(text("delete from upload"))
        await sweep_files(world.database, storage, now() + 2 * PATIENCE)
        await put(given[1:])

    object.__setattr__(storage, "put_all", put_late)
    async with looking_into(world) as looking:
        await look_into_pictures(looking, now())
    assert await storage.keys_under(str(world.here.clinic_id)) != []
    await sweep_files(world.database, storage, now() + 2 * PATIENCE)
    assert await storage.keys_under(str(world.here.clinic_id)) == []


async def test_staff_sends_what_the_storage_has_again_to_another_look(world: World) -> None:
    content = photo(90, 60)
    view = await begun(world, content)
    await put_all(world, view, content)
    picture = (await completed(world, view["upload_id"])).json()["picture_id"]
    key = upload_key(world.here.clinic_id, UUID(view["upload_id"]))
    await world.ports.storage.erase_under(key)
    for minutes in (0, 11, 22):
        await look(world, now() + timedelta(minutes=minutes))
    assert await pictures(world) == [("quarantined", "lost")]
    await world.ports.storage.put(key, content, "image/jpeg")
    path = f"/v1/staff/pictures/{picture}/verdict"
    refused(await world.post(path, world.here.staff, {"verdict": "confirm_person"}), 409, "picture-verdict-refused")
    answer = await world.post(path, world.here.staff, {"verdict": "look_again"})
    assert (answer.status_code, answer.json()["state"]) == (200, "uploaded")
    await look(world)
    assert await pictures(world) == [("ready", None)]
