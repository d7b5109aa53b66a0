"""Documents of a person who was erased: nobody reads, takes back or is reminded of them any more."""

from datetime import timedelta

from cabinet.queries.waiting_documents import waiting_documents
from core.clock import now
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
    at = now() + timedelta(days=1)
    async with world.database.sweeping() as sweeping:
        waiting = await waiting_documents(
            sweeping, at, sent_before=at, reminded_before=at, most_reminders=3, limit=9
        )  # fmt: skip
    assert [str(each.document_id) for each in waiting] == [kept["document_id"]]
