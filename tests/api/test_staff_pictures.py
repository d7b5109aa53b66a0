"""Pictures at the desk: looked at, released with a word, hidden, corrected, moved, and decided on in quarantine."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core.clock import now
from core.ids import new_id
from tests.api.picturing import came, done, listed, noted, reads, ready, refused, staff
from tests.media.looking import look
from tests.media.samples import bomb, photo, xray
from tests.world import World, patient_fact

STRANGER = {"PatientName": "Bianchi^Carla", "PatientBirthDate": "19510203"}


async def of_stranger(world: World) -> str:
    """An X-ray in Anna's record whose file names somebody else: in quarantine."""
    picture = await ready(world, xray(header=STRANGER), kind="xray")
    seen = await done(world, "GET", f"pictures/{picture}")
    assert (seen["state"], seen["reason"]) == ("quarantined", "another-person")
    return picture


async def changes(world: World, cursor: str | None = None) -> dict[str, Any]:
    query = f"?cursor={cursor}" if cursor else ""
    found: dict[str, Any] = (await world.get(f"/v1/me/changes{query}", world.here.patient)).json()
    return found


async def test_staff_sees_all_that_is_known_of_a_picture_and_that_is_noted(world: World) -> None:
    header = {
        "Modality": "IO", "AcquisitionDate": "20260302", "AcquisitionTime": "101405", "KVP": "65",
        "PixelSpacing": [0.02, 0.02], "Manufacturer": "Acteon", "StudyInstanceUID": "1.2.3",
    }  # fmt: skip
    picture = await ready(world, xray(header=header), kind="xray", released="false")
    seen = await done(world, "GET", f"pictures/{picture}")
    assert (seen["state"], seen["reason"], seen["released_at"], seen["private"]) == ("ready", None, None, False)
    assert (seen["patient_id"], seen["source"]) == (str(world.here.patient_id), "mis")
    assert (seen["row_spacing_mm"], seen["column_spacing_mm"]) == (0.02, 0.02)
    dicom = seen["dicom"]
    assert (dicom["modality"], dicom["acquired_at"], dicom["exposure_kv"]) == ("IO", "2026-03-02T10:14:05", 65.0)
    assert (dicom["manufacturer"], dicom["study_uid"], dicom["bits_stored"]) == ("Acteon", "1.2.3", 12)
    assert await reads(world) == 1
    await done(world, "POST", f"pictures/{picture}/links", {"variant": "preview_256"})
    assert await reads(world) == 2
    refused(await staff(world, "GET", f"pictures/{new_id()}"), 404, "not-found")


async def test_a_photo_has_no_dicom_facts(world: World) -> None:
    assert (await done(world, "GET", f"pictures/{await ready(world)}"))["dicom"] is None


async def test_a_list_is_narrowed_by_kind_tooth_and_state(world: World) -> None:
    ray = await ready(world, xray(header={"PatientName": "Rossi^Anna"}), kind="xray")
    shot = await ready(world)
    held = await ready(world, bomb())
    await done(world, "PATCH", f"pictures/{shot}", {"teeth": ["36", "11"]})

    async def found(query: str) -> list[str]:
        page = await done(world, "GET", f"patients/{world.here.patient_id}/pictures?{query}")
        return [item["picture_id"] for item in page["items"]]

    assert await found("") == [held, shot, ray]
    assert await found("state=quarantined") == [held]
    assert await found("state=ready&kind=xray") == [ray]
    assert await found("tooth=36") == [shot]
    assert await found("tooth=37") == []
    assert await listed(world, "?tooth=11") == [shot]
    assert await listed(world, "?kind=xray") == [ray]
    assert await listed(world, "?kind=xray&tooth=11") == []
    refused(await world.get("/v1/me/pictures?tooth=99", world.here.patient), 422, "invalid-input")


