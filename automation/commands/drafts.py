"""Drafts of journeys: made, changed freely and thrown away. There is one of a journey at a time."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from automation.journey.document import Journey
from automation.journey.words import JourneyState
from automation.queries.journey_versions import JourneyView, digest, journey_view
from automation.tables import JourneyRow
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound, Stale
from core.events import Actor, ActorKind, Happening, record
from core.ids import new_id

DRAFT_VERSION = 0
"""Its number is given as it is published."""


class JourneyDraftExists(Conflict):
    """Somebody is writing the next version already."""

    slug = "journey-draft-exists"


class JourneyNotDraft(Conflict):
    """What was published never changes."""

    slug = "journey-not-a-draft"


async def make_draft(writing: Writing, clinic_id: UUID, journey: Journey, actor: Actor, now: datetime) -> JourneyView:
    """A new journey, or the next version of one that there is. Raises `JourneyDraftExists`."""
    row = {
        "clinic_id": clinic_id, "id": new_id(), "key": journey.key, "version": DRAFT_VERSION,
        "definition": as_draft(journey).definition(), "state": JourneyState.DRAFT.value, "made_at": now,
        "made_by": actor.id if actor.kind is ActorKind.STAFF else None, "changed_at": now,
    }  # fmt: skip
    made = insert(JourneyRow).values(row).on_conflict_do_nothing().returning(JourneyRow)
    draft = (await writing.execute(made)).scalar_one_or_none()
    if draft is None:
        raise JourneyDraftExists
    await record(writing, clinic_id, actor, [Happening("journey.drafted", draft.id, facts={"key": draft.key})], now)
    return journey_view(draft)


async def change_draft(
    writing: Writing, clinic_id: UUID, draft_id: UUID, seen: str, journey: Journey, now: datetime
) -> JourneyView:
    """All of it anew. Raises `NotFound`, `JourneyNotDraft`, `Stale` where it is not what was `seen` (its digest)
    any more, and `Invalid` for another key."""
    draft = await locked_draft(writing, clinic_id, draft_id, seen)
    if draft.key != journey.key:
        raise Invalid(Fault("/journey/key", "never-changes"))
    draft.definition = as_draft(journey).definition()
    draft.changed_at = now
    await writing.flush()
    return journey_view(draft)


async def delete_draft(writing: Writing, clinic_id: UUID, draft_id: UUID) -> None:
    """Raises `NotFound`, `JourneyNotDraft`."""
    draft = await locked_draft(writing, clinic_id, draft_id, None)
    mine = (col(JourneyRow.clinic_id) == clinic_id, col(JourneyRow.id) == draft.id)
    await writing.execute(delete(JourneyRow).where(*mine))


async def locked_draft(writing: Writing, clinic_id: UUID, draft_id: UUID, seen: str | None) -> JourneyRow:
    """The draft, held until the commit."""
    mine = (col(JourneyRow.clinic_id) == clinic_id, col(JourneyRow.id) == draft_id)
    held = select(JourneyRow).where(*mine).with_for_update().execution_options(populate_existing=True)
    draft = (await writing.execute(held)).scalar_one_or_none()
    if draft is None:
        raise NotFound
    if draft.state != JourneyState.DRAFT.value:
        raise JourneyNotDraft
    if seen is not None and digest(draft.definition) != seen:
        raise Stale
    return draft


def as_draft(journey: Journey) -> Journey:
    """Without a number of its own: who writes gives none."""
    return journey.model_copy(update={"version": 1})
