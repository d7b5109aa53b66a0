"""Pictures sent as private, by every door: from the country's age on, and refused below it."""

import hashlib
from typing import Any

import httpx
import pytest

from core.ids import new_id
from tests.api.household import MOTHER, aged, child, linked, sign_in
from tests.api.picturing import refused, staff
from tests.media.looking import look
from tests.media.samples import photo
from tests.world import World

FILE = {"file": ("scan.jpg", photo())}
ANNOUNCED = {
    "kind": "photo", "media_type": "image/jpeg", "size_bytes": len(photo()),
    "sha256": hashlib.sha256(photo()).hexdigest(),
}  # fmt: skip
ELSEWHERE = {"source": "radiology", "study_uid": "1.2", "series_uid": "1.2.3", "instance_uid": "1.2.3.4"}
DOORS = ["staff file", "staff parts", "partner file", "partner parts", "partner archive"]


async def sent(world: World, door: str, patient: Any, **said: Any) -> httpx.Response:
    """A private picture of Emma's; the doors of systems know her by name."""
    here, by_id = world.here, f"/v1/staff/patients/{patient}"
    by_name = f"/v1/partner/patients/emma/pictures/{new_id()}"
    form, more = {"kind": "photo", "released": "true", "private": "true", **said}, {"private": True}
    if door == "staff file":
        return await world.http.post(f"{by_id}/pictures", headers=here.staff, data=form, files=FILE)
    if door == "staff parts":
        return await world.post(f"{by_id}/uploads", here.staff, ANNOUNCED | more)
    if door == "partner file":
        return await world.http.put(by_name, headers=here.partner, data=form, files=FILE)
    if door == "partner parts":
        return await world.post(f"{by_name}/uploads", here.partner, ANNOUNCED | more)
    await world.post("/v1/staff/dicomweb-sources", here.staff, {"name": "radiology", "address": "https://pacs.example"})
    return await world.http.put(f"{by_name}/dicomweb", headers=here.partner, json=ELSEWHERE | more)


@pytest.mark.parametrize("door", DOORS)
async def test_below_the_age_nothing_is_sent_as_private(world: World, door: str) -> None:
    emma = await child(world, born=aged(8))
    refused(await sent(world, door, emma), 409, "too-young-for-private")
    seen = (await staff(world, "GET", f"patients/{emma}/pictures")).json()["items"]
    assert seen == []


@pytest.mark.parametrize("door", DOORS)
async def test_from_the_age_on_it_may_be(world: World, door: str) -> None:
    emma = await child(world, born=aged(14))
    answer = await sent(world, door, emma)
    assert answer.is_success, answer.text


@pytest.mark.parametrize("door", ["staff file", "partner file"])
async def test_one_request_says_teeth_and_privacy(world: World, door: str) -> None:
    emma, mother = await child(world), await sign_in(world, MOTHER)
    await linked(world, mother, emma)
    assert (await sent(world, door, emma, teeth=["36", "11", "36"])).is_success
    await look(world)
    (kept,) = (await staff(world, "GET", f"patients/{emma}/pictures")).json()["items"]
    assert (kept["teeth"], kept["private"], kept["state"]) == (["11", "36"], True, "ready")
    assert (await world.get(f"/v1/patients/{emma}/pictures", mother.headers)).json()["items"] == []
    wrong = await sent(world, door, emma, teeth="99")
    refused(wrong, 422, "invalid-input")
