"""The fragment that other packages' documents compose says the same as the list."""

import json

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlmodel import col

from clinic.tables import Patient
from core.database import Reading
from media.queries import Picture, pictures, pictures_json
from tests.api.picturing import came, done, ready
from tests.media.samples import photo, xray
from tests.world import World

HEADER = {
    "Modality": "PX", "AcquisitionDateTime": "20260302101405.5", "PixelSpacing": [0.1, 0.25], "KVP": "66.5",
    "ImageLaterality": "B",
}  # fmt: skip


async def composed(reading: Reading) -> dict[str, str]:
    """Every patient's given name with the fragment's JSON."""
    statement = select(Patient.given_name, pictures_json(col(Patient.clinic_id), col(Patient.id)))  # type: ignore[call-overload]
    return {name: json.dumps(found) for name, found in await reading.execute(statement)}


async def test_the_fragment_holds_what_the_list_holds_and_is_never_null(world: World) -> None:
    async with world.database.reading(world.here.scope) as reading:
        assert await composed(reading) == {"Anna": "[]", "Boris": "[]"}
    bare = await ready(world, photo(form="PNG"), taken_on="2026-03-02")
    await ready(world, photo(61, 40), released="false")
    await ready(world, xray(header=HEADER), kind="xray")
    await done(world, "PATCH", f"pictures/{bare}", {"teeth": ["11", "36"]})
    await done(world, "POST", f"pictures/{bare}/release", {"comment": 'Said "well"'})
    await came(world, photo(62, 40))
    async with world.database.reading(world.here.scope) as reading:
        found = await composed(reading)
        listed = await pictures(reading, world.here.patient_id, before=None, limit=100)
    assert len(listed) == 2
    assert TypeAdapter(list[Picture]).validate_json(found["Anna"]) == listed
    assert listed[0].acquired is not None
    assert (listed[0].acquired.acquired_at, listed[0].row_spacing_mm) == ("2026-03-02T10:14:05", 0.1)
    assert (listed[1].teeth, listed[1].comment) == (["11", "36"], 'Said "well"')
    assert found["Boris"] == "[]"
