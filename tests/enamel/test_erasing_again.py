"""What comes too late for an erasure, or comes back after it: a restored database, a race, a late file, a hold."""

import asyncio
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from clinic.commands import grant_access
from clinic.privacy import archive_key
from core.clock import now
from core.upsert import held_rows
from enamel.worker.privacy import make_copies, replay_erasures
from media.folder import FolderStorage
from tests.api.household import FATHER, aged, child, invited, linked, sign_in
from tests.api.test_issued_documents import told
from tests.enamel.test_erasing import (
    GIVEN,
    YEARS,
    confirmed,
    erased,
    files_that_say,
    folder,
    lifted,
    said_anywhere,
    signed_in,
    somebody,
    taken,
)
from tests.world import World


async def run(world: World, statement: str, **values: Any) -> None:
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("select set_config('enamel.restricted', 'on', true)"))
        await sweeping.execute(text(statement), values)


async def put_back(world: World, patient_id: UUID) -> None:
    """As a backup of the day the patient came: the name, and nothing that was done since."""
    await run(world, "delete from erased")
    await run(world, "delete from erasure")
    back = "update patient set given_name = :given, external_id = 'zenobia-7', erased_at = null where id = :id"
    await run(world, back, given=GIVEN, id=patient_id)


async def only_erasure(world: World) -> dict[str, Any]:
    items = (await world.get("/v1/staff/privacy/erasures", world.here.staff)).json()["items"]
    assert len(items) == 1
    first: dict[str, Any] = items[0]
    return first


@pytest.mark.parametrize("known", [True, False], ids=["older", "before the patient came"])
async def test_a_restored_database_finds_the_archive_as_it_was(world: World, known: bool) -> None:
    here = world.here
    patient_id = await somebody(world)
    erasure = await confirmed(world, patient_id)
    await erased(world)
    before = await only_erasure(world)
    key = archive_key(here.clinic_id, erasure["erasure_id"])
    archive = await world.ports.storage.get(key)
    if known:
        await put_back(world, patient_id)
    else:
        await run(world, "delete from erased")
        await run(world, "delete from erasure")
    assert await replay_erasures(world.database, world.ports.storage, now()) == 1
    await erased(world)
    assert await world.ports.storage.get(key) == archive
    after = await only_erasure(world)
    assert [after[name] for name in ("keep_until", "archived", "state")] == [before["keep_until"], True, "done"]
    opened = await world.post(
        f"/v1/staff/privacy/erasures/{erasure['erasure_id']}/archive", here.staff, {"reason": "legal_claims"}
    )
    assert opened.content == archive
    await erased(world, now() + 50 * YEARS)
    assert await world.ports.storage.keys_under(f"restricted/{here.clinic_id}") == []


async def test_a_restored_access_opens_nothing(world: World) -> None:
    here = world.here
    patient_id = await somebody(world)
    await confirmed(world, patient_id)
    await erased(world)
    await put_back(world, patient_id)
    async with world.database.writing(here.scope) as writing:
        await grant_access(writing, here.clinic_id, here.account_id, patient_id, "carer", now())
    path = f"/v1/patients/{patient_id}/cabinet"
    assert (await world.get(path, here.patient)).status_code == 200
    await replay_erasures(world.database, world.ports.storage, now())
    assert (await world.get(path, here.patient)).status_code == 404


async def test_a_file_that_was_on_its_way_goes_with_the_next_look_at_the_tombstones(world: World) -> None:
    patient_id = await somebody(world)
    await confirmed(world, patient_id)
    await erased(world)
    theirs = f"{world.here.clinic_id}/{patient_id}"
    neighbours = f"{world.here.clinic_id}/{world.here.patient_id}/late"
    for key in (f"{theirs}/late", neighbours):
        await world.ports.storage.put(key, b"late", "image/jpeg")
    assert await replay_erasures(world.database, world.ports.storage, now()) == 0
    assert await world.ports.storage.keys_under(theirs) == []
    assert await world.ports.storage.get(neighbours) == b"late"