async def test_a_cursor_of_one_list_is_none_of_another(world: World) -> None:
    for _ in range(2):
        await ready(world)
    page = (await world.get("/v1/me/pictures?limit=1", world.here.patient)).json()
    path = f"/v1/me/pictures?limit=1&kind=photo&cursor={page['next_cursor']}"
    refused(await world.get(path, world.here.patient), 422, "invalid-input")


async def test_facts_are_corrected_and_what_is_not_named_stays(world: World) -> None:
    picture = await ready(world, taken_on="2026-03-02")
    changed = await done(world, "PATCH", f"pictures/{picture}", {"kind": "xray", "teeth": ["36", "11", "36"]})
    assert (changed["kind"], changed["teeth"], changed["taken_on"]) == ("xray", ["11", "36"], "2026-03-02")
    (seen,) = (await world.get("/v1/me/pictures", world.here.patient)).json()["items"]
    assert (seen["kind"], seen["teeth"]) == ("xray", ["11", "36"])
    assert (await done(world, "PATCH", f"pictures/{picture}", {"taken_on": None}))["taken_on"] is None
    before = await noted(world, picture)
    assert (await done(world, "PATCH", f"pictures/{picture}", {}))["teeth"] == ["11", "36"]
    assert await noted(world, picture) == before
    tomorrow = f"{now() + timedelta(days=2):%Y-%m-%d}"
    refused(await staff(world, "PATCH", f"pictures/{picture}", {"taken_on": tomorrow}), 422, "invalid-input")
    refused(await staff(world, "PATCH", f"pictures/{picture}", {"teeth": ["99"]}), 422, "invalid-input")


@pytest.mark.parametrize("member", ["kind", "teeth", "private"])
async def test_null_is_no_kind_and_no_teeth_and_privacy_has_a_door_of_its_own(world: World, member: str) -> None:
    """RFC 7396: null would take the member away."""
    picture = await ready(world, teeth="36")
    refused(await staff(world, "PATCH", f"pictures/{picture}", {member: None}), 422, "invalid-input")
    assert (await done(world, "PATCH", f"pictures/{picture}", {"teeth": []}))["teeth"] == []


@pytest.mark.parametrize("who", ["staff", "system"])
async def test_a_picture_of_another_kind_leaves_the_places_that_take_the_old_one(world: World, who: str) -> None:
    path, name = f"patients/{world.here.patient_id}/series", f"/v1/partner/patients/anna/pictures/{new_id()}"

    async def told(kind: str) -> str:
        form = {"kind": kind, "released": "true"}
        answer = await world.http.put(name, headers=world.here.partner, data=form, files={"file": ("a.jpg", photo())})
        return str(answer.json()["picture_id"])

    picture = await told("photo")
    made = {}
    for protocol, view in (("ortho-photo", "arch-lower"), ("free", "1")):
        body = {"protocol": protocol}
        made[view] = (await world.post(f"/v1/staff/{path}", world.here.staff, body)).json()["series_id"]
        await done(world, "PUT", f"{path}/{made[view]}/views/{view}", {"picture_id": picture})

    async def stands() -> list[str]:
        series = [await done(world, "GET", f"{path}/{each}") for each in made.values()]
        return [place["view"] for each in series for place in each["places"] if place["picture"]]

    await done(world, "PATCH", f"pictures/{picture}", {"teeth": ["36"]})
    assert await stands() == ["arch-lower", "1"]
    await (done(world, "PATCH", f"pictures/{picture}", {"kind": "xray"}) if who == "staff" else told("xray"))
    assert await stands() == ["1"], "a free series takes every kind"
    assert "series.emptied" in [kind for kind, _ in await noted(world, made["arch-lower"])]
    assert "series.emptied" not in [kind for kind, _ in await noted(world, made["1"])]


