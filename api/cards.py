"""Makes the cards of the chat from the things of the cabinet: the one place where both are known.

A card is made of an id, by the rights of this moment, and stands in the thread as it was then; acting on it asks
again. Everybody who acts for a patient reads the same thread, so of what is hidden from guardians there is no card.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cabinet.document import Asks, is_open
from cabinet.offer_answer import Verdict
from cabinet.plan import HIDDEN
from cabinet.queries.documents import documents_named
from cabinet.queries.payments import debt
from cabinet.queries.plans import shown_plan
from cabinet.queries.promotions import promotions
from chat.card import CardKind, card, picture_word
from chat.log import Card
from clinic.appointment import STANDING
from clinic.queries import Viewer
from clinic.queries.letters import addressee
from clinic.queries.visits import VisitView, visits_named
from core.database import Reading
from core.errors import NotFound
from core.in_words import money_text, short_moment
from identity.permissions import Permission
from media.queries.pictures import pictures_named

NEEDS: Mapping[CardKind, Permission] = {
    CardKind.PLAN: Permission.READ_CLINICAL,
    CardKind.STAGE: Permission.READ_CLINICAL,
    CardKind.APPOINTMENT: Permission.READ_CONTACT,
    CardKind.VISIT: Permission.READ_CONTACT,
    CardKind.PICTURE: Permission.READ_MEDIA,
    CardKind.PROMOTION: Permission.REPLY,
    CardKind.DOCUMENT: Permission.READ_CONTACT,
    CardKind.SURVEY: Permission.READ_CONTACT,
    CardKind.PAYMENT: Permission.ASK_PAYMENT,
}
"""What staff must be allowed besides writing to patients, to send a card of each kind."""


@dataclass(frozen=True, slots=True)
class _About:
    patient_id: UUID
    thing_id: UUID
    stage: int | None
    language: str
    now: datetime


async def card_of(
    reading: Reading, patient_id: UUID, kind: CardKind, thing_id: UUID | None, stage: int | None, now: datetime
) -> Card:
    """The card of a thing that this patient can see and act on now, in their language.

    `reading` is of a guarded `Scope`: what is private is not found. Raises `NotFound` for anything else: absent,
    somebody else's, hidden, or over.
    """
    patient = await addressee(reading, patient_id)
    titled = _TITLES.get(kind)
    if patient is None or titled is None or (thing_id is None and kind is not CardKind.PAYMENT):
        raise NotFound
    title = await titled(reading, _About(patient_id, thing_id or _NONE, stage, patient.language, now))
    if title is None:
        raise NotFound
    return card(kind, patient_id, thing_id, title, patient.language, stage=stage if kind is CardKind.STAGE else None)


_NONE = UUID(int=0)


async def _plan(reading: Reading, about: _About) -> str | None:
    plan = await shown_plan(reading, about.patient_id, about.thing_id, about.now, with_account=False)
    return plan.title if plan and plan.status not in HIDDEN else None


async def _stage(reading: Reading, about: _About) -> str | None:
    """A stage of the present offer that was not accepted yet."""
    plan = await shown_plan(reading, about.patient_id, about.thing_id, about.now, with_account=False)
    if plan is None or plan.offer is None:
        return None
    open_stages = [each for each in plan.stages if each.answered is not Verdict.ACCEPTED]
    return next((f"{plan.title}: {each.title}" for each in open_stages if each.position == about.stage), None)


async def _visit(reading: Reading, about: _About) -> str | None:
    found = await visits_named(reading, about.patient_id, [about.thing_id], Viewer(about.language))
    return next((_visit_title(each, about.language) for each in found if _stands(each, about.now)), None)


def _stands(visit: VisitView, now: datetime) -> bool:
    return visit.status in STANDING and visit.starts_at > now


def _visit_title(visit: VisitView, language: str) -> str:
    when = short_moment(visit.starts_at, visit.zone, language)
    return " · ".join(part for part in (when, visit.service, visit.branch_name) if part)


async def _picture(reading: Reading, about: _About) -> str | None:
    found = await pictures_named(reading, about.patient_id, [about.thing_id])
    return picture_word(found[0].kind.value, about.language) if found else None


async def _promotion(reading: Reading, about: _About) -> str | None:
    """One that is open to the patient today, whose coupon can be picked up."""
    opened = await promotions(reading, about.patient_id, about.now)
    return next((each.title for each in opened if each.promotion_id == about.thing_id and each.with_coupon), None)


async def _document(reading: Reading, about: _About) -> str | None:
    found = await documents_named(reading, about.patient_id, [about.thing_id], about.now)
    return next((each.title for each in found if is_open(each.state, each.asks)), None)


async def _survey(reading: Reading, about: _About) -> str | None:
    found = await documents_named(reading, about.patient_id, [about.thing_id], about.now)
    return next((each.title for each in found if each.asks is Asks.FILL and is_open(each.state, each.asks)), None)


async def _payment(reading: Reading, about: _About) -> str | None:
    """What is owed now: of a plan, or in whole."""
    owed = await debt(reading, about.patient_id, None if about.thing_id == _NONE else about.thing_id, about.now)
    return money_text(owed.amount, about.language) if owed else None


_TITLES: Mapping[CardKind, Callable[[Reading, _About], Awaitable[str | None]]] = {
    CardKind.PLAN: _plan,
    CardKind.STAGE: _stage,
    CardKind.APPOINTMENT: _visit,
    CardKind.VISIT: _visit,
    CardKind.PICTURE: _picture,
    CardKind.PROMOTION: _promotion,
    CardKind.DOCUMENT: _document,
    CardKind.SURVEY: _survey,
    CardKind.PAYMENT: _payment,
}
