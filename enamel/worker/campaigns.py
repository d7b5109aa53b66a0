"""Runs the campaigns of every clinic: each that is due is moved on in a transaction of its own.

Crash safety. `advance_campaign` is one commit under the lock of the campaign's row, and everything it decides by stands
in rows: killed before the commit, nothing of it is there, PostgreSQL lets go of the lock, and whichever worker looks
next does the same from the same rows; killed after it, they say that it is done.

- Between two batches: who was handed over has `handed_at` and is not found again; the others are.
- Inside a batch: message, arm, moment and the campaign's pace are one commit. A message that two could have made has
  one dedupe key (the member's id), so push keeps one; a patient is one member for ever, by a unique index.
- After abort, pause or end: these wait for a batch that is being written, and then hold or take back all of it.
- A response is marked in the commit that makes its task, and a task is one for each member.

A campaign that fails is put off, each time twice as long, and keeps no other from its turn.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from automation.commands.campaign_sends import advance_campaign, postpone_campaign
from automation.commands.campaign_tasks import follow_up_campaign
from automation.queries.campaigns import campaigns_to_follow, due_campaigns
from core.database import Database, Sweeping

AT_ONCE = 2_000
"""People of one transaction."""
PAUSE_SECONDS = 1.0
_MOST = 100
_LOG = logging.getLogger("enamel.campaigns")

_Look = Callable[[Sweeping, datetime, int], Awaitable[list[tuple[UUID, UUID]]]]
_Move = Callable[[Sweeping, UUID, UUID, datetime, int], Awaitable[int]]


async def keep_campaigns(database: Database, now: datetime, at_once: int = AT_ONCE) -> int:
    """One round: a batch of each campaign that is due; how much was done (0: nothing was due). A large one never
    stands before a small one."""
    done = 0
    looks: tuple[tuple[_Look, _Move], ...] = (
        (due_campaigns, advance_campaign), (campaigns_to_follow, follow_up_campaign),
    )  # fmt: skip
    for look, move in looks:
        async with database.sweeping() as sweeping:
            due = await look(sweeping, now, _MOST)
        for clinic_id, campaign_id in due:
            done += await _moved(database, move, clinic_id, campaign_id, now, at_once)
    return done


async def _moved(
    database: Database, move: _Move, clinic_id: UUID, campaign_id: UUID, now: datetime, at_once: int
) -> int:  # fmt: skip
    try:
        async with database.sweeping() as sweeping:
            return await move(sweeping, clinic_id, campaign_id, now, at_once)
    except Exception as failure:  # noqa: BLE001  one campaign must not keep the others from their turn
        _LOG.error(json.dumps({"campaign": str(campaign_id), "error": type(failure).__name__}))
    async with database.sweeping() as sweeping:
        await postpone_campaign(sweeping, clinic_id, campaign_id, now)
    return 0
