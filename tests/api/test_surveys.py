"""Surveys: asked once, answered once, in the app or by the link; the same for all; results of no small group."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from api.links import links_of
from automation.commands.surveys import Asking, ask_surveys
from clinic.commands import take_patients
from core.clock import now
from core.events import SYSTEM
from core.ids import new_id
from core.moments import rfc3339
from push.channel import Way
from push.links import Opening
from tests.api.surveying import REVIEWS, ask, make_survey
from tests.api.test_tasks import colleague, events
from tests.world import DAY, World, patient_fact

MINE = "/v1/me/surveys"
SECRET_WORDS = "The crown hurts since Tuesday"


def scored(number: int, **more: Any) -> dict[str, Any]:
    return {"answers": [{"question": "recommend", "number": number}, *more.get("rest", [])]}


async def results(world: World, survey_id: str, **asked: str) -> list[dict[str, Any]]:
    params = {"since": rfc3339(now() - DAY), "until": rfc3339(now() + DAY), **asked}
    answer = await world.get(f"/v1/staff/surveys/{survey_id}/results", world.here.staff, params=params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_patient_is_asked_once_for_a_cause_and_told_with_a_link(world: World) -> None:
    here, survey_id = world.here, await make_survey(world, world.here)
    body = {"client_id": str(new_id()), "survey_id": survey_id}
    path = f"/v1/staff/patients/{here.patient_id}/survey-invitations"
    said = await asyncio.gather(*(world.post(path, here.staff, body) for _ in range(8)))
    assert len({answer.json()["invitation_id"] for answer in said}) == 1
    (mine,) = (await world.get(MINE, here.patient)).json()["items"]
    assert (mine["review_url"], len(mine["questions"])) == (REVIEWS, 4)
    async with world.database.sweeping() as sweeping:
        told = (await sweeping.execute(text("select kind, purpose, link from notice"))).all()
    assert [tuple(row) for row in told] == [("survey", "survey", f"/surveys/{mine['invitation_id']}")]
    assert (await world.get(MINE, world.there.patient)).json()["items"] == []


async def test_many_are_asked_with_as_many_statements_as_one(world: World, at_most: Any) -> None:
    here, survey_id = world.here, await make_survey(world, world.here)
    rows = [patient_fact(f"p{n}", "Pia", None) for n in range(40)]
    async with world.database.writing(here.scope) as writing:
        taken, _ = await take_patients(writing, here.clinic_id, "mis", list(enumerate(rows)), SYSTEM, now())
    askings = [(here.clinic_id, Asking(UUID(survey_id), row.id, new_id())) for row in taken]
    async with world.database.sweeping() as sweeping:
        with at_most(7):
            found = await ask_surveys(sweeping, askings, SYSTEM, now())
    assert len(found) == 40


async def test_of_twenty_answers_at_once_one_counts_and_a_low_score_is_one_task(world: World) -> None:
    here = world.here
    invitation, link = await ask(world, here, await make_survey(world, here), here.patient_id)
    path, body = f"{MINE}/{invitation}/answers", scored(3, rest=[{"question": "words", "text": SECRET_WORDS}])
    said = await asyncio.gather(*(world.post(path, here.patient, body) for _ in range(20)))
    assert Counter(each.status_code for each in said) == {204: 1, 409: 19}
    (task,) = (await world.get("/v1/staff/tasks", here.staff)).json()["items"]
    assert (task["kind"], task["origin"], task["name"]) == ("follow_up", "survey", "Anna Rossi")
    async with world.database.sweeping() as sweeping:
        facts = (await sweeping.execute(text("select facts::text from event"))).scalars().all()
        state = (await sweeping.execute(text("select state, reason from notice"))).one()
    assert not any("3}" in each or SECRET_WORDS in each or "score" in each for each in facts)
    assert tuple(state) == ("cancelled", "answered"), "who has answered is not asked any more"
    answered = await world.get(f"/v1/staff/patients/{here.patient_id}/survey-answers", here.staff)
    assert SECRET_WORDS in answered.text
    _, desk = await colleague(world, "reception")
    assert (await world.get(f"/v1/staff/patients/{here.patient_id}/survey-answers", desk)).status_code == 403
    assert SECRET_WORDS not in (await world.get(link, {})).text


async def test_a_good_score_makes_no_task_and_everybody_gets_both_ways(world: World) -> None:
    here, survey_id = world.here, await make_survey(world, world.here)
    pages = []
    for score in (0, 10):
        invitation, link = await ask(world, here, survey_id, here.patient_id)
        before = await world.get(link, {})
        sent = await form(world, link, recommend=str(score), words="", stars="", what="waiting")
        assert (before.status_code, sent.status_code) == (200, 200)
        pages += [before.text, sent.text, (await world.get(link, {})).text]
        one = await world.get(f"{MINE}/{invitation}", here.patient)
        assert one.json()["review_url"] == REVIEWS
    assert pages[:3] == pages[3:], "whatever somebody answers, they see the same"
    assert all(REVIEWS in each and "<form" in pages[0] for each in pages)
    assert "Anna" not in "".join(pages)
    assert await events(world, "task.made") == 1


async def form(world: World, link: str, **fields: str) -> httpx.Response:
    return await world.http.post(link, data=fields)


async def test_the_link_answers_once_and_a_wrong_or_missing_answer_shows_the_form_again(world: World) -> None:
    here = world.here
    _, link = await ask(world, here, await make_survey(world, here), here.patient_id)
    for wrong in ({}, {"recommend": "11"}, {"recommend": "x"}, {"recommend": "9", "what": "else"}):
        again = await form(world, link, **wrong)
        assert "<form" in again.text
    assert await events(world, "survey.answered") == 0
    sent = await asyncio.gather(*(form(world, link, recommend="9", words="<b>Fine</b>\r\nThanks") for _ in range(5)))
    assert Counter("Thank you" in each.text for each in sent) == {True: 1, False: 4}
    assert await events(world, "survey.answered") == 1
    given = await world.get(f"/v1/staff/patients/{here.patient_id}/survey-answers", here.staff)
    assert given.json()["items"][0]["answers"][1]["text"] == "<b>Fine</b>\nThanks"
    forged = link[:-1] + ("A" if link[-1] != "A" else "B")
    for nowhere in (await world.get(forged, {}), await form(world, forged, recommend="9")):
        assert nowhere.status_code == 404
        assert "This link leads nowhere" in nowhere.text
    italian = await world.http.get(link, headers={"accept-language": "it"})
    assert "È concluso" in italian.text
    assert "default-src 'none'" in italian.headers["content-security-policy"]


async def test_a_form_of_more_fields_than_any_is_refused(world: World) -> None:
    _, link = await ask(world, world.here, await make_survey(world, world.here), world.here.patient_id)
    many = await form(world, link, recommend="9", **{f"a{n}": "1" for n in range(100)})
    assert (many.status_code, many.json()["code"]) == (400, "malformed-request")
    assert await events(world, "survey.answered") == 0


async def test_what_is_ended_or_late_is_answered_no_more(world: World) -> None:
    here, survey_id = world.here, await make_survey(world, world.here)
    late, _ = await ask(world, here, survey_id, here.patient_id)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update survey_invitation set expires_at = now() - interval '1 minute'"))
    ended, link = await ask(world, here, survey_id, here.patient_id)
    assert (await world.post(f"{MINE}/{late}/answers", here.patient, scored(9))).status_code == 409
    assert (await world.post(f"/v1/staff/surveys/{survey_id}/end", here.staff, None)).status_code == 204
    assert (await world.post(f"{MINE}/{ended}/answers", here.patient, scored(9))).status_code == 409
    assert "<form" not in (await world.get(link, {})).text
    assert (await world.get(MINE, here.patient)).json()["items"] == []
    body = {"client_id": str(new_id()), "survey_id": survey_id}
    path = f"/v1/staff/patients/{here.patient_id}/survey-invitations"
    assert (await world.post(path, here.staff, body)).status_code == 422


async def test_a_private_visit_is_not_asked_about_and_anothers_neither(world: World) -> None:
    here, survey_id = world.here, await make_survey(world, world.here)
    times = {"starts_at": rfc3339(now() + DAY), "ends_at": rfc3339(now() + 1.1 * DAY)}
    visit = await world.post(f"/v1/staff/patients/{here.other_patient_id}/appointments", here.staff, times)
    body = {"client_id": str(new_id()), "survey_id": survey_id, "appointment_id": visit.json()["appointment_id"]}
    path = "/v1/staff/patients/{}/survey-invitations"
    assert (await world.post(path.format(here.patient_id), here.staff, body)).status_code == 422
    assert (await world.post(path.format(here.other_patient_id), here.staff, body)).status_code == 201
    async with world.database.writing(here.scope) as writing:
        await writing.execute(text("update appointment set private = true"))
    body["client_id"] = str(new_id())
    assert (await world.post(path.format(here.other_patient_id), here.staff, body)).status_code == 422


async def test_results_are_told_of_five_and_more_by_each_of_its_kinds(world: World) -> None:
    here, survey_id = world.here, await make_survey(world, world.here)
    for number, score in enumerate([10, 10, 9, 8, 0]):
        invitation, _ = await ask(world, here, survey_id, here.patient_id)
        if number == 4:
            (hidden,) = await results(world, survey_id)
            assert hidden == {"group": "", "hidden": True, "answered": None, "questions": []}
        rest = [{"question": "what", "choice": "price"}, {"question": "stars", "number": 4}]
        if number < 2:
            rest.append({"question": "words", "text": SECRET_WORDS})
        said = await world.post(f"{MINE}/{invitation}/answers", here.patient, scored(score, rest=rest))
        assert said.status_code == 204
    (whole,) = await results(world, survey_id)
    found = {each["question"]: each for each in whole["questions"]}
    assert (whole["answered"], found["recommend"]["nps"], sorted(found)) == (5, 40, ["recommend", "stars", "what"])
    assert found["what"]["counts"] == [{"value": "price", "count": 5}]
    (branch,) = await results(world, survey_id, by="branch")
    assert (branch["group"], branch["answered"]) == (str(here.branch_id), 5)
    assert len(await results(world, survey_id, by="practitioner")) == 1
    assert SECRET_WORDS not in str(whole)


async def test_the_link_of_a_message_leads_to_the_page_of_its_survey(world: World) -> None:
    here = world.here
    _, link = await ask(world, here, await make_survey(world, here), here.patient_id)
    async with world.database.sweeping() as sweeping:
        notice = (await sweeping.execute(text("select id from notice"))).scalar_one()
    followed = await world.get(links_of(world.ports).web_link(Opening(here.clinic_id, notice, Way.SMS)), {})
    assert (followed.status_code, followed.headers["location"]) == (303, link)
