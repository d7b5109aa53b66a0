"""Does what steps of journeys do beside messages, for patients of many clinics, with a fixed number of statements each.

Each takes a batch and tells of every (clinic, enrolment, seq) what came of it: the thing's id, or why there is none. A
row that cannot be done fails alone. Done again under the same key it is the same thing: unique keys decide, and never a
look before a write. Who does several of them in one transaction does them in the order in which they stand here.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import and_, select
from sqlmodel import col

from automation.commands.surveys import Asking, ask_surveys
from automation.commands.tasks import make_tasks
from automation.effect import Effect, Key, Refused, SurveyWish, TaskWish, words_for
from automation.tables import Task, Team
from automation.task import TaskDraft, TaskOrigin, Whose
from cabinet.commands.given_coupons import Wish
from cabinet.commands.given_coupons import give_coupons as give_across
from cabinet.commands.points import Accrual, accrue
from cabinet.queries.points import lots_of, programmes
from chat.commands.across import AUTOMATION, Post, post_across
from clinic.commands.patients import hold_standing
from clinic.queries.desk import tongues_of
from core.database import Reading, Writing
from core.errors import Refusal
from core.events import Actor, ActorKind
from identity.permissions import PRESETS
from identity.secrets import Secrets
from push.commands.batch import NUMBERS, UUIDS, batch, keys, same_key

Came = dict[Key, UUID | Refused]
T = TypeVar("T")

_ACTOR = Actor(ActorKind.AUTOMATION)


async def give_coupons(
    writing: Writing, secrets: Secrets, wanted: Sequence[tuple[Effect, UUID]], now: datetime
) -> Came:  # fmt: skip
    """Takes the promotion of each. One coupon a patient and promotion: whoever holds one keeps it."""
    standing, came = await standing_of(writing, wanted)
    wishes = [(effect, Wish(effect.clinic_id, promotion_id, effect.patient_id)) for effect, promotion_id in standing]
    causes = {wish: effect.enrolment_id for effect, wish in reversed(wishes)}
    given = await give_across(writing, secrets, causes, _ACTOR, now)
    for effect, wish in wishes:
        found = given[wish]
        came[effect.key] = found if isinstance(found, UUID) else Refused(found.value)
    return came


async def give_points(writing: Writing, wanted: Sequence[tuple[Effect, int]], now: datetime) -> Came:
    """Takes the points of each, above zero; gives the lots."""
    standing, came = await standing_of(writing, wanted)
    known = await programmes(writing, sorted({effect.clinic_id for effect, _ in standing}))
    came |= {effect.key: Refused.NO_PROGRAMME for effect, _ in standing if effect.clinic_id not in known}
    able = [(effect, points) for effect, points in standing if effect.clinic_id in known]
    accruals = [Accrual(each.clinic_id, each.patient_id, each.cause, points) for each, points in able]
    await accrue(writing, accruals, _ACTOR, now)
    lots = await lots_of(writing, [(each.clinic_id, each.cause) for each, _ in able])
    return came | {each.key: lots[each.clinic_id, each.cause] for each, _ in able}


async def ask_of_journeys(writing: Writing, wanted: Sequence[tuple[Effect, SurveyWish]], now: datetime) -> Came:
    """The invitations; each new one is told by push as any survey is."""
    standing, came = await standing_of(writing, wanted)
    askings = {
        effect.key: Asking(wish.survey_id, effect.patient_id, effect.enrolment_id, wish.appointment_id, effect.seq)
        for effect, wish in standing
    }
    asked = await ask_surveys(writing, [(key[0], asking) for key, asking in askings.items()], _ACTOR, now)
    return came | {key: asked.get((key[0], asking), Refused.SURVEY_NOT_ASKED) for key, asking in askings.items()}


async def make_journey_tasks(writing: Writing, wanted: Sequence[tuple[Effect, TaskWish]], now: datetime) -> Came:
    """The tasks. What comes of one is told by its events, with the enrolment as their cause."""
    standing, came = await standing_of(writing, wanted)
    teams = await _teams(writing, {(effect.clinic_id, wish.team_id) for effect, wish in standing if wish.team_id})
    drafts = []
    for effect, wish in standing:
        if wish.preset is not None and wish.preset not in PRESETS:
            came[effect.key] = Refused.PRESET_UNKNOWN
        elif wish.team_id is not None and (effect.clinic_id, wish.team_id) not in teams:
            came[effect.key] = Refused.TEAM_GONE
        else:
            drafts.append((effect.clinic_id, _draft(effect, wish, now)))
    await make_tasks(writing, drafts, _ACTOR, now)
    return came | await _made(writing, [(clinic_id, draft.cause_id, draft.seq) for clinic_id, draft in drafts])


async def post_chat_messages(
    writing: Writing, wanted: Sequence[tuple[Effect, Mapping[str, str]]], now: datetime
) -> Came:  # fmt: skip
    """Says it in each patient's conversation; texts are by language. Gives the messages' client ids.

    A push follows as after any message that nobody saw.
    """
    standing, came = await standing_of(writing, wanted)
    tongues = await tongues_of(writing, sorted({effect.whose for effect, _ in standing})) if standing else {}
    posts: dict[Key, Post] = {}
    for effect, texts in standing:
        body = words_for(texts, tongues[effect.whose].patient)
        if body is None:
            came[effect.key] = Refused.NOTHING_TO_SAY
        else:
            posts[effect.key] = Post(effect.clinic_id, effect.patient_id, effect.name, body, effect.enrolment_id)
    said = await post_across(writing, AUTOMATION, list(posts.values()), now)
    for key, post in posts.items():
        came[key] = Refused.CHAT_REFUSED if isinstance(said[post], Refusal) else post.client_id
    return came


async def standing_of(
    writing: Writing, wanted: Sequence[tuple[Effect, T]]
) -> tuple[list[tuple[Effect, T]], Came]:  # fmt: skip
    """Those whose patients are there, who stay until the commit; the others are refused already."""
    there = await hold_standing(writing, {effect.whose for effect, _ in wanted}) if wanted else set()
    gone: Came = {effect.key: Refused.PATIENT_GONE for effect, _ in wanted if effect.whose not in there}
    return [pair for pair in wanted if pair[0].whose in there], gone


def _draft(effect: Effect, wish: TaskWish, now: datetime) -> TaskDraft:
    return TaskDraft(
        wish.kind, wish.title, now + wish.within, TaskOrigin.JOURNEY, effect.enrolment_id, effect.seq,
        patient_id=effect.patient_id, description=wish.description, script=wish.script,
        whose=Whose(None, None if wish.team_id else wish.preset, wish.team_id),
    )  # fmt: skip


async def _teams(reading: Reading, named: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    if not named:
        return set()
    names = keys(named)
    found = select(col(Team.clinic_id), col(Team.id)).join_from(names, Team, same_key(Team, names))
    return {(row[0], row[1]) for row in await reading.execute(found)}


async def _made(reading: Reading, named: Sequence[Key]) -> Came:
    if not named:
        return {}
    names = batch({"clinic_id": UUIDS, "cause_id": UUIDS, "seq": NUMBERS}, named)
    same = and_(
        col(Task.clinic_id) == names.c.clinic_id, col(Task.origin) == TaskOrigin.JOURNEY.value,
        col(Task.cause_id) == names.c.cause_id, col(Task.seq) == names.c.seq,
    )  # fmt: skip
    columns = (col(Task.clinic_id), col(Task.cause_id), col(Task.seq), col(Task.id))
    found = await reading.execute(select(*columns).join_from(names, Task, same))
    return {(clinic_id, cause_id, seq): task_id for clinic_id, cause_id, seq, task_id in found}
