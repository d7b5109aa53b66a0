"""Every look of staff at a patient's clinical facts leaves a trace that the patient sees: over all routes there are."""

from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy import text

from api.app import bare_app
from tests.api.foreign import IDS
from tests.api.test_rights import GUARDED, WITH_IDS, Operation, called, known_ids, named
from tests.world import World

# What staff reads of patients without a clinical word in it, each with what it is instead.
NOT_CLINICAL = {
    "fillCannedReply": "the clinic's own words, with the patient's name in them",
    "getLoyaltyOfPatient": "points and cards",
    "getPatient": "name, phone and language",
    "getPatientFinance": "money, for who may see money",
    "getAppBuild": "how the clinic's app looks",
    "getJourneyResults": "counts, and few people only to who may read clinical facts",
    "getLine": "by what the clinic sends, without its secrets",
    "getLineFigures": "counts of a line's sends",
    "getTemplate": "the clinic's own paper, of no patient",
    "getUpload": "how far the caller's own file is on its way",
    "getCampaign": "what the clinic says to many: no patient is named",
    "getCampaignResults": "counts over groups",
    "getSegment": "what a segment is, and how many are in it",
    "listSegmentDays": "how many came and went",
    "getJourney": "a document of the clinic and counts of its steps",
    "listJourneyVersions": "the clinic's own, with counts",
    "previewPublishing": "counts",
    "getSurveyResults": "counts over groups of five and more",
    "getVoice": "how long a voice message is and how it is drawn: no word of it",
    "listAccess": "who may open the record",
    "listBranchDay": "the desk's list of a day",
    "listPatientFinancePayments": "money, for who may see money",
    "listRedemptionsOfPatient": "coupons, points and cards that came off bills",
    "listWebhookCalls": "ids and keys of journeys: what the clinic's own system was told",
    "previewTemplate": "the clinic's own paper, with an invented patient",
}

# Lists over many patients, each with what of them it shows: a trace for each line would hide the looks that matter.
LISTS = {
    "findPatients": "names and phones",
    "exportRows": "ids and codes, for who may export; who did so is kept",
    "findSettledBill": "one bill by its number: amounts",
    "getBot": "the clinic's own",
    "getDesk": "the clinic's own",
    "getPointsProgramme": "the clinic's own",
    "getPlannedMessages": "counts by day",
    "getPriceList": "the clinic's own",
    "getPrivacyRules": "the clinic's own",
    "getRota": "colleagues",
    "listAppBuilds": "the clinic's own",
    "listBranches": "the clinic's own",
    "listLines": "the clinic's own",
    "getContactPolicy": "the clinic's own",
    "listTasks": "names and phones of whom to call, and what the task is called",
    "listTeams": "colleagues",
    "listCampaigns": "the clinic's own",
    "getCampaignPolicy": "the clinic's own",
    "listSegments": "the clinic's own, with counts",
    "listTags": "the clinic's own",
    "listSurveys": "the clinic's own",
    "listPhoneExchanges": "the clinic's own",
    "listWebhooks": "the clinic's own",
    "getTaskFigures": "counts by colleague",
    "listCannedReplies": "the clinic's own",
    "listConversations": "how the last message of each begins: the desk's work, and who opens one leaves a trace",
    "listCopies": "ids and states",
    "listDicomwebSources": "the clinic's own",
    "listErasures": "ids and states",
    "listJourneyTemplates": "what comes with Enamel",
    "listJourneys": "the clinic's own",
    "listMessageTemplates": "the clinic's own",
    "listPartnerApps": "the clinic's own",
    "listPromotions": "the clinic's own",
    "listQuarantine": "a few pictures, each with a trace at its patient",
    "listRequests": "what patients wait for an answer to: the desk's work",
    "listSeriesProtocols": "what series there may be, of nobody",
    "listStaff": "colleagues",
    "listStarters": "the clinic's own",
    "listStrangerMessages": "what came from addresses that are no patient's: the desk's work",
    "listTemplates": "the clinic's own",
    "listVisitLabels": "the clinic's own",
    "listWaiting": "who waits for a time: the desk's work",
    "syncConversations": "ids and counts, no word that was said",
}

# Traced, and not shown to the patient.
OF_LAWYERS = {"listLegalHolds"}

READS = [
    operation
    for operation in WITH_IDS
    if operation.method == "GET" and operation.door == "staff" and operation.name not in NOT_CLINICAL
]


def _answer_of() -> dict[str, str]:
    """By operation, the model it answers with."""
    routes = [context.original_route for context in iter_route_contexts(bare_app(None).routes)]
    return {str(each.operation_id): str(each.response_model) for each in routes if isinstance(each, APIRoute)}


ANSWER_OF = _answer_of()
SHOWN = {ANSWER_OF[operation.name] for operation in READS} - {"None"}
# Changes of staff that answer with what a look would show.
CHANGES = [
    operation
    for operation in WITH_IDS
    if operation.method != "GET" and operation.door == "staff" and ANSWER_OF[operation.name] in SHOWN
]


async def traces(world: World) -> list[tuple[Any, ...]]:
    async with world.database.sweeping() as sweeping:
        found = text("select kind, actor_kind, actor_id, patient_id from event where kind like '%.read' order by id")
        return [tuple(row) for row in await sweeping.execute(found)]


def test_there_are_reads() -> None:
    assert {"getChartAsStaff", "listPictures", "listEnrolments"} <= {operation.name for operation in READS}
    assert "sendDocument" not in {operation.name for operation in CHANGES}  # it answers without a word of the text
    assert set(NOT_CLINICAL) <= {operation.name for operation in WITH_IDS}


@pytest.mark.parametrize("operation", CHANGES, ids=named)
async def test_a_change_that_shows_as_much_as_a_look_leaves_a_trace(world: World, operation: Operation) -> None:
    known = await known_ids(world, operation)
    before = len(await traces(world))
    answer = await called(world, operation, world.here.staff, {name: each.own for name, each in known.items()})
    assert answer.is_success, answer.text
    assert (await traces(world))[before:], "call `note_read`, or answer with less"


def test_every_list_over_many_patients_is_known_with_what_it_shows() -> None:
    """A new one with clinical words in it must be asked a patient at a time, with a trace."""
    lists = {each.name for each in GUARDED if each.method == "GET" and each.door == "staff" and not each.ids}
    assert lists == set(LISTS)


@pytest.mark.parametrize("operation", READS, ids=named)
async def test_a_look_at_a_patient_leaves_a_trace(world: World, operation: Operation) -> None:
    here = world.here
    known = await known_ids(world, operation)
    before = len(await traces(world))
    answer = await called(world, operation, here.staff, {name: each.own for name, each in known.items()})
    assert answer.status_code == 200, answer.text
    fresh = (await traces(world))[before:]
    assert fresh, "call `note_read`, or name it in NOT_CLINICAL with the reason"
    assert {(kind, actor) for _, kind, actor, _ in fresh} == {("staff", here.staff_id)}
    shown = (await world.get("/v1/me/privacy/reads", here.patient)).json()["items"]
    patients = {patient for *_, patient in fresh}
    assert patients != {None}
    theirs = here.patient_id in patients and operation.name not in OF_LAWYERS
    assert len(shown) == theirs


async def test_a_look_that_was_refused_leaves_none(world: World) -> None:
    before = await traces(world)
    await world.get(f"/v1/staff/patients/{world.there.patient_id}/chart", world.here.staff)
    await world.get(f"/v1/staff/patients/{world.here.patient_id}/chart", world.there.staff)
    assert await traces(world) == before
    assert "patient_id" in IDS