async def test_a_picture_is_released_with_a_word_and_hidden_again(world: World) -> None:
    picture = await ready(world, released="false")
    assert await listed(world) == []
    await done(world, "POST", f"pictures/{picture}/release", {"comment": "Healed.\nSee you in May."})
    (seen,) = (await world.get("/v1/me/pictures", world.here.patient)).json()["items"]
    assert seen["comment"] == "Healed.\nSee you in May."
    assert (await world.get(f"/v1/me/pictures/{picture}", world.here.patient)).json() == seen
    first = (await done(world, "POST", f"pictures/{picture}/release", {}))["released_at"]
    again = await done(world, "POST", f"pictures/{picture}/release", {"comment": "Other"})
    assert (again["comment"], again["released_at"]) == ("Other", first)
    hidden = await done(world, "POST", f"pictures/{picture}/hide")
    assert hidden["released_at"] is None
    await done(world, "POST", f"pictures/{picture}/hide")
    assert await listed(world) == []
    refused(await world.get(f"/v1/me/pictures/{picture}", world.here.patient), 404, "not-found")
    kinds = [kind for kind, _ in await noted(world, picture)]
    assert kinds[2:] == ["picture.released", "picture.commented", "picture.commented", "picture.hidden"]
    for comment in ("", "x" * 2001, "a\u0000b", "a\tb"):
        answer = await staff(world, "POST", f"pictures/{picture}/release", {"comment": comment})
        assert answer.status_code in (400, 422), comment


async def test_what_is_released_before_it_was_looked_into_is_shown_then(world: World) -> None:
    picture = await came(world, released="false")
    await done(world, "POST", f"pictures/{picture}/release", {})
    assert await listed(world) == []
    await look(world)
    assert await listed(world) == [picture]


async def test_what_stands_in_quarantine_is_listed_and_cannot_be_released(world: World) -> None:
    held = await ready(world, bomb())
    await ready(world)
    assert [each["picture_id"] for each in (await done(world, "GET", "quarantine"))["items"]] == [held]
    assert await reads(world) == 1, "a trace at each patient who is in it"
    refused(await staff(world, "POST", f"pictures/{held}/release", {}), 409, "picture-held")
    there = await world.get("/v1/staff/quarantine", world.there.staff)
    assert there.json()["items"] == []


async def test_a_picture_that_names_somebody_else_is_shown_once_staff_says_whose_it_is(world: World) -> None:
    picture = await of_stranger(world)
    assert await listed(world) == []
    receipt = await done(world, "POST", f"pictures/{picture}/verdict", {"verdict": "confirm_person"})
    assert receipt == {"picture_id": picture, "state": "uploaded"}
    await look(world)
    assert await listed(world) == [picture]
    seen = await done(world, "GET", f"pictures/{picture}")
    assert (seen["person_confirmed"], seen["reason"]) == (True, None)
    assert ("picture.person_confirmed", str(world.here.patient_id)) in await noted(world, picture)


async def test_what_is_broken_can_only_be_discarded(world: World) -> None:
    held, sound = await ready(world, bomb()), await ready(world)
    path = f"pictures/{held}/verdict"
    refused(await staff(world, "POST", path, {"verdict": "confirm_person"}), 409, "picture-verdict-refused")
    refused(await staff(world, "POST", f"pictures/{sound}/verdict", {"verdict": "discard"}), 409, "picture-not-held")
    assert await done(world, "POST", path, {"verdict": "discard"}) == {"picture_id": held, "state": None}
    refused(await staff(world, "GET", f"pictures/{held}"), 404, "not-found")
    refused(await staff(world, "POST", path, {"verdict": "discard"}), 404, "not-found")
    async with world.database.sweeping() as sweeping:
        left = (await sweeping.execute(text("select key from file_left"))).scalars().all()
    assert any("/files/" in key for key in left)


async def test_of_many_verdicts_at_once_one_is_carried_out(world: World) -> None:
    picture = await of_stranger(world)
    said = ["confirm_person", "discard"] * 10
    calls = (staff(world, "POST", f"pictures/{picture}/verdict", {"verdict": each}) for each in said)
    answers = await asyncio.gather(*calls)
    assert sorted({answer.status_code for answer in answers} - {404, 409}) == [200]
    assert [answer.status_code for answer in answers].count(200) == 1
    kinds = [kind for kind, _ in await noted(world, picture)]
    assert len([kind for kind in kinds if kind in ("picture.person_confirmed", "picture.discarded")]) == 1


