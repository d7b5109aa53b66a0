"""An erasure: nothing of the person is found anywhere but in the restricted archive, and nothing brings them back."""

import asyncio
import io
import json
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from clinic.privacy import archive_key
from core.clock import now
from core.ids import new_id
from enamel.worker.privacy import carry_out_erasures, make_copies, replay_erasures
from media.folder import FolderStorage
from tests.media.looking import look
from tests.media.samples import photo
from tests.push.phones import give_phone, notice, tell
from tests.world import World, patient_fact

GIVEN, FAMILY, PHONE, BORN = "Zenobia", "Quattrocchi", "+390255587654", "1979-03-23"
NEVER = (GIVEN, FAMILY, PHONE, BORN, "zenobia-7")
YEARS = timedelta(days=366)


async def somebody(world: World) -> UUID:
    """A person with something in as many tables as the API fills: a name, visits, a plan, pictures, words, pushes."""
    here = world.here
    row = {
        **patient_fact("zenobia-7", GIVEN, PHONE).model_dump(mode="json"),
        "family_name": FAMILY, "birth_date": BORN,
    }  # fmt: skip
    answer = await world.post("/v1/partner/sync/patients", here.partner, {"items": [row]})
    patient_id = UUID(answer.json()["rows"][0]["id"])
    yesterday = now() - timedelta(days=1)
    visit = {
        "external_id": "z-1", "version": 1, "patient": "zenobia-7", "starts_at": yesterday.isoformat(),
        "ends_at": (yesterday + timedelta(hours=1)).isoformat(), "status": "completed", "service": f"For {GIVEN}",
    }  # fmt: skip
    await taken(world, "appointments", visit)
    finding = {
        "external_id": "z-2", "version": 1, "patient": "zenobia-7", "notation": "fdi", "tooth": "16", "code": "caries",
        "surfaces": ["O"], "observed_on": "2026-01-02",
    }  # fmt: skip
    await taken(world, "findings", finding)
    path = f"/v1/partner/patients/zenobia-7/pictures/{new_id()}"
    sent = await world.http.put(
        path, headers=here.partner, data={"kind": "photo", "released": "true"}, files={"file": ("a.jpg", photo())}
    )
    assert sent.status_code == 200, sent.text
    await look(world)
    return patient_id


async def taken(world: World, kind: str, row: dict[str, Any]) -> None:
    answer = await world.post(f"/v1/partner/sync/{kind}", world.here.partner, {"items": [row]})
    assert answer.json()["refused"] == 0, answer.text


async def signed_in(world: World, patient_id: UUID) -> dict[str, str]:
    """The person's phone opens the record by the desk's code, writes and agrees."""
    here = world.here
    code = await world.post(f"/v1/staff/patients/{patient_id}/link-codes", here.staff, {"relation": "self"})
    asked = await world.post("/v1/auth/otp", {}, {"phone": PHONE})
    proof = {
        "challenge_id": asked.json()["challenge_id"], "code": world.last_code(PHONE),
        "clinic_id": str(here.clinic_id), "device_key": "zenobias-phone-0123456789", "device_name": f"{GIVEN}'s phone",
    }  # fmt: skip
    world.printed.unlink()  # what a plain twin printed is no store of ours
    token = (await world.post("/v1/auth/sessions", {}, proof)).json()["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    linked = await world.post("/v1/me/link", headers, {"code": code.json()["code"]})
    assert linked.status_code == 200, linked.text
    said = await world.post(
        "/v1/me/conversation/messages", headers, {"client_id": str(new_id()), "body": f"I am {GIVEN}"}
    )
    assert said.status_code == 201, said.text
    word = {"granted": True, "text_version": "2026-11", "language": "it"}
    agreed = await world.http.put("/v1/me/consents/marketing", headers=headers, json=word)
    assert agreed.status_code == 204, agreed.text
    return headers


async def confirmed(world: World, patient_id: UUID) -> dict[str, Any]:
    answer = await world.post(f"/v1/staff/patients/{patient_id}/erasure", world.here.staff, {})
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def erased(world: World, at: datetime | None = None) -> None:
    for _ in range(5):
        if not await carry_out_erasures(world.database, world.ports.storage, at or now()):
            return


async def said_anywhere(world: World) -> dict[str, list[str]]:
    """In which tables, as text, any of the words stands. As the owner would see it: shells too."""
    found: dict[str, list[str]] = {}
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("select set_config('enamel.restricted', 'on', true)"))
        for table in SQLModel.metadata.sorted_tables:
            statement = f"select to_jsonb(t)::text from {table.name} t"  # noqa: S608
            rows = "\n".join((await sweeping.execute(text(statement))).scalars())
            words = [word for word in NEVER if word in rows]
            if words:
                found[table.name] = words
    return found


