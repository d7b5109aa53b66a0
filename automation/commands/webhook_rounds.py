"""Takes calls to clinics' systems for a worker, and writes down what came of each."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from automation.webhook import Failure, WebhookState, pause_after, rest_after
from core.database import Sweeping

LEASE = timedelta(seconds=30)
"""Longer than all calls of a round last together."""
AT_ONCE, OF_ONE = 64, 16
DONE_KEPT, DEAD_KEPT = timedelta(days=30), timedelta(days=90)

# So many of each system, so that one with a long queue keeps no other waiting; those of one that rests stay where
# they are. A claim moves `next_at` past its lease: whoever dies with it gives it back by doing nothing.
_CLAIM = text("""
with due as (
    select c.clinic_id, c.id, e.address
    from (
        select * from webhook_endpoint
        where ended_at is null and (rest_until is null or rest_until <= :now)
        order by random()
    ) e
    cross join lateral (
        select c.clinic_id, c.id from webhook_call c
        where c.clinic_id = e.clinic_id and c.endpoint_id = e.id and c.state = 'due' and c.next_at <= :now
        order by c.next_at limit :of_one for no key update skip locked
    ) c
    limit :most
)
update webhook_call w set tries = w.tries + 1, next_at = :until
from due where w.clinic_id = due.clinic_id and w.id = due.id
returning w.clinic_id, w.id, w.endpoint_id, due.address, w.enrolment_id, w.seq, w.patient_id, w.journey, w.step, w.at,
    w.tries
""")
# Only who holds the claim still writes: `tries` has moved on otherwise. Ended meanwhile is ended.
_ENDED = text("""
update webhook_call w set state = r.state, next_at = coalesce(r.next_at, w.next_at), reason = r.reason,
    status = r.status, ended_at = case when r.state = 'due' then null else cast(:now as timestamptz) end
from json_to_recordset(cast(:rows as json))
    r(clinic uuid, call uuid, tries int, state text, next_at timestamptz, reason text, status int)
where w.clinic_id = r.clinic and w.id = r.call and w.tries = r.tries and w.state = 'due'
""")
# Before the calls: whoever ends a system locks it first too.
_HELD = text("select id, failures from webhook_endpoint where id = any(:ids) order by id for no key update")
_RESTS = text("""
update webhook_endpoint e set failures = r.failures, rest_until = r.until
from json_to_recordset(cast(:rows as json)) r(endpoint uuid, failures int, until timestamptz)
where e.id = r.endpoint and (e.failures, e.rest_until) is distinct from (r.failures, r.until)
""")
_FORGET = text("""
delete from webhook_call w using (
    select clinic_id, id from webhook_call
    where ended_at < :done and (state = 'done' or ended_at < :dead)
    limit :most for update skip locked
) old where w.clinic_id = old.clinic_id and w.id = old.id returning w.id
""")


@dataclass(frozen=True, slots=True)
class ClaimedCall:
    clinic_id: UUID
    call_id: UUID
    endpoint_id: UUID
    address: str
    enrolment_id: UUID
    seq: int
    patient_id: UUID
    journey: str
    step: str
    at: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class CallEnd:
    """What came of one try; `failure` None: the other side has it."""

    call: ClaimedCall
    failure: Failure | None
    status: int | None = None


async def claim_calls(sweeping: Sweeping, now: datetime) -> list[ClaimedCall]:
    """Calls that are due, over all clinics, each for `LEASE`; other workers pass over them."""
    values = {"now": now, "until": now + LEASE, "most": AT_ONCE, "of_one": OF_ONE}
    return [ClaimedCall(*row) for row in await sweeping.execute(_CLAIM, values)]


async def record_calls(sweeping: Sweeping, ends: Sequence[CallEnd], now: datetime, dice: Callable[[], float]) -> None:
    """What came of each; three statements. A system that answered no call of them is left alone for a while."""
    if not ends:
        return
    ids = {end.call.endpoint_id for end in ends}
    failures: dict[UUID, int] = dict(row for row in await sweeping.execute(_HELD, {"ids": sorted(ids)}))
    answered = {end.call.endpoint_id for end in ends if end.failure is None}
    rests = [_rest(each, 0 if each in answered else count + 1, now, dice) for each, count in failures.items()]
    await sweeping.execute(_ENDED, {"rows": _json(_end(end, now, dice) for end in ends), "now": now})
    await sweeping.execute(_RESTS, {"rows": _json(rests)})


def _rest(endpoint_id: UUID, failures: int, now: datetime, dice: Callable[[], float]) -> dict[str, Any]:
    until = now + rest_after(failures, dice()) if failures else None
    return {"endpoint": endpoint_id, "failures": failures, "until": until}


def _end(end: CallEnd, now: datetime, dice: Callable[[], float]) -> dict[str, Any]:
    call, failure = end.call, end.failure
    pause = None if failure in (None, Failure.GONE) else pause_after(call.tries, dice())
    over = WebhookState.DONE if failure is None else WebhookState.DEAD
    return {
        "clinic": call.clinic_id, "call": call.call_id, "tries": call.tries, "status": end.status,
        "state": (WebhookState.DUE if pause else over).value, "next_at": now + pause if pause else None,
        "reason": failure.value if failure else "",
    }  # fmt: skip


def _json(rows: Any) -> str:
    return json.dumps(list(rows), default=str)


async def forget_calls(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Let go of up to `limit` calls that are over since a month, and since three where they were never heard."""
    values = {"done": now - DONE_KEPT, "dead": now - DEAD_KEPT, "most": limit}
    gone = await sweeping.execute(_FORGET, values)
    return len(gone.all())
