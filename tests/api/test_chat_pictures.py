"""Pictures in messages: a patient's photos and the clinic's pictures, told of as long as they may be seen."""

import asyncio
import hashlib
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from chat.wakeups import MemoryWakeups
from core.embedded_postgres import EmbeddedPostgres
from core.ids import new_id
from media.upload import PART_BYTES, Quota
from tests.api.household import MOTHER, SignedIn, child, linked, sign_in
from tests.api.picturing import address, came, done, ready, refused, staff, staff_link
from tests.api.test_private import family
from tests.media.looking import look
from tests.media.samples import photo
from tests.node import Phone, greeted, node
from tests.world import Party, World

CHATS_ONLY = "update access set scopes = array['chat'] where relation = 'guardian'"
MINE = "/v1/me/conversation"
OCTETS = "application/octet-stream"


def announced(content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"media_type": "image/jpeg", "size_bytes": len(content), "sha256": digest}


async def photographed(
    world: World, content: bytes, record: str = "/v1/me", who: dict[str, str] | None = None
) -> dict[str, Any]:
    """A photo that was sent from a phone in its parts; nobody has looked into it yet."""
    headers = who or world.here.patient
    begun = await world.post(f"{record}/conversation/uploads", headers, announced(content))
    assert begun.status_code == 201, begun.text
    path = f"{record}/conversation/uploads/{begun.json()['upload_id']}"
    for part in begun.json()["parts"]:
        piece = content[part["first_byte"] : part["first_byte"] + part["size_bytes"]]
        sent = await world.http.put(
            f"{path}/parts/{part['number']}", content=piece, headers={**headers, "content-type": OCTETS}
        )
        assert sent.json()["received"] is True, sent.text
    complete = await world.http.post(f"{path}/complete", headers=headers)
    assert complete.status_code == 200, complete.text
    found: dict[str, Any] = complete.json()
    return found


async def say(
    world: World, media: list[str], name: str = "", record: str = "/v1/me", who: dict[str, str] | None = None
) -> httpx.Response:
    body = {"client_id": name or str(new_id()), "body": "", "media": media}
    return await world.post(f"{record}/conversation/messages", who or world.here.patient, body)


async def desk_says(world: World, media: list[str], party: Party | None = None) -> httpx.Response:
    body = {"client_id": str(new_id()), "body": "Ecco", "media": media}
    return await world.post(f"/v1/staff/patients/{(party or world.here).patient_id}/messages", world.here.staff, body)


async def heard(world: World, record: str = "/v1/me", who: dict[str, str] | None = None) -> list[list[str]]:
    """Which pictures each message shows: the same in the log as in the pages of earlier messages."""
    headers = who or world.here.patient
    told = []
    for query in ("after=0", "before=1000"):
        answer = await world.get(f"{record}/conversation/events?{query}", headers)
        messages = [event["message"] for event in answer.json()["events"] if event["message"]]
        told.append([[picture["id"] for picture in message["pictures"]] for message in messages])
    assert told[0] == told[1]
    return told[0]


async def test_a_photo_from_the_phone_stands_in_a_message_once_it_was_looked_into(world: World) -> None:
    content = photo(artist="Anna")
    upload = await photographed(world, content)
    picture = upload["picture_id"]
    assert (upload["state"], upload["picture_state"], "reason" in upload) == ("complete", "uploaded", False)
    refused(await say(world, [picture]), 422, "media-unknown")
    await look(world)
    seen = await world.get(f"{MINE}/uploads/{upload['upload_id']}", world.here.patient)
    assert seen.json()["picture_state"] == "ready"
    assert (await say(world, [picture])).status_code == 201
    page = (await world.get(f"{MINE}/events", world.here.patient)).json()
    (shown,) = page["events"][0]["message"]["pictures"]
    blurhash = shown.pop("blurhash")
    assert shown == {"id": picture, "kind": "photo", "width": 60, "height": 40}
    assert len(blurhash) >= 6
    mine = await world.post(f"/v1/me/pictures/{picture}/links", world.here.patient, {"variant": "download"})
    whole = await world.http.get(address(mine))
    assert (whole.status_code, b"Anna" in whole.content) == (200, False)
    assert (await world.http.get(await staff_link(world, picture, "original"))).content == content


