"""Sets what a clinic gives points for; each rule begins when it first gives any."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from cabinet.loyalty import Programme
from cabinet.tables.loyalty import ProgrammeRow
from core.database import Writing
from core.events import Actor, Happening, record

_BEGINNINGS = {
    "visits_since": ("per_visit",),
    "payments_since": ("basis_points",),
    "referrals_since": ("referrer_points", "friend_points"),
}


async def set_programme(writing: Writing, clinic_id: UUID, programme: Programme, actor: Actor, now: datetime) -> None:
    """Say what the clinic gives points for from now on; what was earned before stays as it is.

    A rule that gave nothing until now begins now: it does not pay for the past.
    """
    columns: dict[str, Any] = {
        "worth_minor": programme.worth.amount_minor,
        "currency": programme.worth.currency,
        "tiers": [{"name": tier.name, "from_points": tier.from_points} for tier in programme.tiers],
    }
    for name in ("basis_points", "per_visit", "life_days", "tier_days", "referrer_points", "friend_points"):
        columns[name] = getattr(programme, name)
    fresh = insert(ProgrammeRow).values(clinic_id=clinic_id, **dict.fromkeys(_BEGINNINGS, now), **columns)
    begins: dict[str, Any] = {}
    for since, rules in _BEGINNINGS.items():
        was_off = and_(*(col(getattr(ProgrammeRow, rule)) == 0 for rule in rules))
        begins[since] = case((was_off, fresh.excluded[since]), else_=getattr(ProgrammeRow, since))
    await writing.execute(fresh.on_conflict_do_update(index_elements=["clinic_id"], set_=columns | begins))
    await record(writing, clinic_id, actor, [Happening("points_programme.changed", clinic_id)], now)
