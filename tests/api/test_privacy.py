"""Consents, who saw my record, and copies of it, over the API."""

import asyncio
import hashlib
import io
import json
import zipfile
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from clinic.commands import grant_access
from clinic.household import EVERY_SCOPE
from clinic.privacy import COPY_LIFE, COPY_PAUSE, LINK_LIFE, MOST_TRIES
from core.clock import now
from core.errors import Unavailable
from core.ids import new_id
from enamel.worker.privacy import make_copies
from media.folder import FolderStorage
from push.consent_texts import present_version
from tests.media.looking import look
from tests.media.samples import photo
from tests.world import Party, World

VERSION = present_version()
YES = {"granted": True, "text_version": VERSION, "language": "it"}
CONSENTS, EXPORTS = "/v1/me/consents", "/v1/me/privacy/exports"


async def said(world: World, purpose: str, **more: Any) -> tuple[int, Any]:
    answer = await world.http.put(f"{CONSENTS}/{purpose}", headers=world.here.patient, json={**YES, **more})
    return answer.status_code, answer.json() if answer.content else None


async def standing(world: World, path: str = CONSENTS) -> dict[tuple[str, str], bool]:
    items = (await world.get(path, world.here.patient)).json()["items"]
    return {(each["purpose"], each["channel"]): each["granted"] for each in items}


async def test_nothing_is_ticked_that_nobody_agreed_to(world: World) -> None:
    granted = {key for key, value in (await standing(world)).items() if value}
    asked = {"service", "recall", "chat"}
    assert {purpose for purpose, _ in granted} == asked
    assert {channel for purpose, channel in granted if purpose != "service"} == {"push"}


async def test_one_word_answers_one_purpose_on_one_channel(world: World) -> None:
    before = await standing(world)
    assert await said(world, "marketing", channel="sms") == (204, None)
    after = await standing(world)
    assert {key for key in after if after[key] != before[key]} == {("marketing", "sms")}
    assert (await said(world, "marketing", channel=["sms", "email"]))[0] == 422
    assert (await said(world, "photo_use", channel="sms"))[0] == 422
    assert (await said(world, "photo_use", channel="use"))[0] == 204


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"text_version": None}, 422, "/text_version"),
        ({"language": None}, 422, "/language"),
        ({"text_version": "1999-01"}, 422, "/text_version"),
    ],
)
async def test_a_yes_names_the_words_it_answers(world: World, body: dict[str, Any], status: int, pointer: str) -> None:
    told = await said(world, "marketing", **body)
    assert (told[0], told[1]["errors"][0]["pointer"]) == (status, pointer)
    assert (await said(world, "marketing", granted=False, text_version=None, language=None))[0] == 204


async def test_the_proof_shows_exactly_the_words_that_were_shown(world: World) -> None:
    here = world.here
    item = next(
        each
        for each in (await world.get(f"{CONSENTS}?language=ru", here.patient)).json()["items"]
        if (each["purpose"], each["channel"]) == ("marketing", "email")
    )
    await said(world, "marketing", channel="email", language="ru", how="form")
    await said(world, "marketing", channel="email", granted=False)
    proofs = (await world.get(f"/v1/staff/patients/{here.patient_id}/consents", here.staff)).json()["items"]
    assert [proof["granted"] for proof in proofs] == [True, False]
    yes = proofs[0]
    assert yes["text"] == item["text"]
    assert yes["text_sha256"] == hashlib.sha256(item["text"].encode()).hexdigest()
    assert (yes["giver"], yes["how"], yes["account_id"]) == ("self", "form", str(here.account_id))
    assert yes["session_id"] is not None


