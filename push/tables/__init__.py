"""Rows of push: phones, builds, lines; what is told, its words and each try; what was agreed to; what came back."""

from push.tables.builds import AppBuildRow
from push.tables.consents import ConsentRow
from push.tables.contacts import (
    CallTask,
    ContactPolicyRow,
    ContactPreferenceRow,
    ContactRing,
    DeadAddress,
    MessengerLink,
)
from push.tables.devices import DeviceRow
from push.tables.lines import ClinicPaceRow, LineHostRow, LineMinuteRow, LineRow
from push.tables.notices import DeliveryRow, NoticeRow
from push.tables.reports import ConfirmationRow, InboxReadRow, ReportRow, StrangerRow
from push.tables.wording import ClinicWordingRow, LockScreenRow, MessageTemplateRow, MessageTemplateVersionRow, SaidRow

__all__ = [
    "AppBuildRow",
    "CallTask",
    "ClinicPaceRow",
    "ClinicWordingRow",
    "ConfirmationRow",
    "ConsentRow",
    "ContactPolicyRow",
    "ContactPreferenceRow",
    "ContactRing",
    "DeadAddress",
    "DeliveryRow",
    "DeviceRow",
    "InboxReadRow",
    "LineHostRow",
    "LineMinuteRow",
    "LineRow",
    "LockScreenRow",
    "MessageTemplateRow",
    "MessageTemplateVersionRow",
    "MessengerLink",
    "NoticeRow",
    "ReportRow",
    "SaidRow",
    "StrangerRow",
]
