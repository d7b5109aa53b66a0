"""Prepaid cards: synced from the clinic's own system, or issued and used here."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, cast, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from cabinet.prepaid import pays_for
from cabinet.prepaid_facts import CardFact, CardTerms
from cabinet.queries.cards import CardView, cards
from cabinet.queries.fragments import named_person
from cabinet.tables.prepaid import CardUse, PrepaidCard
from clinic.commands import Taken, changed, hold_named_patients, hold_patient
from core.database import Writing
from core.errors import Conflict, Fault, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id
from core.upsert import OWN_SOURCE, Incoming, Outcome, Upserted, held_rows, upsert


class CardOfAnotherSystem(Conflict):
    """The clinic's own system counts its sessions."""

    slug = "card-of-another-system"


class CardNotUsable(Conflict):
    """No session is left on it, its time is over, or it is for another service."""

    slug = "card-not-usable"


async def take_cards(
    writing: Writing, clinic_id: UUID, source: str, facts: Sequence[tuple[int, CardFact]], actor: Actor, now: datetime
) -> Taken:
    """Upsert cards of a batch; of a card on which more is used than before `card.used` is recorded."""
    patients = await hold_named_patients(writing, source, {fact.patient for _, fact in facts})
    faults = {index: Fault("/patient", "unknown-reference") for index, fact in facts if fact.patient not in patients}
    rows = [_row(index, fact, patients[fact.patient].id) for index, fact in facts if index not in faults]
    held = await held_rows(writing, PrepaidCard, clinic_id, source, [row.external_id for row in rows], ("used",))
    done = await upsert(writing, PrepaidCard, clinic_id, source, rows, held, now)
    await record(writing, clinic_id, actor, [_event(each) for each in changed(done)], now)
    return done, faults


def _row(index: int, fact: CardFact, patient_id: UUID) -> Incoming:
    columns = fact.model_dump(exclude={"external_id", "version", "patient"})
    return Incoming(index, fact.external_id, fact.version, {"patient_id": patient_id, **columns})


def _event(done: Upserted) -> Happening:
    columns = done.incoming.columns
    kind = "card.issued" if done.outcome is Outcome.CREATED else "card.changed"
    if done.before is not None and columns["used"] > done.before["used"]:
        kind = "card.used"
    return Happening(kind, done.id, patient_id=columns["patient_id"])


async def issue_card(
    writing: Writing, clinic_id: UUID, patient_id: UUID, card_id: UUID, terms: CardTerms, actor: Actor, now: datetime
) -> CardView:
    """A card of the desk's; `card_id` is the caller's own, so that a repeat issues nothing. Raises `NotFound`."""
    await hold_patient(writing, patient_id)
    made = {
        "clinic_id": clinic_id, "id": card_id, "source": OWN_SOURCE, "external_id": str(card_id),
        "source_version": 0, "content_hash": "", "changed_at": now, "patient_id": patient_id, "used": 0,
        **terms.model_dump(),
    }  # fmt: skip
    fresh = insert(PrepaidCard).values(made).on_conflict_do_nothing().returning(col(PrepaidCard.id))
    if (await writing.execute(fresh)).scalar_one_or_none() is not None:
        await record(writing, clinic_id, actor, [Happening("card.issued", card_id, patient_id=patient_id)], now)
    found = await cards(writing, patient_id, now, card_id)
    if not found:
        raise NotFound  # somebody else's card bears this id
    return found[0]


async def use_card(
    writing: Writing, clinic_id: UUID, card_id: UUID, cause: str, actor: Actor, now: datetime,
    patient_id: UUID | None = None, service: str | None = None,
) -> CardView:  # fmt: skip
    """Use one session for `cause`, once; with `patient_id` only on a card of theirs, with `service` only for that.

    Raises `NotFound`, `CardOfAnotherSystem`, `CardNotUsable`. One conditional update decides: of two who want the
    last session one gets it.
    """
    card = await _own_card(writing, card_id, patient_id)
    if service is not None and not pays_for(card.service, service):
        raise CardNotUsable(Fault("/service", "other-service"))
    if await _note(writing, clinic_id, card_id, 1, cause, actor, now):
        today = await _today(writing, card.patient_id, now)
        usable = (
            col(PrepaidCard.used) < col(PrepaidCard.sessions),
            or_(col(PrepaidCard.expires_on).is_(None), col(PrepaidCard.expires_on) >= today),
        )
        used = update(PrepaidCard).where(col(PrepaidCard.id) == card_id, *usable)
        moved = used.values(used=PrepaidCard.used + 1, changed_at=now).returning(col(PrepaidCard.id))
        if (await writing.execute(moved)).scalar_one_or_none() is None:
            raise CardNotUsable
        happening = Happening("card.used", card_id, patient_id=card.patient_id)
        await record(writing, clinic_id, actor, [happening], now)
    return (await cards(writing, card.patient_id, now, card_id))[0]


async def unuse_card(writing: Writing, clinic_id: UUID, card_id: UUID, cause: str, actor: Actor, now: datetime) -> None:
    """Give back the session that was used for `cause`, once."""
    card = await _own_card(writing, card_id, None)
    if await _note(writing, clinic_id, card_id, -1, f"un{cause}", actor, now):
        given = update(PrepaidCard).where(col(PrepaidCard.id) == card_id, col(PrepaidCard.used) > 0)
        await writing.execute(given.values(used=PrepaidCard.used - 1, changed_at=now))
        happening = Happening("card.use_reversed", card_id, patient_id=card.patient_id)
        await record(writing, clinic_id, actor, [happening], now)


async def _own_card(writing: Writing, card_id: UUID, patient_id: UUID | None) -> PrepaidCard:
    mine = [] if patient_id is None else [col(PrepaidCard.patient_id) == patient_id]
    statement = select(PrepaidCard).where(col(PrepaidCard.id) == card_id, *mine)
    card = (await writing.execute(statement)).scalar_one_or_none()
    if card is None:
        raise NotFound
    if card.source != OWN_SOURCE:
        raise CardOfAnotherSystem
    return card


async def _note(
    writing: Writing, clinic_id: UUID, card_id: UUID, sessions: int, cause: str, actor: Actor, now: datetime
) -> bool:
    """Append a use; False where this cause stands there already."""
    row = {
        "clinic_id": clinic_id, "id": new_id(), "card_id": card_id, "sessions": sessions, "cause": cause,
        "actor_kind": actor.kind.value, "actor_id": actor.id, "at": now,
    }  # fmt: skip
    fresh = insert(CardUse).values(row).on_conflict_do_nothing().returning(col(CardUse.id))
    return (await writing.execute(fresh)).scalar_one_or_none() is not None


async def _today(writing: Writing, patient_id: UUID, now: datetime) -> date:
    person = named_person()
    statement = select(cast(person.c.today, Date))
    return (await writing.execute(statement, {"patient": patient_id, "now": now})).scalar_one()
