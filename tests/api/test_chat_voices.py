"""Voice messages from the phone to the thread and back: both sides, over HTTP and the socket, whatever they are in."""

import asyncio
import hashlib
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chat.wakeups import MemoryWakeups
from core.embedded_postgres import EmbeddedPostgres
from core.holding_sql import rows_held
from core.ids import new_id
from media.holdings import HOLDINGS
from media.upload import Quota
from tests.api.chat_cast import a_colleague
from tests.api.picturing import address, done, listed, ready, refused, staff
from tests.api.test_chat_pictures import CHATS_ONLY, MINE, OCTETS, message_of, mothers, say
from tests.api.test_private import family
from tests.media.looking import look
from tests.media.samples import photo
from tests.media.sounds import lying, m4a, ogg, sound, webm
from tests.node import greeted, node
from tests.world import World

KINDS = {"audio/mp4": m4a, "audio/ogg": ogg, "audio/webm": webm}


async def spoken(
    world: World, content: bytes, record: str = "/v1/me", who: dict[str, str] | None = None
) -> httpx.Response:
    """Sent in one request; nobody has listened to it yet."""
    path = f"{record}/conversation/voices"
    return await world.http.post(path, headers=who or world.here.patient, files={"file": ("voice", content)})


async def voice(
    world: World, content: bytes | None = None, record: str = "/v1/me", who: dict[str, str] | None = None
) -> str:
    """The id of one that is ready."""
    sent = await spoken(world, m4a() if content is None else content, record, who)
    assert (sent.status_code, sent.json()["state"], sent.json()["voice"]) == (201, "uploaded", None), sent.text
    await look(world)
    return str(sent.json()["voice_id"])


async def desk_speaks(world: World, content: bytes) -> httpx.Response:
    path = f"/v1/staff/patients/{world.here.patient_id}/voices"
    return await world.http.post(path, headers=world.here.staff, files={"file": ("voice", content)})


async def desk_opens(world: World, voice_id: str) -> httpx.Response:
    return await staff(world, "POST", f"patients/{world.here.patient_id}/voices/{voice_id}/links")


async def heard(world: World, record: str = "/v1/me", who: dict[str, str] | None = None) -> list[list[str]]:
    """Which voices each message tells of: the same in the log as in the pages of earlier messages."""
    told = []
    for query in ("after=0", "before=1000"):
        answer = await world.get(f"{record}/conversation/events?{query}", who or world.here.patient)
        messages = [event["message"] for event in answer.json()["events"] if event["message"]]
        told.append([[each["id"] for each in message["voices"]] for message in messages])
        assert all(not message["pictures"] for message in messages)
    assert told[0] == told[1]
    return told[0]


async def link(world: World, voice_id: str, record: str = "/v1/me", who: dict[str, str] | None = None) -> str:
    return address(await world.http.post(
        f"{record}/conversation/voices/{voice_id}/links", headers=who or world.here.patient
    ))  # fmt: skip


@pytest.mark.parametrize("media_type", KINDS)
async def test_a_voice_message_in_parts_stands_in_the_thread_and_is_heard_by_both_sides(
    world: World, media_type: str
) -> None:
    content = KINDS[media_type](2.0, title="Anna Rossi", comment="At home")
    digest = hashlib.sha256(content).hexdigest()
    told = {"media_type": media_type, "size_bytes": len(content), "sha256": digest}
    begun = await world.post(f"{MINE}/uploads", world.here.patient, told)
    assert begun.status_code == 201, begun.text
    path = f"{MINE}/uploads/{begun.json()['upload_id']}"
    put = await world.http.put(
        f"{path}/parts/1", content=content, headers={**world.here.patient, "content-type": OCTETS}
    )
    assert put.json()["received"] is True
    complete = await world.http.post(f"{path}/complete", headers=world.here.patient)
    voice_id = complete.json()["picture_id"]
    refused(await say(world, [voice_id]), 422, "media-unknown")
    await look(world)
    assert (await world.get(path, world.here.patient)).json()["picture_state"] == "ready"
    assert (await say(world, [voice_id])).status_code == 201
    page = (await world.get(f"{MINE}/events", world.here.patient)).json()
    message = page["events"][0]["message"]
    (shown,) = message["voices"]
    assert (message["media"], message["pictures"], shown["id"], shown["kind"]) == ([voice_id], [], voice_id, "voice")
    assert (shown["seconds"], len(shown["waveform"]), max(shown["waveform"])) == (2, 64, 31)
    for url in (await link(world, voice_id), address(await desk_opens(world, voice_id))):
        whole = await world.http.get(url)
        assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/mp4")
        assert whole.headers["content-disposition"] == 'attachment; filename="voice.m4a"'
        assert whole.headers["x-content-type-options"] == "nosniff"
        assert not [word for word in (b"Anna", b"home") if word in whole.content]
        piece = await world.http.get(url, headers={"range": "bytes=4-7"})
        assert (piece.status_code, piece.content) == (206, b"ftyp")


