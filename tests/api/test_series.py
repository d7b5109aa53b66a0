"""Series of pictures: the clinic arranges them, the patient sees each view in its place, before and after in pairs."""

import asyncio
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from PIL import Image
from sqlalchemy import text

from core.clock import now
from core.ids import new_id
from enamel.worker.files import sweep_files
from media.commands.files import PATIENCE
from tests.api.household import EMMA, MOTHER, SignedIn, aged, child, linked, sign_in
from tests.api.picturing import came, refused
from tests.api.picturing import done as at_desk
from tests.api.test_private import family, marked
from tests.conftest import Queries
from tests.media.looking import look
from tests.media.samples import photo
from tests.world import World

BROKEN = photo()[:200]
SERIES = "/v1/partner/patients/anna/series/s-1"
FRONT = "occlusion-frontal"


async def send(world: World, name: str, patient: str = "anna", **said: str) -> str:
    """A picture of this name over there; each has bytes of its own. Its id."""
    form = {"kind": "photo", "released": "false", **said}
    size = 40 + sum(name.encode()) % 200
    file = {"file": ("scan.jpg", photo(size, size // 2))}
    path = f"/v1/partner/patients/{patient}/pictures/{name}"
    answer = await world.http.put(path, headers=world.here.partner, data=form, files=file)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["picture_id"])


async def staff(world: World, method: str, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
    at = f"/v1/staff/patients/{world.here.patient_id}/series{path}"
    answer = await world.http.request(method, at, headers=world.here.staff, json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found


async def begun(world: World, protocol: str = "intraoral-photo", **said: Any) -> str:
    made = await staff(world, "POST", "", {"protocol": protocol, **said}, 201)
    return str(made["series_id"])


async def mine(world: World, path: str = "", language: str = "en") -> httpx.Response:
    return await world.get(f"/v1/me/series{path}", {**world.here.patient, "accept-language": language})


async def told(world: World, views: dict[str, str | None], path: str = SERIES, **said: Any) -> dict[str, Any]:
    body = {"protocol": "intraoral-photo", **said}
    body["views"] = [{"view": view, "picture": picture} for view, picture in views.items()]
    answer = await world.http.put(path, headers=world.here.partner, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def events(world: World, series_id: str) -> list[str]:
    asked = text("select kind from event where subject_id = :id and kind like 'series.%' order by id")
    async with world.database.sweeping() as sweeping:
        return list((await sweeping.execute(asked, {"id": series_id})).scalars())


async def test_staff_arranges_a_series_and_the_patient_sees_every_view_in_its_order(world: World) -> None:
    front, lower = await send(world, "front"), await send(world, "lower")
    series = await begun(world, title="Start", taken_on="2026-03-02", teeth=["21", "11"])
    await staff(world, "PUT", f"/{series}/views/{FRONT}", {"picture_id": front})
    await staff(world, "PUT", f"/{series}/views/arch-lower", {"picture_id": lower})
    await staff(world, "PUT", f"/{series}/views/arch-upper", {"picture_id": None})
    await look(world)
    assert (await mine(world)).json()["items"] == [], "nobody is shown what is not released"
    assert (await mine(world, f"/{series}")).status_code == 404
    await staff(world, "POST", f"/{series}/release", {"comment": "Well brushed.\nGo on."})
    (brief,) = (await mine(world)).json()["items"]
    assert (brief["taken"], brief["expected"], brief["left_out"], brief["is_complete"]) == (2, 4, 1, False)
    assert (brief["comment"], brief["teeth"]) == ("Well brushed.\nGo on.", ["11", "21"])
    assert brief["cover"]["picture_id"] == front
    shown = (await mine(world, f"/{series}", "ru")).json()
    assert [(place["view"], place["state"]) for place in shown["places"]] == [
        (FRONT, "taken"), ("occlusion-right", "missing"), ("occlusion-left", "missing"),
        ("arch-upper", "left_out"), ("arch-lower", "taken"),
    ]  # fmt: skip
    first = shown["places"][0]
    assert (first["name"], shown["protocol_name"]) == ("Сомкнутые зубы, спереди", "Фото зубов")
    assert len(first["picture"]["blurhash"]) > 5
    opened = await world.post(f"/v1/me/pictures/{front}/links", world.here.patient, {"variant": "preview_256"})
    assert opened.status_code == 200, "its pictures were released with it"
    assert await events(world, series) == [
        "series.made", "series.filled", "series.filled", "series.left_out", "series.released"
    ]  # fmt: skip


async def test_a_picture_stands_in_one_place_of_a_series_and_another_takes_its_place(world: World) -> None:
    one, other = await send(world, "one"), await send(world, "other")
    series = await begun(world)
    await staff(world, "PUT", f"/{series}/views/{FRONT}", {"picture_id": one})
    await staff(world, "PUT", f"/{series}/views/arch-lower", {"picture_id": one})
    moved = await staff(world, "PUT", f"/{series}/views/arch-upper", {"picture_id": other})
    held = {place["view"]: place["picture"]["picture_id"] for place in moved["places"] if place["picture"]}
    assert held == {"arch-lower": one, "arch-upper": other}
    replaced = await staff(world, "PUT", f"/{series}/views/arch-lower", {"picture_id": other})
    assert replaced["taken"] == 1
    emptied = await staff(world, "DELETE", f"/{series}/views/arch-lower")
    assert (emptied["taken"], emptied["expected"]) == (0, 5)
    await staff(world, "DELETE", f"/{series}/views/arch-lower")
    assert (await events(world, series)).count("series.emptied") == 3, "saying it again is no event"


async def test_two_who_fill_the_same_series_at_once_lose_nothing(world: World) -> None:
    pictures = [await send(world, f"p{n}") for n in range(5)]
    series = await begun(world)
    views = [FRONT, "occlusion-right", "occlusion-left", "arch-upper", "arch-lower"]
    puts = [
        staff(world, "PUT", f"/{series}/views/{view}", {"picture_id": picture})
        for view, picture in zip(views * 4, pictures * 4, strict=True)
    ]
    await asyncio.gather(*puts)
    done = await staff(world, "GET", f"/{series}")
    assert done["is_complete"]
    assert [place["picture"]["picture_id"] for place in done["places"]] == pictures


async def test_what_does_not_belong_into_a_view_is_refused(world: World) -> None:
    xray, others = await send(world, "x", kind="xray"), await send(world, "b", "boris")
    series = await begun(world)
    path = f"/v1/staff/patients/{world.here.patient_id}/series/{series}/views/"
    for view, picture, status, code in (
        (FRONT, xray, 409, "series-picture-kind"), (FRONT, others, 422, "invalid-input"),
        (FRONT, str(new_id()), 422, "invalid-input"), ("upper-incisors", xray, 404, "not-found"),
    ):  # fmt: skip
        answer = await world.http.put(path + view, headers=world.here.staff, json={"picture_id": picture})
        refused(answer, status, code)
    elsewhere = f"/v1/staff/patients/{world.here.other_patient_id}/series/{series}"
    refused(await world.get(elsewhere, world.here.staff), 404, "not-found")
    assert (await staff(world, "GET", f"/{series}"))["taken"] == 0


async def test_ties_are_of_the_same_patient(world: World) -> None:
    body = {"items": [{"external_id": "v", "patient": "boris", "starts_at": "2026-03-01T10:00:00Z",
                       "ends_at": "2026-03-01T10:30:00Z"}]}  # fmt: skip
    visit = (await world.post("/v1/partner/sync/appointments", world.here.partner, body)).json()["rows"][0]["id"]
    path = f"/v1/staff/patients/{world.here.patient_id}/series"
    for said, pointer in (
        ({"appointment_id": visit}, "/appointment_id"), ({"plan_id": str(new_id())}, "/plan_id"),
        ({"plan_stage": 1}, "/plan_stage"), ({"before_id": str(new_id()), "phase": "after"}, "/before_id"),
        ({"taken_on": "2999-01-01"}, "/taken_on"), ({"teeth": ["19"]}, "/teeth/0"),
    ):  # fmt: skip
        answer = await world.post(path, world.here.staff, {"protocol": "fmx-18", **said})
        refused(answer, 422, "invalid-input")
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_before_and_after_stand_side_by_side_where_both_have_a_view(world: World) -> None:
    for name in ("b-front", "b-lower", "a-front", "a-upper"):
        await send(world, name)
    await told(world, {FRONT: "b-front", "arch-lower": "b-lower"}, phase="before", released=True)
    after = f"{SERIES}-after"
    done = await told(
        world, {FRONT: "a-front", "arch-upper": "a-upper"}, after, phase="after", before="s-1", released=True
    )
    assert done["errors"] == []
    await look(world)
    shown = (await mine(world, f"/{done['series_id']}")).json()
    assert [pair["view"] for pair in shown["pairs"]] == [FRONT]
    assert shown["pairs"][0]["after"]["picture_id"] == shown["places"][0]["picture"]["picture_id"]
    assert shown["pairs"][0]["before"]["picture_id"] != shown["pairs"][0]["after"]["picture_id"]
    before = shown["before_id"]
    answer = await staff_put(world, before, {"phase": "after"})
    refused(answer, 422, "invalid-input")
    await staff(world, "POST", f"/{before}/hide")
    alone = (await mine(world, f"/{done['series_id']}")).json()
    assert (alone["pairs"], alone["before_id"]) == ([], None), "what is hidden is neither compared with nor named"
    assert [each["before_id"] for each in (await mine(world)).json()["items"]] == [None]
    seen_there = await staff(world, "GET", f"/{done['series_id']}")
    assert seen_there["before_id"] == before
    assert before in {each["before_id"] for each in (await staff(world, "GET", ""))["items"]}
    await staff(world, "DELETE", f"/{before}", status=204)
    assert (await staff(world, "GET", f"/{done['series_id']}"))["before_id"] is None


async def staff_put(world: World, series: str, body: dict[str, Any]) -> httpx.Response:
    path = f"/v1/staff/patients/{world.here.patient_id}/series/{series}"
    return await world.http.put(path, headers=world.here.staff, json=body)


async def test_describing_a_series_anew_says_all_of_it(world: World) -> None:
    series = await begun(world, title="Start", phase="before")
    changed = (await staff_put(world, series, {"title": "Day one"})).json()
    assert (changed["title"], changed["phase"]) == ("Day one", None)
    await staff_put(world, series, {"title": "Day one"})
    assert await events(world, series) == ["series.made", "series.changed"]


async def test_a_system_tells_a_whole_series_and_telling_it_again_changes_nothing(world: World) -> None:
    for name in ("one", "two"):
        await send(world, name)
    first = await told(world, {FRONT: "one", "arch-upper": None}, title="Start", released=True)
    assert (first["outcome"], first["errors"]) == ("created", [])
    again = await told(world, {FRONT: "one", "arch-upper": None}, title="Start", released=True)
    assert again == {**first, "outcome": "unchanged"}
    before = await events(world, first["series_id"])
    moved = await told(world, {"arch-lower": "one", FRONT: "two"}, title="Start", released=True)
    assert moved["outcome"] == "updated"
    await look(world)
    shown = (await mine(world, f"/{first['series_id']}")).json()
    assert {place["view"]: place["state"] for place in shown["places"] if place["state"] != "missing"} == {
        FRONT: "taken", "arch-lower": "taken"
    }, "what came into a series that is shown is shown with it"  # fmt: skip
    assert len(await events(world, first["series_id"])) == len(before) + 3


async def test_bad_views_are_named_and_the_good_ones_taken(world: World) -> None:
    await send(world, "one")
    await send(world, "x", kind="xray")
    await send(world, "b", "boris")
    views: dict[str, str | None] = {
        FRONT: "one",
        "occlusion-right": "nobody",
        "occlusion-left": "b",
        "arch-upper": "x",
        "face-rest": "one-2",
    }
    done = await told(world, views, before="none", visit="none", plan="none", phase="after")
    found = {(error["pointer"], error["code"]) for error in done["errors"]}
    assert found == {
        ("/visit", "unknown-reference"), ("/plan", "unknown-reference"), ("/before", "unknown-reference"),
        ("/views/1/picture", "unknown-reference"), ("/views/2/picture", "unknown-reference"),
        ("/views/3/picture", "another-kind"), ("/views/4/view", "unknown-view"),
    }  # fmt: skip
    assert (await staff(world, "GET", f"/{done['series_id']}"))["taken"] == 1
    twice = {"protocol": "intraoral-photo", "views": [{"view": FRONT, "picture": "one"}] * 2}
    answer = (await world.http.put(SERIES, headers=world.here.partner, json=twice)).json()
    assert [error["code"] for error in answer["errors"]] == ["given-twice", "given-twice"]
    assert (await staff(world, "GET", f"/{done['series_id']}"))["taken"] == 1, "what is told wrongly stays as it was"


async def test_a_name_stands_for_one_series_only(world: World) -> None:
    await told(world, {})
    body = {"protocol": "fmx-18", "views": []}
    refused(await world.http.put(SERIES, headers=world.here.partner, json=body), 409, "series-differs")
    body["protocol"] = "intraoral-photo"
    other = SERIES.replace("anna", "boris")
    refused(await world.http.put(other, headers=world.here.partner, json=body), 409, "series-differs")
    nobody = SERIES.replace("anna", "nobody")
    refused(await world.http.put(nobody, headers=world.here.partner, json=body), 404, "not-found")


async def test_of_two_calls_that_tell_a_new_series_one_makes_it(world: World) -> None:
    await send(world, "one")
    done = await asyncio.gather(*(told(world, {FRONT: "one"}, released=True) for _ in range(8)))
    assert sorted(each["outcome"] for each in done) == ["created"] + ["unchanged"] * 7
    assert len({each["series_id"] for each in done}) == 1


async def test_what_staff_hid_by_itself_stays_hidden_when_the_series_is_told_again(world: World) -> None:
    picture = await send(world, "one")
    series = (await told(world, {FRONT: "one"}, released=True))["series_id"]
    await look(world)
    await at_desk(world, "POST", f"pictures/{picture}/hide")
    again = await told(world, {FRONT: "one"}, released=True, comment="Look")
    assert again["outcome"] == "updated"
    shown = (await mine(world, f"/{series}")).json()
    assert (shown["taken"], shown["expected"], shown["comment"]) == (0, 5, "Look")
    for comment in ("Look here", "Look here"):
        await staff(world, "POST", f"/{series}/release", {"comment": comment})
    shown = (await mine(world, f"/{series}")).json()
    assert (shown["taken"], shown["comment"]) == (0, "Look here"), "a corrected comment shows no picture"
    assert (await events(world, series))[-2:] == ["series.commented", "series.commented"]
    await staff(world, "POST", f"/{series}/hide")
    await staff(world, "POST", f"/{series}/release", {})
    assert (await mine(world, f"/{series}")).json()["taken"] == 1, "from hidden to shown it shows them all"


async def test_an_empty_comment_is_none_and_not_words(world: World) -> None:
    path = f"/v1/staff/patients/{world.here.patient_id}/series/{await begun(world)}/release"
    refused(await world.post(path, world.here.staff, {"comment": " "}), 422, "invalid-input")


async def test_a_picture_in_quarantine_is_not_released_with_its_series(world: World) -> None:
    picture = await came(world, BROKEN, released="false")
    series = await begun(world, "free")
    waiting = await staff(world, "PUT", f"/{series}/views/1", {"picture_id": picture})
    assert (waiting["taken"], waiting["is_complete"]) == (1, True), "it came, and is looked into"
    await look(world)
    shown = await staff(world, "POST", f"/{series}/release", {})
    (place,) = shown["places"]
    assert (place["picture"]["state"], place["picture"]["released_at"]) == ("quarantined", None)
    assert (place["state"], shown["taken"], shown["is_complete"]) == ("missing", 0, False), "another one is to be taken"
    assert (await mine(world, f"/{series}")).json()["taken"] == 0


async def test_a_picture_that_is_taken_away_or_is_somebody_elses_leaves_its_series(world: World) -> None:
    one, two = await send(world, "one"), await send(world, "two")
    series = (await told(world, {FRONT: "one", "arch-lower": "two"}, released=True))["series_id"]
    async with world.database.writing(
        world.here.scope
    ) as writing:  # as an erasure does; staff discards only what is held
        await writing.execute(text("delete from picture where id = :id"), {"id": one})
    moved = {"patient_id": str(world.here.other_patient_id), "reason": "wrong_record"}
    await at_desk(world, "POST", f"pictures/{two}/move", moved)
    assert (await staff(world, "GET", f"/{series}"))["taken"] == 0


async def sheet(world: World, series: str, headers: dict[str, str], door: str = "/v1/me") -> str:
    answer = await world.http.post(f"{door}/series/{series}/links", headers=headers)
    assert answer.status_code == 200, answer.text
    url = urlsplit(answer.json()["url"])
    return f"{url.path}?{url.query}"


async def test_the_contact_sheet_is_drawn_once_and_again_when_the_series_changes(world: World) -> None:
    for name in ("one", "two"):
        await send(world, name)
    series = (await told(world, {FRONT: "one"}, released=True))["series_id"]
    await look(world)
    address = await sheet(world, series, {**world.here.patient, "accept-language": "it"})
    assert address.startswith(f"/v1/media/series/{series}/it?signature=")
    assert str(world.here.patient_id) not in address
    first = await world.http.get(address)
    assert (first.status_code, first.headers["content-type"]) == (200, "image/webp")
    assert Image.open(BytesIO(first.content)).width > 1000
    folder = f"{world.here.clinic_id}/sheets/{series}"
    assert len(await world.ports.storage.keys_under(folder)) == 1
    known = await world.http.get(address, headers={"if-none-match": first.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    looked = await world.http.head(address)
    assert (looked.status_code, looked.content) == (200, b"")
    assert looked.headers["content-length"] == str(len(first.content))
    staff_link = await sheet(world, series, {**world.here.staff, "accept-language": "it"}, staff_door(world))
    assert (await world.http.get(staff_link)).content == first.content
    assert len(await world.ports.storage.keys_under(folder)) == 1, "who sees the same shares one file"
    await told(world, {FRONT: "one", "arch-lower": "two"}, released=True)
    await look(world)
    second = await world.http.get(address)
    assert (second.status_code, second.headers["etag"] == first.headers["etag"]) == (200, False)
    assert len(await world.ports.storage.keys_under(folder)) == 2
    await sweep_files(world.database, world.ports.storage, now() + PATIENCE)
    assert await world.ports.storage.keys_under(folder) == []


def staff_door(world: World) -> str:
    return f"/v1/staff/patients/{world.here.patient_id}"


async def test_a_link_to_a_sheet_ends_with_the_right_to_see_it(world: World) -> None:
    await send(world, "one")
    series = (await told(world, {FRONT: "one"}, released=True))["series_id"]
    await look(world)
    address = await sheet(world, series, world.here.patient)
    refused(await world.http.get(address.replace("/en?", "/ru?")), 403, "media-link-refused")
    refused(await world.http.get(address.replace(series, str(new_id()))), 403, "media-link-refused")
    staff_address = await sheet(world, series, world.here.staff, staff_door(world))
    await staff(world, "POST", f"/{series}/hide")
    refused(await world.http.get(address), 404, "not-found")
    assert (await world.http.get(staff_address)).status_code == 200
    asked = await world.http.post(f"/v1/me/series/{series}/links", headers=world.here.patient)
    refused(asked, 404, "not-found")


async def test_a_sheet_shows_a_patient_only_what_they_may_see(world: World) -> None:
    await send(world, "one")
    picture = await send(world, "two")
    series = (await told(world, {FRONT: "one", "arch-lower": "two"}, released=True))["series_id"]
    await look(world)
    await at_desk(world, "POST", f"pictures/{picture}/hide")
    own = await drawn(world, await sheet(world, series, world.here.patient))
    there = await drawn(world, await sheet(world, series, world.here.staff, staff_door(world)))
    blank = await drawn(world, await sheet(world, await begun(world), world.here.staff, staff_door(world)))
    assert inside(own, 2, 2) == inside(there, 2, 2) != inside(blank, 2, 2)
    assert inside(own, 2, 3) == inside(blank, 2, 3) != inside(there, 2, 3), "not a pixel of what is hidden"


async def drawn(world: World, address: str) -> Image.Image:
    answer = await world.http.get(address)
    assert answer.status_code == 200, answer.text
    return Image.open(BytesIO(answer.content)).convert("RGB")


def inside(sheet: Image.Image, column: int, row: int) -> bytes:
    """The middle of a place of a sheet of three columns and rows, the blocks of its compression at the edges aside."""
    width, height = sheet.width // 3, (sheet.height - 64) // 3
    left, top = (column - 1) * width, 64 + (row - 1) * height
    middle = sheet.crop((left + 80, top + 60, left + width - 80, top + 260)).convert("L")
    return middle.resize((8, 8)).point(lambda light: light // 32).tobytes()


async def test_a_guardian_sees_nothing_of_a_private_series_and_no_private_picture_in_another(world: World) -> None:
    emma, mother, own = await child(world), await sign_in(world, MOTHER), await sign_in(world, EMMA)
    await linked(world, mother, emma, "guardian")
    await linked(world, own, emma, "self")
    await send(world, "one", "emma")
    hidden = await send(world, "two", "emma")
    path = SERIES.replace("anna", "emma")
    views: dict[str, str | None] = {FRONT: "one", "arch-lower": "two"}
    shown = (await told(world, views, path, released=True))["series_id"]
    secret = await send(world, "three", "emma")
    private = (await told(world, {FRONT: "three"}, f"{path}-private", released=True, private=True))["series_id"]
    await look(world)
    mark = await world.http.put(
        f"/v1/staff/patients/{emma}/private/picture/{hidden}", headers=world.here.staff, json={"private": True}
    )
    assert mark.status_code == 204, mark.text
    wards = f"/v1/patients/{emma}/series"
    listed = (await world.get(wards, mother.headers)).json()["items"]
    assert [(each["series_id"], each["taken"]) for each in listed] == [(shown, 1)]
    refused(await world.get(f"{wards}/{private}", mother.headers), 404, "not-found")
    hers = (await world.get("/v1/me/series", own.headers)).json()["items"]
    assert [(each["series_id"], each["taken"]) for each in hers] == [(private, 1), (shown, 2)]
    assert secret not in await pictures_of(world, mother, emma), "what it shows is as private as it is"
    assert secret in await pictures_of(world, own, emma)
    door = f"/v1/patients/{emma}"
    mothers = await world.http.get(await sheet(world, shown, mother.headers, door))
    emmas = await world.http.get(await sheet(world, shown, own.headers))
    assert mothers.headers["etag"] != emmas.headers["etag"]
    refused(await world.http.post(f"{wards}/{private}/links", headers=mother.headers), 404, "not-found")
    mark = await world.http.put(f"/v1/me/private/series/{shown}", headers=own.headers, json={"private": True})
    assert mark.status_code == 204, mark.text
    assert (await world.get(wards, mother.headers)).json()["items"] == []
    changes = (await world.get(f"{door}/changes", mother.headers)).json()["items"]
    assert private not in {each["id"] for each in changes}


async def pictures_of(world: World, who: SignedIn, patient: UUID) -> list[str]:
    answer = await world.get(f"/v1/patients/{patient}/pictures", who.headers)
    assert answer.status_code == 200, answer.text
    return [each["picture_id"] for each in answer.json()["items"]]


async def test_a_series_that_becomes_private_hides_its_pictures_and_shown_again_shows_them(world: World) -> None:
    emma, own, mother = await family(world)
    one, two = await send(world, "one", "emma"), await send(world, "two", "emma")
    path = SERIES.replace("anna", "emma")
    views: dict[str, str | None] = {FRONT: "one", "arch-lower": "two"}
    both = (await told(world, views, path, released=True))["series_id"]
    other = (await told(world, {FRONT: "one"}, f"{path}-2", released=True))["series_id"]
    await look(world)
    mark = "/v1/me/private/series"
    for series, private, seen in (
        (both, True, []), (other, True, []), (both, False, [two]), (other, False, [two, one]),
    ):  # fmt: skip
        await marked(world, f"{mark}/{series}", own.headers, private=private)
        assert await pictures_of(world, mother, emma) == seen
        assert await pictures_of(world, own, emma) == [two, one]
    await marked(world, f"/v1/me/private/picture/{two}", own.headers)
    for private in (True, False):
        await marked(world, f"{mark}/{both}", own.headers, private=private)
    assert await pictures_of(world, mother, emma) == [one], "what was marked for itself stays so"


async def test_a_picture_that_staff_puts_into_a_private_series_is_hidden_before_it_is_released(world: World) -> None:
    emma, _, mother = await family(world)
    picture = await send(world, "one", "emma", released="true")
    await look(world)
    base = f"/v1/staff/patients/{emma}/series"
    body = {"protocol": "intraoral-photo", "private": True}
    series = (await world.post(base, world.here.staff, body)).json()["series_id"]
    assert await pictures_of(world, mother, emma) == [picture]
    place = f"{base}/{series}/views/{FRONT}"
    await world.http.put(place, headers=world.here.staff, json={"picture_id": picture})
    assert await pictures_of(world, mother, emma) == []
    await world.post(f"{base}/{series}/release", world.here.staff, {})
    assert await pictures_of(world, mother, emma) == []


async def test_of_a_child_no_series_is_hidden(world: World) -> None:
    emma = await child(world, "emma", aged(8))
    body = {"protocol": "free", "private": True}
    answer = await world.post(f"/v1/staff/patients/{emma}/series", world.here.staff, body)
    refused(answer, 409, "too-young-for-private")
    done = await told(world, {}, SERIES.replace("anna", "emma"), private=True)
    assert done["errors"] == [{"pointer": "/private", "code": "too-young-for-private"}]
    found = await world.get(f"/v1/staff/patients/{emma}/series/{done['series_id']}", world.here.staff)
    assert found.json()["private"] is False


async def test_a_tie_that_is_told_wrongly_stays_as_it_was(world: World) -> None:
    visit = {"external_id": "v", "patient": "anna", "starts_at": "2026-03-01T10:00:00Z",
             "ends_at": "2026-03-01T10:30:00Z"}  # fmt: skip
    await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": [visit]})
    stages = [
        {"title": title, "items": [{"name": "Veneer", "unit_price": {"amount_minor": 100, "currency": "EUR"}}]}
        for title in ("One", "Two")
    ]
    plans = [
        {"external_id": name, "version": 1, "patient": "anna", "title": name, "currency": "EUR", "stages": stages}
        for name in ("p", "q")
    ]
    assert (await world.post("/v1/partner/sync/plans", world.here.partner, {"items": plans})).json()["created"] == 2
    await told(world, {}, phase="before")
    path, ties = f"{SERIES}-2", ("before_id", "appointment_id", "plan_id", "plan_stage")
    good = {"phase": "after", "before": "s-1", "visit": "v", "plan": "p", "stage": 2}
    series = (await told(world, {}, path, **good))["series_id"]
    whole = await staff(world, "GET", f"/{series}")
    assert None not in [whole[name] for name in ties]
    again = await told(world, {}, path, phase="after", before="?", visit="?", plan="?", stage=1)
    assert (again["outcome"], len(again["errors"])) == ("unchanged", 3)
    assert (await staff(world, "GET", f"/{series}")) == whole
    assert (await told(world, {}, path, **{**good, "stage": 9}))["outcome"] == "unchanged"
    await told(world, {}, path, **{**good, "plan": "q", "stage": 9})
    other = await staff(world, "GET", f"/{series}")
    assert (other["plan_id"] == whole["plan_id"], other["plan_stage"]) == (False, None), "a stage is of its own plan"
    earlier = await told(world, {}, path, phase="before", before="?")
    assert [error["code"] for error in earlier["errors"]] == ["unknown-reference"]
    bare = await staff(world, "GET", f"/{series}")
    assert [bare[name] for name in ties] == [None] * 4, "what is not told, or cannot be any more, is taken off"


async def test_a_before_that_is_removed_while_the_after_is_told_stops_nobody(world: World) -> None:
    for number in range(6):
        name, after = f"s-1-b{number}", f"{SERIES}-a{number}"
        before = (await told(world, {}, f"{SERIES}-b{number}", phase="before", released=True))["series_id"]
        named: dict[str, Any] = {"phase": "after", "before": name, "released": True}
        await told(world, {}, after, **named)
        tells = [told(world, {}, after, **named, title=f"t{turn}") for turn in range(3)]
        done = await asyncio.gather(*tells, staff(world, "DELETE", f"/{before}", status=204))
        assert {each["series_id"] for each in done[:3]} == {done[0]["series_id"]}


async def test_a_series_is_as_private_as_the_visit_it_belongs_to(world: World) -> None:
    emma, mother = await child(world), await sign_in(world, MOTHER)
    await linked(world, mother, emma, "guardian")
    visit = {"external_id": "v", "patient": "emma", "starts_at": "2026-03-01T10:00:00Z",
             "ends_at": "2026-03-01T10:30:00Z", "private": True}  # fmt: skip
    await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": [visit]})
    made = await told(world, {}, SERIES.replace("anna", "emma"), released=True, visit="v")
    assert made["errors"] == []
    assert (await world.get(f"/v1/patients/{emma}/series", mother.headers)).json()["items"] == []
    told_of = (await world.get(f"/v1/patients/{emma}/changes", mother.headers)).json()["items"]
    assert made["series_id"] not in [each["id"] for each in told_of]


async def news(world: World, cursor: str | None) -> tuple[dict[str, dict[str, Any]], str]:
    """Series by id as they are now, and where to go on. One may be told twice."""
    query = "" if cursor is None else f"?cursor={cursor}"
    answer = (await world.get(f"/v1/me/changes{query}", world.here.patient)).json()
    return {each["id"]: each for each in answer["items"] if each["kind"] == "series"}, answer["next_cursor"]


async def test_an_app_hears_of_a_series_whatever_of_it_changes(world: World) -> None:
    picture = await send(world, "one")
    before = (await told(world, {FRONT: "one"}, phase="before", released=True))["series_id"]
    named: dict[str, Any] = {"phase": "after", "before": "s-1", "released": True}
    after = (await told(world, {}, f"{SERIES}-2", **named))["series_id"]
    second = await send(world, "two")
    _, cursor = await news(world, None)
    await look(world)
    found, cursor = await news(world, cursor)
    assert found[before]["series"]["taken"] == 1, "a picture of it became ready"
    await told(world, {"arch-upper": "two"}, f"{SERIES}-2", **named)
    await look(world)
    found, cursor = await news(world, cursor)
    assert found[after]["series"]["places"][3]["state"] == "taken", "a place was filled"
    await staff(world, "POST", f"/{before}/hide")
    found, cursor = await news(world, cursor)
    assert {name: each["gone"] for name, each in found.items()} == {before: True, after: False}, "and what names it"
    await staff(world, "POST", f"/{before}/release", {})
    _, cursor = await news(world, cursor)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("delete from picture where id = :id"), {"id": picture})
    found, cursor = await news(world, cursor)
    assert found[before]["series"]["taken"] == 0, "a picture of it was taken away"
    moved = await at_desk(world, "PATCH", f"pictures/{second}", {"taken_on": "2026-03-04"})
    found, cursor = await news(world, cursor)
    assert found[after]["series"]["places"][3]["picture"]["taken_on"] == moved["taken_on"] == "2026-03-04"
    await staff(world, "DELETE", f"/{before}", status=204)
    found, _ = await news(world, cursor)
    assert {name: each["gone"] for name, each in found.items()} == {before: True, after: False}


async def test_series_cost_few_statements_however_many_there_are(world: World, at_most: Queries) -> None:
    names = ["one", "two", "three"]
    for name in names:
        await send(world, name)
    for number, name in enumerate(names):
        series = (await told(world, {FRONT: name}, f"{SERIES}-{number}", released=True))["series_id"]
    await look(world)
    with at_most(3):
        assert len((await mine(world)).json()["items"]) == 3
    with at_most(3):
        await mine(world, f"/{series}")


async def test_pages_of_series_follow_each_other(world: World) -> None:
    made = [(await told(world, {}, f"{SERIES}-{n}", released=True))["series_id"] for n in range(3)]
    first = (await mine(world, "?limit=2")).json()
    second = (await mine(world, f"?limit=2&cursor={first['next_cursor']}")).json()
    assert [each["series_id"] for each in first["items"] + second["items"]] == made[::-1]


async def test_that_staff_looked_at_a_series_is_recorded_and_protocols_are_told(world: World) -> None:
    series = await begun(world)
    await staff(world, "GET", f"/{series}")
    await staff(world, "GET", "")
    async with world.database.sweeping() as sweeping:
        asked = text("select count(*) from event where kind = 'series.read' and patient_id = :patient")
        assert (await sweeping.execute(asked, {"patient": world.here.patient_id})).scalar_one() == 3, (
            "and a change shows"
        )
    headers = {**world.here.staff, "accept-language": "zh"}
    items = (await world.get("/v1/staff/series-protocols", headers)).json()["items"]
    counts = {each["protocol"]: len(each["views"]) for each in items}
    assert (counts["ortho-photo"], counts["fmx-18"], counts["free"]) == (8, 18, 0)
    assert items[0]["views"][0]["name"] == "正面，嘴唇放松"
