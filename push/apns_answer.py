"""What Apple's answers mean: its whole table of reasons, each as one of our seven.

Source: https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from push.outcome import Outcome, Result

_R = Result
_OK = 200
_REASONS: Mapping[str, Result] = {
    **dict.fromkeys(("Unregistered", "ExpiredToken"), _R.DEAD),
    **dict.fromkeys(
        (
            "BadCollapseId", "BadExpirationDate", "BadMessageId", "BadPriority", "DuplicateHeaders", "InvalidPushType",
            "MissingDeviceToken", "PayloadEmpty", "BadPath", "MethodNotAllowed", "PayloadTooLarge",
        ),
        _R.BAD_MESSAGE,
    ),
    **dict.fromkeys(
        (
            "BadTopic", "MissingTopic", "TopicDisallowed", "TopicMismatch", "BadCertificate",
            "BadCertificateEnvironment", "ExpiredProviderToken", "Forbidden", "InvalidProviderToken",
            "MissingProviderToken", "UnrelatedKeyIdInToken", "BadEnvironmentKeyIdInToken",
        ),
        _R.CONFIG,
    ),
    **dict.fromkeys(("TooManyProviderTokenUpdates", "TooManyRequests"), _R.THROTTLED),
    **dict.fromkeys(("IdleTimeout", "InternalServerError", "ServiceUnavailable", "Shutdown"), _R.AMBIGUOUS),
}  # fmt: skip
_UNKNOWN_HERE = frozenset({"BadDeviceToken", "DeviceTokenNotForTopic"})
"""Said of a wrong token, and of every token where the environment or the topic is wrong."""
_STATUSES = {400: _R.BAD_MESSAGE, 413: _R.BAD_MESSAGE, 429: _R.THROTTLED}
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def outcome_of(status: int, body: bytes, apns_id: str, pause: timedelta | None, *, proved: bool) -> Outcome:
    """`proved`: Apple has taken a message of this line, so environment and topic are right, and a token it does not
    know is the token's own fault. Before that no phone is given up: a wrong setting would cost us every one.
    """
    if status == _OK:
        return Outcome(_R.ACCEPTED, provider_id=apns_id)
    reason, timestamp = _said(body)
    if reason in _UNKNOWN_HERE:
        result = _R.DEAD if proved else _R.CONFIG
    elif reason in _REASONS:
        result = _REASONS[reason]
    else:
        server_failed = status in range(500, 600)
        return Outcome(
            _R.AMBIGUOUS if server_failed else _STATUSES.get(status, _R.CONFIG), f"http-{status}", retry_after=pause
        )
    dead_since = timestamp if result is _R.DEAD else None
    return Outcome(result, _WORD.sub("-", reason).lower(), retry_after=pause, dead_since=dead_since)


def _said(body: bytes) -> tuple[str, datetime | None]:
    """Reason and moment (milliseconds since 1970), as far as they are there."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return "", None
    if not isinstance(told, dict) or not isinstance(told.get("reason"), str):
        return "", None
    try:
        at = datetime.fromtimestamp(told["timestamp"] / 1000, UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        at = None
    return told["reason"], at
