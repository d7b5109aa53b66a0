"""What the automation package holds of a person: which journeys they were on and what was done for them."""

import automation.tables  # noqa: F401  who copies or erases must know them
from core.holding import Fate, Holding

# Who is erased has left every segment.
_LEFT = {
    "state": "case state when 'active' then 'exited' else state end",
    "exited_at": "coalesce(exited_at, now())",
    "exit_reason": "coalesce(exit_reason, 'left_segment')",
}

HOLDINGS: tuple[Holding, ...] = (
    Holding("enrolment", Fate.SHELL, own=True, becomes=_LEFT),
    Holding("touchpoint", Fate.CODES, person="enrolment_id", parent="enrolment", own=True),
    Holding("timer", Fate.ERASE, person="enrolment_id", parent="enrolment", untold="when a journey looks again"),
)
