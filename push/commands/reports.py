"""Takes what providers tell afterwards: once, in any order, also before we have written down what we sent."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Sweeping, Writing
from core.ids import new_id
from push.channel import Way
from push.commands.addresses import bury_addresses
from push.commands.batch import UNTRACKED, keys, same_key
from push.commands.settling import Told, change_of, settle
from push.commands.wishes import withdraw
from push.queries.addresses import holders
from push.report import Report, Reported
from push.stopping import How, taken
from push.tables import DeliveryRow, NoticeRow, ReportRow
from push.ways import CHANNEL_OF

_ENDS = frozenset({Reported.STOPPED, Reported.COMPLAINT})
WAITS = timedelta(days=3)
"""For its delivery to be written down: whatever is older is of a send that was lost."""


@dataclass(frozen=True, slots=True)
class _Joined:
    """A report with what it is about."""

    report: ReportRow
    delivery: DeliveryRow
    notice: NoticeRow

    @property
    def told(self) -> Told:
        return Reported(self.report.reported), self.report.code, self.report.at


@dataclass(frozen=True, slots=True)
class _Said:
    """What a report says of an address or of who reads there. `address`: empty where it is none, or lives."""

    clinic_id: UUID
    line_id: UUID
    way: Way | None
    reported: Reported
    code: str
    address: str
    who: tuple[UUID, ...]


async def take_reports(
    writing: Writing, clinic_id: UUID, line_id: UUID, way: Way, reports: Sequence[Report], now: datetime
) -> int:
    """Write down what a line's provider told; how many of it was news.

    Of a message that we do not know (yet) it is kept, and `join_reports` finds it later; nobody is told whether there
    is one. What is said of an address counts for everybody who is reached there.
    """
    fresh = await _keep(writing, clinic_id, line_id, reports, now)
    news = [report for report in reports if _key(report) in fresh]
    ours = (col(ReportRow.clinic_id) == clinic_id, col(ReportRow.line_id) == line_id)
    joined: list[_Joined] = []
    if fresh:
        joined = await _join(writing, _waiting(now).where(*ours, col(ReportRow.dedupe_key).in_(sorted(fresh))), now)
    of_addresses = [report for report in news if not report.provider_id and report.address][:_MOST_ADDRESSES]
    said = [
        *map(_said_of_delivery, joined),
        *await _said_of_addresses(writing, clinic_id, line_id, way, of_addresses, now),
    ]
    await _heed(writing, said, now)
    return len(news)


_MOST_ADDRESSES = 100
"""Of one post; no provider tells of so many people at once."""


async def join_reports(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Join up to `limit` reports that came before their deliveries were written down; how many."""
    joined = await _join(sweeping, _waiting(now).limit(limit), now)
    await _heed(sweeping, [_said_of_delivery(each) for each in joined], now)
    return len(joined)


async def _keep(
    writing: Writing, clinic_id: UUID, line_id: UUID, reports: Sequence[Report], now: datetime
) -> set[str]:  # fmt: skip
    """The keys of those that are new."""
    rows = {
        key: {
            "clinic_id": clinic_id, "id": new_id(), "line_id": line_id, "dedupe_key": key,
            "provider_id": report.provider_id, "reported": report.reported.value, "code": report.code[:40],
            "at": min(report.at, now), "taken_at": now, "joined_at": None,
        }
        for report in reports
        if (key := _key(report))
    }  # fmt: skip
    if not rows:
        return set()
    fresh = insert(ReportRow).values([rows[key] for key in sorted(rows)])
    kept = fresh.on_conflict_do_nothing(index_elements=["clinic_id", "line_id", "dedupe_key"])
    return set((await writing.execute(kept.returning(col(ReportRow.dedupe_key)))).scalars())


def _key(report: Report) -> str:
    """Of a message a thing is told once; of an address it may be true again later. Empty where it names nothing."""
    name = report.provider_id
    if not name and report.address and report.address.isprintable():
        # Kept for months, also beyond the person's erasure: the number itself must not stand there.
        whose = hashlib.sha256(report.address.encode()).hexdigest()[:32]
        name = f"@{whose} {report.at:%Y%m%d%H%M%S}"
    return f"{report.reported.value} {name}"[:400] if name and name.isprintable() else ""


def _waiting(now: datetime) -> Select[UUID, UUID, UUID]:
    """Clinic, report and notice of reports whose delivery is known by now."""
    same = (col(ReportRow.joined_at).is_(None), col(ReportRow.provider_id) != "")
    columns = (col(ReportRow.clinic_id), col(ReportRow.id), col(DeliveryRow.notice_id))
    statement = select(*columns).join(DeliveryRow, _of_delivery())
    return statement.where(*same, col(ReportRow.taken_at) > now - WAITS).order_by(col(ReportRow.taken_at))


