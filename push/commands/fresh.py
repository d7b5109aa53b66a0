"""What a notice is as it is put into the outbox: the row of one, or the rows of a whole statement, alike."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Table, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from core.ids import new_id
from push.commands.batch import MOMENTS
from push.kinds import KINDS, Shift
from push.notice import Notice, NoticeKind, Purpose
from push.tables import NoticeRow

# How long before its time a reminder is first looked at: no quiet night and no weekend is longer.
MOST_EARLY = timedelta(days=3)
_TABLE: Table = NoticeRow.__table__  # type: ignore[attr-defined]  # SQLModel does not declare it
NAMED_ONCE = ["clinic_id", "dedupe_key"]
# What a statement must say of each notice, by the names of the columns, and what it may say besides.
SAID = ("clinic_id", "id", "patient_id", "dedupe_key", "not_before", "expires_at")
ALSO_SAID = (
    "hours_zone", "hours_opens", "hours_closes", "hours_weekdays", "link", "cause_id", "visit_id", "visit_at",
)  # fmt: skip


def _fresh(kind: NoticeKind, purpose: Purpose, wording: str | None) -> dict[str, Any]:
    """What is the same of all notices of one kind that nobody has looked at yet."""
    return {
        "kind": kind.value, "purpose": purpose.value, "wording": wording, "lane": int(KINDS[kind].lane), "tried": [],
        "rings": None, "state": "due", "reason": "", "silent": False,
    }  # fmt: skip


def fresh_row(clinic_id: UUID, notice: Notice, now: datetime) -> dict[str, Any]:
    """The row of one notice, with an id of its own."""
    hours = notice.hours
    return {
        **_fresh(notice.kind, notice.purpose, notice.wording),
        "clinic_id": clinic_id,
        "id": new_id(),
        "patient_id": notice.patient_id,
        "dedupe_key": notice.dedupe_key,
        "link": notice.link,
        "not_before": notice.not_before,
        "expires_at": notice.expires_at,
        "hours_zone": hours.zone if hours else None,
        "hours_opens": hours.opens if hours else None,
        "hours_closes": hours.closes if hours else None,
        "hours_weekdays": sorted(hours.weekdays) if hours else None,
        "cause_id": notice.cause_id,
        "visit_id": notice.visit_id,
        "visit_at": notice.visit_at,
        "silent": notice.silent,
        "account_id": notice.account_id,
        "spared_session_id": notice.spared_session_id,
        "seq": notice.seq,
        "badges": None if notice.badges is None else {str(who): count for who, count in notice.badges.items()},
        "next_at": _first_look(notice.kind, notice.not_before, now),
        "created_at": now,
    }


def notices_from(
    source: FromClause, *, kind: NoticeKind, purpose: Purpose, wording: str | None, now: datetime | ColumnElement[Any]
) -> ReturningInsert[UUID, UUID, str]:
    """SQL: put a notice into the outbox for each row of `source`; gives (clinic_id, id, dedupe_key) of the new ones.

    `source` has the columns `SAID` and any of `ALSO_SAID`. A key that is known already names the notice it named
    before, and is not given back. The rows go in in one order, so that two transactions with the same keys wait for
    each other and never in a ring. Nothing is checked of them, as `push.notice.Notice` does: what expires before it may
    go out is told to nobody, and the record says so.
    """
    at: ColumnElement[Any] = literal(now, MOMENTS) if isinstance(now, datetime) else now
    same = {
        name: literal(value, _TABLE.c[name].type)
        for name, value in _fresh(kind, purpose, wording).items()
        if value is not None
    }
    said = {name: source.c[name] for name in (*SAID, *ALSO_SAID) if name in source.c}
    looked = {"next_at": _first_look_in(kind, source.c.not_before, at), "created_at": at}
    rows = {**same, **said, **looked}
    ordered = select(*rows.values()).select_from(source).order_by(source.c.clinic_id, source.c.dedupe_key)
    # Into the table and not the class: it may be given parameters of its own.
    made = insert(_TABLE).from_select(list(rows), ordered, include_defaults=False)
    once = made.on_conflict_do_nothing(index_elements=NAMED_ONCE)
    return once.returning(_TABLE.c.clinic_id, _TABLE.c.id, _TABLE.c.dedupe_key)


def _first_look(kind: NoticeKind, not_before: datetime, now: datetime) -> datetime:
    """As it is due; earlier what would be drawn forward out of a night or a day off."""
    if KINDS[kind].shift is Shift.EARLIER:
        return max(min(now, not_before), not_before - MOST_EARLY)
    return not_before


def _first_look_in(kind: NoticeKind, not_before: ColumnElement[Any], now: ColumnElement[Any]) -> ColumnElement[Any]:
    """SQL twin of `_first_look`."""
    if KINDS[kind].shift is Shift.EARLIER:
        return func.greatest(func.least(now, not_before), not_before - literal(MOST_EARLY))
    return not_before
