"""The demo's diary shows every part of it: times to book, a place on the waiting list with an offer, a wish to move."""

from datetime import UTC, datetime

import pytest

from api.ports import Ports
from clinic.queries import Viewer, named_patients
from clinic.queries.requests import request_inbox
from clinic.queries.slots import SlotFilter, free_slots
from clinic.queries.waiting import offers_of
from clinic.request import RequestStatus
from core.database import Scope
from enamel.demo.founding import SYSTEM_NAME, found
from tests.world import World


@pytest.mark.parametrize("now", [datetime(2027, 3, 26, 12, tzinfo=UTC), datetime(2026, 10, 23, 23, 59, tzinfo=UTC)])
async def test_the_diary_is_full_on_any_day_also_before_the_clocks_change(world: World, now: datetime) -> None:
    ports: Ports = world.ports
    clinic = (await found(ports, now)).clinic_id
    async with world.database.reading(Scope(clinic)) as reading:
        slots = await free_slots(reading, SlotFilter(), Viewer("it"), now, after=None, limit=200)
        daria = (await named_patients(reading, SYSTEM_NAME, {"daria"}))["daria"].id
        offers = await offers_of(reading, daria, Viewer("it"), now)
        asked = await request_inbox(reading, RequestStatus.OPEN, after=None, limit=10)
    assert len(slots) >= 40
    assert {slot.starts_local[11:16] for slot in slots} == {"09:00", "11:00", "15:00"}
    assert [offer.status for offer in offers] == ["open"]
    assert [each.request.kind for each in asked] == ["move_visit"]
