"""Ready journeys become drafts, patients are put on by hand, and who failed is put back."""

from sqlalchemy import update
from sqlmodel import col

from automation.tables import Enrolment, Timer
from automation.templates import TEMPLATES
from tests.api.journeying import enrolment, running
from tests.world import World


async def test_each_ready_journey_is_listed_with_what_it_asks_for(world: World) -> None:
    answer = await world.get("/v1/staff/journey-templates?language=it", world.here.staff)
    told = {each["template"]: each for each in answer.json()["items"]}
    assert set(told) == set(TEMPLATES)
    (days,) = [each for each in told["hygiene-recall"]["parameters"] if each["key"] == "days"]
    assert (days["kind"], days["number"], days["required"]) == ("number", 180, False)
    assert told["hygiene-recall"]["name"] == TEMPLATES["hygiene-recall"].name.it


async def test_a_draft_is_made_of_one_and_published(world: World) -> None:
    said = {"template": "hygiene-recall", "language": "en", "parameters": [{"key": "days", "number": 200}]}
    made = await world.post("/v1/staff/journey-templates/drafts", world.here.staff, said)
    assert made.status_code == 201, made.text
    draft = made.json()
    assert draft["state"] == "draft"
    path = f"/v1/staff/journeys/{draft['journey_id']}/publish"
    published = await world.post(path, world.here.staff, {"digest": draft["digest"]})
    assert (published.status_code, published.json()["state"]) == (200, "active")


async def test_what_is_not_there_or_does_not_fit_is_named(world: World) -> None:
    path = "/v1/staff/journey-templates/drafts"
    unknown = await world.post(path, world.here.staff, {"template": "no-such"})
    wrong = await world.post(
        path, world.here.staff, {"template": "hygiene-recall", "parameters": [{"key": "days", "text": "many"}]}
    )
    nothing = await world.post(path, world.here.staff, {"template": "hygiene-recall", "parameters": [{"key": "days"}]})
    days = {"key": "days", "number": 200}
    twice = await world.post(path, world.here.staff, {"template": "hygiene-recall", "parameters": [days, days]})
    assert [(each.status_code, each.json()["errors"][0]["pointer"]) for each in (unknown, wrong, nothing, twice)] == [
        (422, "/template"), (422, "/parameters/days"), (422, "/parameters/days"), (422, "/parameters")
    ]  # fmt: skip


async def test_a_patient_is_put_on_a_manual_journey_once_and_on_no_other(world: World) -> None:
    manual = await running(world, world.here, trigger={"kind": "manual"})
    path, body = f"/v1/staff/journeys/{manual['journey_id']}/patients", {"patient_ids": [str(world.here.patient_id)]}
    first, again = [await world.post(path, world.here.staff, body) for _ in range(2)]
    assert (len(first.json()["enrolment_ids"]), again.json()["enrolment_ids"]) == (1, [])
    theirs = {"patient_ids": [str(world.there.patient_id)]}
    assert (await world.post(path, world.here.staff, theirs)).json() == {"enrolment_ids": []}
    by_rule = await running(world, world.here)
    refused = await world.post(f"/v1/staff/journeys/{by_rule['journey_id']}/patients", world.here.staff, body)
    assert (refused.status_code, refused.json()["code"]) == (409, "journey-takes-nobody")


async def test_only_who_failed_is_put_back(world: World) -> None:
    enrolment_id = await enrolment(world, world.here)
    path = f"/v1/staff/enrolments/{enrolment_id}/repair"
    refused = await world.post(path, world.here.staff, {})
    assert (refused.status_code, refused.json()["code"]) == (409, "enrolment-not-failed")
    async with world.database.writing(world.here.scope) as writing:
        gone = update(Enrolment).where(col(Enrolment.id) == enrolment_id)
        await writing.execute(gone.values(state="exited", exit_reason="failed"))
        await writing.execute(Timer.__table__.delete())  # type: ignore[attr-defined]  # of SQLModel
    assert (await world.post(path, world.here.staff, {})).status_code == 204
    shown = (await world.get(f"/v1/staff/enrolments/{enrolment_id}", world.here.staff)).json()
    assert (shown["state"], shown["lines"][-1]["verdict"]) == ("active", "repaired")
