"""Takes back what is still to be said of visits that were called off, moved or confirmed since."""

from collections import defaultdict
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, bindparam, literal_column, or_, select
from sqlmodel import col

from clinic.appointment import STANDING
from clinic.queries.reaching import visits_now
from core.database import Sweeping
from push.commands.batch import MOMENTS, NUMBERS
from push.commands.outbox import take_back
from push.commands.standing import of_visit, visit_now
from push.kinds import KINDS
from push.notice import NoticeKind
from push.tables import NoticeRow
from push.visit import AHEAD, visit_fault


async def quiet_visits(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Up to `limit` notices in one commit; how many were taken back (0: nothing was due).

    It asks the visits themselves and reads no events, so that none can be missed. What a worker holds is passed by: the
    claim asks the same. With it go the ways that were left and the calls that staff was to make.
    """
    rows = (await sweeping.execute(_needless(), {"now": now, "most": limit})).all()
    reasons: dict[str, list[NoticeRow]] = defaultdict(list)
    for notice, status, starts_at, confirmed in rows:
        reason = visit_fault(NoticeKind(notice.kind), notice.visit_at, visit_now(status, starts_at, confirmed))
        if reason:
            reasons[reason].append(notice)
    return sum([await take_back(sweeping, notices, reason, now) for reason, notices in sorted(reasons.items())])


@cache
def _needless() -> Any:
    """SQL of `:now` and `:most`: notices that stand, with their visits, where `push.visit` finds a fault."""
    visits = visits_now()
    # Written out and not bound: a plan kept for later can use the partial index only by constants.
    kinds = sorted(kind.value for kind in NoticeKind if KINDS[kind].with_visit)
    standing = (
        col(NoticeRow.state) == literal_column("'due'"),
        col(NoticeRow.kind).in_([literal_column(f"'{kind}'") for kind in kinds]),
        col(NoticeRow.expires_at) > bindparam("now", type_=MOMENTS),
    )
    statement = select(NoticeRow, visits.c.status, visits.c.starts_at, visits.c.confirmed)
    return (
        statement.join(visits, of_visit(visits))
        .where(*standing, _is_faulty(visits))
        .order_by(col(NoticeRow.expires_at))
        .limit(bindparam("most", type_=NUMBERS))
        .with_for_update(of=NoticeRow, skip_locked=True)
    )


def _is_faulty(visits: Subquery) -> ColumnElement[bool]:
    """SQL twin of `push.visit.visit_fault`."""
    asks, said_at = col(NoticeRow.kind) == NoticeKind.CONFIRMING.value, col(NoticeRow.visit_at)
    over = visits.c.status.not_in([status.value for status in sorted(STANDING)])
    moved = and_(said_at.is_not(None), said_at != visits.c.starts_at)
    judged = or_(said_at.is_not(None), col(NoticeRow.kind).in_([kind.value for kind in sorted(AHEAD)]))
    return and_(judged, or_(over, moved, and_(asks, visits.c.confirmed)))
