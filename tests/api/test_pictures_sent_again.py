"""Pictures that are sent again because they were lost: what staff said of them since, and their privacy, stays."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from core.clock import now
from enamel.worker.elsewhere import look_elsewhere
from tests.api.household import SignedIn
from tests.api.picturing import done
from tests.api.test_private import family, marked
from tests.media.looking import look, looking_into
from tests.media.samples import photo
from tests.world import World

NAMED = "/v1/partner/patients/emma/pictures/x-1"
ELSEWHERE = {
    "source": "radiology", "study_uid": "1.2", "series_uid": "1.2.3", "instance_uid": "1.2.3.4", "released": True,
}  # fmt: skip


async def sent(world: World, **said: str) -> dict[str, Any]:
    form = {"kind": "photo", "released": "true", **said}
    answer = await world.http.put(NAMED, headers=world.here.partner, data=form, files={"file": ("a.jpg", photo())})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def lost(world: World) -> None:
    """As the worker says it of bytes that the storage does not have."""
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update picture set state = 'quarantined', reason = 'lost'"))


async def sent_again(world: World, **said: str) -> None:
    assert (await sent(world, **said))["outcome"] == "updated"
    await look(world)


async def shown(world: World, who: SignedIn, emma: UUID) -> list[str]:
    answer = await world.get(f"/v1/patients/{emma}/pictures", who.headers)
    assert answer.status_code == 200, answer.text
    return [each["picture_id"] for each in answer.json()["items"]]


async def hidden_in_series(world: World, emma: UUID, picture: str) -> str:
    """A private series that the picture stands in."""
    made = await world.post(
        f"/v1/staff/patients/{emma}/series", world.here.staff, {"protocol": "free", "private": True}
    )
    series = str(made.json()["series_id"])
    await done(world, "PUT", f"patients/{emma}/series/{series}/views/1", {"picture_id": picture})
    return series


async def hide(world: World, emma: UUID, kind: str, thing: str, *, private: bool = True) -> httpx.Response:
    return await marked(world, f"/v1/staff/patients/{emma}/private/{kind}/{thing}", world.here.staff, private)


async def test_what_staff_marked_private_is_so_when_it_is_sent_again(world: World) -> None:
    emma, own, mother = await family(world)
    picture = (await sent(world))["picture_id"]
    await lost(world)
    await hide(world, emma, "picture", picture)
    await sent_again(world)
    assert (await shown(world, own, emma), await shown(world, mother, emma)) == ([picture], [])


async def test_what_a_private_series_hides_it_hides_when_it_is_sent_again_until_it_is_shown(world: World) -> None:
    emma, own, mother = await family(world)
    picture = (await sent(world))["picture_id"]
    await lost(world)
    series = await hidden_in_series(world, emma, picture)
    await sent_again(world)
    assert (await shown(world, own, emma), await shown(world, mother, emma)) == ([picture], [])
    await hide(world, emma, "series", series, private=False)
    assert await shown(world, mother, emma) == [picture]


@pytest.mark.parametrize("was_lost", [False, True])
async def test_what_its_sender_calls_private_no_series_shows_again(world: World, *, was_lost: bool) -> None:
    emma, own, mother = await family(world)
    picture = (await sent(world))["picture_id"]
    await look(world)
    series = await hidden_in_series(world, emma, picture)
    if was_lost:
        await lost(world)
    await sent_again(world, private="true")
    await hide(world, emma, "series", series, private=False)
    assert (await shown(world, own, emma), await shown(world, mother, emma)) == ([picture], [])


async def test_what_staff_hid_and_corrected_stays_so_when_it_is_sent_again_as_before(world: World) -> None:
    emma, own, _ = await family(world)
    picture = (await sent(world))["picture_id"]
    await look(world)
    await done(world, "POST", f"pictures/{picture}/hide")
    await done(world, "PATCH", f"pictures/{picture}", {"teeth": ["11"]})
    await lost(world)
    await sent_again(world)
    assert await shown(world, own, emma) == []
    (kept,) = (await done(world, "GET", f"patients/{emma}/pictures"))["items"]
    assert (kept["state"], kept["teeth"]) == ("ready", ["11"])
    await lost(world)
    await sent_again(world, taken_on="2026-01-02")
    assert await shown(world, own, emma) == [picture], "told of anew, its sender's word holds"


async def test_bytes_sent_in_place_of_what_an_archive_lost_are_looked_into_and_kept_here(world: World) -> None:
    emma, own, _ = await family(world)
    await world.post(
        "/v1/staff/dicomweb-sources", world.here.staff, {"name": "radiology", "address": "https://pacs.example"}
    )
    answer = await world.http.put(f"{NAMED}/dicomweb", headers=world.here.partner, json=ELSEWHERE)
    assert answer.status_code == 200, answer.text
    archives = world.ports.archives
    assert archives is not None
    async with looking_into(world) as looking:
        for minutes in range(0, 40, 10):
            await look_elsewhere(looking, archives, now() + timedelta(minutes=minutes))
    (held,) = (await done(world, "GET", f"patients/{emma}/pictures"))["items"]
    assert (held["state"], held["reason"]) == ("quarantined", "lost")
    await sent_again(world)
    assert await shown(world, own, emma) == [held["picture_id"]]
    assert (await sent(world))["outcome"] == "unchanged"
