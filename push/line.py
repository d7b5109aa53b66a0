"""A line: one way out of a clinic, as workers and the board of channels know it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from push.channel import Way


class Provider(StrEnum):
    """What is spoken at the other end. Several may serve one way."""

    FCM = "fcm"
    APNS = "apns"
    WEBPUSH = "webpush"
    SMS_HTTP = "sms_http"
    SMPP = "smpp"
    SMTP = "smtp"
    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"


WAYS: Mapping[Provider, Way] = {
    Provider.FCM: Way.FCM,
    Provider.APNS: Way.APNS,
    Provider.WEBPUSH: Way.WEBPUSH,
    Provider.SMS_HTTP: Way.SMS,
    Provider.SMPP: Way.SMS,
    Provider.SMTP: Way.EMAIL,
    Provider.TELEGRAM: Way.TELEGRAM,
    Provider.WHATSAPP: Way.WHATSAPP,
}
PHONE_WAYS = frozenset({Way.FCM, Way.APNS, Way.WEBPUSH})
"""Their lines are named by the app build."""

# What each takes by its own documentation, with room to spare; a clinic's contract may say less.
USUAL_RATES: Mapping[Provider, int] = {
    Provider.FCM: 60_000,
    Provider.APNS: 60_000,
    Provider.WEBPUSH: 60_000,
    Provider.SMS_HTTP: 600,
    Provider.SMPP: 600,
    Provider.SMTP: 600,
    Provider.TELEGRAM: 1_200,
    Provider.WHATSAPP: 3_000,
}
CLINIC_RATE = 120_000
"""Of all lines of one clinic together, a minute."""
MOST_LINES = 200
LINE_PAUSE = timedelta(seconds=30)
"""Where no line can be had now it is asked for again then; meanwhile another way may be tried."""

# Settings that say where secrets are sent to: who changes one must know the secrets.
LEADS: Mapping[Provider, frozenset[str]] = {
    Provider.SMS_HTTP: frozenset({"shape", "url", "check_url", "account", "receipts_url"}),
    Provider.SMPP: frozenset({"host", "port", "tls", "tls_ca", "system_id"}),
    Provider.SMTP: frozenset({"host", "port", "security", "authority", "user"}),
}


@dataclass(frozen=True, slots=True)
class Line:
    """`sealed`: its credentials, for the board alone. `rests_until`: nothing goes before; its provider asked for time,
    or its circuit is open, or somebody's one message is just trying it.
    """

    clinic_id: UUID
    line_id: UUID
    name: str
    provider: Provider
    settings: Mapping[str, Any] = field(repr=False)
    sealed: str = field(repr=False)
    version: int
    rate_per_minute: int
    rests_until: datetime | None = None

    @property
    def way(self) -> Way:
        return WAYS[self.provider]
