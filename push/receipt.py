"""What a provider's report changes of a delivery, in whatever order reports come and however often."""

from dataclasses import dataclass, replace
from datetime import datetime

from push.outcome import DeliveryState
from push.report import Reported

_OPEN_OR_ACCEPTED = frozenset({DeliveryState.ACCEPTED, DeliveryState.UNKNOWN, DeliveryState.FAILED})
_ARRIVED = frozenset({Reported.DELIVERED, Reported.OPENED, Reported.COMPLAINT})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a delivery stands."""

    state: DeliveryState
    reason: str = ""
    delivered_at: datetime | None = None
    opened_at: datetime | None = None


def after(standing: Standing, reported: Reported, code: str, at: datetime) -> Standing:
    """What arrived has arrived, whatever else is said; of what did not, a dead address says more than a failure."""
    if reported in _ARRIVED:
        opened = _earlier(standing.opened_at, at) if reported is Reported.OPENED else standing.opened_at
        reason = standing.reason if standing.state is DeliveryState.ACCEPTED else "receipt"
        return Standing(DeliveryState.ACCEPTED, reason, _earlier(standing.delivered_at, at), opened)
    if reported is Reported.STOPPED or standing.delivered_at is not None or standing.state not in _OPEN_OR_ACCEPTED:
        return standing
    state = DeliveryState.DEAD if reported is Reported.ADDRESS_DEAD else DeliveryState.FAILED
    return replace(standing, state=state, reason=code or reported.value)


def _earlier(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)
