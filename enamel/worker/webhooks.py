"""Tells clinics' own systems of journeys' steps: takes calls (commit), makes them (no transaction), records (commit).

What a crash leaves, line by line of `make_calls`:
- before the claim commits: nothing; the calls are due and the next worker takes them;
- after the claim, before the request: a try is counted, and the call is due again when its lease ends;
- after the request, before the record: the same. The other side hears it again under the same `webhook-id`, which is
  what that is for;
- after the record: it is over, or due at its next time.
A worker that was thought dead and comes back records nothing: the number of tries has moved on.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from automation.commands.webhook_rounds import CallEnd, ClaimedCall, claim_calls, forget_calls, record_calls
from automation.webhook import body_of, webhook_key
from automation.webhook_http import Webhooks
from core.database import Database
from identity.secrets import Secrets

FORGETTING_PAUSE_SECONDS = 3600.0
_MOST_FORGOTTEN = 1_000
_dice = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Calling:
    """What calls are made with."""

    http: Webhooks
    secrets: Secrets


async def make_calls(database: Database, calling: Calling, now: Callable[[], datetime]) -> int:
    """One round; how many calls were made (0: nothing was due). Any number of workers may run it."""
    async with database.sweeping() as sweeping:
        calls = await claim_calls(sweeping, now())
    ends = await asyncio.gather(*(_called(calling, call, now()) for call in calls))
    async with database.sweeping() as sweeping:
        await record_calls(sweeping, ends, now(), _dice.random)
    return len(calls)


async def _called(calling: Calling, call: ClaimedCall, at: datetime) -> CallEnd:
    key = webhook_key(calling.secrets.keyed_hash, call.clinic_id, call.endpoint_id)
    body = body_of(call.clinic_id, call.enrolment_id, call.seq, call.patient_id, call.journey, call.step, call.at)
    failure, status = await calling.http.call(call.address, key, call.call_id, int(at.timestamp()), body)
    return CallEnd(call, failure, status)


async def forget_old_calls(database: Database, now: datetime) -> int:
    """How many calls that are long over were let go of."""
    async with database.sweeping() as sweeping:
        return await forget_calls(sweeping, now, _MOST_FORGOTTEN)