async def test_a_picture_moves_to_another_record_and_the_old_ones_app_learns_it(world: World) -> None:
    here, picture = world.here, await ready(world)
    await done(world, "POST", f"pictures/{picture}/release", {"comment": "Yours"})
    before = await changes(world)
    assert [each["id"] for each in before["items"] if each["kind"] == "picture"] == [picture]
    body = {"patient_id": str(here.other_patient_id), "reason": "wrong_record"}
    moved = await done(world, "POST", f"pictures/{picture}/move", body)
    assert (moved["patient_id"], moved["released_at"], moved["comment"]) == (str(here.other_patient_id), None, None)
    after = await changes(world, before["next_cursor"])
    assert [(each["id"], each["gone"]) for each in after["items"] if each["kind"] == "picture"] == [(picture, True)]
    assert await listed(world) == []
    refused(await world.get(f"/v1/me/pictures/{picture}", here.patient), 404, "not-found")
    assert (await noted(world, picture))[-2:] == [
        ("picture.moved_away", str(here.patient_id)),
        ("picture.moved_here", str(here.other_patient_id)),
    ]
    async with world.database.sweeping() as sweeping:
        facts = text("select facts from event where kind like 'picture.moved%'")
        assert set(map(str, (await sweeping.execute(facts)).scalars())) == {"{'reason': 'wrong_record'}"}
    assert (await done(world, "POST", f"pictures/{picture}/move", body))["patient_id"] == str(here.other_patient_id)
    assert len([kind for kind, _ in await noted(world, picture) if "moved" in kind]) == 2, "again changes nothing"


@pytest.mark.parametrize("to", ["there", "nobody"])
async def test_a_picture_moves_to_nobody_who_is_not_a_patient_here(world: World, to: str) -> None:
    picture = await ready(world)
    patient = str(world.there.patient_id) if to == "there" else str(new_id())
    body = {"patient_id": patient, "reason": "wrong_record"}
    refused(await staff(world, "POST", f"pictures/{picture}/move", body), 404, "not-found")
    assert await listed(world) == [picture]


async def test_what_names_another_person_is_looked_into_again_in_their_record(world: World) -> None:
    picture = await of_stranger(world)
    carla = patient_fact("carla", "Carla", None, date(1951, 2, 3)).model_copy(update={"family_name": "Bianchi"})
    rows = {"items": [carla.model_dump(mode="json")]}
    told = await world.post("/v1/partner/sync/patients", world.here.partner, rows)
    body = {"patient_id": told.json()["rows"][0]["id"], "reason": "names_another"}
    assert (await done(world, "POST", f"pictures/{picture}/move", body))["state"] == "uploaded"
    await look(world)
    assert (await done(world, "GET", f"pictures/{picture}"))["state"] == "ready"


async def test_a_file_that_names_the_old_patient_is_held_in_the_record_it_was_moved_to(world: World) -> None:
    picture = await ready(world, xray(header={"PatientName": "Rossi^Anna"}), kind="xray")
    carla = patient_fact("carla", "Carla", None, date(1951, 2, 3)).model_copy(update={"family_name": "Bianchi"})
    rows = {"items": [carla.model_dump(mode="json")]}
    told = await world.post("/v1/partner/sync/patients", world.here.partner, rows)
    body = {"patient_id": told.json()["rows"][0]["id"], "reason": "wrong_record"}
    assert (await done(world, "POST", f"pictures/{picture}/move", body))["state"] == "uploaded"
    await look(world)
    held = await done(world, "GET", f"pictures/{picture}")
    assert (held["state"], held["reason"]) == ("quarantined", "another-person")
    refused(await staff(world, "POST", f"pictures/{picture}/release", {}), 409, "picture-held")
    await done(world, "POST", f"pictures/{picture}/verdict", {"verdict": "confirm_person"})
    await look(world)
    assert (await done(world, "GET", f"pictures/{picture}"))["state"] == "ready"


