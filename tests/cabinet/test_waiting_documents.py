"""What the patient is still to sign, fill or acknowledge."""

import json
from typing import Any

from sqlalchemy import Text, cast, literal, select, update
from sqlmodel import col

from cabinet.queries.documents import DocumentView, documents
from cabinet.queries.waiting_documents import waiting_documents_json
from cabinet.tables.documents import Document
from core.clock import now
from core.database import Reading
from tests.api.paperwork import CARE, CONSENT, NOTE, act, opened, sent, signed
from tests.world import DAY, World


async def waiting(world: World, reading: Reading) -> list[dict[str, Any]]:
    """As the first screen of the patient tells it, latest first."""
    mine = (literal(world.here.clinic_id), literal(world.here.patient_id))
    statement = select(cast(waiting_documents_json(*mine), Text))
    found: list[dict[str, Any]] = json.loads((await reading.execute(statement, {"now": now()})).scalar_one())
    return found


async def test_only_what_asks_for_something_and_is_open_waits(world: World) -> None:
    await sent(world, CARE)
    done = await opened(world, CONSENT)
    await signed(world, done)
    refused = await opened(world, CONSENT)
    await act(world, refused, "refusal", {})
    note, consent = await sent(world, NOTE), await opened(world, CONSENT)
    async with world.database.reading(world.here.scope) as reading:
        found = await waiting(world, reading)
    assert [each["document_id"] for each in found] == [consent["document_id"], note["document_id"]]
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(update(Document).values(expires_at=now()).where(col(Document.state) == "sent"))
        assert [each["document_id"] for each in await waiting(world, writing)] == [consent["document_id"]]


async def test_the_cabinets_fragment_tells_what_the_list_tells(world: World) -> None:
    await sent(world, CARE)
    for draft in (NOTE, CONSENT):
        await sent(world, draft, expires_at=(now() + DAY).isoformat())
    async with world.database.reading(world.here.scope) as reading:
        told = await waiting(world, reading)
        listed = await documents(reading, world.here.patient_id, now(), state=None, after=None, limit=10)
    built = [DocumentView.model_validate_json(json.dumps(each)) for each in told]
    assert built == [each for each in listed if each.asks != "read"]
