"""What tests of pictures do again and again: send one, look into it, open it, read what was noted of it."""

from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import text

from core.clock import now
from core.ids import new_id
from enamel.worker.drawings import draw_pending
from media.darkroom import Darkroom
from tests.media.looking import look
from tests.media.samples import photo
from tests.world import World


async def came(world: World, content: bytes | None = None, patient: str = "anna", **said: str) -> str:
    """The id of a picture that the clinic's system sent; nobody has looked into it yet."""
    path = f"/v1/partner/patients/{patient}/pictures/{new_id()}"
    form = {"kind": "photo", "released": "true", **said}
    file = {"file": ("scan.jpg", photo() if content is None else content)}
    answer = await world.http.put(path, headers=world.here.partner, data=form, files=file)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["picture_id"])


async def ready(world: World, content: bytes | None = None, patient: str = "anna", **said: str) -> str:
    """The same, looked into."""
    picture = await came(world, content, patient, **said)
    await look(world)
    return picture


async def staff(world: World, method: str, path: str, body: Any = None) -> httpx.Response:
    return await world.http.request(method, f"/v1/staff/{path}", headers=world.here.staff, json=body)


async def done(world: World, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """What staff is answered who may."""
    answer = await staff(world, method, path, body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def listed(world: World, query: str = "") -> list[str]:
    """Which pictures the patient is shown."""
    answer = await world.get(f"/v1/me/pictures{query}", world.here.patient)
    assert answer.status_code == 200, answer.text
    return [item["picture_id"] for item in answer.json()["items"]]


def address(answer: httpx.Response) -> str:
    """Of a link that was given."""
    assert answer.status_code == 200, answer.text
    url = urlsplit(answer.json()["url"])
    return f"{url.path}?{url.query}"


async def own_link(world: World, picture: str, variant: str = "preview_1024") -> str:
    return address(await world.post(f"/v1/me/pictures/{picture}/links", world.here.patient, {"variant": variant}))


async def staff_link(world: World, picture: str, variant: str = "original") -> str:
    return address(await staff(world, "POST", f"pictures/{picture}/links", {"variant": variant}))


async def noted(world: World, picture: str) -> list[tuple[str, str]]:
    """Kind of event and whose record it stands in, oldest first."""
    asked = text("select kind, patient_id from event where subject_id = :picture order by at, kind")
    async with world.database.sweeping() as sweeping:
        return [(row.kind, str(row.patient_id)) for row in await sweeping.execute(asked, {"picture": picture})]


async def reads(world: World) -> int:
    """How often it was noted that somebody looked."""
    asked = text("select count(*) from event where kind = 'pictures.read'")
    async with world.database.sweeping() as sweeping:
        found: int = (await sweeping.execute(asked)).scalar_one()
        return found


async def draw_all(world: World) -> None:
    """What the worker draws until nothing waits."""
    async with Darkroom(1) as darkroom:
        while await draw_pending(world.database, world.ports.storage, darkroom, now()):
            pass


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
