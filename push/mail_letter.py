"""Writes a mail as bytes: headers that nobody can break out of, plain text, and HTML beside it.

By hand and not with the standard library's `EmailMessage`: a repeat must be the same bytes, and its folding of long
names in other scripts has changed and failed over Python's versions. Sources: RFC 5322, 2045, 2047, 8058, 3834.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from core.mail_address import needs_utf8, on_the_wire
from push.channel import Message
from push.mail_line import MailLine
from push.mail_token import mail_token
from push.mail_words import shown, words_of

LONGEST_TITLE = 200
LARGEST_PART = 200_000
_WORD_BYTES = 45
_LINK = re.compile(r"https://[!#-;=?-~]{1,900}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")
_SIMPLE = re.compile(r"[A-Za-z0-9 !'*+/=?^_`{|}~-]*")


class BadLetter(Exception):
    """The message cannot be written as a mail; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail, ready: the envelope, and what is in it (lines end in CRLF, no line begins with a lone dot yet)."""

    token: str
    sender: str
    recipient: str
    content: bytes
    utf8: bool


def letter(line: MailLine, address: str, message: Message, now: datetime) -> Letter:
    """The mail of `message` to `address`. Raises ValueError where that is no address, and `BadLetter`."""
    to = on_the_wire(address)
    if len(message.text) > LARGEST_PART or len(message.html) > LARGEST_PART:
        raise BadLetter("too-large")
    if any(each and not _LINK.fullmatch(each) for each in (message.web_link, message.stop_link)):
        raise BadLetter("bad-link")
    token = mail_token(line.token_key.get_secret_value(), message.notice_id, to)
    head = "".join(f"{name}: {value}\r\n" for name, value in _headers(line, to, message, token, now))
    # A non-ASCII local part stands in `To` as it is: that is what SMTPUTF8 is for.
    content = head.encode() + _body(message, token)
    sender = f"b+{token}@{line.bounce_domain}" if line.bounce_domain else line.from_address
    return Letter(token, sender, to, content, needs_utf8(to))


def plain_text(message: Message) -> str:
    """The words, and beneath them the links that they do not hold yet."""
    parts = [message.text.strip()]
    if message.web_link and message.web_link not in message.text:
        parts.append(message.web_link)
    if message.stop_link and message.stop_link not in message.text:
        parts.append(f"-- \n{words_of(message.language).stop}: {message.stop_link}")
    return "\n\n".join(parts) + "\n"


def _headers(line: MailLine, to: str, message: Message, token: str, now: datetime) -> list[tuple[str, str]]:
    domain = line.from_address.rpartition("@")[2]
    found = [
        ("From", f"{phrase(line.from_name)} <{line.from_address}>" if line.from_name else line.from_address),
        ("To", to),
        ("Subject", text_header(message.title[:LONGEST_TITLE])),
        ("Date", format_datetime(now)),
        ("Message-ID", f"<{token}@{domain}>"),
        ("MIME-Version", "1.0"),
        # RFC 3834: no machine answers a machine. The second is Exchange's word for it.
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
        ("Feedback-ID", f"{message.kind}:{domain}:enamel"),
    ]
    if line.reply_to:
        found.insert(2, ("Reply-To", line.reply_to))
    if _LANGUAGE.fullmatch(message.language):
        found.append(("Content-Language", message.language))
    if message.stop_link:
        found.append(("List-Unsubscribe", f"<{message.stop_link}>"))
        found.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return found


def one_line(text: str) -> str:
    """`text` without control signs and line ends of any script."""
    return " ".join(shown(text).split())


def text_header(text: str) -> str:
    """`text` as the value of a header: as it is where it is short and ASCII, else in encoded words (RFC 2047)."""
    clean = one_line(text)
    if clean.isascii() and len(clean) <= 60 and "=?" not in clean:  # noqa: PLR2004  a line holds 78
        return clean
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(each).decode()}?=" for each in _pieces(clean))


def phrase(name: str) -> str:
    """`name` as it stands before an address."""
    clean = one_line(name)
    if _SIMPLE.fullmatch(clean) and "=?" not in clean and len(clean) <= 60:  # noqa: PLR2004
        return clean
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(each).decode()}?=" for each in _pieces(clean))


def _pieces(text: str) -> list[bytes]:
    """UTF-8 in pieces that fit into one encoded word; no sign is cut in two."""
    pieces = [b""]
    for sign in text:
        raw = sign.encode("utf-8", "replace")
        if len(pieces[-1]) + len(raw) > _WORD_BYTES:
            pieces.append(b"")
        pieces[-1] += raw
    return pieces


def _body(message: Message, token: str) -> bytes:
    text = _part("text/plain", plain_text(message))
    if not message.html:
        return text
    boundary = f"={token}"  # `=` and a letter after it never stand at a line's begin in either encoding
    mark = b"--" + boundary.encode()
    head = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode()
    html = _part("text/html", message.html)
    return head + mark + b"\r\n" + text + mark + b"\r\n" + html + mark + b"--\r\n"


def _part(kind: str, text: str) -> bytes:
    raw = "\n".join(text.splitlines()).encode("utf-8", "replace") + b"\n"
    quoted = binascii.b2a_qp(raw, istext=True, header=False).replace(b"\n", b"\r\n")
    coded = binascii.b2a_base64(raw.replace(b"\n", b"\r\n"), newline=False)
    name, body = "quoted-printable", quoted
    if len(coded) < len(quoted):
        name, body = "base64", b"".join(coded[at : at + 76] + b"\r\n" for at in range(0, len(coded), 76))
    head = f"Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: {name}\r\n\r\n"
    return head.encode() + body
