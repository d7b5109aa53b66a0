"""What the clinic gives and wishes: greetings, coupons, cards, thanks, and a word to who asked for one."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from automation.commands.membership import put_in
from automation.commands.segments import make_segment
from automation.library import SegmentDraft, SegmentKind
from automation.task import TaskOutcome
from automation.templates import Filled
from cabinet.commands.cards import issue_card
from cabinet.commands.coupons import PickUp, pick_up
from cabinet.commands.promotions import draft_promotion, publish_promotion
from cabinet.commands.referrals import introduce, open_referral_code
from cabinet.prepaid_facts import CardTerms
from cabinet.promotion_facts import PromotionTerms
from core.events import SYSTEM
from core.ids import new_id
from identity.secrets import Secrets
from push.channel import Way
from push.commands.openings import open_by_link
from push.links import Opening
from tests.enamel.stage import DAY, MONDAY, Someone, Stage
from tests.enamel.stories import Story, calls, earlier, says, visit
from tests.enamel.stories_of_visits import a_survey
from tests.world import SECRET

_TEXTS = [{"language": "it", "title": "Bentornato: 20 euro", "terms": "Per chi torna."}]


async def a_promotion(stage: Stage, _: Someone) -> Mapping[str, Filled]:
    terms = PromotionTerms.model_validate({
        "texts": _TEXTS, "starts_on": MONDAY - 40 * DAY, "ends_on": MONDAY + 33 * DAY,
        "reduction": {"amount": {"amount_minor": 2_000, "currency": "EUR"}}, "with_coupon": True,
    })  # fmt: skip
    async with stage.writing() as writing:
        made = await draft_promotion(writing, stage.clinic_id, terms, None, SYSTEM, stage.now)
        await writing.flush()
        await publish_promotion(writing, stage.clinic_id, made, SYSTEM, stage.now)
    return {"promotion_id": made}


async def on_wednesday(_: Stage, __: Someone) -> Mapping[str, Filled]:
    return {"month": 1, "day": 16}


async def of_teachers(stage: Stage, who: Someone) -> Mapping[str, Filled]:
    return {**await on_wednesday(stage, who), "tag_id": await _tagged(stage, who, "teachers")}


async def of_leads(stage: Stage, who: Someone) -> Mapping[str, Filled]:
    return {"tag_id": await _tagged(stage, who, f"leads-{who.name}")}


async def _tagged(stage: Stage, who: Someone, key: str) -> Filled:
    async with stage.writing() as writing:
        draft = SegmentDraft(key=key, name=key, kind=SegmentKind.MANUAL)
        segment_id = await make_segment(writing, stage.clinic_id, draft, SYSTEM, stage.now)
        await writing.flush()
        await put_in(writing, stage.clinic_id, segment_id, who.id, SYSTEM, stage.now)
    return segment_id


async def picks_up_a_coupon(stage: Stage, who: Someone) -> None:
    filled = await a_promotion(stage, who)
    async with stage.writing() as writing:
        wanted = PickUp(stage.clinic_id, who.id, UUID(str(filled["promotion_id"])))
        await pick_up(writing, Secrets(SECRET), wanted, who.actor, stage.now)


async def has_a_card(stage: Stage, who: Someone) -> None:
    terms = CardTerms(title="Cinque igieni", service="Igiene", sessions=5, expires_on=MONDAY + 31 * DAY)
    async with stage.writing() as writing:
        await issue_card(writing, stage.clinic_id, who.id, new_id(), terms, SYSTEM, stage.now)


async def brings_a_friend(stage: Stage, who: Someone) -> None:
    friend = await stage.someone(f"friend-of-{who.name}")
    async with stage.writing() as writing:
        code = (await open_referral_code(writing, stage.clinic_id, who.id)).code
        assert code is not None
        await introduce(writing, stage.clinic_id, friend.id, code, friend.actor, stage.now)


async def opens_the_message(stage: Stage, who: Someone) -> None:
    ((notice_id,),) = await stage.ask("select id from notice where patient_id = :who", who)
    async with stage.writing() as writing:
        await open_by_link(writing, Opening(stage.clinic_id, notice_id, Way.FCM), stage.now)


books = says(visit(60, status="booked", name="next"))
_BORN = date(1985, 1, 16)

STORIES = [
    Story("birthday", says(), 4, born=_BORN, fills=a_promotion),
    Story("holiday", says(visit(-100)), 4, fills=on_wednesday),
    Story("professional-day", says(), 4, fills=of_teachers),
    Story(
        "lead-nurture", says(), 20, fills=of_leads, met=(2, 12, books),
        deeds={(0, 12): opens_the_message, (9, 12): calls(TaskOutcome.REACHED)},
    ),
    Story("referral-thanks", says(), 2, deeds={(0, 11): brings_a_friend}),
    Story("asleep-return-coupon", says(visit(-420)), 32, fills=a_promotion, met=(3, 12, books)),
    Story("coupon-ending", earlier(20, picks_up_a_coupon), 50),
    Story("card-ending", has_a_card, 33, met=(5, 12, books)),
    Story("survey-periodic", says(visit(-30)), 4, fills=a_survey),
]  # fmt: skip
