"""A patient's answer by mail: their own words, without what was quoted and signed, and nothing of machines."""

import hashlib
import re
from datetime import datetime
from email.utils import getaddresses

from core.mail_address import on_the_wire
from push.mail_parts import Part, mail_of, parts_of, text_of
from push.mail_token import tokens_in
from push.mail_words import shown
from push.report import Incoming

LONGEST_TEXT = 4000
_MOST_LINES = 2000
_MACHINE_PRECEDENCE = {"bulk", "list", "junk", "auto_reply", "auto-reply"}
_MACHINE_HEADERS = ("List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond", "X-Auto-Reply-From", "Feedback-ID")
_DAEMON = re.compile(r"^(mailer-daemon|postmaster|no-?reply|do-?not-?reply)@", re.IGNORECASE)
_LONGEST_ATTRIBUTION = 300
_WROTE = re.compile(
    r"(On|Il) .*\d.* (wrote|ha scritto):|.*\d.* (пишет|написал|написала|написал\(а\)):|.*\d.*[写寫]道\s?[:：]"
)
_BRACKETED = re.compile(r"[<\[(](mailto:)?[^\s<>@]{1,100}@[^\s<>@]{1,100}[>\])]")
_DIVIDER = re.compile(
    r"-{2,}\s?(Original Message|Forwarded message|Исходное сообщение|Пересылаемое сообщение|Messaggio originale"
    r"|Messaggio inoltrato|原始邮件|转发的邮件)\s?-{2,}|_{20,}",
    re.IGNORECASE,
)
_QUOTED_HEAD = re.compile(r"\*?(From|От|Da|发件人|寄件者)\*?\s?[:：]\*? ?.{1,200}")
_NEXT_HEAD = re.compile(r"\*?(Sent|Date|To|Отправлено|Дата|Кому|Inviato|Data|A|发送时间|日期|收件人)\*?\s?[:：].*")
_DEVICE = re.compile(
    r"(Sent from|Отправлено (с|из)|Inviato da|发自|Get Outlook for).{0,20}"
    r"(iPhone|iPad|iOS|Android|Samsung|Galaxy|Outlook|Yahoo|Mail|mobile|Почт|手机).{0,40}",
    re.IGNORECASE,
)


def incoming_of(raw: bytes, received_at: datetime) -> list[Incoming]:
    """The message in `raw`, a mail as it came; nothing where a machine wrote it, or it holds no word of its own.

    `address` is what the mail says in From, which anybody may write: see `answered`. Raises `Invalid` for no mail.
    """
    mail = mail_of(raw)
    address = _address(mail)
    if not address or _is_machine(mail, address):
        return []
    text = own_words(_text(mail))
    return [Incoming(_external_id(mail, raw), address, text, received_at)] if text else []


def answered(raw: bytes, key: str) -> str | None:
    """The token of the mail of ours that this one answers: proof that its writer got it. None: nothing is proven."""
    mail = mail_of(raw)
    named = tokens_in(key, f"{mail.value('In-Reply-To')} {mail.value('References')}")
    return named[0] if named else None


def own_words(text: str) -> str:
    """`text` without quoted history and signature, at most 4,000 signs."""
    lines = [shown(line).rstrip() for line in text.split("\n")[:_MOST_LINES]]
    kept: list[str] = []
    at = 0
    while at < len(lines) and not _ends(lines, at):
        skipped = _attributed(lines, at)
        if skipped and not _is_quoted(_next_word(lines, at + skipped)):
            break  # the rest is history, with no sign before its lines
        if not skipped and not _is_quoted(lines[at]) and not _DEVICE.fullmatch(lines[at]):
            kept.append(lines[at])
        at += skipped or 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()[:LONGEST_TEXT].strip()


def _ends(lines: list[str], at: int) -> bool:
    """Whether a signature or a mail that is passed on begins here."""
    line = lines[at]
    return line in {"--", "—"} or bool(_DIVIDER.fullmatch(line.strip())) or _begins_head(lines, at)


def _attributed(lines: list[str], at: int) -> int:
    """Over how many lines from `at` it says who wrote what follows: none, one, or two where it was folded."""
    line = lines[at].strip()
    if _is_attribution(line):
        return 1
    is_folded = line.startswith(("On ", "Il ")) and at + 1 < len(lines)
    return 2 if is_folded and _is_attribution(f"{line} {lines[at + 1].strip()}") else 0


def _is_attribution(line: str) -> bool:
    if len(line) > _LONGEST_ATTRIBUTION or not line.endswith((":", "：")):
        return False
    return bool(_WROTE.fullmatch(line) or _BRACKETED.search(line))


def _begins_head(lines: list[str], at: int) -> bool:
    """Outlook quotes with the head of the mail and no sign before its lines."""
    near = lines[at + 1 : at + 3]
    return bool(_QUOTED_HEAD.fullmatch(lines[at].strip())) and any(_NEXT_HEAD.fullmatch(x.strip()) for x in near)


def _next_word(lines: list[str], at: int) -> str:
    return next((line for line in lines[at:] if line.strip()), "")


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def _text(mail: Part) -> str:
    """The first part that is plain text and no file; HTML only where there is none."""
    shows = [part for part in parts_of(mail) if not part.value("Content-Disposition").lower().startswith("attachment")]
    for kind in ("text/plain", "text/html"):
        for part in shows:
            if part.kind == kind:
                return text_of(part)
    return ""


def _is_machine(mail: Part, address: str) -> bool:
    automatic = mail.value("Auto-Submitted").lower()
    return bool(
        (automatic and not automatic.startswith("no"))
        or mail.value("Precedence").lower() in _MACHINE_PRECEDENCE
        or any(mail.value(name) for name in _MACHINE_HEADERS)
        or mail.value("Return-Path") == "<>"
        or mail.kind == "multipart/report"
        or _DAEMON.match(address)
    )


def _address(mail: Part) -> str:
    """The one address in From; empty where there is none, more than one, or no address."""
    found = getaddresses([mail.value("From")])
    try:
        return on_the_wire(found[0][1]) if len(found) == 1 else ""
    except ValueError:
        return ""


def _external_id(mail: Part, raw: bytes) -> str:
    """Message-ID in plain signs, else the mail's own hash: a mail that comes twice is one."""
    named = mail.value("Message-ID").strip("<>")
    is_plain = 0 < len(named) <= 200 and re.fullmatch(r"[!-~]+", named)  # noqa: PLR2004
    return named if is_plain else hashlib.sha256(raw).hexdigest()
