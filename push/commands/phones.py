"""SQL: the phones of everybody who may hear of a patient."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, literal_column, or_, select, true
from sqlalchemy.types import TypeEngine
from sqlmodel import col

from clinic.queries import openers
from core.database import Sweeping
from identity.queries import live_session
from push.commands.batch import MOMENTS, TEXTS, UUIDS, arrays, batch_of
from push.commands.heads import AnyNotice, PhoneHead, columns_of
from push.queries.devices import fresh_enough
from push.tables import DeviceRow

_ASKED: dict[str, TypeEngine[Any]] = {
    "clinic_id": UUIDS, "id": UUIDS, "patient_id": UUIDS, "purpose": TEXTS, "account_id": UUIDS,
    "spared_session_id": UUIDS,
}  # fmt: skip


async def phones_of(sweeping: Sweeping, notices: Sequence[AnyNotice], now: datetime) -> dict[UUID, list[PhoneHead]]:
    """The live phones by notice, in one statement."""
    phones: dict[UUID, list[PhoneHead]] = defaultdict(list)
    if not notices:
        return phones
    asked = [
        (each.clinic_id, each.id, each.patient_id, each.purpose, each.account_id, each.spared_session_id)
        for each in notices
    ]
    for notice_id, *phone in await sweeping.execute(_phones(), {**arrays(_ASKED, asked), "now": now}):
        phones[notice_id].append(PhoneHead(*phone))
    return phones


@cache
def _phones() -> Any:
    """SQL of the arrays of `_ASKED` and of `:now`. Made once: making it takes longer than running it."""
    names = batch_of(_ASKED)
    theirs = _phones_for(names, bindparam("now", type_=MOMENTS))
    columns = [theirs.c[name] for name in PhoneHead._fields]
    return select(names.c.id, *columns).join_from(names, theirs, true())


def _phones_for(names: Any, now: Any) -> Any:
    """SQL: of one row of `names`. A subquery that stays one (OFFSET): joined freely, the planner, who takes a clinic's
    patients for independent of it, may read every phone of a clinic for each of its notices.
    """
    opener = openers(now)
    same_account = and_(
        col(DeviceRow.clinic_id) == opener.c.clinic_id, col(DeviceRow.account_id) == opener.c.account_id
    )
    same_record = (opener.c.clinic_id == names.c.clinic_id, opener.c.patient_id == names.c.patient_id)
    return (
        select(*columns_of(DeviceRow, PhoneHead))
        .join_from(opener, DeviceRow, same_account)
        .where(opener.c.hears, *same_record, alive(now), _for_this_phone(names), fresh_enough(names.c.purpose, now))
        .offset(literal_column("0"))
        .correlate(names)
        .lateral("phone")
    )


def _for_this_phone(names: Any) -> Any:
    """SQL: the notice is for every phone, or for this one's account and not brought about by this one."""
    whose, spared = names.c.account_id, names.c.spared_session_id
    return and_(
        or_(whose.is_(None), whose == DeviceRow.account_id), or_(spared.is_(None), spared != DeviceRow.session_id)
    )


def alive(now: Any) -> Any:
    """SQL: the phone was not given up, and the session that brought its token is still signed in."""
    return and_(col(DeviceRow.dead_at).is_(None), live_session(DeviceRow.session_id, DeviceRow.account_id, now))