async def test_a_voice_message_in_one_request_is_the_same_however_often_it_is_sent(world: World) -> None:
    content = ogg()
    answers = await asyncio.gather(*(spoken(world, content) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    (voice_id,) = {answer.json()["voice_id"] for answer in answers}
    await look(world)
    again = (await spoken(world, content)).json()
    assert (again["voice_id"], again["state"], again["voice"]["seconds"]) == (voice_id, "ready", 2)
    asked = await world.get(f"{MINE}/voices/{voice_id}", world.here.patient)
    assert asked.json() == again
    async with world.database.reading(world.here.scope) as reading:
        assert (await reading.execute(text("select count(*), sum(bytes) from kept_bytes"))).one().sum == len(content)


async def test_the_clinic_speaks_and_who_may_reply_hears_without_a_right_to_pictures(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = array['chat.reply']"))
    sent = await desk_speaks(world, webm())
    assert sent.status_code == 201, sent.text
    voice_id = sent.json()["voice_id"]
    await look(world)
    asked = await staff(world, "GET", f"patients/{world.here.patient_id}/voices/{voice_id}")
    assert asked.json()["state"] == "ready"
    body = {"client_id": str(new_id()), "body": "", "media": [voice_id]}
    said = await world.post(f"/v1/staff/patients/{world.here.patient_id}/messages", world.here.staff, body)
    assert said.status_code == 201, said.text
    assert await heard(world) == [[voice_id]]
    url = address(await desk_opens(world, voice_id))
    assert (await world.http.get(url)).status_code == 200
    other = f"patients/{world.here.other_patient_id}/voices/{voice_id}"
    refused(await staff(world, "GET", other), 404, "not-found")
    refused(await staff(world, "POST", f"{other}/links"), 404, "not-found")
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = array['media.read', 'media.write']"))
    assert (await world.http.get(url)).status_code == 404
    refused(await desk_opens(world, voice_id), 403, "not-allowed")
    refused(await desk_speaks(world, ogg()), 403, "not-allowed")


async def test_a_voice_message_is_in_no_list_of_pictures_and_is_opened_by_no_door_of_theirs(world: World) -> None:
    voice_id, picture = await voice(world), await ready(world)
    assert await listed(world) == [picture]
    assert await listed(world, "?kind=voice") == []
    refused(await world.get(f"/v1/me/pictures/{voice_id}", world.here.patient), 404, "not-found")
    cabinet = (await world.get("/v1/me/cabinet", world.here.patient)).text
    assert (picture in cabinet, voice_id in cabinet) == (True, False)
    for variant in ("download", "preview_1024", "preview_256_jpeg"):
        body = {"variant": variant}
        refused(await world.post(f"/v1/me/pictures/{voice_id}/links", world.here.patient, body), 404, "not-found")
        refused(await staff(world, "POST", f"pictures/{voice_id}/links", body), 404, "not-found")
    refused(await staff(world, "POST", f"pictures/{voice_id}/links", {"variant": "original"}), 404, "not-found")
    refused(await staff(world, "PATCH", f"pictures/{voice_id}", {"kind": "photo"}), 422, "invalid-input")
    refused(await staff(world, "PATCH", f"pictures/{picture}", {"kind": "voice"}), 422, "invalid-input")
    drawing = {"version": 0, "shapes": []}
    refused(await staff(world, "PUT", f"pictures/{voice_id}/drawing", drawing), 404, "not-found")
    refused(await world.http.post(f"{MINE}/voices/{picture}/links", headers=world.here.patient), 404, "not-found")
    refused(await world.get(f"{MINE}/voices/{picture}", world.here.patient), 404, "not-found")


async def test_pictures_and_voices_stand_in_one_message_each_as_what_it_is(world: World) -> None:
    voice_id, picture = await voice(world), await ready(world)
    assert (await say(world, [picture, voice_id])).status_code == 201
    page = (await world.get(f"{MINE}/events", world.here.patient)).json()
    message = page["events"][0]["message"]
    assert message["media"] == [picture, voice_id]
    assert [[each["id"] for each in message[name]] for name in ("pictures", "voices")] == [[picture], [voice_id]]


@pytest.mark.parametrize("content", [lying(), m4a()[:-9], sound("mp4", "aac", tracks=2)], ids=["lying", "cut", "two"])
async def test_what_is_held_back_is_sent_by_nobody_and_its_sender_is_told_no_reason(
    world: World, content: bytes
) -> None:
    voice_id = await voice(world, content)
    asked = (await world.get(f"{MINE}/voices/{voice_id}", world.here.patient)).json()
    assert asked == {"voice_id": voice_id, "state": "quarantined", "voice": None}
    refused(await say(world, [voice_id]), 422, "media-unknown")
    refused(await world.http.post(f"{MINE}/voices/{voice_id}/links", headers=world.here.patient), 404, "not-found")
    held = await done(world, "GET", "quarantine")
    assert [(each["kind"], bool(each["reason"])) for each in held["items"]] == [("voice", True)]


async def test_what_is_no_voice_message_is_turned_away_at_the_door(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in (photo(), b"Good morning", b"", m4a()[:4] + b"ftypheic" + bytes(99)):
        refused(await spoken(world, wrong), 422, "voice-type-refused")
        refused(await desk_speaks(world, wrong), 422, "voice-type-refused")
    refused(await spoken(world, m4a() + bytes(16 * 1024**2)), 413, "voice-too-large")
    told = {"media_type": "audio/mp4", "size_bytes": 16 * 1024**2 + 1, "sha256": "0" * 64}
    refused(await world.post(f"{MINE}/uploads", world.here.patient, told), 413, "voice-too-large")
    path = f"patients/{world.here.patient_id}/uploads"
    refused(await staff(world, "POST", path, {**told, "kind": "photo", "size_bytes": 9}), 422, "picture-type-refused")
    refused(
        await staff(world, "POST", path, {**told, "kind": "voice", "media_type": "image/png", "size_bytes": 9}),
        422, "voice-type-refused",
    )  # fmt: skip
    named = f"/v1/partner/patients/anna/pictures/{new_id()}/uploads"
    body = {**told, "kind": "voice", "size_bytes": 9}
    refused(await world.post(named, world.here.partner, body), 422, "invalid-input")
    monkeypatch.setattr("api.patient.voices.MOST_OF_ACCOUNT", 0)
    refused(await spoken(world, m4a()), 429, "too-many-requests")
    monkeypatch.undo()
    object.__setattr__(world.ports, "quota", Quota(patient_bytes=1, clinic_bytes=10**9))
    refused(await spoken(world, m4a()), 409, "media-quota-of-patient")


async def test_other_bytes_than_announced_are_held_back(world: World) -> None:
    content, other = m4a(), m4a(2.0, title="x")
    other = other[: len(content)]
    told = {"media_type": "audio/mp4", "size_bytes": len(other), "sha256": hashlib.sha256(content).hexdigest()}
    begun = (await world.post(f"{MINE}/uploads", world.here.patient, told)).json()
    path = f"{MINE}/uploads/{begun['upload_id']}"
    await world.http.put(f"{path}/parts/1", content=other, headers={**world.here.patient, "content-type": OCTETS})
    voice_id = (await world.http.post(f"{path}/complete", headers=world.here.patient)).json()["picture_id"]
    await look(world)
    held = await done(world, "GET", f"pictures/{voice_id}")
    assert (held["state"], held["reason"]) == ("quarantined", "file-differs")


@pytest.mark.parametrize("fate", ["hide", "private", "move", "discard"])
async def test_what_is_taken_away_later_is_gone_from_its_message_and_no_link_opens_it(world: World, fate: str) -> None:
    voice_id = await voice(world)
    assert (await say(world, [voice_id])).status_code == 201
    url, mine = await link(world, voice_id), address(await desk_opens(world, voice_id))
    cursor = (await world.get("/v1/me/changes", world.here.patient)).json()["next_cursor"]
    if fate == "hide":
        await done(world, "POST", f"pictures/{voice_id}/hide", {})
    elif fate == "private":
        path = f"patients/{world.here.patient_id}/private/picture/{voice_id}"
        assert (await staff(world, "PUT", path, {"private": True})).is_success
    elif fate == "move":
        body = {"patient_id": str(world.here.other_patient_id), "reason": "wrong_record"}
        assert (await staff(world, "POST", f"pictures/{voice_id}/move", body)).is_success
    else:
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text("delete from picture where id = :id"), {"id": voice_id})
    assert await heard(world) == [[]]
    refused(await say(world, [voice_id]), 422, "media-unknown")
    if fate == "private":  # to the patient alone
        assert (await world.http.get(url)).status_code == 200
        return
    assert (await world.http.get(url)).status_code == 404
    if fate != "hide":
        assert (await world.http.get(mine)).status_code == 404
    news = (await world.get(f"/v1/me/changes?cursor={cursor}", world.here.patient)).json()["items"]
    assert [(each["kind"], each["gone"]) for each in news if each["id"] == voice_id] == [("voice", True)]


async def test_changes_tell_of_voices_as_voices(world: World) -> None:
    voice_id = await voice(world)
    assert await news_of(world, voice_id) == [], "nobody has said it yet"
    assert (await say(world, [voice_id])).status_code == 201
    news = (await world.get("/v1/me/changes", world.here.patient)).json()["items"]
    (told,) = [each for each in news if each["id"] == voice_id]
    assert (told["kind"], told["gone"], told["voice"]["seconds"], told["picture"]) == ("voice", False, 2, None)


async def news_of(world: World, voice_id: str, query: str = "") -> list[tuple[str, bool]]:
    """What the patient's app is told of it."""
    page = (await world.get(f"/v1/me/changes{query}", world.here.patient)).json()
    return [(each["kind"], each["gone"]) for each in page["items"] if each["id"] == voice_id]


async def opens(world: World, voice_id: str, who: dict[str, str], root: str) -> tuple[int, int]:
    """What who asks for it and for a link to it is answered."""
    asked = await world.get(f"{root}/{voice_id}", who)
    given = await world.http.post(f"{root}/{voice_id}/links", headers=who)
    if given.status_code == 200:
        assert (await world.http.get(address(given))).status_code == 200
    return asked.status_code, given.status_code


async def desk_says(world: World, voice_id: str) -> tuple[str, int]:
    """The conversation and the message's number."""
    body = {"client_id": str(new_id()), "body": "", "media": [voice_id]}
    said = await world.post(f"/v1/staff/patients/{world.here.patient_id}/messages", world.here.staff, body)
    assert said.status_code == 201, said.text
    return said.json()["conversation_id"], said.json()["seq"]


async def desk_takes_back(world: World, c: str, seq: int) -> None:
    answer = await staff(world, "DELETE", f"conversations/{c}/messages/{seq}?client_id={new_id()}")
    assert answer.status_code == 200, answer.text


async def test_a_voice_is_heard_by_who_spoke_it_alone_before_it_was_said_and_after_it_was_taken_back(
    world: World,
) -> None:
    colleague = await a_colleague(world)
    voice_id = str((await desk_speaks(world, m4a())).json()["voice_id"])
    await look(world)
    desk = f"/v1/staff/patients/{world.here.patient_id}/voices"
    readers = [(world.here.patient, f"{MINE}/voices"), (colleague.headers, desk)]
    nobody, everybody = [(404, 404)] * 2, [(200, 200)] * 2
    assert [await opens(world, voice_id, *each) for each in readers] == nobody
    assert await opens(world, voice_id, world.here.staff, desk) == (200, 200)
    assert await news_of(world, voice_id) == []
    refused(await say(world, [voice_id]), 422, "media-unknown")

    first, again = await desk_says(world, voice_id), await desk_says(world, voice_id)
    cursor = (await world.get("/v1/me/changes", world.here.patient)).json()["next_cursor"]
    assert [await opens(world, voice_id, *each) for each in readers] == everybody
    assert await news_of(world, voice_id) == [("voice", False)]
    links = [
        await link(world, voice_id),
        address(await world.http.post(f"{desk}/{voice_id}/links", headers=colleague.headers)),
    ]

    await desk_takes_back(world, *first)
    assert [await opens(world, voice_id, *each) for each in readers] == everybody, "another message carries it"
    await desk_takes_back(world, *again)
    assert [await opens(world, voice_id, *each) for each in readers] == nobody
    assert [(await world.http.get(url)).status_code for url in links] == [404, 404]
    assert await opens(world, voice_id, world.here.staff, desk) == (200, 200)
    assert await news_of(world, voice_id, f"?cursor={cursor}") == [("voice", True)]
    refused(await say(world, [voice_id]), 422, "media-unknown")


async def test_what_is_taken_back_of_a_private_voice_stays_taken_back(world: World) -> None:
    voice_id = await voice(world)
    said = (await say(world, [voice_id])).json()
    path = f"patients/{world.here.patient_id}/private/picture/{voice_id}"
    assert (await staff(world, "PUT", path, {"private": True})).is_success
    at = f"{MINE}/messages/{said['seq']}?client_id={new_id()}"
    assert (await world.http.delete(at, headers=world.here.patient)).is_success
    assert (await desk_opens(world, voice_id)).status_code == 404


async def test_a_voice_that_was_moved_and_came_back_is_said_where_a_message_carries_it(world: World) -> None:
    voice_id = await voice(world)
    assert (await say(world, [voice_id])).status_code == 201
    for whose in (world.here.other_patient_id, world.here.patient_id):
        body = {"patient_id": str(whose), "reason": "wrong_record"}
        assert (await staff(world, "POST", f"pictures/{voice_id}/move", body)).is_success
        await done(world, "POST", f"pictures/{voice_id}/release", {"comment": None})
        answer = await staff(world, "POST", f"patients/{whose}/voices/{voice_id}/links")
        assert answer.status_code == (200 if whose == world.here.patient_id else 404)
    assert await heard(world) == [[voice_id]]


@pytest.mark.parametrize(
    "wrong", ["seconds = 901", "seconds = 0", "seconds = null", "waveform = '{1}'", "waveform = null",
              "waveform[1] = 32", "waveform[1] = -1", "waveform[1] = null"],
)  # fmt: skip
async def test_no_row_is_ready_that_a_message_could_not_tell_of(world: World, wrong: str) -> None:
    voice_id = await voice(world)
    with pytest.raises(IntegrityError):
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text(f"update picture set {wrong} where id = :id"), {"id": voice_id})  # noqa: S608


async def test_who_spoke_a_voice_is_in_no_copy_and_neither_is_one_that_nobody_said(world: World) -> None:
    (held,) = [each for each in HOLDINGS if each.table == "picture"]
    unsaid, said = await voice(world), await voice(world, ogg())
    assert (await say(world, [said])).status_code == 201
    async with world.database.reading(world.here.scope) as reading:
        rows = await rows_held(reading, held, world.here.clinic_id, world.here.patient_id, only_shown=True, scopes=None)
    assert [row["id"] for row in rows] == [said] != [unsaid]
    assert "spoken_by" not in rows[0]


async def test_a_guardian_who_may_only_chat_speaks_and_hears_for_the_ward_alone(world: World) -> None:
    record, mother = await mothers(world)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text(CHATS_ONLY))
    voice_id = await voice(world, None, record, mother.headers)
    assert (await say(world, [voice_id], "", record, mother.headers)).status_code == 201
    assert await heard(world, record, mother.headers) == [[voice_id]]
    url = await link(world, voice_id, record, mother.headers)
    assert (await world.http.get(url)).status_code == 200
    refused(await world.get(f"{MINE}/voices/{voice_id}", world.here.patient), 404, "not-found")
    refused(await say(world, [voice_id]), 422, "media-unknown")
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update access set scopes = array['view_media'] where relation = 'guardian'"))
    assert (await world.http.get(url)).status_code == 404
    refused(await spoken(world, ogg(), record, mother.headers), 403, "access-too-narrow")


async def test_what_a_teenager_keeps_private_their_guardian_does_not_hear(world: World) -> None:
    emma, own, mother = await family(world)
    record = f"/v1/patients/{emma}"
    voice_id = await voice(world, None, "/v1/me", own.headers)
    assert (await say(world, [voice_id], "", "/v1/me", own.headers)).status_code == 201
    url = await link(world, voice_id, record, mother.headers)
    assert (await staff(world, "PUT", f"patients/{emma}/private/picture/{voice_id}", {"private": True})).is_success
    assert await heard(world, record, mother.headers) == [[]]
    assert (await world.http.get(url)).status_code == 404
    refused(await world.get(f"{record}/conversation/voices/{voice_id}", mother.headers), 404, "not-found")
    again = await world.http.post(f"{record}/conversation/voices/{voice_id}/links", headers=mother.headers)
    refused(again, 404, "not-found")


async def test_the_socket_carries_voices(world: World, postgres: EmbeddedPostgres) -> None:
    voices = [await voice(world, record(1.0)) for record in KINDS.values()]
    c = (await say(world, [voices[0]])).json()["conversation_id"]
    with node(world, postgres.url("enamel_test"), MemoryWakeups()) as here:
        async with greeted(here, world.here.patient_token) as (anna, _), greeted(here, world.here.staff_token) as (
            desk, _,
        ):  # fmt: skip
            await desk.watch(c)
            await anna.say("send", id=str(new_id()), op="msg", c=c, media=voices)
            assert (await anna.hear("ack"))["seq"] == 2
            told = await message_of(desk)
            await anna.say("sync", c=c, after=1)
            (read,) = [event["d"] for event in (await anna.hear("page"))["evs"] if event["k"] == "msg"]
            assert told["voices"] == read["voices"]
            assert [(each["id"], each["kind"], each["seconds"]) for each in told["voices"]] == [
                (voice_id, "voice", 1) for voice_id in voices
            ]
            assert all(len(each["waveform"]) == 64 for each in told["voices"])
            assert told["media"] == voices


async def test_no_event_of_a_voice_message_says_what_it_is_about(world: World) -> None:
    voice_id = await voice(world, m4a(2.0, title="Anna Rossi"))
    await say(world, [voice_id])
    asked: Any = text("select kind, facts from event where subject_id = :id order by at, kind")
    async with world.database.sweeping() as sweeping:
        noted = [tuple(row) for row in await sweeping.execute(asked, {"id": voice_id})]
    assert noted == [("picture.uploaded", {"kind": "voice"}), ("picture.ready", {})]


async def test_the_file_as_it_came_is_kept_and_its_copy_is_what_the_patient_gets_of_it(world: World) -> None:
    content = webm(2.0, title="Anna Rossi")
    voice_id = await voice(world, content)
    async with world.database.reading(world.here.scope) as reading:
        found = await reading.execute(text("select to_jsonb(p) from picture p where id = :id"), {"id": voice_id})
        row = found.scalar_one()
    (holding,) = [each for each in HOLDINGS if each.table == "picture"]
    assert holding.files is not None
    came, copy = holding.files(world.here.clinic_id, row)
    assert (came.name, came.shown) == (f"pictures/{voice_id}-original.webm", False)
    assert (copy.name, copy.shown) == (f"pictures/{voice_id}.m4a", True)
    assert await world.ports.storage.get(came.key) == content
    assert b"Anna" not in await world.ports.storage.get(copy.key)
