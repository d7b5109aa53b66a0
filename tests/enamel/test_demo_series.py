"""The demo's series: X-rays of all teeth with one left out and one missing, photos before and after a treatment."""

from clinic.queries import named_patients
from core.clock import now
from core.database import Scope
from enamel.demo.founding import SYSTEM_NAME, found
from enamel.demo.series import WHO
from media.queries.series import series_named, series_of
from tests.media.looking import look
from tests.world import World


async def test_the_demos_patient_has_a_full_mouth_series_and_photos_before_and_after(world: World) -> None:
    founded = await found(world.ports, now())
    await look(world)
    async with world.database.reading(Scope(founded.clinic_id)) as reading:
        anna = (await named_patients(reading, SYSTEM_NAME, {WHO}))[WHO].id
        briefs = await series_of(reading, anna, "it", shown=True, before=None, limit=10)
        counts = [(each.protocol.value, each.taken, each.expected, each.left_out) for each in briefs]
        assert counts == [("fmx-18", 16, 17, 1), ("ortho-photo", 7, 8, 0), ("ortho-photo", 8, 8, 0)]
        (after,) = await series_named(reading, anna, [briefs[1].series_id], "it", shown=True)
    assert len(after.pairs) == 7
