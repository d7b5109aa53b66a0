"""Keeps segments of criteria: whom a fact or the clock may have turned is asked about again, and at night everybody."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, Integer, Text, Uuid, and_, cast, func, literal, update
from sqlmodel import col

from automation.queries.rules import Mark, Moved, Rule, held_marks, move_members, to_ask_again
from automation.segment import Criterion
from automation.tables import SegmentMark
from core.database import Sweeping
from core.events import Xid8

MOST_ASKED = 5_000
"""Patients who are asked about one by one; of more, everybody is: one pass over a clinic costs no more then."""
CLOCK_EVERY = timedelta(minutes=1)
"""How late it may be seen that time alone has turned something."""
_AUDIT_HOUR = 1
"""UTC: deep in the night of Europe, before the clinics of Asia close."""

_LOG = logging.getLogger("enamel.automation")


async def refresh_rule(sweeping: Sweeping, rule: Rule, now: datetime, limit: int) -> int:
    """Bring every segment with these criteria up to `now`; how many joined and left.

    Segments that are new, changed, or from another database's counting are filled from everybody. The others ask
    about whom events and changes since their horizon name, and once a minute about whom the clock may have turned; a
    night's first look is at everybody and finds nothing, or says in the log that a trace was missing. A mark moves
    only with what it stands for: in the same transaction, and only when nothing was left for another `limit`.
    """
    marks = await held_marks(sweeping, rule)
    if not marks:
        return 0
    as_of = max([now, *(mark.refreshed_at for mark in marks if mark.refreshed_at)])
    known = [mark for mark in marks if mark.known]
    changed = await _fill(sweeping, rule.criterion, [mark for mark in marks if not mark.known], as_of, limit)
    moved = await _follow(sweeping, rule.criterion, known, as_of, limit)
    changed += moved.changed
    if max(moved.joined, moved.left) < limit:
        changed += await _audit(
            sweeping, rule.criterion, [each for each in known if _is_due(each, as_of)], as_of, limit
        )
    return changed


async def _fill(sweeping: Sweeping, criterion: Criterion, marks: Sequence[Mark], as_of: datetime, limit: int) -> int:
    if not marks:
        return 0
    moved = await move_members(sweeping, criterion, marks, as_of, limit)
    if max(moved.joined, moved.left) < limit:
        await _mark(sweeping, marks, refreshed_at=as_of, audited_at=as_of)
    return moved.changed


async def _follow(
    sweeping: Sweeping, criterion: Criterion, marks: Sequence[Mark], as_of: datetime, limit: int
) -> Moved:
    if not marks:
        return Moved()
    # Before everybody is looked at nothing may be left that time has turned: it would count as untraced.
    by_clock = any(_is_due(each, as_of) or as_of - (each.refreshed_at or as_of) >= CLOCK_EVERY for each in marks)
    asked = await to_ask_again(sweeping, criterion, marks, as_of, by_clock=by_clock, most=MOST_ASKED + 1)
    among = asked if len(asked) <= MOST_ASKED else None
    moved = Moved() if among == [] else await move_members(sweeping, criterion, marks, as_of, limit, among=among)
    if max(moved.joined, moved.left) < limit:
        await _mark(sweeping, marks, **({"refreshed_at": as_of} if by_clock else {}))
    return moved


async def _audit(sweeping: Sweeping, criterion: Criterion, marks: Sequence[Mark], as_of: datetime, limit: int) -> int:
    if not marks:
        return 0
    moved = await move_members(sweeping, criterion, marks, as_of, limit, audit=True)
    if max(moved.joined, moved.left) < limit:
        await _mark(sweeping, marks, audited_at=as_of)
    if moved.corrections:
        segments = [str(mark.segment_id) for mark in marks]
        _LOG.error(json.dumps({"segments": segments, "error": "untraced-changes", "corrected": moved.corrections}))
    return moved.changed


def _is_due(mark: Mark, now: datetime) -> bool:
    """Not looked at since the last night's hour."""
    night = now.replace(hour=_AUDIT_HOUR, minute=0, second=0, microsecond=0)
    night -= timedelta(days=1) if night > now else timedelta()
    return mark.audited_at is None or mark.audited_at < night


async def _mark(sweeping: Sweeping, marks: Sequence[Mark], **moments: datetime) -> None:
    """What was committed before the marks were read is known now; and so are these moments."""
    if not moments and all(mark.horizon == mark.present for mark in marks):
        return
    keys = (
        literal([mark.clinic_id for mark in marks], ARRAY(Uuid())),
        literal([mark.segment_id for mark in marks], ARRAY(Uuid())),
        literal([mark.version for mark in marks], ARRAY(Integer())),
    )
    seen = func.unnest(*keys).table_valued("clinic_id", "segment_id", "version", joins_implicitly=True)
    each = seen.render_derived(name="seen")
    news: dict[str, Any] = {"version": each.c.version, **moments}
    news["horizon"] = cast(literal(str(min(mark.present for mark in marks)), Text()), Xid8())
    same = and_(col(SegmentMark.clinic_id) == each.c.clinic_id, col(SegmentMark.segment_id) == each.c.segment_id)
    await sweeping.execute(
        update(SegmentMark).where(same).values(news), execution_options={"synchronize_session": False}
    )