async def test_a_carer_agrees_for_a_ward_and_the_proof_says_so(world: World) -> None:
    here = world.here
    async with world.database.writing(here.scope) as writing:
        await grant_access(writing, here.clinic_id, here.account_id, here.other_patient_id, "carer", now())
    ward = f"/v1/patients/{here.other_patient_id}/consents"
    answer = await world.http.put(f"{ward}/survey", headers=here.patient, json=YES)
    assert answer.status_code == 204, answer.text
    assert (await standing(world, ward))["survey", "push"]
    assert not (await standing(world))["survey", "push"]
    proofs = (await world.get(f"/v1/staff/patients/{here.other_patient_id}/consents", here.staff)).json()["items"]
    assert [proof["giver"] for proof in proofs] == ["carer"]


async def test_a_patient_sees_who_looked_at_what_and_not_at_others(world: World) -> None:
    here = world.here
    await world.get(f"/v1/staff/patients/{here.patient_id}/chart", here.staff)
    await world.get(f"/v1/staff/patients/{here.other_patient_id}/chart", here.staff)
    items = (await world.get("/v1/me/privacy/reads", here.patient)).json()["items"]
    assert [(each["area"], each["reader"], each["reader_name"], each["reader_role"]) for each in items] == [
        ("chart", "staff", "Olga", "owner")
    ]
    rules = await world.http.put("/v1/staff/privacy/rules", headers=here.staff, json={"readers_by": "role"})
    assert rules.status_code == 200, rules.text
    items = (await world.get("/v1/me/privacy/reads", here.patient)).json()["items"]
    assert [(each["reader_name"], each["reader_role"]) for each in items] == [(None, "owner")]


