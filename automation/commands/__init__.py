"""The verbs of automation: launch a journey, take patients in, let them out, move them on."""

from automation.commands.doings import Means
from automation.commands.enrolments import enrol, enter_by_hand
from automation.commands.failures import EnrolmentNotFailed, repair
from automation.commands.journeys import JourneyAlreadyRuns, start_journey
from automation.commands.leaving import let_out
from automation.commands.listening import listen
from automation.commands.steps import advance

__all__ = [
    "EnrolmentNotFailed",
    "JourneyAlreadyRuns",
    "Means",
    "advance",
    "enrol",
    "enter_by_hand",
    "let_out",
    "listen",
    "repair",
    "start_journey",
]
