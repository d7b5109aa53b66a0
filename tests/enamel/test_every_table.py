"""Copies and erasures over one row in every table there is: what a feature of tomorrow holds is covered too."""

import io
import zipfile
from uuid import UUID

from sqlalchemy import text

from clinic.privacy import archive_key
from core.clock import now
from core.events import SYSTEM, Happening, record
from core.holding import Fate, of_copy
from enamel.worker.archive import HOLDINGS
from enamel.worker.privacy import make_copies
from tests.api.household import SignedIn
from tests.api.test_private import family
from tests.enamel.filled import HELD, LEFT_OUT, MEANT, TABLES, fill
from tests.enamel.test_erasing import GIVEN, confirmed, erased, files_that_say, folder, said_anywhere, somebody
from tests.world import World

WORD = "Unspeakable"


async def test_an_erasure_reaches_every_table(world: World) -> None:
    patient_id = await somebody(world)
    rows = await fill(world, patient_id, GIVEN)
    assert set(HELD) - set(rows) == set(LEFT_OUT)
    assert set(MEANT) <= set(rows)
    assert len(await said_anywhere(world)) > len(HELD) / 2
    erasure = await confirmed(world, patient_id)
    await erased(world)
    assert await said_anywhere(world) == {}
    key = archive_key(world.here.clinic_id, erasure["erasure_id"])
    assert files_that_say(folder(world)) == [key]
    with zipfile.ZipFile(io.BytesIO(await world.ports.storage.get(key))) as archive:
        kept = {name for name in archive.namelist() if archive.read(name).strip() != b"[]"}
    assert {f"{each.table}.json" for each in HOLDINGS if each.fate is not Fate.ERASE} <= kept
    async with world.database.sweeping() as sweeping:
        for holding in HOLDINGS:
            if "erased_at" in TABLES[holding.table].columns:
                seen = text(f"select count(*) from {holding.table} where {holding.person} = :patient")  # noqa: S608
                assert (await sweeping.execute(seen, {"patient": patient_id})).scalar_one() == 0, holding.table


async def test_a_copy_for_a_guardian_holds_nothing_that_the_ward_keeps_private(world: World) -> None:
    emma, own, mother = await family(world)
    rows = await fill(world, emma, WORD, private=True)
    hidden = {name: str(row["id"]) for name, row in rows.items() if row.get("private")}
    assert {"plan", "appointment", "document", "picture", "ledger_entry"} <= set(hidden)
    copy = await copied(world, mother, emma)
    everything = b"".join(copy.values()).decode()
    assert [name for name, key in hidden.items() if key in everything] == []
    belonging = {each.table for each in HOLDINGS if each.hidden_by} | set(hidden)
    assert [name for name in sorted(belonging) if WORD in copy.get(f"{name}.json", b"").decode()] == []
    mine = {f"{each.table}.json" for each in HOLDINGS if each.own}
    assert mine & set(copy) == set()
    assert mine <= set(of_own := await copied(world, own, emma))
    told = {name: key for name, key in hidden.items() if not HELD[name].untold}
    assert [name for name, key in told.items() if key not in b"".join(of_own.values()).decode()] == []


async def test_a_copy_names_nobody_else(world: World) -> None:
    """Neither other patients, nor why somebody was shut out, nor another parent's phone, nor a legal hold."""
    here = world.here
    emma, own, _ = await family(world)
    rows = await fill(world, emma, WORD)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update referral set referrer_id = :other"), {"other": here.other_patient_id})
    async with world.database.writing(here.scope) as writing:
        facts = {"friend_id": str(here.other_patient_id)}
        await record(writing, here.clinic_id, SYSTEM, [Happening("referral.bound", emma, emma, facts)], now())
    path = f"/v1/staff/patients/{emma}/legal-holds"
    assert (await world.post(path, here.staff, {"reason": "Claim"})).status_code == 201
    assert (await world.get(path, here.staff)).status_code == 200
    copy = await copied(world, own, emma)
    assert rows["access"]["block_reason"] == rows["guardian"]["phone"] == WORD
    assert b'"phone"' not in copy["guardian.json"]
    assert b"block_reason" not in copy["access.json"]
    assert b"referrer_id" not in copy["referral.json"]
    everything = b"".join(copy.values())
    assert str(here.other_patient_id).encode() not in everything
    assert b"legal_hold" not in everything
    assert of_copy(HOLDINGS, frozenset(), whole=True)
    reads = (await world.get("/v1/me/privacy/reads", own.headers)).json()["items"]
    assert {each["area"] for each in reads} <= {"copy", "code"}


async def copied(world: World, who: SignedIn, patient_id: UUID) -> dict[str, bytes]:
    """The members of a fresh copy, by name."""
    base = f"/v1/patients/{patient_id}/privacy/exports"
    asked = await world.post(base, who.headers, None)
    while await make_copies(world.database, world.ports.storage, now()):
        pass
    link = await world.post(f"{base}/{asked.json()['export_id']}/link", who.headers, None)
    assert link.status_code == 201, link.text
    fetched = await world.get(link.json()["url"].removeprefix(world.ports.public_url), who.headers)
    with zipfile.ZipFile(io.BytesIO(fetched.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
