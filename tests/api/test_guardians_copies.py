"""What a guardian's copy leaves out: what their access does not cover, what is hidden by now, what was taken back."""

import asyncio
import io
import json
import zipfile
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from clinic.commands.requests import make_request
from clinic.request import BELONGS_TO, RequestKind
from core.clock import now
from core.events import SYSTEM
from core.ids import new_id
from core.moments import rfc3339
from core.private import mark_private
from enamel.worker.privacy import make_copies
from tests.api.household import MOTHER, SignedIn, child, linked, sign_in
from tests.api.said_of_foreign import FILE
from tests.api.test_issued_documents import PDF, put, told
from tests.enamel.test_erasing import confirmed, erased, folder
from tests.enamel.test_erasing_again import SlowStorage
from tests.media.looking import look
from tests.world import World

NARROWED = (410, "copy-access-narrowed")


async def mother_of(world: World, **bounds: Any) -> tuple[UUID, SignedIn, str]:
    """Emma, her mother, and where her mother asks for copies."""
    emma, mother = await child(world), await sign_in(world, MOTHER)
    await linked(world, mother, emma, **bounds)
    return emma, mother, f"/v1/patients/{emma}/privacy/exports"


async def asked(world: World, who: dict[str, str], path: str) -> str:
    answer = await world.post(path, who, None)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["export_id"])


async def made(world: World) -> None:
    while await make_copies(world.database, world.ports.storage, now()):
        pass


async def link(world: World, who: dict[str, str], path: str, export_id: str) -> str:
    answer = await world.post(f"{path}/{export_id}/link", who, None)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"]).removeprefix(world.ports.public_url)


async def fetched(world: World, who: dict[str, str], path: str, export_id: str) -> dict[str, bytes]:
    """The members of a copy, by name."""
    answer = await world.get(await link(world, who, path, export_id), who)
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def visited(world: World, *, version: int = 1, private: bool = False) -> str:
    start = now() + timedelta(days=3)
    row = {
        "external_id": "v", "version": version, "patient": "emma", "service": "Secret", "private": private,
        "starts_at": rfc3339(start), "ends_at": rfc3339(start + timedelta(hours=1)),
    }  # fmt: skip
    answer = await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": [row]})
    assert answer.json()["refused"] == 0, answer.text
    visit: str = answer.json()["rows"][0]["id"]
    return visit


async def hidden(world: World, emma: UUID, visit: str, *, private: bool = True) -> None:
    path = f"/v1/staff/patients/{emma}/private/appointment/{visit}"
    assert (await world.http.put(path, headers=world.here.staff, json={"private": private})).status_code == 204


@pytest.mark.parametrize("scope", ["view_chart", "book", "sign", "view_documents"])
async def test_a_guardians_copy_holds_the_requests_that_their_access_covers(world: World, scope: str) -> None:
    emma, mother, path = await mother_of(world, scopes=[scope])
    async with world.database.writing(world.here.scope) as writing:
        for kind in RequestKind:
            details = {"said": f"pregnant: {kind}"}
            await make_request(writing, world.here.clinic_id, emma, kind, None, details, SYSTEM, now())
    export_id = await asked(world, mother.headers, path)
    await made(world)
    # Where nothing of it is theirs, the file is not there.
    rows = json.loads((await fetched(world, mother.headers, path, export_id)).get("patient_request.json", b"[]"))
    shown = (await world.get(f"/v1/patients/{emma}/requests", mother.headers)).json()["items"]
    covered = {kind.value for kind, needed in BELONGS_TO.items() if needed == scope}
    assert {each["kind"] for each in rows} == {each["kind"] for each in shown} == covered


async def test_a_guardians_copy_holds_no_message_that_shows_what_is_private(world: World) -> None:
    emma, mother, path = await mother_of(world)
    visit, plain = await visited(world), {"client_id": str(new_id()), "body": "Good morning"}
    picture = await released(world)
    thread = f"/v1/staff/patients/{emma}"
    said = [
        await world.post(f"{thread}/messages", world.here.staff, plain),
        await world.post(
            f"{thread}/messages", world.here.staff, {**plain, "client_id": str(new_id()), "media": [picture]}
        ),
        await world.post(
            f"{thread}/conversation/cards",
            world.here.staff,
            {"client_id": str(new_id()), "kind": "appointment", "id": visit},
        ),
    ]
    assert [each.status_code for each in said] == [201, 201, 201]
    assert len(await messages_copied(world, mother, path)) == 3
    await hidden(world, emma, visit)
    marked = await world.http.put(
        f"/v1/staff/patients/{emma}/private/picture/{picture}", headers=world.here.staff, json={"private": True}
    )
    assert marked.status_code == 204
    rows = await messages_copied(world, mother, path)
    assert [(each["body"], each["card"], each["media"]) for each in rows] == [("Good morning", None, None)]


async def released(world: World) -> str:
    path = f"/v1/partner/patients/emma/pictures/{new_id()}"
    form = {"kind": "photo", "released": "true"}
    answer = await world.http.put(path, headers=world.here.partner, data=form, files=FILE)
    await look(world)
    return str(answer.json()["picture_id"])


