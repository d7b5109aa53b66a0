"""The verbs of automation: launch a journey, take patients in, let them out, move them on."""

from automation.commands.enrolments import enrol, exit_converted
from automation.commands.journeys import JourneyAlreadyRuns, start_journey
from automation.commands.steps import advance

__all__ = ["JourneyAlreadyRuns", "advance", "enrol", "exit_converted", "start_journey"]