def files_that_say(folder: Path, words: tuple[str, ...] = NEVER) -> list[str]:
    """Stored files in which a word stands, in their name or their bytes; inside archives too."""
    found = []
    for file in (each for each in folder.rglob("*") if each.is_file()):
        content = file.read_bytes()
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                content = b"".join(archive.read(name) for name in archive.namelist())
        if any(word.encode() in content or word in file.name for word in words):
            found.append(str(file.relative_to(folder)))
    return found


def folder(world: World) -> Path:
    storage = world.ports.storage
    assert isinstance(storage, FolderStorage)
    return storage._root


async def test_nothing_of_the_person_is_left_but_the_restricted_archive(world: World) -> None:
    here = world.here
    patient_id = await somebody(world)
    headers = await signed_in(world, patient_id)
    assert (await world.post("/v1/me/privacy/exports", headers, None)).status_code == 202
    await make_copies(world.database, world.ports.storage, now())
    assert await said_anywhere(world) != {}
    assert len(files_that_say(folder(world))) == 1, "the copy"
    asked = await world.post("/v1/me/privacy/erasure", headers, {})
    erasure = await confirmed(world, patient_id)
    assert asked.status_code == 202
    await erased(world)
    assert await said_anywhere(world) == {}
    archive = archive_key(here.clinic_id, erasure["erasure_id"])
    assert files_that_say(folder(world)) == [archive]
    assert not (folder(world) / str(here.clinic_id) / str(patient_id)).exists()
    path = f"/v1/staff/privacy/erasures/{erasure['erasure_id']}/archive"
    assert (await world.post(path, here.staff, {"reason": "curiosity"})).status_code == 422
    opened = await world.post(path, here.staff, {"reason": "legal_claims"})
    assert opened.status_code == 200, opened.text
    with zipfile.ZipFile(io.BytesIO(opened.content)) as kept:
        assert json.loads(kept.read("patient.json"))[0]["family_name"] == FAMILY
        assert json.loads(kept.read("finding.json"))[0]["tooth"] == "16"
        assert [name for name in kept.namelist() if name.startswith("pictures/")] != []
    listed = (await world.get("/v1/staff/privacy/erasures", here.staff)).json()["items"]
    assert [(each["state"], each["archived"]) for each in listed] == [("done", True)]


async def test_nobody_finds_the_person_any_more(world: World) -> None:
    here = world.here
    patient_id = await somebody(world)
    headers = await signed_in(world, patient_id)
    await confirmed(world, patient_id)
    shut = await world.get("/v1/me/cabinet", headers)
    assert shut.status_code == 403, "shut at once, before the worker comes"
    await erased(world)
    assert (await world.get("/v1/me/cabinet", headers)).status_code == 401
    for path in ("", "/chart", "/pictures", "/enrolments", "/consents"):
        answer = await world.get(f"/v1/staff/patients/{patient_id}{path}", here.staff)
        assert answer.status_code == 404, f"{path}: {answer.text}"
    found = await world.http.get("/v1/staff/patients", headers=here.staff, params={"phone": PHONE})
    assert found.json()["items"] == []
    inbox = await world.get("/v1/staff/conversations", here.staff)
    assert [line for line in inbox.json()["items"] if GIVEN in json.dumps(line)] == []
    criteria = {"kind": "age", "at_least": 1}
    preview = await world.post("/v1/staff/segments/preview", here.staff, {"criteria": criteria})
    if preview.status_code == 200:
        assert str(patient_id) not in preview.text


async def test_a_later_import_does_not_bring_them_back(world: World) -> None:
    patient_id = await somebody(world)
    await confirmed(world, patient_id)
    await erased(world)
    again = patient_fact("zenobia-7", GIVEN, PHONE).model_dump(mode="json") | {"version": 9}
    new = patient_fact("somebody-new", "Nina", None).model_dump(mode="json")
    answer = await world.post("/v1/partner/sync/patients", world.here.partner, {"items": [again, new]})
    told = answer.json()
    assert (told["created"], told["refused"]) == (1, 1)
    assert told["refusals"][0]["errors"] == [{"pointer": "/external_id", "code": "erased"}]
    assert await said_anywhere(world) == {}
    there = await world.post("/v1/partner/sync/patients", world.there.partner, {"items": [again]})
    assert there.json()["created"] == 1, "another clinic's list is its own"


