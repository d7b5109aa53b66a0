"""The clinic's own system follows what patients do: everything, in order, once, and nobody else's."""

from typing import Any

from sqlalchemy import text

from api.paging import List, cursor_of
from core.clock import now
from core.events import Actor, ActorKind, Happening, record
from core.ids import new_id
from tests.api.test_plan_answers import accept, plan, push, sha_of
from tests.world import World

EVENTS = "/v1/partner/events"
PATIENT = Actor(ActorKind.PATIENT)


async def told(world: World, cursor: str | None = None, limit: int = 50) -> dict[str, Any]:
    query = f"?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
    answer = await world.get(EVENTS + query, world.here.partner)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def happening(kind: str) -> Happening:
    return Happening(kind, new_id(), facts={"code": kind})


async def happen(world: World, *kinds: str, actor: Actor = PATIENT) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await record(writing, world.here.clinic_id, actor, [happening(kind) for kind in kinds], now())


def kinds(page: dict[str, Any]) -> list[str]:
    return [event["kind"] for event in page["items"]]


async def test_an_answer_to_a_plan_is_told_with_the_plan_and_the_patient(world: World) -> None:
    [plan_id] = await push(world, plan())
    sha256 = await sha_of(world, plan_id)
    await accept(world, plan_id, sha256)
    [event] = (await told(world))["items"]
    assert (event["kind"], event["subject_id"], event["by"]) == ("plan.accepted", plan_id, "patient")
    assert event["patient_id"] == str(world.here.patient_id)
    assert event["facts"] == {"offer": 1, "sha256": sha256, "stages": []}
    other = await world.get(EVENTS, world.there.partner)
    assert other.json()["items"] == []


async def test_what_patients_cause_is_told_and_nothing_else(world: World) -> None:
    wanted = [
        "stage.declined", "request.made", "appointment.cancelled", "appointment.confirmed_by_patient",
        "document.signed", "payment.succeeded", "consent.withdrawn", "privacy.erased",
    ]  # fmt: skip
    await happen(world, *wanted, "chart.read", "points.spent", "push.opened")
    await happen(world, "appointment.cancelled", actor=Actor(ActorKind.PARTNER))
    assert sorted(kinds(await told(world))) == sorted(wanted)


async def test_page_by_page_everything_comes_once_and_the_last_cursor_waits_for_what_is_new(world: World) -> None:
    empty = await told(world)
    assert (empty["items"], empty["more"]) == ([], False)
    for number in range(7):
        await happen(world, f"request.{number}", f"request.{number}")
    seen: list[str] = []
    page = empty
    while not seen or page["more"]:
        page = await told(world, page["next_cursor"], limit=3)
        seen += kinds(page)
    assert seen == [f"request.{number // 2}" for number in range(14)]
    assert (await told(world, page["next_cursor"]))["items"] == []
    await happen(world, "request.new")
    assert kinds(await told(world, page["next_cursor"])) == ["request.new"]


async def test_a_slow_transaction_is_waited_for_and_never_passed_over(world: World) -> None:
    cursor, here = (await told(world))["next_cursor"], world.here
    async with world.database.writing(here.scope) as slow:
        await record(slow, here.clinic_id, PATIENT, [happening("request.slow")], now())
        await happen(world, "request.quick")
        page = await told(world, cursor)
        assert page["items"] == [], "the quick one waits for the slow one"
    assert sorted(kinds(await told(world, page["next_cursor"]))) == ["request.quick", "request.slow"]


async def test_a_cursor_of_a_time_that_is_to_come_begins_anew(world: World) -> None:
    async with world.database.sweeping() as sweeping:
        mine = text("select id from partner_app where clinic_id = :clinic")
        app_id = (await sweeping.execute(mine, {"clinic": world.here.clinic_id})).scalar_one()
    listed = List(world.ports.keys.secrets.cursor_key, "patient events", app_id)
    cursor = cursor_of(listed, [str(2**60), str(new_id())])
    answer = await world.get(f"{EVENTS}?cursor={cursor}", world.here.partner)
    assert (answer.status_code, answer.json()["code"]) == (410, "events-start-over")
