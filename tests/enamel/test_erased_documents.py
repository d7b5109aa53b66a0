"""Documents of a person who was erased: nobody reads, takes back or is reminded of them any more."""

from sqlalchemy import select
from sqlmodel import col

from cabinet.tables.documents import Document
from tests.api.paperwork import CONSENT, NOTE, sent
from tests.enamel.test_erasing import confirmed, erased, somebody
from tests.world import World


async def test_staff_finds_no_document_of_an_erased_person(world: World) -> None:
    patient_id = await somebody(world)
    gone, kept = await sent(world, CONSENT, patient_id=patient_id), await sent(world, NOTE)
    await confirmed(world, patient_id)
    await erased(world)
    path = f"/v1/staff/documents/{gone['document_id']}"
    for tail in ("", "/file", "/verification"):
        assert (await world.get(f"{path}{tail}", world.here.staff)).status_code == 404
    assert (await world.post(f"{path}/withdrawal", world.here.staff, {})).status_code == 404
    async with world.database.sweeping() as sweeping:
        sent_still = (await sweeping.execute(select(col(Document.id)).where(col(Document.state) == "sent"))).scalars()
    assert [str(each) for each in sent_still] == [kept["document_id"]]