async def test_an_import_at_the_same_moment_does_not_bring_them_back(world: World) -> None:
    patient_id = await somebody(world)
    await confirmed(world, patient_id)
    row = patient_fact("zenobia-7", GIVEN, PHONE).model_dump(mode="json")

    async def push(version: int) -> None:
        await world.post("/v1/partner/sync/patients", world.here.partner, {"items": [{**row, "version": version}]})

    await asyncio.gather(*(push(version) for version in range(2, 12)), erased(world))
    await erased(world)
    assert await said_anywhere(world) == {}


async def test_what_was_queued_is_not_sent_any_more(world: World) -> None:
    here = world.here
    patient_id = await somebody(world)
    await give_phone(world.database, world.keys, here, "token-of-anna")
    at = now()
    told = notice(here, patient_id=patient_id, not_before=at, expires_at=at + timedelta(hours=1))
    await tell(world.database, here, told)
    await confirmed(world, patient_id)
    await erased(world)
    async with world.database.sweeping() as sweeping:
        count = text("select count(*) from notice where patient_id = :patient")
        assert (await sweeping.execute(count, {"patient": patient_id})).scalar_one() == 0


async def test_an_account_with_another_record_keeps_its_phone_and_its_sessions(world: World) -> None:
    """Anna opens her own record; another one that she could open is erased."""
    here = world.here
    granted = text(
        "insert into access (clinic_id, id, account_id, patient_id, relation, granted_at, scopes, block_reason)"
        " values (:clinic, :id, :account, :patient, 'carer', now(), '{}', '')"
    )
    values = {"clinic": here.clinic_id, "id": new_id(), "account": here.account_id, "patient": here.other_patient_id}
    async with world.database.writing(here.scope) as writing:
        await writing.execute(granted, values)
    await confirmed(world, here.other_patient_id)
    await erased(world)
    assert (await world.get("/v1/me", here.patient)).json()["account_id"] == str(here.account_id)
    assert (await world.get("/v1/me/cabinet", here.patient)).status_code == 200


async def test_a_legal_hold_wins_before_and_after_the_clinic_confirmed(world: World) -> None:
    here = world.here
    patient_id = await somebody(world)
    path = f"/v1/staff/patients/{patient_id}"
    first = await world.post(f"{path}/legal-holds", here.staff, {"reason": "Claim 7"})
    assert first.status_code == 201, first.text
    assert (await world.post(f"{path}/legal-holds", here.staff, {"reason": "Claim 7"})).status_code == 409
    refused = await world.post(f"{path}/erasure", here.staff, {})
    assert (refused.status_code, refused.json()["code"]) == (409, "under-legal-hold")
    await lifted(world, first.json()["hold_id"])
    await confirmed(world, patient_id)
    second = await world.post(f"{path}/legal-holds", here.staff, {"reason": "Claim 8"})
    await erased(world)
    assert (await world.get(path, here.staff)).status_code == 200, "it waits"
    listed = (await world.get("/v1/staff/privacy/erasures", here.staff)).json()["items"]
    assert [(each["state"], each["held"]) for each in listed] == [("confirmed", True)]
    await lifted(world, second.json()["hold_id"])
    await erased(world)
    assert (await world.get(path, here.staff)).status_code == 404


async def lifted(world: World, hold_id: str) -> None:
    answer = await world.http.delete(f"/v1/staff/legal-holds/{hold_id}", headers=world.here.staff)
    assert answer.status_code == 204, answer.text


async def test_a_request_is_refused_with_the_laws_reason_and_only_by_who_may(world: World) -> None:
    here = world.here
    asked = await world.post("/v1/me/privacy/erasure", here.patient, {"reason": "I moved"})
    request_id = asked.json()["request_id"]
    twice = await world.post("/v1/me/privacy/erasure", here.patient, {})
    assert twice.status_code == 409
    elsewhere = await world.post(f"/v1/staff/requests/{request_id}/answer", here.staff, {"verdict": "accepted"})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "answered-by-privacy")
    path = f"/v1/staff/privacy/requests/{request_id}/refusal"
    refused = await world.post(path, here.staff, {"reason": "legal_duty"})
    assert (refused.json()["status"], refused.json()["note"]) == ("declined", "legal_duty")
    assert (await world.get(f"/v1/staff/patients/{here.patient_id}", here.staff)).status_code == 200


