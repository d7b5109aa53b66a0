"""Takes places under the caps and gives them back. A ring's row lock is the cap: two workers never share a place.

Lock order: notices, then rings, and all rings of a transaction in one statement and one order.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Writing
from push.caps import given_back
from push.commands.batch import TEXTS, UUIDS, batch
from push.tables import ContactRing

RingKey = tuple[UUID, UUID, str, str]
"""Clinic, patient, purpose, ring."""
_NAMES = ("clinic_id", "patient_id", "purpose", "channel")


async def hold_rings(writing: Writing, wanted: Iterable[RingKey]) -> dict[RingKey, list[datetime]]:
    """Lock these rings until the commit, made where there were none; the instants of each, newest first."""
    ordered = sorted(set(wanted))
    if not ordered:
        return {}
    rows = [{**dict(zip(_NAMES, key, strict=True)), "sent_at": []} for key in ordered]
    await writing.execute(insert(ContactRing).on_conflict_do_nothing(), rows)
    return await _locked(writing, ordered)


async def _locked(writing: Writing, ordered: Sequence[RingKey]) -> dict[RingKey, list[datetime]]:
    names = batch({"clinic_id": UUIDS, "patient_id": UUIDS, "purpose": TEXTS, "channel": TEXTS}, ordered)
    columns: list[Any] = [col(getattr(ContactRing, name)) for name in _NAMES]
    same = and_(*(column == names.c[name] for column, name in zip(columns, _NAMES, strict=True)))
    statement: Any = select(*columns, col(ContactRing.sent_at)).join_from(names, ContactRing, same)
    locked = statement.order_by(*columns).with_for_update(of=ContactRing)
    found = (await writing.execute(locked)).all()
    return {(clinic, patient, purpose, ring): list(sent) for clinic, patient, purpose, ring, sent in found}


async def write_rings(writing: Writing, rings: Mapping[RingKey, Sequence[datetime]]) -> None:
    """Write what the held rings hold now."""
    if not rings:
        return
    rows = [{**dict(zip(_NAMES, key, strict=True)), "sent_at": list(sent)} for key, sent in sorted(rings.items())]
    await writing.execute(update(ContactRing), rows)


async def give_back(writing: Writing, places: Sequence[tuple[RingKey, datetime]]) -> None:
    """Free the places of notices that came to nothing, of which nothing left us."""
    if not places:
        return
    rings = await _locked(writing, sorted({key for key, _ in places}))
    for key, at in places:
        if key in rings:
            rings[key] = given_back(rings[key], at)
    await write_rings(writing, rings)


def places_of(clinic_id: UUID, patient_id: UUID, purpose: str, rings: Mapping[str, str] | None) -> list[
    tuple[RingKey, datetime]
]:  # fmt: skip
    """The places a notice has taken, from its row."""
    return [((clinic_id, patient_id, purpose, name), datetime.fromisoformat(at)) for name, at in (rings or {}).items()]
