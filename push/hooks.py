"""What comes back on a clinic's lines: whether it is genuine, and what it tells. One door for every provider."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from push import mail_bounces, mail_incoming, sms_http_hooks, telegram_hooks, whatsapp_hooks
from push.channel import Way
from push.hook_body import header
from push.mail_line import MailLine
from push.report import Incoming, Report
from push.sms_gateway import SmsGatewayLine
from push.telegram import TelegramLine
from push.telegram_hooks import Linked
from push.whatsapp import WhatsAppLine

SIGNATURE, RECIPIENT = "x-enamel-signature", "x-enamel-recipient"
"""Of mails that a clinic's own mail system hands over: HMAC-SHA256 in hex, and the envelope's recipient."""
_LARGEST = {Way.SMS: 64 * 1024, Way.TELEGRAM: 1024 * 1024, Way.WHATSAPP: 3 * 1024 * 1024}
LARGEST_MAIL = 10 * 1024 * 1024
Form = SmsGatewayLine | MailLine | TelegramLine | WhatsAppLine


@dataclass(frozen=True, slots=True)
class Told:
    """`answers`: the token of the mail of ours that the incoming one answers; who wrote it got that mail."""

    reports: tuple[Report, ...] = ()
    incoming: tuple[Incoming, ...] = ()
    linked: Linked | None = None
    answers: str | None = field(default=None, repr=False)


def largest(way: Way) -> int:
    """How many bytes a post of this way may have."""
    return _LARGEST.get(way, LARGEST_MAIL)


def hears(form: Form) -> bool:
    """Whether its provider posts anything at all."""
    return not isinstance(form, SmsGatewayLine) or form.shape.hooks is not None


def is_genuine(form: Form, headers: Mapping[str, str], body: bytes, url: str) -> bool:
    """Whether the line's provider posted `body` to `url` (as it knows it). In constant time; never raises."""
    match form:
        case SmsGatewayLine():
            hooks = form.shape.hooks
            secret = form.secret.get_secret_value()
            return hooks is not None and sms_http_hooks.genuine(headers, body, secret, hooks=hooks, url=url)
        case TelegramLine():
            return telegram_hooks.genuine(headers, body, form.hook_secret.get_secret_value())
        case WhatsAppLine():
            return whatsapp_hooks.genuine(headers, body, form.app_secret.get_secret_value())
        case MailLine():
            made = mail_signature(form.token_key.get_secret_value(), header(headers, RECIPIENT), body)
            return hmac.compare_digest(header(headers, SIGNATURE).encode(), made.encode())


def mail_signature(token_key: str, recipient: str, body: bytes) -> str:
    """With a key of its own: whoever hands mails over cannot forge the names of ours."""
    return hmac.new(mail_hook_key(token_key), recipient.encode() + b"\n" + body, hashlib.sha256).hexdigest()


def mail_hook_key(token_key: str) -> bytes:
    """What the clinic's mail system signs with; its hex form is what is entered there."""
    return hmac.digest(token_key.encode(), b"mail hook", hashlib.sha256)


def told_by(form: Form, headers: Mapping[str, str], body: bytes, now: datetime) -> Told:
    """What a genuine post tells. Raises `Invalid` for one that is malformed."""
    match form:
        case SmsGatewayLine():
            hooks = form.shape.hooks
            assert hooks is not None  # `is_genuine` has asked
            incoming = sms_http_hooks.incoming_of(body, hooks=hooks, now=now)
            return Told(tuple(sms_http_hooks.reports_of(body, hooks=hooks, now=now)), tuple(incoming))
        case TelegramLine():
            said = tuple(telegram_hooks.incoming_of(body))
            return Told(tuple(telegram_hooks.reports_of(body)), said, telegram_hooks.linked_of(body))
        case WhatsAppLine():
            reports = whatsapp_hooks.reports_of(body, form.number_id)
            return Told(tuple(reports), tuple(whatsapp_hooks.incoming_of(body, form.number_id)))
        case MailLine():
            return _told_by_mail(form.token_key.get_secret_value(), header(headers, RECIPIENT), body, now)


def _told_by_mail(key: str, recipient: str, raw: bytes, now: datetime) -> Told:
    reports = mail_bounces.reports_of(raw, recipient, key, now)
    if reports:
        return Told(tuple(reports))
    incoming = mail_incoming.incoming_of(raw, now)
    return Told((), tuple(incoming), None, mail_incoming.answered(raw, key) if incoming else None)