async def test_a_confirmed_request_is_answered_and_needs_to_be_this_patients(world: World) -> None:
    here = world.here
    asked = await world.post("/v1/me/privacy/erasure", here.patient, {})
    body = {"request_id": asked.json()["request_id"]}
    wrong = await world.post(f"/v1/staff/patients/{here.other_patient_id}/erasure", here.staff, body)
    assert wrong.status_code == 404
    right = await world.post(f"/v1/staff/patients/{here.patient_id}/erasure", here.staff, body)
    assert right.status_code == 202, right.text
    again = await world.post(f"/v1/staff/patients/{here.patient_id}/erasure", here.staff, {})
    assert (again.status_code, again.json()["code"]) == (409, "erasure-confirmed")


async def test_a_database_that_was_put_back_is_erased_again(world: World) -> None:
    """The tombstone in the storage knows what a restored database has forgotten."""
    here = world.here
    patient_id = await somebody(world)
    erasure = await confirmed(world, patient_id)
    await erased(world)
    async with world.database.sweeping() as sweeping:  # the night before, as a backup has it
        await sweeping.execute(text("select set_config('enamel.restricted', 'on', true)"))
        await sweeping.execute(text("delete from erased"))
        await sweeping.execute(text("delete from erasure"))
        back = text(
            "update patient set given_name = :given, family_name = :family, phone = :phone, external_id = 'zenobia-7',"
            " erased_at = null, birth_date = '1979-03-23' where id = :id"
        )
        await sweeping.execute(back, {"given": GIVEN, "family": FAMILY, "phone": PHONE, "id": patient_id})
    assert await said_anywhere(world) != {}
    assert await replay_erasures(world.database, world.ports.storage, now()) == 1
    refused = await world.post(
        "/v1/partner/sync/patients", here.partner,
        {"items": [patient_fact("zenobia-7", GIVEN, PHONE).model_dump(mode="json") | {"version": 5}]},
    )  # fmt: skip
    assert refused.json()["refused"] == 1, "refused from the first moment"
    await erased(world)
    assert await said_anywhere(world) == {}
    assert await replay_erasures(world.database, world.ports.storage, now()) == 0
    listed = (await world.get("/v1/staff/privacy/erasures", here.staff)).json()["items"]
    assert [each["erasure_id"] for each in listed] == [erasure["erasure_id"]]


async def test_an_archive_goes_on_the_very_day_the_law_lets_it_go(world: World) -> None:
    here = world.here
    patient_id = await somebody(world)
    erasure = await confirmed(world, patient_id)
    await erased(world)
    listed = (await world.get("/v1/staff/privacy/erasures", here.staff)).json()["items"]
    until = datetime.fromisoformat(listed[0]["keep_until"] + "T00:00:00+00:00")
    assert until - now() > 9 * YEARS
    key = archive_key(here.clinic_id, erasure["erasure_id"])
    await erased(world, until - timedelta(seconds=1))
    assert await world.ports.storage.keys_under(f"restricted/{here.clinic_id}") == [key]
    await erased(world, until)
    assert await world.ports.storage.keys_under(f"restricted/{here.clinic_id}") == []
    assert files_that_say(folder(world)) == []
    listed = (await world.get("/v1/staff/privacy/erasures", here.staff)).json()["items"]
    assert listed[0]["archived"] is False


async def test_a_change_between_archive_and_erasure_is_archived_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The round that meets a changed record does nothing; the next one has the change in its archive."""
    here = world.here
    patient_id = await somebody(world)
    erasure = await confirmed(world, patient_id)
    put = FolderStorage.put_file
    late: list[bool] = []

    async def put_late(self: FolderStorage, key: str, path: Path, media_type: str) -> None:
        await put(self, key, path, media_type)
        if not late:
            late.append(True)
            row = {
                "external_id": "z-9", "version": 1, "patient": "zenobia-7", "notation": "fdi", "tooth": "26",
                "code": "caries", "surfaces": ["O"], "observed_on": "2026-01-03",
            }  # fmt: skip
            await taken(world, "findings", row)

    monkeypatch.setattr(FolderStorage, "put_file", put_late)
    await erased(world)
    content = await world.ports.storage.get(archive_key(here.clinic_id, erasure["erasure_id"]))
    with zipfile.ZipFile(io.BytesIO(content)) as kept:
        assert {row["tooth"] for row in json.loads(kept.read("finding.json"))} == {"16", "26"}
    assert await said_anywhere(world) == {}
