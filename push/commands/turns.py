"""Asks for the turns of messages that are about to go through lines."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from core.database import Sweeping
from push.channel import Way
from push.commands.due import Due
from push.commands.pace import Ask, Turn, take_turns
from push.kinds import Lane
from push.outcome import DeliveryState
from push.tables import DeliveryRow
from push.web_subscription import subscription_of

PACED, RESTS = "paced", "line-rests"
"""Reasons of what is due later: a turn is its own, or it asks again."""


async def turns_of(
    sweeping: Sweeping, due: Sequence[Due], paid: Collection[UUID], now: datetime
) -> list[Turn]:  # fmt: skip
    """A turn for each; without a line of a clinic it is now. `paid`: deliveries whose turn was given before."""
    asks = {
        each.delivery_id: Ask(each.line.line_id, each.lane is Lane.BULK, each.delivery_id in paid, host_of(each))
        for each in due
        if each.line is not None
    }
    given = dict(zip(asks, await take_turns(sweeping, list(asks.values()), now), strict=True))
    return [given.get(each.delivery_id, Turn(now, paid=True)) for each in due]


def was_paid(tried: DeliveryRow) -> bool:
    return tried.state == DeliveryState.DUE.value and tried.reason == PACED


def why(turn: Turn) -> str:
    return PACED if turn.paid else RESTS


def host_of(due: Due) -> str:
    """Of a browser, its push service: each asks for patience by itself."""
    if due.way is not Way.WEBPUSH:
        return ""
    try:
        return subscription_of(due.target.token).host
    except ValueError:  # the adapter says so of this one; a claim must not fail for it
        return ""
