"""What comes back to `b+…@`: delivery reports, complaints, and what old systems write instead, as reports.

A report is believed only where it names a mail of ours by a token that we made. Sources: RFC 3464 (delivery status),
RFC 5965 (complaints), RFC 3834 (answers of machines).
"""

import re
from collections.abc import Iterator
from datetime import datetime
from email.message import Message

from push.mail_parts import Part, blocks_of, field, fields_of, mail_of, parts_of, text_of
from push.mail_token import tokens_in
from push.report import Report, Reported

_GONE = {"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"}
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_DAEMON = re.compile(r"mailer-daemon|postmaster|mail ?delivery|undeliver", re.IGNORECASE)
_UNKNOWN = re.compile(
    r"user (is )?(unknown|not found)|unknown (user|recipient|mailbox)|no such (user|recipient|mailbox|address|person)"
    r"|(recipient|mailbox|account|user|address)\S{0,60} (does ?n[o']t|do not) exist|mailbox (not found|unavailable)"
    r"|invalid (recipient|mailbox)|(account|mailbox) (has been |is )?(disabled|inactive|deactivated)|RecipientNotFound"
    r"|нет такого (пользователя|адреса)|utente sconosciuto|casella inesistente|用户不存在|收件人不存在",
    re.IGNORECASE,
)
_FULL = re.compile(r"(mailbox|inbox|quota|storage)\b.{0,30}(full|exceeded|over)|over ?quota", re.IGNORECASE)
_LATER = re.compile(
    r"will (be )?(retr|try|keep trying|continue)|\bdelayed\b|not (yet )?been delivered yet", re.IGNORECASE
)
_COMPLAINTS = {"abuse", "fraud", "virus", "other"}
_STOPS = {"opt-out", "opt-out-list", "opt-out-all"}
_RECIPIENT_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
_ORIGINAL_HEADERS = ("Message-ID", "Return-Path", "X-Original-Message-ID")
_ORIGINALS = {"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"}


def reports_of(raw: bytes, recipient: str, key: str, received_at: datetime) -> list[Report]:
    """What `raw`, a mail as it came, tells of one of ours: one report, or nothing.

    `recipient`: to whom the relay delivered it (the envelope's), where that is known. `key`: the line's `token_key`.
    A delay, an out-of-office note and what is no bounce at all are nothing. Raises `Invalid` for what is no mail.
    """
    mail = mail_of(raw)
    parts = list(parts_of(mail))
    named = tokens_in(key, " ".join(_names(mail, parts, recipient)))
    told = _told(mail, parts) if named else None
    return [Report(named[0], told[0], received_at, told[1])] if told else []


def _names(mail: Part, parts: list[Part], recipient: str) -> Iterator[str]:
    """Wherever a mail of ours may be named, the surest place first."""
    yield recipient[:500]
    for name in _RECIPIENT_HEADERS:
        yield mail.value(name)
    for part in parts:
        if part.kind == "message/feedback-report":
            yield field(fields_of(part.body), "Original-Mail-From")
        if part.kind in _ORIGINALS:
            original = fields_of(part.body.lstrip(b"\r\n"))
            yield from (field(original, name) for name in _ORIGINAL_HEADERS)


def _told(mail: Part, parts: list[Part]) -> tuple[Reported, str] | None:
    for part in parts:
        if part.kind == "message/feedback-report":
            return _complained(fields_of(part.body.lstrip(b"\r\n")))
        if part.kind in {"message/delivery-status", "message/global-delivery-status"}:
            return _delivered_or_not(blocks_of(part.body))
    return _in_words(mail, parts)


def _complained(fields: Message) -> tuple[Reported, str] | None:
    kind = field(fields, "Feedback-Type").lower()
    if kind in _STOPS:
        return Reported.STOPPED, kind
    return (Reported.COMPLAINT, kind) if kind in _COMPLAINTS else None


def _delivered_or_not(blocks: list[Message]) -> tuple[Reported, str] | None:
    """By the first recipient's block: each of our mails has one."""
    block = next((each for each in blocks if each.get("Action")), None)
    if block is None:
        return None
    action = field(block, "Action").split(" ")[0].lower()
    if action == "delivered":
        return Reported.DELIVERED, ""
    if action != "failed":
        return None  # delayed, relayed, expanded: not the end
    return _failed(field(block, "Status"), field(block, "Diagnostic-Code"))


def _failed(status: str, why: str) -> tuple[Reported, str]:
    """`status` where it says more than that it failed; else what the diagnosis says."""
    found = _STATUS.search(status)
    if found is None or found[2] == "0" or found[3] == "0":
        found = _STATUS.search(why) or found
    detail, code = (f"{found[2]}.{found[3]}", found[0]) if found else ("", "")
    if found and found[1] == "5" and detail in _GONE:
        return Reported.ADDRESS_DEAD, code
    if _FULL.search(why):
        return Reported.UNDELIVERED, "mailbox-full"
    is_vague = not found or (found[1] == "5" and found[3] == "0")
    if is_vague and _UNKNOWN.search(why):
        return Reported.ADDRESS_DEAD, "user-unknown"
    return Reported.UNDELIVERED, code


def _in_words(mail: Part, parts: list[Part]) -> tuple[Reported, str] | None:
    """A bounce of no standard: from a mail system, or to nobody's answer, and it says that it is for ever."""
    is_daemon = _DAEMON.search(mail.value("From")) or mail.value("Return-Path") == "<>"
    if not is_daemon or mail.value("Auto-Submitted").lower().startswith("auto-replied"):
        return None
    text = next((text_of(part) for part in parts if part.kind == "text/plain"), "")[:20_000]
    text = " ".join(text.split())
    if _LATER.search(text):
        return None
    found = next((each for each in _STATUS.finditer(text) if each[1] == "5"), None)
    if found is None and not _UNKNOWN.search(text) and not _FULL.search(text):
        return None
    return _failed(found[0] if found else "", text)
