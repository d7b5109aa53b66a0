"""One message that a worker holds, with everything its sending and recording need."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from push.channel import Message, Target, Way
from push.commands.heads import AnyNotice, AnyPhone
from push.commands.standing import hours_of
from push.consent import ConsentChannel
from push.contact import Address, Case
from push.kinds import Lane
from push.line import Line
from push.notice import NoticeKind, Purpose
from push.wording import lock_screen

EVERY_LANE: Sequence[Lane] = tuple(Lane)


@dataclass(frozen=True, slots=True)
class Due:
    """One message to one phone or address, held by one worker until its lease ends."""

    clinic_id: UUID
    delivery_id: UUID
    notice_id: UUID
    patient_id: UUID
    device_id: UUID | None
    cause_id: UUID | None
    purpose: Purpose
    attempt: int
    due_at: datetime
    """Since when it might have gone out."""
    claimed_at: datetime
    expires_at: datetime
    """Of the notice, which may outlive `message`: what closes today may be tried again tomorrow."""
    target: Target
    message: Message
    account_id: UUID | None
    session_id: UUID | None
    """Whose phone it is, and by which sign-in; null where it is none."""
    channel: ConsentChannel = ConsentChannel.PUSH
    line: Line | None = None
    """The clinic's line it goes by; None: the settings' own."""
    way: Way = Way.FCM
    lane: Lane = Lane.URGENT
    language: str = "en"
    wording: str = ""
    """What its words are called; empty: they are those of its kind."""
    visit_id: UUID | None = None
    """The visit it is about, where it is about one."""


def due_for_phone(
    case: Case, notice: AnyNotice, phone: AnyPhone, line: Line | None, delivery_id: UUID, attempt: int,
    due_at: datetime, now: datetime,
) -> Due:  # fmt: skip
    target = Target(phone.platform, phone.app_build, phone.token)
    message = _message(notice, phone.locale, (notice.badges or {}).get(str(phone.account_id)), now)
    return Due(
        notice.clinic_id, delivery_id, notice.id, notice.patient_id, phone.id, notice.cause_id, case.purpose, attempt,
        due_at, now, notice.expires_at, target, message, phone.account_id, phone.session_id, ConsentChannel.PUSH, line,
        Way(phone.way), Lane(notice.lane), phone.locale, notice.wording or "", notice.visit_id,
    )  # fmt: skip


def due_for_address(
    case: Case, notice: AnyNotice, channel: ConsentChannel, address: Address, delivery_id: UUID, attempt: int,
    due_at: datetime, now: datetime,
) -> Due:  # fmt: skip
    target = Target("", address.line.name if address.line else "", address.text)
    return Due(
        notice.clinic_id, delivery_id, notice.id, notice.patient_id, None, notice.cause_id, case.purpose, attempt,
        due_at, now, notice.expires_at, target, _message(notice, case.person.language, None, now), None, None, channel,
        address.line, address.way, Lane(notice.lane), case.person.language, notice.wording or "", notice.visit_id,
    )  # fmt: skip


def _message(notice: AnyNotice, locale: str, badge: int | None, now: datetime) -> Message:
    kind = NoticeKind(notice.kind)
    title, text = ("", "") if notice.silent else lock_screen(kind, locale)
    # A provider that reaches the phone only at night must let it be: the inbox keeps it.
    hours = hours_of(notice)
    until = min(notice.expires_at, hours.closes_after(now)) if hours else notice.expires_at
    return Message(
        notice.id, kind, title, text, notice.link, until, until - now,
        thread_id=notice.cause_id if kind is NoticeKind.CHAT else None, seq=notice.seq, badge=badge,
        silent=notice.silent, language=locale,
    )  # fmt: skip