async def test_a_courts_block_outlives_the_erasure_of_ones_own_record(world: World) -> None:
    """Blocked before he ever came: with a new account for the same phone a code would let him in."""
    emma, own = await child(world), await child(world, "dad", aged(40))
    father = await sign_in(world, FATHER)
    await linked(world, father, own, "self")
    path = f"/v1/staff/patients/{emma}/blocks"
    assert (await world.post(path, world.here.staff, {"phone": FATHER, "reason": "Court"})).status_code == 201
    await confirmed(world, own)
    await erased(world)
    again, code = await sign_in(world, FATHER), await invited(world, emma)
    assert again.account_id == father.account_id
    assert (await world.post("/v1/me/link", again.headers, {"code": code})).status_code == 404
    assert (await world.get(f"/v1/patients/{emma}/cabinet", again.headers)).status_code == 404


class SlowStorage(FolderStorage):
    """A copy is stored only when the test lets it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def put_file(self, key: str, path: Path, media_type: str) -> None:
        self.reached.set()
        await self.go_on.wait()
        await super().put_file(key, path, media_type)


async def test_a_copy_that_is_ready_after_the_erasure_does_not_stay(world: World) -> None:
    patient_id = await somebody(world)
    headers = await signed_in(world, patient_id)
    assert (await world.post("/v1/me/privacy/exports", headers, None)).status_code == 202
    slow = SlowStorage(folder(world))
    making = asyncio.create_task(make_copies(world.database, slow, now()))
    await slow.reached.wait()
    erasure = await confirmed(world, patient_id)
    await erased(world)
    slow.go_on.set()
    await making
    assert files_that_say(folder(world)) == [archive_key(world.here.clinic_id, erasure["erasure_id"])]


async def test_a_batch_that_names_somebody_keeps_an_erasure_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading who is meant and writing what is theirs nobody is erased: it would be written to a shell."""
    patient_id = await somebody(world)
    erasure = await confirmed(world, patient_id)
    erasing: list[asyncio.Task[None]] = []

    async def late(*given: Any, **named: Any) -> Any:
        erasing.append(asyncio.create_task(erased(world)))
        await asyncio.wait(erasing, timeout=1)
        return await held_rows(*given, **named)

    monkeypatch.setattr("cabinet.commands.issued_documents.held_rows", late)
    answer = await told(world, patient="zenobia-7", title=f"For {GIVEN}")
    assert answer.json()["created"] == 1
    await asyncio.gather(*erasing)
    await erased(world)
    assert (await only_erasure(world))["state"] == "done"
    assert await said_anywhere(world) == {}
    content = await world.ports.storage.get(archive_key(world.here.clinic_id, erasure["erasure_id"]))
    with zipfile.ZipFile(io.BytesIO(content)) as kept:
        assert [row["title"] for row in json.loads(kept.read("document.json"))] == [f"For {GIVEN}"]


async def test_a_hold_after_the_erasure_keeps_the_archive(world: World) -> None:
    here = world.here
    patient_id = await somebody(world)
    path = f"/v1/staff/patients/{patient_id}/legal-holds"
    await confirmed(world, patient_id)
    await erased(world)
    hold = await world.post(path, here.staff, {"reason": "Claim 9"})
    assert hold.status_code == 201, hold.text
    assert [each["reason"] for each in (await world.get(path, here.staff)).json()["items"]] == ["Claim 9"]
    await erased(world, now() + 50 * YEARS)
    assert (await only_erasure(world))["archived"]
    await lifted(world, hold.json()["hold_id"])
    await erased(world, now() + 50 * YEARS)
    assert not (await only_erasure(world))["archived"]
    assert (await world.post(path, here.staff, {"reason": "Claim 10"})).status_code == 404, "nothing is left to hold"


async def test_the_law_counts_from_whatever_was_done_last(world: World) -> None:
    patient_id = await somebody(world)
    for table, columns in (
        ("appointment", "starts_at = starts_at - interval '60 years', ends_at = ends_at - interval '60 years'"),
        ("picture", "taken_on = date '1960-01-01'"),
    ):
        await run(world, f"update {table} set {columns}")  # noqa: S608
    done = (now() - timedelta(days=30)).date()
    row = {
        "external_id": "z-3", "version": 1, "patient": "zenobia-7", "kind": "filling", "performed_on": str(done),
    }  # fmt: skip
    await taken(world, "procedures", row)
    await confirmed(world, patient_id)
    await erased(world)
    until = (await only_erasure(world))["keep_until"]
    assert until[4:] == str(done)[4:] or done.isoformat()[5:] == "02-29"
    assert int(until[:4]) >= done.year + 10