async def test_a_moved_photo_is_not_looked_into_again(world: World) -> None:
    body = {"patient_id": str(world.here.other_patient_id), "reason": "wrong_record"}
    assert (await done(world, "POST", f"pictures/{await ready(world)}/move", body))["state"] == "ready"


async def test_of_many_moves_at_once_both_records_agree_on_where_it_is(world: World) -> None:
    here, picture = world.here, await ready(world)
    to = [here.other_patient_id, here.patient_id] * 8
    calls = [
        staff(world, "POST", f"pictures/{picture}/move", {"patient_id": str(each), "reason": "wrong_record"})
        for each in to
    ]
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} <= {200, 409}
    seen = await done(world, "GET", f"pictures/{picture}")
    moves = [(kind, whose) for kind, whose in await noted(world, picture) if "moved" in kind]
    came_to = {
        each: moves.count(("picture.moved_here", str(each))) for each in (here.patient_id, here.other_patient_id)
    }
    left = {each: moves.count(("picture.moved_away", str(each))) for each in came_to}
    assert came_to[here.other_patient_id] >= 1
    is_there = {str(each): came_to[each] - left[each] + (each == here.patient_id) for each in came_to}
    assert is_there == {each: int(each == seen["patient_id"]) for each in is_there}


async def test_a_moved_or_discarded_picture_stands_in_no_series(world: World) -> None:
    here, path = world.here, f"patients/{world.here.patient_id}/series"
    moved, gone = await ready(world), await ready(world)
    body = {"protocol": "ortho-photo"}
    series = (await world.post(f"/v1/staff/{path}", here.staff, body)).json()["series_id"]
    for picture, view in ((moved, "arch-lower"), (gone, "arch-upper")):
        await done(world, "PUT", f"{path}/{series}/views/{view}", {"picture_id": picture})
    to = {"patient_id": str(here.other_patient_id), "reason": "wrong_record"}
    await done(world, "POST", f"pictures/{moved}/move", to)
    async with world.database.sweeping() as sweeping:
        held = text("update picture set state = 'quarantined', reason = 'infected' where id = :id")
        await sweeping.execute(held, {"id": gone})
    await done(world, "POST", f"pictures/{gone}/verdict", {"verdict": "discard"})
    places = (await done(world, "GET", f"{path}/{series}"))["places"]
    assert [place["view"] for place in places if place["picture"]] == []


async def test_the_bytes_of_a_moved_picture_follow_it(world: World) -> None:
    """The upload's bytes are the picture's until they were looked into: they follow it."""
    here, picture = world.here, await came(world)
    body = {"patient_id": str(here.other_patient_id), "reason": "wrong_record"}
    await done(world, "POST", f"pictures/{picture}/move", body)
    async with world.database.sweeping() as sweeping:
        asked = text("select patient_id from upload where picture_id = :picture")
        assert (await sweeping.execute(asked, {"picture": picture})).scalars().all() == [here.other_patient_id]
    await look(world)
    assert (await done(world, "GET", f"pictures/{picture}"))["state"] == "ready"


async def test_who_may_not_see_pictures_sees_none(world: World) -> None:
    picture = await ready(world, photo())
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update staff set permissions = '{patients.read_contact,media.read}'"))
    assert (await staff(world, "GET", f"pictures/{picture}")).status_code == 200
    refused(await staff(world, "POST", f"pictures/{picture}/release", {}), 403, "not-allowed")
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update staff set permissions = '{patients.read_contact}'"))
    for method, path, body in (
        ("GET", f"pictures/{picture}", None),
        ("POST", f"pictures/{picture}/links", {"variant": "preview_256"}),
        ("GET", "quarantine", None),
        ("GET", f"pictures/{picture}/drawing", None),
    ):
        refused(await staff(world, method, path, body), 403, "not-allowed")