async def test_who_looked_comes_in_pages_latest_first(world: World) -> None:
    here = world.here
    for _ in range(5):
        await world.get(f"/v1/staff/patients/{here.patient_id}/pictures", here.staff)
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await world.get(f"/v1/me/privacy/reads?limit=2{cursor}", here.patient)).json()
        seen += [each["event_id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen)) == 5


async def asked(world: World, party: Party, path: str = EXPORTS) -> str:
    answer = await world.post(path, party.patient, None)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["export_id"])


async def made(world: World) -> None:
    while await make_copies(world.database, world.ports.storage, now()):
        pass


async def link(world: World, export_id: str, path: str = EXPORTS) -> str:
    answer = await world.post(f"{path}/{export_id}/link", world.here.patient, None)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"]).removeprefix(world.ports.public_url)


def unzipped(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


async def pictured(world: World, patient: str, *, released: bool = True) -> UUID:
    path = f"/v1/partner/patients/{patient}/pictures/{new_id()}"
    form = {"kind": "photo", "released": str(released).lower()}
    answer = await world.http.put(path, headers=world.here.partner, data=form, files={"file": ("a.jpg", photo())})
    await look(world)
    return UUID(answer.json()["picture_id"])


async def test_a_copy_holds_everything_of_the_patient_and_nothing_of_others(world: World) -> None:
    here = world.here
    shown, hidden = await pictured(world, "anna"), await pictured(world, "anna", released=False)
    others = await pictured(world, "boris")
    await said(world, "marketing")
    export_id = await asked(world, here)
    assert (await world.post(f"{EXPORTS}/{export_id}/link", here.patient, None)).status_code == 409
    await made(world)
    fetched = await world.get(await link(world, export_id), here.patient)
    assert (fetched.status_code, fetched.headers["content-type"]) == (200, "application/zip")
    with unzipped(fetched.content) as copy:
        assert copy.testzip() is None
        assert json.loads(copy.read("patient.json"))[0]["given_name"] == "Anna"
        assert json.loads(copy.read("consent_proofs.json"))[0]["text"]
        assert str(hidden) not in copy.read("picture.json").decode()
        pictures = [name for name in copy.namelist() if name.startswith("pictures/")]
        assert pictures == [f"pictures/{shown}.jpg"]
        assert b"Exif" in photo()
        assert b"Exif" not in copy.read(pictures[0])
        whole = b"\n".join(copy.read(name) for name in copy.namelist() if name.endswith(".json"))
    for stranger in (here.other_patient_id, world.there.patient_id, others, world.there.clinic_id):
        assert str(stranger).encode() not in whole
    for secret in (b"code_hash", b"token_hash", b"link_hash", b"content_hash"):
        assert secret not in whole


async def test_a_link_is_for_one_download_of_one_account_in_its_hour(world: World) -> None:
    here = world.here
    export_id = await asked(world, here)
    await made(world)
    url = await link(world, export_id)
    assert len(url.rpartition("/")[2]) >= 22, "128 bits and more"
    stranger = await world.get(url, world.there.patient)
    nobody = await world.get(url, {})
    assert (stranger.status_code, nobody.status_code) == (404, 401)
    answers = await asyncio.gather(*(world.get(url, here.patient) for _ in range(20)))
    assert sorted(each.status_code for each in answers) == [200] + [410] * 19
    void, fresh = await link(world, export_id), await link(world, export_id)
    assert (await world.get(void, here.patient)).status_code == 404
    async with world.database.sweeping() as sweeping:
        old = text("update privacy_export set link_expires_at = link_expires_at - cast(:life as interval)")
        await sweeping.execute(old, {"life": LINK_LIFE})
    assert (await world.get(fresh, here.patient)).status_code == 410
    reads = (await world.get("/v1/me/privacy/reads", here.patient)).json()["items"]
    assert [(each["area"], each["reader"]) for each in reads] == [("copy", "patient")]
    async with world.database.sweeping() as sweeping:
        kept = (await sweeping.execute(text("select encode(link_hash, 'escape') from privacy_export"))).scalars()
        assert not any(fresh.rpartition("/")[2] in each for each in kept)


async def test_asking_twice_while_one_is_being_made_gives_the_same(world: World) -> None:
    given = await asyncio.gather(*(world.post(EXPORTS, world.here.patient, None) for _ in range(10)))
    assert {each.status_code for each in given} == {202}
    assert len({each.json()["export_id"] for each in given}) == 1


async def test_a_carers_copy_holds_what_their_access_covers(world: World) -> None:
    here = world.here
    await pictured(world, "boris")
    async with world.database.writing(here.scope) as writing:
        await grant_access(writing, here.clinic_id, here.account_id, here.other_patient_id, "carer", now())
        narrow = text("update access set scopes = array['view_chart'] where relation = 'carer'")
        await writing.execute(narrow)
    path = f"/v1/patients/{here.other_patient_id}/privacy/exports"
    export_id = await asked(world, here, path)
    await made(world)
    fetched = await world.get(await link(world, export_id, path), here.patient)
    with unzipped(fetched.content) as copy:
        names = set(copy.namelist())
    assert "finding.json" in names
    assert not names & {"picture.json", "plan.json", "message.json", "document.json"}
    assert not [name for name in names if name.startswith("pictures/")]


async def test_a_copy_that_the_storage_lost_is_said_to_be_lost(world: World) -> None:
    export = await asked(world, world.here)
    await made(world)
    url = await link(world, export)
    await world.ports.storage.erase_under(str(world.here.clinic_id))
    answer = await world.get(url, world.here.patient)
    assert (answer.status_code, answer.json()["code"]) == (404, "file-lost")


async def test_a_copy_is_taken_away_after_its_time(world: World) -> None:
    here = world.here
    export_id = await asked(world, here)
    await made(world)
    folder = f"{here.clinic_id}/{here.patient_id}/copies"
    assert len(await world.ports.storage.keys_under(folder)) == 1
    later = now() + COPY_LIFE + timedelta(seconds=1)
    assert await make_copies(world.database, world.ports.storage, later) == 1
    assert await world.ports.storage.keys_under(folder) == []
    listed = (await world.get(EXPORTS, here.patient)).json()["items"]
    assert [(each["export_id"], each["state"]) for each in listed] == [(export_id, "expired")]
    assert (await world.post(f"{EXPORTS}/{export_id}/link", here.patient, None)).status_code == 409


class FullStorage(FolderStorage):
    """A disk without room."""

    async def put_file(self, *_: Any) -> None:
        raise Unavailable


async def test_a_copy_that_cannot_be_made_is_said_to_have_failed(world: World) -> None:
    await asked(world, world.here)
    full, at = FullStorage(world.printed.parent / "full"), now()
    for number in range(MOST_TRIES):
        assert await make_copies(world.database, full, at + number * timedelta(hours=1)) == 1
    assert await make_copies(world.database, full, at + timedelta(days=1)) == 0
    listed = (await world.get("/v1/staff/privacy/exports", world.here.staff)).json()["items"]
    assert [(each["asked"]["state"], each["tries"]) for each in listed] == [("failed", MOST_TRIES)]
    assert await asked(world, world.here) != listed[0]["asked"]["export_id"], "one may ask again"


async def test_the_visit_can_be_booked_with_every_consent_refused(world: World) -> None:
    """Care is never conditional."""
    for purpose in ("service", "recall", "marketing", "chat", "survey"):
        await said(world, purpose, granted=False, text_version=None, language=None)
    at = now() + timedelta(days=3)
    body = {"starts_at": at.isoformat(), "ends_at": (at + timedelta(hours=1)).isoformat(), "service": "Hygiene"}
    path = f"/v1/staff/patients/{world.here.patient_id}/appointments"
    assert (await world.post(path, world.here.staff, body)).status_code == 201
    assert (await world.get("/v1/me/cabinet", world.here.patient)).status_code == 200


async def test_a_copy_is_not_given_to_whom_the_record_was_narrowed(world: World) -> None:
    here = world.here
    async with world.database.writing(here.scope) as writing:
        await grant_access(writing, here.clinic_id, here.account_id, here.other_patient_id, "carer", now())
    path = f"/v1/patients/{here.other_patient_id}/privacy/exports"
    wide = await asked(world, here, path)
    await made(world)
    before = await link(world, wide, path)
    narrow = text("update access set scopes = array['pay'] where relation = 'carer'")
    async with world.database.writing(here.scope) as writing:
        await writing.execute(narrow)
    for answer in (await world.post(f"{path}/{wide}/link", here.patient, None), await world.get(before, here.patient)):
        assert (answer.status_code, answer.json()["code"]) == (410, "copy-access-narrowed")
    fresh = await asked(world, here, path)
    assert fresh != wide
    await made(world)
    assert (await world.get(await link(world, fresh, path), here.patient)).status_code == 200


async def test_a_record_that_is_ones_own_no_longer_gives_no_whole_copy(world: World) -> None:
    here = world.here
    whole = await asked(world, here)
    await made(world)
    async with world.database.writing(here.scope) as writing:
        everything = text("update access set relation = 'carer', scopes = :scopes where account_id = :account")
        await writing.execute(everything, {"scopes": sorted(EVERY_SCOPE), "account": here.account_id})
    path = f"/v1/patients/{here.patient_id}/privacy/exports"
    answer = await world.post(f"{path}/{whole}/link", here.patient, None)
    assert (answer.status_code, answer.json()["code"]) == (410, "copy-access-narrowed")


async def test_of_one_record_one_copy_a_day_is_made(world: World) -> None:
    first = await asked(world, world.here)
    await made(world)
    assert await asked(world, world.here) == first
    assert await make_copies(world.database, world.ports.storage, now()) == 0
    async with world.database.sweeping() as sweeping:
        older = text("update privacy_export set asked_at = asked_at - cast(:pause as interval)")
        await sweeping.execute(older, {"pause": COPY_PAUSE})
    assert await asked(world, world.here) != first


async def test_a_copy_that_kills_its_workers_is_given_up(world: World) -> None:
    await asked(world, world.here)
    async with world.database.sweeping() as sweeping:  # as often claimed as there are tries, and never settled
        await sweeping.execute(text("update privacy_export set attempts = :tries"), {"tries": MOST_TRIES})
    assert await make_copies(world.database, world.ports.storage, now()) == 0
    listed = (await world.get(EXPORTS, world.here.patient)).json()["items"]
    assert [each["state"] for each in listed] == ["failed"]
