"""Whether something that runs, or is to, asks for a segment of the library."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlmodel import col

from automation.campaign import CampaignState
from automation.journey.words import JourneyState
from automation.tables import CampaignRow, JourneyRow, Segment

_RUNS = (JourneyState.ACTIVE.value, JourneyState.PAUSED.value, JourneyState.DRAINING.value)
_TO_BEGIN = (CampaignState.ASKED.value, CampaignState.LAUNCHED.value, CampaignState.PAUSED.value)


def asks_for(clinic_id: UUID, segment_id: UUID) -> ColumnElement[bool]:
    """SQL: criteria name it by its id, triggers and steps of journeys by its key."""

    def names(document: Any) -> ColumnElement[bool]:
        return cast(document, Text).contains(str(segment_id))

    own = (col(Segment.clinic_id) == clinic_id, col(Segment.id) == segment_id)
    key = select(col(Segment.key)).where(*own).scalar_subquery()
    said = func.jsonb_build_object(literal("key", Text()), key)
    paths = (cast(f"$.{place}.segment ? (@ == $key)", JSONPATH) for place in ("trigger", "steps[*]"))
    by_key = or_(*(func.jsonb_path_exists(JourneyRow.definition, path, said) for path in paths))
    segment = exists().where(
        col(Segment.clinic_id) == clinic_id, col(Segment.archived_at).is_(None), names(Segment.criteria)
    )
    journey = exists().where(
        col(JourneyRow.clinic_id) == clinic_id, col(JourneyRow.state).in_(_RUNS),
        or_(names(JourneyRow.definition), by_key),
    )  # fmt: skip
    campaign = exists().where(
        col(CampaignRow.clinic_id) == clinic_id, col(CampaignRow.state).in_(_TO_BEGIN),
        col(CampaignRow.begun_at).is_(None), names(CampaignRow.definition),
    )  # fmt: skip
    return or_(segment, journey, campaign)
