"""WhatsApp's error codes: whose fault each is, and so what follows from it.

A number is never given up for a code. 131026 is said of those without WhatsApp, but of an old app, terms not yet
accepted and people who blocked the clinic too; the next rung reaches them, and the next message may arrive.
Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes.
"""

from push.outcome import Result
from push.report import Reported

STOPPED_MARKETING = 131050
_OBJECT_MISSING = 33
"""As a code or a subcode: the phone number's id is not ours to use."""
_INVALID_PARAMETER = 100

_RESULTS: dict[int, Result] = {
    # Token, permission, number, account, money: the clinic has to put something right.
    **dict.fromkeys(
        (0, 3, 10, 33, 190, *range(200, 300), 368, 131005, 131030, 131031, 131042, 131045, 133010), Result.CONFIG
    ),
    # Too much from the app, the account, the number, or to this one person; 131057: the account is being moved.
    **dict.fromkeys((4, 80007, 130429, 131048, 131056, 131057), Result.THROTTLED),
    # Meta does not say whether anything left.
    **dict.fromkeys((1, 2, 131000, 131016), Result.AMBIGUOUS),
    # 131047: a day has passed since the patient wrote. 131049, 131050, 130472: Meta or the patient wants no marketing.
    **dict.fromkeys(
        (
            100, 130472, 130497, 131008, 131009, 131021, 131026, 131047, 131049, STOPPED_MARKETING, 131051, 131052,
            131053, 131055, *range(132000, 132100), 135000,
        ),
        Result.BAD_MESSAGE,
    ),
}  # fmt: skip
_BY_STATUS = {
    400: Result.BAD_MESSAGE,
    413: Result.BAD_MESSAGE,
    429: Result.THROTTLED,
    **dict.fromkeys((408, *range(500, 600)), Result.AMBIGUOUS),
}


def result_of(status: int, code: int | None, subcode: int | None = None) -> Result:
    """What a refused request comes to: by its code, else by its HTTP status."""
    if code == _INVALID_PARAMETER and subcode == _OBJECT_MISSING:
        return Result.CONFIG
    by_status = _BY_STATUS.get(status, Result.CONFIG)
    return by_status if code is None else _RESULTS.get(code, by_status)


def reported_of(code: int | None) -> Reported:
    """What a message that was accepted and then failed comes to."""
    return Reported.STOPPED if code == STOPPED_MARKETING else Reported.UNDELIVERED
