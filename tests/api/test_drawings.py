"""Drawings: kept as versions, drawn by the worker, shown with the picture and never without it."""

import asyncio
from datetime import timedelta
from io import BytesIO
from typing import Any

from PIL import Image
from sqlalchemy import text

from core.clock import now
from core.ids import new_id
from enamel.worker.drawings import draw_pending
from media.commands import claim_drawings, record_drawn
from media.commands.drawings import LEASE
from media.darkroom import Darkroom, Limits
from media.kinds import MOST_ATTEMPTS
from tests.api.picturing import came, done, draw_all, listed, noted, own_link, ready, refused, staff, staff_link
from tests.media.samples import photo, xray
from tests.world import World

LINE = {"kind": "line", "points": [{"x": 0, "y": 5000}, {"x": 10000, "y": 5000}], "colour": "green", "width": 20}
MEASURE = {"kind": "measure", "points": [{"x": 0, "y": 0}, {"x": 10000, "y": 0}]}
WORDS = {"kind": "text", "points": [{"x": 1000, "y": 1000}], "text": "Caries"}


def drawing(version: int, *shapes: dict[str, Any]) -> dict[str, Any]:
    return {"version": version, "shapes": list(shapes)}


async def shown(world: World, picture: str) -> bool:
    found = (await world.get(f"/v1/me/pictures/{picture}", world.here.patient)).json()
    return bool(found["has_drawing"])


async def files_drawn(world: World) -> list[str]:
    return await world.ports.storage.keys_under(f"{world.here.clinic_id}/drawn")


async def test_what_staff_draws_the_patient_sees_on_the_picture(world: World) -> None:
    picture = await ready(world, photo(400, 300))
    assert (await done(world, "GET", f"pictures/{picture}/drawing"))["version"] == 0
    kept = await done(world, "PUT", f"pictures/{picture}/drawing", drawing(0, LINE, WORDS))
    assert (kept["version"], kept["is_drawn"], kept["made_by"]) == (1, False, str(world.here.staff_id))
    assert [each["kind"] for each in kept["shapes"]] == ["line", "text"]
    assert not await shown(world, picture)
    asked = await world.post(f"/v1/me/pictures/{picture}/links", world.here.patient, {"variant": "drawn_1024"})
    refused(asked, 404, "not-found")
    await draw_all(world)
    assert await shown(world, picture)
    assert (await done(world, "GET", f"pictures/{picture}/drawing"))["is_drawn"] is True
    opened = await world.http.get(await own_link(world, picture, "drawn_1024"))
    assert opened.headers["content-type"] == "image/webp"
    assert opened.headers["content-length"] == str(len(opened.content))
    with Image.open(BytesIO(opened.content)) as seen:
        red, green, blue = seen.convert("RGB").getpixel((200, 149))  # type: ignore[misc]
    assert green > red + 50 < 255 > blue
    whole = await world.http.get(await own_link(world, picture, "preview_1024"))
    assert whole.content != opened.content


async def test_a_new_version_takes_the_place_of_the_old_one(world: World) -> None:
    picture = await ready(world)
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(0, LINE))
    await draw_all(world)
    first = await world.http.get(await own_link(world, picture, "drawn_1024"))
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(1, LINE, WORDS))
    assert await shown(world, picture), "the old one, until the new one is drawn"
    await draw_all(world)
    second = await world.http.get(await own_link(world, picture, "drawn_1024"))
    assert (first.content, first.headers["etag"]) != (second.content, second.headers["etag"])
    async with world.database.sweeping() as sweeping:
        left = (await sweeping.execute(text("select key from file_left where key like '%drawn%'"))).scalars().all()
    assert left == [f"{world.here.clinic_id}/drawn/{picture}/1"]


async def test_who_draws_on_an_old_version_is_told_so(world: World) -> None:
    picture = await ready(world)
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(0, LINE))
    for version in (0, 2):
        answer = await staff(world, "PUT", f"pictures/{picture}/drawing", drawing(version, WORDS))
        refused(answer, 412, "drawing-stale")


async def test_of_many_who_draw_at_once_one_is_kept(world: World) -> None:
    picture = await ready(world)
    calls = (staff(world, "PUT", f"pictures/{picture}/drawing", drawing(0, LINE)) for _ in range(20))
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 19]
    assert (await done(world, "GET", f"pictures/{picture}/drawing"))["version"] == 1


async def test_an_empty_drawing_takes_the_drawn_copy_away_at_once(world: World) -> None:
    picture = await ready(world)
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(0, LINE))
    await draw_all(world)
    link = await own_link(world, picture, "drawn_1024")
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(1))
    assert not await shown(world, picture)
    refused(await world.http.get(link), 404, "not-found")
    await draw_all(world)
    assert not await shown(world, picture)


async def test_a_drawing_that_was_taken_away_while_it_was_drawn_does_not_come_back(world: World) -> None:
    picture = await ready(world)
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(0, LINE))
    async with world.database.sweeping() as sweeping:
        (claimed,) = await claim_drawings(sweeping, now(), 4)
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(1))
    async with world.database.sweeping() as sweeping:
        assert not await record_drawn(sweeping, claimed, 10, now())
    assert not await shown(world, picture)
    async with world.database.sweeping() as sweeping:
        left = (await sweeping.execute(text("select key from file_left where key like '%drawn%'"))).scalars().all()
    assert left == [claimed.key]


