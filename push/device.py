"""Installed apps: what their tokens look like by way, and how long one that stays away is still told things."""

import json
import re
from datetime import datetime, timedelta
from enum import StrEnum

from push.channel import Way
from push.notice import Purpose
from push.web_subscription import subscription_of

STALE_AFTER = timedelta(days=60)
"""Unseen for so long: nothing that sells."""
FORGOTTEN_AFTER = timedelta(days=270)
"""FCM gives such registrations up: https://firebase.google.com/docs/cloud-messaging/manage-tokens."""
# Of an installation id, as Firebase makes them: 22 signs of base64url.
_FID = re.compile(r"fid:[A-Za-z0-9_-]{20,40}")
_APNS = re.compile(r"[0-9a-fA-F]{64,200}")
_FCM = re.compile(r"[\x21-\x7e]+")


class OsPermission(StrEnum):
    """What the phone lets the app show, as the app last saw it."""

    GRANTED = "granted"
    PROVISIONAL = "provisional"
    """Quietly, without a banner."""
    DENIED = "denied"
    UNKNOWN = "unknown"


def one_spelling(way: Way, token: str) -> str:
    """The token as it is kept: one address has one. Raises ValueError for what cannot be one of this way."""
    match way:
        case Way.APNS:
            return _fitting(_APNS, token, "not a token of APNs").lower()
        case Way.WEBPUSH:
            said = subscription_of(token)
            whole = {"endpoint": said.endpoint, "keys": said.keys.model_dump()}
            return json.dumps(whole, separators=(",", ":"))
        case _ if token.startswith("fid:"):
            return _fitting(_FID, token, "not an installation id")
    return _fitting(_FCM, token, "not a token")


def _fitting(pattern: re.Pattern[str], token: str, fault: str) -> str:
    if not pattern.fullmatch(token):
        raise ValueError(fault)
    return token


def may_hear(purpose: Purpose, last_seen_at: datetime, now: datetime) -> bool:
    """Whether a phone that was last seen then is told things of this purpose."""
    return now - last_seen_at < (STALE_AFTER if purpose is Purpose.MARKETING else FORGOTTEN_AFTER)
