"""Who is still to sign, fill or acknowledge what, since when, and how often they were reminded."""

import json

from sqlalchemy import Text, cast, literal, select, update
from sqlmodel import col

from cabinet.commands.documents import note_reminded
from cabinet.queries.documents import DocumentView, documents
from cabinet.queries.waiting_documents import WaitingDocument, waiting_documents, waiting_documents_json
from cabinet.tables.documents import Document
from core.clock import now
from core.database import Reading
from tests.api.paperwork import CARE, CONSENT, NOTE, act, opened, sent, signed
from tests.world import DAY, World


async def waiting(reading: Reading, most: int = 3) -> list[WaitingDocument]:
    later = now() + DAY
    return await waiting_documents(
        reading, now(), sent_before=later, reminded_before=now() - DAY, most_reminders=most, limit=10
    )


async def test_only_what_asks_for_something_and_is_open_waits(world: World) -> None:
    await sent(world, CARE)
    done = await opened(world, CONSENT)
    await signed(world, done)
    refused = await opened(world, CONSENT)
    await act(world, refused, "refusal", {})
    note, consent = await sent(world, NOTE), await opened(world, CONSENT)
    async with world.database.reading(world.here.scope) as reading:
        found = await waiting(reading)
    assert [str(each.document_id) for each in found] == [note["document_id"], consent["document_id"]]
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(update(Document).values(expires_at=now()).where(col(Document.state) == "sent"))
        assert [str(each.document_id) for each in await waiting(writing)] == [consent["document_id"]]


async def test_who_was_reminded_lately_or_often_enough_is_left_alone(world: World) -> None:
    note = await sent(world, NOTE)
    async with world.database.writing(world.here.scope) as writing:
        (found,) = await waiting(writing)
        assert (found.reminders, found.reminded_at) == (0, None)
        await note_reminded(writing, world.here.clinic_id, [found.document_id], now())
        assert await waiting(writing) == []
        await note_reminded(writing, world.here.clinic_id, [found.document_id], now() - 2 * DAY)
        writing.expire_all()
        (again,) = await waiting(writing)
        assert (str(again.document_id), again.reminders) == (note["document_id"], 2)
        assert await waiting(writing, most=2) == []


async def test_a_sweep_sees_every_clinic(world: World) -> None:
    await sent(world, NOTE)
    await sent(world, NOTE, party=world.there)
    async with world.database.sweeping() as sweeping:
        found = {each.clinic_id for each in await waiting(sweeping)}
    assert found == {world.here.clinic_id, world.there.clinic_id}


async def test_the_cabinets_fragment_tells_what_the_list_tells(world: World) -> None:
    await sent(world, CARE)
    for draft in (NOTE, CONSENT):
        await sent(world, draft, expires_at=(now() + DAY).isoformat())
    mine = (literal(world.here.clinic_id), literal(world.here.patient_id))
    async with world.database.reading(world.here.scope) as reading:
        statement = select(cast(waiting_documents_json(*mine), Text))
        told = (await reading.execute(statement, {"now": now()})).scalar_one()
        listed = await documents(reading, world.here.patient_id, now(), state=None, after=None, limit=10)
    built = [DocumentView.model_validate_json(json.dumps(each)) for each in json.loads(told)]
    assert built == [each for each in listed if each.asks != "read"]
