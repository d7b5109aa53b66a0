"""A patient's copy of their pictures: what they may download, what was drawn, and nothing that was not released."""

import io
import json
import zipfile

from core.clock import now
from enamel.worker.privacy import make_copies
from tests.api.picturing import done, draw_all, ready
from tests.media.samples import photo, xray
from tests.world import World

LINE = {"kind": "line", "points": [{"x": 0, "y": 5000}, {"x": 10000, "y": 5000}]}


async def copied(world: World) -> dict[str, bytes]:
    """The members of a fresh copy of one's own record, by name."""
    asked = await world.post("/v1/me/privacy/exports", world.here.patient, None)
    while await make_copies(world.database, world.ports.storage, now()):
        pass
    link = await world.post(f"/v1/me/privacy/exports/{asked.json()['export_id']}/link", world.here.patient, None)
    fetched = await world.get(link.json()["url"].removeprefix(world.ports.public_url), world.here.patient)
    with zipfile.ZipFile(io.BytesIO(fetched.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def test_a_copy_holds_what_the_patient_may_download_and_what_was_drawn(world: World) -> None:
    ray = await ready(world, xray(header={"Modality": "IO"}), kind="xray")
    bare = await ready(world, photo(form="PNG"))
    hidden = await ready(world, xray(header={"Modality": "PX"}), kind="xray", released="false")
    for picture in (ray, hidden):
        await done(world, "PUT", f"pictures/{picture}/drawing", {"version": 0, "shapes": [LINE]})
    await draw_all(world)
    copy = await copied(world)
    assert "missing.json" not in copy
    named = {name for name in copy if name.startswith("pictures/")}
    assert named == {f"pictures/{ray}.dcm", f"pictures/{ray}-drawn.webp", f"pictures/{bare}.png"}
    assert b"Rossi" not in copy[f"pictures/{ray}.dcm"]
    assert [each["modality"] for each in json.loads(copy["picture_dicom.json"])] == ["IO"]
    assert [each["picture_id"] for each in json.loads(copy["drawing.json"])] == [ray]
    assert hidden.encode() not in b"".join(content for name, content in copy.items() if name != "event.json")