async def test_an_older_version_never_takes_the_place_of_a_newer_one(world: World) -> None:
    picture = await ready(world)
    for version in (0, 1):
        await done(world, "PUT", f"pictures/{picture}/drawing", drawing(version, LINE))
    async with world.database.sweeping() as sweeping:
        first, second = sorted(await claim_drawings(sweeping, now(), 4), key=lambda each: each.version)
    for claimed, wanted in ((second, True), (first, False)):
        async with world.database.sweeping() as sweeping:
            assert await record_drawn(sweeping, claimed, 10, now()) is wanted
    assert (await done(world, "GET", f"pictures/{picture}"))["drawn_version"] == 2


async def test_two_workers_do_not_draw_the_same_and_a_dead_ones_work_is_taken_over(world: World) -> None:
    picture = await ready(world)
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(0, LINE))
    at = now()
    async with world.database.sweeping() as sweeping:
        assert len(await claim_drawings(sweeping, at, 4)) == 1
    async with world.database.sweeping() as sweeping:
        assert await claim_drawings(sweeping, at + LEASE - timedelta(seconds=1), 4) == []
    async with Darkroom(1) as darkroom:
        assert await draw_pending(world.database, world.ports.storage, darkroom, at + LEASE) == 1
    assert await shown(world, picture)


async def test_where_the_preview_was_lost_nothing_is_drawn_and_nobody_waits_for_ever(world: World) -> None:
    picture = await ready(world)
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(0, LINE))
    await world.ports.storage.erase_under(str(world.here.clinic_id))
    await draw_all(world)
    assert not await shown(world, picture)
    assert await files_drawn(world) == []


async def test_a_drawing_that_takes_its_process_down_is_given_up(world: World) -> None:
    picture, at = await ready(world), now()
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(0, LINE))
    async with Darkroom(1, Limits(wall_seconds=0.0)) as darkroom:
        turns = [await draw_pending(world.database, world.ports.storage, darkroom, at + LEASE * n) for n in range(5)]
    assert turns == [1] * MOST_ATTEMPTS + [0] * (5 - MOST_ATTEMPTS)
    assert not await shown(world, picture)
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(1, LINE))
    await draw_all(world)
    assert await shown(world, picture), "the next version is tried by itself"


async def test_a_drawing_is_seen_only_with_its_picture(world: World) -> None:
    picture = await ready(world)
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(0, LINE))
    await draw_all(world)
    link = await own_link(world, picture, "drawn_1024")
    await done(world, "POST", f"pictures/{picture}/hide")
    refused(await world.http.get(link), 404, "not-found")
    assert (await world.http.get(await staff_link(world, picture, "drawn_1024"))).status_code == 200


async def test_a_moved_picture_shows_a_drawing_only_when_it_is_drawn_anew(world: World) -> None:
    picture = await ready(world)
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(0, LINE))
    await draw_all(world)
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(1, LINE, WORDS))
    body = {"patient_id": str(world.here.other_patient_id), "reason": "wrong_record"}
    assert (await done(world, "POST", f"pictures/{picture}/move", body))["drawn_version"] is None
    await draw_all(world)
    assert (await done(world, "GET", f"pictures/{picture}"))["drawn_version"] is None
    kept = await done(world, "PUT", f"pictures/{picture}/drawing", drawing(2, LINE))
    assert kept["version"] == 3
    await draw_all(world)
    assert (await done(world, "GET", f"pictures/{picture}"))["drawn_version"] == 3


async def test_a_length_is_told_in_millimetres_where_the_picture_is_to_scale(world: World) -> None:
    to_scale = await ready(world, xray(header={"PixelSpacing": [0.5, 0.5]}), kind="xray")
    kept = await done(world, "PUT", f"pictures/{to_scale}/drawing", drawing(0, LINE, MEASURE))
    assert kept["measures"] == [{"shape": 1, "length_mm": 32.0}]
    await draw_all(world)
    assert await shown(world, to_scale)
    answer = await staff(world, "PUT", f"pictures/{await ready(world)}/drawing", drawing(0, MEASURE))
    refused(answer, 422, "invalid-input")
    assert answer.json()["errors"] == [{"pointer": "/shapes/0/kind", "code": "picture-not-to-scale"}]


async def test_there_is_nothing_to_draw_on_before_a_picture_is_ready(world: World) -> None:
    picture = await came(world)
    refused(await staff(world, "PUT", f"pictures/{picture}/drawing", drawing(0, LINE)), 409, "picture-not-ready")
    refused(await staff(world, "PUT", f"pictures/{new_id()}/drawing", drawing(0, LINE)), 404, "not-found")


async def test_what_is_no_shape_is_refused(world: World) -> None:
    picture = await ready(world)
    for wrong in (
        {**LINE, "kind": "circle"}, {**LINE, "points": [{"x": -1, "y": 0}, {"x": 0, "y": 0}]}, {**LINE, "width": 21},
        {**LINE, "colour": "#ff0000"}, {**WORDS, "text": "x" * 201}, {**WORDS, "text": "a\nb"}, {**LINE, "fill": True},
    ):  # fmt: skip
        refused(await staff(world, "PUT", f"pictures/{picture}/drawing", drawing(0, wrong)), 422, "invalid-input")
    many = drawing(0, *[LINE] * 201)
    refused(await staff(world, "PUT", f"pictures/{picture}/drawing", many), 422, "invalid-input")
    assert await listed(world) == [picture]


async def test_who_drew_is_noted(world: World) -> None:
    picture = await ready(world)
    await done(world, "PUT", f"pictures/{picture}/drawing", drawing(0, LINE))
    await draw_all(world)
    kinds = [kind for kind, _ in await noted(world, picture)]
    assert kinds[-2:] == ["picture.drawn", "picture.drawing_ready"]
