"""The fragment that other packages' documents compose says the same as the list."""

import json

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlmodel import col

from clinic.tables import Patient
from core.clock import now
from core.database import Reading
from core.events import SYSTEM
from enamel.worker.media import make_previews
from media.commands import Upload, keep_upload
from media.kinds import MediaType, PictureKind, Variant
from media.queries import Picture, pictures, pictures_json
from media.storage import picture_key
from tests.media.samples import photo
from tests.world import World


async def upload(world: World, sha256: str, *, released: bool) -> None:
    here = world.here
    key = picture_key(here.clinic_id, here.patient_id, sha256, Variant.ORIGINAL)
    await world.ports.storage.put(key, photo(), MediaType.JPEG)
    sent = Upload(PictureKind.PHOTO, MediaType.JPEG, sha256, len(photo()), now().date(), released)
    async with world.database.writing(here.scope) as writing:
        await keep_upload(writing, here.clinic_id, here.patient_id, sent, None, SYSTEM, now())


async def composed(reading: Reading) -> dict[str, str]:
    """Every patient's given name with the fragment's JSON."""
    statement = select(Patient.given_name, pictures_json(col(Patient.clinic_id), col(Patient.id)))  # type: ignore[call-overload]
    return {name: json.dumps(found) for name, found in await reading.execute(statement)}


async def test_the_fragment_holds_what_the_list_holds_and_is_never_null(world: World) -> None:
    async with world.database.reading(world.here.scope) as reading:
        assert await composed(reading) == {"Anna": "[]", "Boris": "[]"}
    for sha256, released in (("a" * 64, True), ("b" * 64, False), ("c" * 64, True)):
        await upload(world, sha256, released=released)
    while await make_previews(world.database, world.ports.storage, now()):
        pass
    await upload(world, "d" * 64, released=True)
    async with world.database.reading(world.here.scope) as reading:
        found = await composed(reading)
        listed = await pictures(reading, world.here.patient_id, before=None, limit=100)
    assert len(listed) == 2
    assert TypeAdapter(list[Picture]).validate_json(found["Anna"]) == listed
    assert found["Boris"] == "[]"