async def test_a_photo_goes_on_where_its_sending_stopped_and_counts_as_kept(world: World) -> None:
    content = photo() + bytes(PART_BYTES)
    first = (await world.post(f"{MINE}/uploads", world.here.patient, announced(content))).json()
    path, headers = f"{MINE}/uploads/{first['upload_id']}", {**world.here.patient, "content-type": OCTETS}
    await world.http.put(f"{path}/parts/1", headers=headers, content=content[:PART_BYTES])
    again = (await world.post(f"{MINE}/uploads", world.here.patient, announced(content))).json()
    assert again["upload_id"] == first["upload_id"]
    assert [part["received"] for part in again["parts"]] == [True, False]
    refused(await world.http.post(f"{path}/complete", headers=world.here.patient), 409, "upload-incomplete")
    async with world.database.reading(world.here.scope) as reading:
        kept = (await reading.execute(text("select sum(bytes) from kept_bytes"))).scalar_one()
    assert kept == len(content)
    assert (await world.http.delete(path, headers=world.here.patient)).status_code == 204
    refused(await world.get(path, world.here.patient), 404, "not-found")


async def test_one_account_begins_so_many_photos_a_day_within_the_quota(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.patient.uploads.MOST_OF_ACCOUNT", 1)
    await photographed(world, photo())
    refused(await world.post(f"{MINE}/uploads", world.here.patient, announced(photo(80, 80))), 429, "too-many-requests")
    record, mother = await mothers(world)
    await photographed(world, photo(), record, mother.headers)
    monkeypatch.undo()
    object.__setattr__(world.ports, "quota", Quota(patient_bytes=1, clinic_bytes=10**9))
    start = await world.post(f"{MINE}/uploads", world.here.patient, announced(photo(80, 80)))
    refused(start, 409, "media-quota-of-patient")


async def test_what_stands_in_quarantine_is_sent_by_nobody_and_its_sender_is_told_no_reason(world: World) -> None:
    upload = await photographed(world, b"\xff\xd8\xff\xe0 no picture")
    await look(world)
    seen = (await world.get(f"{MINE}/uploads/{upload['upload_id']}", world.here.patient)).json()
    assert (seen["picture_state"], "reason" in seen) == ("quarantined", False)
    refused(await say(world, [upload["picture_id"]]), 422, "media-unknown")
    refused(await desk_says(world, [upload["picture_id"]]), 422, "media-unknown")


async def test_whatever_may_not_be_shown_is_refused_alike_to_both_sides(world: World) -> None:
    shown, boris = await ready(world), await ready(world, photo(80, 80), "boris")
    hidden = await ready(world, photo(70, 70), released="false")
    private = await ready(world, photo(50, 50), private="true")
    waiting = await came(world, photo(90, 90))
    answers = []
    for wrong in (boris, hidden, waiting, private, str(new_id())):
        answers += [await say(world, [shown, wrong]), await desk_says(world, [shown, wrong])]
    told = [{**answer.json(), "request_id": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [422] * len(answers)
    assert told == [told[0]] * len(told)
    assert told[0]["code"] == "media-unknown"
    assert (await desk_says(world, [shown])).status_code == 201
    assert await heard(world) == [[shown]]


@pytest.mark.parametrize("fate", ["hide", "discard", "move", "private"])
async def test_what_is_taken_away_later_is_gone_from_its_message(world: World, fate: str) -> None:
    stays, goes = await ready(world), await ready(world, photo(80, 80))
    sent, name = await desk_says(world, [goes, stays]), str(new_id())
    assert sent.status_code == 201
    assert (await say(world, [goes], name)).status_code == 201
    assert await heard(world) == [[goes, stays], [goes]]
    if fate == "hide":
        await done(world, "POST", f"pictures/{goes}/hide", {})
    elif fate == "move":
        body = {"patient_id": str(world.here.other_patient_id), "reason": "wrong_record"}
        assert (await staff(world, "POST", f"pictures/{goes}/move", body)).is_success
    elif fate == "private":
        path = f"patients/{world.here.patient_id}/private/picture/{goes}"
        assert (await staff(world, "PUT", path, {"private": True})).is_success
    else:
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text("delete from picture where id = :id"), {"id": goes})
    assert await heard(world) == [[stays], []]
    again = await say(world, [goes], name)
    assert (again.status_code, again.json()["duplicate"]) == (200, True), "it was kept when it might be"
    refused(await say(world, [stays], name), 409, "id-reused")
    refused(await say(world, [goes]), 422, "media-unknown")


async def test_a_picture_hidden_while_it_is_sent_is_gone_whoever_was_first(world: World) -> None:
    pictures = [await ready(world, photo(50 + number, 40)) for number in range(4)]

    async def hide(picture: str) -> None:
        await done(world, "POST", f"pictures/{picture}/hide", {})

    for picture in pictures:
        sent, *_ = await asyncio.gather(say(world, [picture]), hide(picture))
        assert sent.status_code in (201, 422), sent.text
    assert {shown for message in await heard(world) for shown in message} == set()


async def test_ten_pictures_at_most_and_each_of_them_once(world: World) -> None:
    picture = await ready(world)
    refused(await say(world, [picture, picture]), 422, "invalid-input")
    refused(await say(world, [str(new_id()) for _ in range(11)]), 422, "invalid-input")


async def mothers(world: World) -> tuple[str, SignedIn]:
    """The door to Emma's record, and her mother."""
    emma, mother = await child(world), await sign_in(world, MOTHER)
    await linked(world, mother, emma)
    return f"/v1/patients/{emma}", mother


async def test_a_guardian_sends_photos_into_the_wards_record_alone(world: World) -> None:
    record, mother = await mothers(world)
    upload = await photographed(world, photo(), record, mother.headers)
    await look(world)
    assert (await say(world, [upload["picture_id"]], "", record, mother.headers)).status_code == 201
    refused(await say(world, [upload["picture_id"]]), 422, "media-unknown")
    refused(await world.get(f"{MINE}/uploads/{upload['upload_id']}", world.here.patient), 404, "not-found")
    await linked(world, mother, await child(world, "luca"))
    async with world.database.reading(world.here.scope) as reading:
        luca = (await reading.execute(text("select id from patient where given_name = 'Luca'"))).scalar_one()
    other = f"/v1/patients/{luca}/conversation/uploads/{upload['upload_id']}"
    refused(await world.get(other, mother.headers), 404, "not-found")


async def test_who_may_not_look_at_pictures_sends_none(world: World) -> None:
    record, mother = await mothers(world)
    picture = await ready(world, patient="emma")
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text(CHATS_ONLY))
    refused(await say(world, [picture], "", record, mother.headers), 422, "media-unknown")
    start = await world.post(f"{record}/conversation/uploads", mother.headers, announced(photo()))
    refused(start, 403, "access-too-narrow")
    mine = await ready(world)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = array['chat.reply']"))
    refused(await desk_says(world, [mine]), 422, "media-unknown")


async def test_what_a_teenager_keeps_private_is_gone_for_everybody_in_the_thread(world: World) -> None:
    emma, own, mother = await family(world)
    record = f"/v1/patients/{emma}"
    picture = await ready(world, patient="emma")
    assert (await say(world, [picture], "", "/v1/me", own.headers)).status_code == 201
    assert await heard(world, record, mother.headers) == [[picture]]
    path = f"patients/{emma}/private/picture/{picture}"
    assert (await staff(world, "PUT", path, {"private": True})).is_success
    assert await heard(world, record, mother.headers) == [[]]
    assert await heard(world, "/v1/me", own.headers) == [[]]
    refused(await say(world, [picture], "", "/v1/me", own.headers), 422, "media-unknown")
    assert (await world.get(f"/v1/me/pictures/{picture}", own.headers)).status_code == 200


async def message_of(phone: Phone) -> dict[str, Any]:
    """The next message that this device hears of; a case may be told of before."""
    while (event := await phone.hear("ev"))["k"] != "msg":
        pass
    told: dict[str, Any] = event["d"]
    return told


async def test_a_socket_sends_pictures_and_hears_of_them(world: World, postgres: EmbeddedPostgres) -> None:
    picture = await ready(world)
    c = (await desk_says(world, [picture])).json()["conversation_id"]
    with node(world, postgres.url("enamel_test"), MemoryWakeups()) as here:
        async with greeted(here, world.here.patient_token) as (anna, _), greeted(here, world.here.staff_token) as (
            desk, _,
        ):  # fmt: skip
            await desk.watch(c)
            await anna.say("send", id=str(new_id()), op="msg", c=c, media=[picture])
            assert (await anna.hear("ack"))["seq"] == 2
            told = await message_of(desk)
            await anna.say("sync", c=c, after=1)
            (read,) = [event["d"] for event in (await anna.hear("page"))["evs"] if event["k"] == "msg"]
            assert told["pictures"] == read["pictures"]
            assert [(each["id"], each["kind"], each["width"]) for each in told["pictures"]] == [(picture, "photo", 60)]
            assert told["media"] == [picture]
            await anna.say("send", id=str(new_id()), op="msg", c=c, media=[str(new_id())])
            assert (await anna.hear("nak"))["code"] == "media-unknown"
