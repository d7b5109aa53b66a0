"""The demo's papers: Anna's consent is signed and sealed, and everybody has something to read or answer."""

import asyncio

from sqlalchemy import select
from sqlmodel import col

from cabinet.queries.documents import document, document_file
from cabinet.seal import seal_check
from cabinet.tables.documents import Document
from clinic.queries import named_patients
from core.clock import now
from core.database import Scope
from enamel.demo.founding import SYSTEM_NAME, found
from tests.world import World


async def test_the_cast_has_papers_and_one_of_them_is_sealed(world: World) -> None:
    founded = await found(world.ports, now())
    async with world.database.reading(Scope(founded.clinic_id)) as reading:
        known = await named_patients(reading, SYSTEM_NAME, {"anna", "boris", "chen", "daria"})
        rows = (await reading.execute(select(Document).order_by(col(Document.id)))).scalars().all()
        states = {(row.patient_id, row.state) for row in rows}
        assert {patient_id for patient_id, _ in states} == {named.id for named in known.values()}
        (signed,) = [row for row in rows if row.state == "signed"]
        detail = await document(reading, signed.id, known["anna"].id, now())
        file = await document_file(reading, signed.id)
    assert detail is not None
    assert detail.signature is not None
    assert (detail.signature.method, detail.title) == ("drawn", "Consenso al trattamento")
    assert "«Con impianto»" in detail.parts[0].text
    assert file is not None
    check = await asyncio.to_thread(seal_check, await world.ports.storage.get(file.key))
    assert (check.intact, check.whole, check.fingerprint) == (True, True, world.ports.seal.fingerprint)