async def messages_copied(world: World, who: SignedIn, path: str) -> list[dict[str, Any]]:
    """What a fresh copy has of the conversation."""
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update privacy_export set state = 'expired'"))
    export_id = await asked(world, who.headers, path)
    await made(world)
    rows: list[dict[str, Any]] = json.loads((await fetched(world, who.headers, path, export_id))["message.json"])
    return rows


@pytest.mark.parametrize("by", ["staff", "sync"])
async def test_a_copy_that_holds_what_is_hidden_since_is_given_to_no_guardian(world: World, by: str) -> None:
    emma, mother, path = await mother_of(world)
    visit = await visited(world)
    old = await asked(world, mother.headers, path)
    await made(world)
    before = await link(world, mother.headers, path, old)
    if by == "sync":
        await visited(world, version=2, private=True)
    else:
        await hidden(world, emma, visit)
    again = await world.post(f"{path}/{old}/link", mother.headers, None)
    for answer in (again, await world.get(before, mother.headers)):
        assert (answer.status_code, answer.json()["code"]) == NARROWED
    new = await asked(world, mother.headers, path)
    assert new != old
    await made(world)
    assert json.loads((await fetched(world, mother.headers, path, new))["appointment.json"]) == []
    copies = await world.ports.storage.keys_under(f"{world.here.clinic_id}/{emma}/copies")
    assert [key.rpartition("/")[2] for key in copies] == [new], "the file goes with the worker's next round"
    again = await world.post(f"{path}/{old}/link", mother.headers, None)
    assert (again.status_code, again.json()["code"]) == NARROWED


async def test_ones_own_copy_and_what_is_shown_again_are_given_as_before(world: World) -> None:
    emma, mother, path = await mother_of(world)
    visit = await visited(world)
    await hidden(world, emma, visit)
    export_id = await asked(world, mother.headers, path)
    own = await asked(world, world.here.patient, "/v1/me/privacy/exports")
    await made(world)
    await hidden(world, emma, visit, private=False)
    assert await fetched(world, mother.headers, path, export_id)
    assert await fetched(world, world.here.patient, "/v1/me/privacy/exports", own)


async def test_a_copy_that_is_being_made_while_something_is_hidden_comes_to_nothing(world: World) -> None:
    emma, mother, path = await mother_of(world)
    visit = await visited(world)
    old = await asked(world, mother.headers, path)
    slow = SlowStorage(folder(world))
    making = asyncio.create_task(make_copies(world.database, slow, now()))
    await slow.reached.wait()
    await hidden(world, emma, visit)
    slow.go_on.set()
    await making
    answer = await world.post(f"{path}/{old}/link", mother.headers, None)
    assert answer.json()["code"] in ("copy-access-narrowed", "copy-not-ready")
    assert await world.ports.storage.keys_under(f"{world.here.clinic_id}/{emma}/copies") == []
    new = await asked(world, mother.headers, path)
    await made(world)
    assert json.loads((await fetched(world, mother.headers, path, new))["appointment.json"]) == []


async def test_who_makes_a_copy_waits_for_who_is_hiding_something(world: World) -> None:
    """The mark is set and not committed yet when the copy is asked for and begun."""
    emma, mother, path = await mother_of(world)
    visit = await visited(world)
    async with world.database.writing(world.here.scope) as writing:
        await mark_private(
            writing, world.here.clinic_id, emma, "appointment", UUID(visit), private=True, actor=SYSTEM, now=now()
        )
        export_id = await asked(world, mother.headers, path)
        making = asyncio.create_task(make_copies(world.database, world.ports.storage, now()))
        await asyncio.wait([making], timeout=0.5)
        assert not making.done()
    await making
    assert json.loads((await fetched(world, mother.headers, path, export_id))["appointment.json"]) == []


async def test_a_paper_that_was_taken_back_is_in_no_copy_and_in_the_archive(world: World) -> None:
    here, path = world.here, "/v1/me/privacy/exports"
    await told(world)
    document = (await put(world, PDF)).json()["document_id"]
    taken = await world.post(f"/v1/staff/documents/{document}/withdrawal", here.staff, {"note": "of somebody else"})
    assert taken.json()["state"] == "withdrawn"
    export_id = await asked(world, here.patient, path)
    await made(world)
    copy = await fetched(world, here.patient, path, export_id)
    assert [name for name in copy if name.startswith("documents/") or name == "missing.json"] == []
    assert [each["state"] for each in json.loads(copy["document.json"])] == ["withdrawn"]
    erasure = await confirmed(world, here.patient_id)
    await erased(world)
    archive = await world.post(
        f"/v1/staff/privacy/erasures/{erasure['erasure_id']}/archive", here.staff, {"reason": "legal_claims"}
    )
    with zipfile.ZipFile(io.BytesIO(archive.content)) as kept:
        assert kept.read(f"documents/{document}.pdf") == PDF


async def test_who_looked_is_told_to_nobody_but_the_patient(world: World) -> None:
    emma, mother, _ = await mother_of(world, scopes=["book"])
    await world.get(f"/v1/staff/patients/{emma}/documents", world.here.staff)
    assert (await world.get(f"/v1/patients/{emma}/privacy/reads", mother.headers)).status_code == 404
