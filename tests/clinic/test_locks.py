"""A sync of patients and whoever holds the same patients at that moment wait for one another and never deadlock."""

import asyncio

from clinic.commands import hold_patients, take_patients
from core.clock import now
from core.events import SYSTEM
from tests.world import World, patient_fact

PEOPLE, ROUNDS = 400, 4


async def test_patients_that_come_in_any_order_may_be_held_by_others_meanwhile(world: World) -> None:
    clinic_id, scope = world.here.clinic_id, world.here.scope

    async def sync(version: int) -> list[str]:
        """In the order opposite to that of the ids, which rise with the first batch."""
        facts = [
            patient_fact(f"p{number}", f"Anna {version}", None).model_copy(update={"version": version})
            for number in reversed(range(PEOPLE))
        ]
        async with world.database.writing(scope) as writing:
            done, _ = await take_patients(writing, clinic_id, "mis", list(enumerate(facts)), SYSTEM, now())
        return [each.outcome.value for each in done]

    async def hold(until: asyncio.Task[list[str]]) -> None:
        """What every batch of findings does first (`take_findings`), over and over."""
        while not until.done():
            async with world.database.writing(scope) as writing:
                assert len(await hold_patients(writing, ids)) == PEOPLE

    async with world.database.writing(scope) as writing:
        facts = [patient_fact(f"p{number}", "Anna", None) for number in range(PEOPLE)]
        made, _ = await take_patients(writing, clinic_id, "mis", list(enumerate(facts)), SYSTEM, now())
    ids = [each.id for each in made]
    for version in range(2, ROUNDS + 2):
        syncing = asyncio.create_task(sync(version))
        await asyncio.gather(syncing, hold(syncing), hold(syncing))
        assert await syncing == ["updated"] * PEOPLE