def _of_delivery() -> ColumnElement[bool]:
    return and_(
        col(DeliveryRow.clinic_id) == ReportRow.clinic_id,
        col(DeliveryRow.provider_id) == col(ReportRow.provider_id),
        col(DeliveryRow.line_id) == col(ReportRow.line_id),
    )


async def _join(writing: Writing, waiting: Select[UUID, UUID, UUID], now: datetime) -> list[_Joined]:
    """Lock the notices, and only then read how their deliveries stand: somebody else may just have moved them."""
    found = [(clinic_id, report_id, notice_id) for clinic_id, report_id, notice_id in await writing.execute(waiting)]
    if not found:
        return []
    notices = keys((clinic_id, notice_id) for clinic_id, _, notice_id in found)
    locked = select(col(NoticeRow.id)).join_from(notices, NoticeRow, same_key(NoticeRow, notices))
    await writing.execute(locked.order_by(col(NoticeRow.clinic_id), col(NoticeRow.id)).with_for_update(of=NoticeRow))
    of_notice = and_(col(NoticeRow.clinic_id) == DeliveryRow.clinic_id, col(NoticeRow.id) == col(DeliveryRow.notice_id))
    names = keys((clinic_id, report_id) for clinic_id, report_id, _ in found)
    statement = (
        select(ReportRow, DeliveryRow, NoticeRow)
        .join_from(names, ReportRow, same_key(ReportRow, names))
        .join(DeliveryRow, _of_delivery())
        .join(NoticeRow, of_notice)
        .where(col(ReportRow.joined_at).is_(None))
        .order_by(col(ReportRow.at), col(ReportRow.id))
        .execution_options(populate_existing=True)
    )
    joined = [_Joined(*row) for row in await writing.execute(statement)]
    await _apply(writing, joined, now)
    return joined


async def _apply(writing: Writing, joined: Sequence[_Joined], now: datetime) -> None:
    if not joined:
        return
    told: dict[UUID, list[_Joined]] = defaultdict(list)
    for each in joined:
        told[each.delivery.id].append(each)
    changes = [change_of(of[0].delivery, of[0].notice, [each.told for each in of]) for of in told.values()]
    await settle(writing, changes, now)
    names = keys((each.report.clinic_id, each.report.id) for each in joined)
    done = update(ReportRow).where(same_key(ReportRow, names)).values(joined_at=now)
    await writing.execute(done, execution_options=UNTRACKED)


def _said_of_delivery(joined: _Joined) -> _Said:
    """What arrived did not die."""
    report, delivery, notice = joined.report, joined.delivery, joined.notice
    way = Way(delivery.way) if delivery.way else None
    address = delivery.address if delivery.delivered_at is None else ""
    reported = Reported(report.reported)
    return _Said(report.clinic_id, report.line_id, way, reported, report.code, address, (notice.patient_id,))


async def _said_of_addresses(
    writing: Writing, clinic_id: UUID, line_id: UUID, way: Way, reports: Sequence[Report], now: datetime
) -> list[_Said]:
    return [
        _Said(
            clinic_id, line_id, way, each.reported, each.code, each.address,
            tuple(await holders(writing, clinic_id, way, each.address, now)),
        )
        for each in reports
    ]  # fmt: skip


async def _heed(writing: Writing, said: Sequence[_Said], now: datetime) -> None:
    """An address is dead, or whoever reads there wants no more. After all other locks, and always in one order."""
    gone = [each for each in said if each.reported is Reported.ADDRESS_DEAD and each.address]
    dead = [(each, each.way) for each in gone if each.way is not None]
    await bury_addresses(
        writing, [(each.clinic_id, who, way, each.address) for each, way in dead for who in each.who], now
    )
    ends = [each for each in said if each.reported in _ENDS and each.way is not None and each.who]
    for each in sorted(ends, key=lambda one: (one.clinic_id, min(one.who))):
        await _end(writing, each, now)


async def _end(writing: Writing, said: _Said, now: datetime) -> None:
    """A number that its network bars gets nothing at all; elsewhere visits may still be written about."""
    assert said.way is not None
    barred = said.way is Way.SMS and said.reported is Reported.STOPPED
    purposes = taken(CHANNEL_OF[said.way], whole=barred, code=said.code)
    proof = {"line_id": str(said.line_id), "report": said.reported.value, "code": said.code}
    await withdraw(writing, said.clinic_id, said.who, CHANNEL_OF[said.way], purposes, How.PROVIDER, now, proof)
