"""What a teenager books and asks for may be their own, and who acts for them sees requests as far as they may act."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from core.clock import now
from core.events import SYSTEM
from core.private import mark_private
from tests.api.household import EMMA, FATHER, aged, child, linked, sign_in
from tests.api.test_private import booked, family
from tests.api.visits import published, rules
from tests.world import DAY, World

WISH = {"service": "Advice", "words": "For me alone", "private": True}


async def requests(world: World, patient_id: object, who: dict[str, str]) -> list[dict[str, Any]]:
    answer = await world.get(f"/v1/patients/{patient_id}/requests", who)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


@pytest.mark.parametrize("booking", ["request", "direct"])
async def test_what_a_teenager_books_for_themself_no_guardian_sees(world: World, booking: str) -> None:
    emma, own, mother = await family(world)
    await rules(world, booking)
    (slot,) = await published(world, now() + 3 * DAY)
    booked = await world.post(f"/v1/patients/{emma}/slots/{slot}/booking", own.headers, {"private": True})
    assert booked.status_code == 201, booked.text
    visits = f"/v1/patients/{emma}/appointments"
    seen = [len((await world.get(visits, who.headers)).json()["items"]) for who in (own, mother)]
    assert seen == [1, 0]
    asked = [len(await requests(world, emma, who.headers)) for who in (own, mother)]
    assert asked == [1 if booking == "request" else 0, 0]


async def test_what_a_teenager_asks_for_themself_no_guardian_reads(world: World) -> None:
    emma, own, mother = await family(world)
    answer = await world.post(f"/v1/patients/{emma}/booking-requests", own.headers, WISH)
    assert answer.status_code == 201, answer.text
    assert [each["details"] for each in await requests(world, emma, own.headers)] == [
        {"service": "Advice", "words": "For me alone"}
    ]
    assert await requests(world, emma, mother.headers) == []
    (waits,) = (await world.get("/v1/staff/requests", world.here.staff)).json()["items"]
    assert waits["request"]["patient_id"] == str(emma)


async def test_only_the_patient_hides_what_is_booked_and_from_a_certain_age_on(world: World) -> None:
    await rules(world)
    (slot,) = await published(world, now() + 3 * DAY)
    emma, _, mother = await family(world)
    for path, body in ((f"slots/{slot}/booking", {"private": True}), ("booking-requests", WISH)):
        answer = await world.post(f"/v1/patients/{emma}/{path}", mother.headers, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-yours-to-hide")
    await child(world, born=aged(13), version=2)
    own = await sign_in(world, EMMA)
    answer = await world.post(f"/v1/patients/{emma}/slots/{slot}/booking", own.headers, {"private": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "too-young-for-private")


@pytest.mark.parametrize(
    ("scopes", "kinds"),
    [(["book"], {"book_visit"}), (["sign"], {"tax_certificate"}), (["view_plan"], set())],
)
async def test_a_guardian_reads_the_requests_of_what_the_access_extends_to(
    world: World, scopes: list[str], kinds: set[str]
) -> None:
    emma, own, _ = await family(world)
    father = await sign_in(world, FATHER)
    await linked(world, father, emma, scopes=scopes)
    await world.post(f"/v1/patients/{emma}/booking-requests", own.headers, {"service": "Hygiene"})
    asked = await world.post(f"/v1/patients/{emma}/tax-certificates", own.headers, {"year": now().year - 1})
    assert asked.status_code == 202, asked.text
    assert {each["kind"] for each in await requests(world, emma, father.headers)} == kinds


async def test_who_asks_to_move_a_visit_while_it_is_being_hidden_hears_that_there_is_none(world: World) -> None:
    emma, own, mother = await family(world)
    visit = await booked(world, emma, "Secret", days=5)
    path = f"/v1/patients/{emma}/appointments/{visit}/move"
    async with world.database.writing(world.here.scope) as writing:
        await mark_private(
            writing, world.here.clinic_id, emma, "appointment", UUID(visit), private=True, actor=SYSTEM, now=now()
        )
        asking = asyncio.create_task(world.post(path, mother.headers, {"words": "another day"}))
        await asyncio.wait([asking], timeout=0.5)
        assert not asking.done()
    assert ((await asking).status_code, (await asking).json()["code"]) == (404, "not-found")
    assert await requests(world, emma, own.headers) == []
