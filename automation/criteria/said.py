"""What a leaf says beside its kind: every member that any of them has, each with its bounds."""

from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from automation.survey import HIGHEST_NPS
from cabinet.facts import ServiceKind
from cabinet.finding import FindingCode
from clinic.appointment import AppointmentStatus
from clinic.facts import Language
from core.moments import Day
from core.money import Money
from core.values import Int32, ShortText, Value
from push.consent import ConsentChannel
from push.notice import NoticeKind, Purpose

FARTHEST_DAYS = 36_500
MOST_COUNTED = 1_000_000

Days = Annotated[Int32, Field(ge=0, le=FARTHEST_DAYS)]
Score = Annotated[Int32, Field(ge=0, le=HIGHEST_NPS)]
Age = Annotated[Int32, Field(ge=0, le=150)]
# Days within which every branch's midnight is a moment that both sides can write down.
TreatmentDay = Annotated[Day, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]


class CriterionKind(StrEnum):
    ALL = "all"
    ANY = "any"
    NOT = "not"
    PROCEDURE_LAST = "procedure_last"
    """The last `procedure` was done more than `older_than_days` days ago."""
    PROCEDURE_NEVER = "procedure_never"
    PROCEDURE_WITHIN = "procedure_within"
    PROCEDURE_COUNT = "procedure_count"
    APPOINTMENT_AHEAD = "appointment_ahead"
    """A standing visit (requested, booked, confirmed) lies in the future."""
    APPOINTMENT_AHEAD_FOR = "appointment_ahead_for"
    """One of exactly that service, as the clinic's system words it, within so many days."""
    VISIT_COUNT = "visit_count"
    VISIT_LAST_IS = "visit_last_is"
    VISIT_MISSED_SILENT = "visit_missed_silent"
    VISIT_NEVER_CAME = "visit_never_came"
    FIRST_VISIT = "first_visit"
    CONSULTATION_MISSED = "consultation_missed"
    ASLEEP = "asleep"
    ESTIMATE_PENDING = "estimate_pending"
    PLAN_STALLED = "plan_stalled"
    PLAN_DROPPED = "plan_dropped"
    PLAN_FINISHED = "plan_finished"
    DOCUMENT_WAITING = "document_waiting"
    """Asks to be signed, filled or acknowledged for more than `older_than_days` days."""
    FINDING_UNTREATED = "finding_untreated"
    BALANCE_OVER = "balance_over"
    BILL_OVERDUE = "bill_overdue"
    COUPON_EXPIRING = "coupon_expiring"
    CARD_EXPIRING = "card_expiring"
    POINTS_AT_LEAST = "points_at_least"
    TIER_IS = "tier_is"
    REFERRALS_AT_LEAST = "referrals_at_least"
    MESSAGE_OPENED = "message_opened"
    EVENT_COUNT = "event_count"
    EVENT_WITHOUT = "event_without"
    CONSENT_GRANTED = "consent_granted"
    SURVEY_SCORED = "survey_scored"
    TAG_IS = "tag_is"
    """A tag or a list of the library; never a segment of criteria, so none can ask for itself."""
    AGE_AT_LEAST = "age_at_least"
    AGE_BETWEEN = "age_between"
    BIRTHDAY_WITHIN = "birthday_within"
    LANGUAGE_IS = "language_is"
    BRANCH_IS = "branch_is"
    CONTACT_KNOWN = "contact_known"
    REGISTERED_WITHIN = "registered_within"


class Contact(StrEnum):
    """A way in which the clinic could reach somebody; whether it may is `consent_granted`."""

    EMAIL = "email"
    PHONE = "phone"
    APP = "app"
    """Signed in on a phone that takes messages, by whoever may open the record."""


class EventKind(StrEnum):
    """What of the events of a patient can be asked for. Reads, marks and wiring are nobody's criterion."""

    APPOINTMENT_REQUESTED = "appointment.requested"
    APPOINTMENT_BOOKED = "appointment.booked"
    APPOINTMENT_CONFIRMED = "appointment.confirmed"
    APPOINTMENT_CONFIRMED_BY_PATIENT = "appointment.confirmed_by_patient"
    APPOINTMENT_MOVED = "appointment.moved"
    APPOINTMENT_ARRIVED = "appointment.arrived"
    APPOINTMENT_COMPLETED = "appointment.completed"
    APPOINTMENT_CANCELLED = "appointment.cancelled"
    APPOINTMENT_DECLINED = "appointment.declined"
    APPOINTMENT_NO_SHOW = "appointment.no_show"
    PLAN_PUBLISHED = "plan.published"
    PLAN_ACCEPTED = "plan.accepted"
    PLAN_DECLINED = "plan.declined"
    STAGE_ACCEPTED = "stage.accepted"
    STAGE_DECLINED = "stage.declined"
    DOCUMENT_SENT = "document.sent"
    DOCUMENT_SIGNED = "document.signed"
    MESSAGE_POSTED = "message.posted"
    """In the chat, from whichever side."""
    PUSH_OPENED = "push.opened"
    CALL_WANTED = "push.call_wanted"
    """No message reached them: somebody should ring up."""
    TASK_DONE = "task.done"
    SURVEY_ASKED = "survey.asked"
    SURVEY_ANSWERED = "survey.answered"
    COUPON_PICKED_UP = "coupon.picked_up"
    COUPON_REDEEMED = "coupon.redeemed"
    COUPON_EXPIRED = "coupon.expired"
    POINTS_ACCRUED = "points.accrued"
    TIER_REACHED = "tier.reached"
    REFERRAL_BOUND = "referral.bound"
    REFERRAL_REWARDED = "referral.rewarded"
    CONSENT_GRANTED = "consent.granted"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    BILL_SETTLED = "bill.settled"
    WAITING_ENTRY_MADE = "waiting_entry.made"
    SLOT_OFFER_MADE = "slot_offer.made"
    SLOT_OFFER_ACCEPTED = "slot_offer.accepted"
    SLOT_OFFER_DECLINED = "slot_offer.declined"


class Owed(Money):
    """An amount that somebody may owe: zero or more."""

    amount_minor: Annotated[int, Field(strict=True, ge=0, le=10**12, json_schema_extra={"format": "int64"})]


class Said(Value):
    """A leaf has exactly the members that its kind needs; all others are absent."""

    procedure: ServiceKind | None = None
    service: ShortText | None = None
    older_than_days: Days | None = None
    within_days: Annotated[Days | None, Field(description="By the calendar of the patient's branch; 0 is today.")] = (
        None
    )
    from_day: Annotated[TreatmentDay | None, Field(description="Instead of `within_days`, with `to_day`.")] = None
    to_day: TreatmentDay | None = None
    at_least: Annotated[Int32, Field(ge=1, le=MOST_COUNTED)] | None = None
    months: Annotated[Int32, Field(ge=1, le=600)] | None = None
    years: Age | None = None
    to_years: Age | None = None
    language: Language | None = None
    branch_id: UUID | None = None
    contact: Contact | None = None
    visit_status: AppointmentStatus | None = None
    finding: FindingCode | None = None
    amount: Owed | None = None
    tier: ShortText | None = None
    notice: NoticeKind | None = None
    event: EventKind | None = None
    then_event: EventKind | None = None
    then_days: Annotated[Int32, Field(ge=1, le=3_650)] | None = None
    purpose: Purpose | None = None
    channel: ConsentChannel | None = None
    from_score: Annotated[Score | None, Field(description="Of an `nps` question, counted.")] = None
    to_score: Score | None = None
    segment_id: Annotated[UUID | None, Field(description="A tag or a list of the library.")] = None
