"""What happens around a visit: confirmed, reminded, moved, explained, thanked for, asked about."""

from collections.abc import Mapping
from datetime import timedelta

from automation.commands.surveys import make_survey
from automation.survey import SurveyFacts
from automation.task import TaskOutcome
from automation.templates import Filled
from cabinet.commands.answers import Said, answer_offer
from cabinet.offer_answer import Verdict
from cabinet.signing import SignMethod
from clinic.commands.offers import Asking, offer_slots
from clinic.commands.own_visits import confirm_visit
from clinic.commands.slots import take_slots
from clinic.commands.waiting import decline_offer, join_waiting_list
from clinic.queries import named_visits
from clinic.queries.waiting import NewEntry
from clinic.slot import SlotFact
from core.events import SYSTEM
from enamel.demo.cast import ROME
from enamel.demo.founding import SYSTEM_NAME
from tests.enamel.stage import DAY, MONDAY, Someone, Stage
from tests.enamel.stories import Story, calls, done, moment, plan, says, visit

_SURVEY = {
    "name": "After a visit", "about": "clinic", "titles": [{"language": "it", "text": "La sua visita"}],
    "questions": [{"key": "recommend", "kind": "nps", "texts": [{"language": "it", "text": "Ci consiglierebbe?"}]}],
    "review_url": "https://reviews.example/clinic",
}  # fmt: skip


async def confirms(stage: Stage, who: Someone) -> None:
    async with stage.writing() as writing:
        visit_id = (await named_visits(writing, SYSTEM_NAME, {f"{who.name}-visit"}))[f"{who.name}-visit"].id
        await confirm_visit(writing, stage.clinic_id, who.id, visit_id, who.actor, stage.now)


async def accepts_the_plan(stage: Stage, who: Someone) -> None:
    ((plan_id, sha256),) = await stage.ask("select id, offer_sha256 from plan where patient_id = :who", who)
    said = Said(Verdict.ACCEPTED, sha256, (), SignMethod.CLICK, "it")
    async with stage.writing() as writing:
        await answer_offer(writing, stage.clinic_id, who.id, plan_id, said, who.actor, stage.now)


async def a_survey(stage: Stage, _: Someone) -> Mapping[str, Filled]:
    async with stage.writing() as writing:
        facts = SurveyFacts.model_validate(_SURVEY, strict=False)
        return {"survey_id": (await make_survey(writing, stage.clinic_id, facts, SYSTEM, stage.now)).survey_id}


async def of_implants(_: Stage, __: Someone) -> Mapping[str, Filled]:
    return {"service": "Impianto"}


async def waits_for_a_time(stage: Stage, who: Someone) -> None:
    async with stage.writing() as writing:
        wish = NewEntry(service=f"Igiene di {who.name}", until=MONDAY + 60 * DAY)
        await join_waiting_list(writing, stage.clinic_id, who.id, wish, who.actor, stage.now)


async def is_offered_a_time(stage: Stage, who: Someone) -> None:
    """Somebody called off, in the clinic's own system."""
    starts = moment(3, 15)
    slot = SlotFact(
        external_id=f"slot of {who.name}", version=1, branch=ROME, services=[f"Igiene di {who.name}"],
        starts_at=starts, ends_at=starts + timedelta(hours=1), freed=True,
    )  # fmt: skip
    async with stage.writing() as writing:
        done_, faults = await take_slots(writing, stage.clinic_id, SYSTEM_NAME, [(0, slot)], SYSTEM, stage.now)
        assert not faults
        await offer_slots(writing, stage.clinic_id, [each.id for each in done_], Asking(), SYSTEM, stage.now)


async def declines_the_time(stage: Stage, who: Someone) -> None:
    ((offer_id,),) = await stage.ask("select id from slot_offer where patient_id = :who", who)
    async with stage.writing() as writing:
        await decline_offer(writing, stage.clinic_id, who.id, offer_id, who.actor, stage.now)


STORIES = [
    Story("first-visit-thanks", says(visit(0, 10, "booked")), 2, deeds={(0, 11): says(visit(0, 10))}),
    Story(
        "estimate-waiting", says(), 20, deeds={(0, 12): says(plan("proposed")), (9, 9): calls(TaskOutcome.REACHED)},
        met=(5, 12, accepts_the_plan),
    ),
    Story("review-request", says(visit(0, 9, "booked")), 4, deeds={(0, 11): says(visit(0, 9))}, fills=a_survey),
    Story(
        "visit-confirm", says(visit(3, 10, "booked")), 4, deeds={(2, 12): calls(TaskOutcome.REACHED)},
        met=(1, 13, confirms),
    ),
    Story("visit-remind", says(visit(1, 10, "booked")), 2, met=(0, 18, says(visit(1, 10, "cancelled")))),
    Story(
        "visit-moved", says(visit(3, 10, "booked")), 2, deeds={(0, 12): says(visit(4, 16, "booked"))},
        met=(0, 12.5, says(visit(4, 16, "cancelled"))),
    ),
    Story(
        "well-being", says(visit(0, 10, "booked")), 4,
        deeds={(0, 12): says(visit(0, 10), done("implant", 0)), (1, 16): calls(TaskOutcome.DONE)},
    ),
    Story(
        "before-visit-instructions", says(visit(3, 15, "booked", "Impianto")), 4, fills=of_implants,
    ),
    Story(
        "after-visit-instructions", says(visit(0, 10, "booked")), 2,
        deeds={(0, 11): says(visit(0, 10), done("extraction", 0))},
    ),
    Story(
        "freed-time", waits_for_a_time, 2, deeds={(0, 10): is_offered_a_time, (0, 12): calls(TaskOutcome.NO_ANSWER)},
        met=(0, 10.5, declines_the_time),
    ),
]  # fmt: skip
