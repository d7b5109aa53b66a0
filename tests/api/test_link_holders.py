"""A link opens for who asked for it as long as they may: not after a sign-out, nor once the right is taken away."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.datastructures import Headers

from api.etags import holds
from tests.api.household import SignedIn
from tests.api.picturing import address, done, ready, refused, staff, staff_link
from tests.api.test_private import family
from tests.world import World

BLOCKED = "update access set blocked_at = now() where relation = 'guardian'"
NARROWED = "update access set scopes = array['view_plan'] where relation = 'guardian'"
ENDED = "update access set revoked_at = now() where relation = 'guardian'"
SIGNED_OUT = "update session set revoked_at = now() where account_id = :account"


@dataclass(frozen=True, slots=True)
class Links:
    """To one picture and to one sheet of Emma's, by whom they were asked for."""

    mothers: list[str]
    hers: list[str]
    desks: list[str]
    mother: SignedIn


async def given(world: World) -> Links:
    emma, own, mother = await family(world)
    picture = await ready(world, patient="emma")
    at = f"/v1/staff/patients/{emma}/series"
    series = (await world.post(at, world.here.staff, {"protocol": "free"})).json()["series_id"]
    await done(world, "PUT", f"patients/{emma}/series/{series}/views/1", {"picture_id": picture})
    await done(world, "POST", f"patients/{emma}/series/{series}/release", {})

    async def asked(who: dict[str, str]) -> list[str]:
        record = f"/v1/patients/{emma}"
        body = {"variant": "preview_256"}
        return [
            address(await world.post(f"{record}/pictures/{picture}/links", who, body)),
            address(await world.http.post(f"{record}/series/{series}/links", headers=who)),
        ]

    desk = [
        await staff_link(world, picture, "preview_256"),
        address(await staff(world, "POST", f"patients/{emma}/series/{series}/links")),
    ]
    return Links(await asked(mother.headers), await asked(own.headers), desk, mother)


async def opened(world: World, links: list[str]) -> list[int]:
    return [(await world.http.get(link)).status_code for link in links]


async def change(world: World, statement: str, **values: Any) -> None:
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text(statement), values)


@pytest.mark.parametrize("statement", [BLOCKED, NARROWED, ENDED])
async def test_a_guardian_who_lost_the_record_lost_the_links_too(world: World, statement: str) -> None:
    links = await given(world)
    assert await opened(world, [*links.mothers, *links.hers, *links.desks]) == [200] * 6
    await change(world, statement)
    for link in links.mothers:
        refused(await world.http.get(link), 404, "not-found")
    assert await opened(world, [*links.hers, *links.desks]) == [200] * 4


async def test_who_signed_out_has_no_links_left(world: World) -> None:
    links = await given(world)
    await change(world, SIGNED_OUT, account=links.mother.account_id)
    assert await opened(world, links.mothers) == [404, 404]
    assert await opened(world, links.hers) == [200, 200]


@pytest.mark.parametrize(
    "statement", ["update staff set left_at = now()", "update staff set permissions = array['chart.read']"]
)
async def test_a_colleague_who_left_or_may_no_longer_look_has_no_links_left(world: World, statement: str) -> None:
    links = await given(world)
    await change(world, statement)
    assert await opened(world, links.desks) == [404, 404]
    assert await opened(world, [*links.mothers, *links.hers]) == [200] * 4


async def test_a_client_that_has_the_file_is_not_sent_it_again_however_it_says_so(world: World) -> None:
    links = await given(world)
    for link in links.hers:
        tag = (await world.http.get(link)).headers["etag"]
        for named in (tag, f"W/{tag}", f'"another", {tag}', f'W/"another",W/{tag}', "*"):
            known: httpx.Response = await world.http.get(link, headers={"if-none-match": named})
            assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag), named
        assert (await world.http.get(link, headers={"if-none-match": '"another", "one"'})).status_code == 200


@pytest.mark.parametrize(
    ("named", "held"),
    [
        (['"a"'], True), (['W/"a"'], True), (['"b", "a"'], True), (['"b"', '"a"'], True), (['"b,a", "a"'], True),
        (["*"], True), ([" * "], True), ([], False), ([""], False), (["a"], False), (['"b", *'], False),
        (['"b,a"'], False), (['"A"'], False),
    ],
)  # fmt: skip
def test_tags_are_compared_as_the_standard_says(named: list[str], held: bool) -> None:
    headers = Headers(raw=[(b"if-none-match", each.encode()) for each in named])
    assert holds(headers, '"a"') is held
