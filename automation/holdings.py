"""What the automation package holds of a person: which journeys they were on and what was done for them."""

import automation.tables  # noqa: F401  who copies or erases must know them
from core.holding import Fate, Holding

# Who is erased has left every segment.
_LEFT = {
    "state": "case state when 'active' then 'exited' else state end",
    "exited_at": "coalesce(exited_at, now())",
    "exit_reason": "coalesce(exit_reason, 'erased')",
}

HOLDINGS: tuple[Holding, ...] = (
    Holding("enrolment", Fate.SHELL, own=True, becomes=_LEFT),
    Holding("touchpoint", Fate.CODES, person="enrolment_id", parent="enrolment", own=True),
    Holding("timer", Fate.ERASE, person="enrolment_id", parent="enrolment", untold="when a journey looks again"),
    # Who of the staff did it is no matter of the patient's copy.
    Holding(
        "task",
        Fate.ERASE,
        own=True,
        omit=frozenset({"assignee_id", "taken_by", "ended_by", "made_by", "preset", "team_id", "script", "about"}),
    ),
    # The recording lies with the telephone system: whoever wants it asks the clinic.
    Holding(
        "phone_call",
        Fate.ERASE,
        own=True,
        concealed=frozenset({"recording_url"}),
        omit=frozenset({"exchange_id", "call_key", "staff_id", "verdict"}),
    ),
    # How often we tried to tell the clinic's system, and what that answered, is no matter of theirs.
    Holding(
        "webhook_call", Fate.ERASE, own=True, omit=frozenset({"endpoint_id", "tries", "next_at", "reason", "status"})
    ),
    Holding("survey_invitation", Fate.ERASE, own=True, omit=frozenset({"cause_id", "seq"})),
    Holding("segment_member", Fate.ERASE, own=True),
    # Who came and went is counted by day still; whose row it was is known in the archive alone.
    Holding("segment_change", Fate.CODES, own=True),
    # Who was in the holdout is told nothing of it; what was said stands among the notices.
    Holding("campaign_member", Fate.ERASE, own=True, omit=frozenset({"arm", "tasked_at"})),
    Holding("survey_answer", Fate.ERASE, person="invitation_id", parent="survey_invitation", own=True),
    Holding("task_try", Fate.ERASE, person="task_id", parent="task", own=True, omit=frozenset({"staff_id"})),
)
