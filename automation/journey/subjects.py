"""What is about what: an exit of a journey about one visit, plan or paper listens to what happens to that one."""

from enum import Enum, auto

from automation.criteria.said import EventKind
from automation.journey.document import Trigger
from automation.journey.words import DateFact

_E = EventKind


class Thing(Enum):
    VISIT = auto()
    PLAN = auto()
    DOCUMENT = auto()
    SURVEY = auto()
    COUPON = auto()
    CARD = auto()
    OFFER = auto()
    """A freed time, offered to one patient."""


BEGINS: dict[EventKind, Thing] = {
    _E.APPOINTMENT_REQUESTED: Thing.VISIT, _E.APPOINTMENT_BOOKED: Thing.VISIT, _E.PLAN_PUBLISHED: Thing.PLAN,
    _E.DOCUMENT_SENT: Thing.DOCUMENT, _E.SURVEY_ASKED: Thing.SURVEY, _E.COUPON_PICKED_UP: Thing.COUPON,
    _E.SLOT_OFFER_MADE: Thing.OFFER,
}  # fmt: skip
"""There is something new: never what a journey is about already."""
GOES_ON: dict[EventKind, Thing] = {
    _E.APPOINTMENT_CONFIRMED: Thing.VISIT, _E.APPOINTMENT_CONFIRMED_BY_PATIENT: Thing.VISIT,
    _E.APPOINTMENT_MOVED: Thing.VISIT, _E.APPOINTMENT_ARRIVED: Thing.VISIT, _E.PLAN_ACCEPTED: Thing.PLAN,
    _E.STAGE_ACCEPTED: Thing.PLAN, _E.STAGE_DECLINED: Thing.PLAN,
}  # fmt: skip
ENDS: dict[EventKind, Thing] = {
    _E.APPOINTMENT_COMPLETED: Thing.VISIT, _E.APPOINTMENT_CANCELLED: Thing.VISIT, _E.APPOINTMENT_DECLINED: Thing.VISIT,
    _E.APPOINTMENT_NO_SHOW: Thing.VISIT, _E.PLAN_DECLINED: Thing.PLAN, _E.DOCUMENT_SIGNED: Thing.DOCUMENT,
    _E.SURVEY_ANSWERED: Thing.SURVEY, _E.COUPON_REDEEMED: Thing.COUPON, _E.COUPON_EXPIRED: Thing.COUPON,
    _E.SLOT_OFFER_ACCEPTED: Thing.OFFER, _E.SLOT_OFFER_DECLINED: Thing.OFFER,
}  # fmt: skip
"""Nothing more happens to it: what a journey waits for that such an event began must happen to another."""
_OF_DATES = {DateFact.VISIT: Thing.VISIT, DateFact.COUPON_ENDS: Thing.COUPON, DateFact.CARD_ENDS: Thing.CARD}


def goes_on_about(trigger: Trigger) -> Thing | None:
    """What of the kind the enrolments are about, where something may still happen to it."""
    if trigger.event is not None:
        return (BEGINS | GOES_ON).get(trigger.event)
    return None if trigger.fact is None else _OF_DATES.get(trigger.fact)


def befalls(event: EventKind) -> Thing | None:
    """To what this happens that was there before."""
    return (GOES_ON | ENDS).get(event)
