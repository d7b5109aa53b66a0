"""Rows of automation."""

from automation.tables.calls import PhoneCall, PhoneExchange, PhoneExtension
from automation.tables.campaigns import CampaignMember, CampaignPolicyRow, CampaignRow
from automation.tables.journeys import Enrolment, JourneyMark, JourneyRow, Timer, Touchpoint
from automation.tables.segments import Segment, SegmentChange, SegmentMark, SegmentMember
from automation.tables.surveys import SurveyAnswer, SurveyInvitation, SurveyRow
from automation.tables.tasks import Task, TaskTry, Team
from automation.tables.webhooks import WebhookCall, WebhookEndpoint

__all__ = [
    "CampaignMember",
    "CampaignPolicyRow",
    "CampaignRow",
    "Enrolment",
    "JourneyMark",
    "JourneyRow",
    "PhoneCall",
    "PhoneExchange",
    "PhoneExtension",
    "Segment",
    "SegmentChange",
    "SegmentMark",
    "SegmentMember",
    "SurveyAnswer",
    "SurveyInvitation",
    "SurveyRow",
    "Task",
    "TaskTry",
    "Team",
    "Timer",
    "Touchpoint",
    "WebhookCall",
    "WebhookEndpoint",
]
