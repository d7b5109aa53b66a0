"""Brakes guessing: counts tries at codes before a code is looked at."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from cabinet.coupon import TRIES_AN_HOUR, TRIES_AN_HOUR_OF_A_SYSTEM
from cabinet.tables.coupon import CodeTry
from core.database import Writing
from core.errors import NotFound, TooMany
from core.events import Actor, ActorKind

_HOUR = timedelta(hours=1)


class CodeUnknown(NotFound):
    """Nobody's code, another clinic's or another patient's: all answered alike."""

    slug = "code-unknown"


class TooManyCodes(TooMany):
    """Too many codes were tried within the hour."""

    slug = "too-many-codes"


async def take_code_try(writing: Writing, clinic_id: UUID, actor: Actor, codes: int, now: datetime) -> None:
    """Count tries at so many codes by this account, colleague or app. Commit it, then look; `forgive_try` right ones.

    Raises `TooManyCodes`. The row's lock makes parallel tries take turns.
    """
    assert actor.id is not None
    limit = TRIES_AN_HOUR_OF_A_SYSTEM if actor.kind is ActorKind.PARTNER else TRIES_AN_HOUR
    over = col(CodeTry.since) <= now - _HOUR
    fresh = insert(CodeTry).values(clinic_id=clinic_id, id=actor.id, tries=codes, since=now)
    counted = fresh.on_conflict_do_update(
        index_elements=["clinic_id", "id"],
        set_={
            "tries": case((over, codes), else_=CodeTry.tries + codes),
            "since": case((over, now), else_=CodeTry.since),
        },
        where=or_(over, col(CodeTry.tries) + codes <= limit),
    ).returning(col(CodeTry.tries))
    if (await writing.execute(counted)).scalar_one_or_none() is None:
        since = (await writing.execute(select(col(CodeTry.since)).where(col(CodeTry.id) == actor.id))).scalar_one()
        raise TooManyCodes(retry_after_seconds=max(0, int((since + _HOUR - now).total_seconds())) + 1)


async def forgive_try(writing: Writing, actor: Actor, codes: int) -> None:
    """The codes were known, whatever became of the call: the tries do not count."""
    less = func.greatest(col(CodeTry.tries) - codes, 0)
    await writing.execute(update(CodeTry).where(col(CodeTry.id) == actor.id).values(tries=less))
