"""Takes a mail that came in apart: in one pass, bounded, whatever its damage.

Not by the standard library's parser of whole mails: a megabyte of nested parts or empty lines costs it half a minute.
Sources: RFC 5322, 2045, 2046, 3676 (flowed text).
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from html.parser import HTMLParser

from core.errors import Fault, Invalid

LARGEST = 10_000_000
_LARGEST_HEAD = 64 * 1024
_LARGEST_TEXT = 200_000
_MOST_PARTS, _DEEPEST, _LONGEST_BOUNDARY = 30, 4, 200
_GAP = re.compile(rb"\r?\n[ \t]*\r?\n")
_NO_HEAD = re.compile(rb"[ \t]*\r?\n")
# Python knows codecs that are no charsets, some of them slow beyond measure (punycode, idna).
_CHARSET = re.compile(
    r"us-ascii|utf-?(7|8|16|32)(-?[lb]e)?|iso-?8859-\d{1,2}(-[ie])?|(windows|cp)-?\d{3,4}|koi8-[ru]"
    r"|gb2312|gbk|gb18030|big5(-?hkscs)?|(shift[_-]jis|sjis)|iso-2022-(jp|kr)|euc-(jp|kr)|mac-?(roman|cyrillic)"
)
_BLOCKS = {"p", "div", "br", "tr", "li", "h1", "h2", "h3", "blockquote", "table", "hr"}


@dataclass(frozen=True, slots=True)
class Part:
    """`head`: its header lines; `body`: the bytes after them, as they came."""

    head: Message
    body: bytes

    @property
    def kind(self) -> str:
        """`text/plain`, `multipart/report` …"""
        return self.head.get_content_type()

    def value(self, name: str) -> str:
        """A header on one line; empty where there is none."""
        return field(self.head, name)

    def parameter(self, name: str) -> str:
        """Of Content-Type, in small letters."""
        try:
            return str(self.head.get_param(name, "") or "").strip().lower()
        except (ValueError, LookupError, TypeError):
            return ""


def mail_of(raw: bytes) -> Part:
    """The whole mail. Raises `Invalid` for what is none: empty, too large, without a header."""
    if len(raw) > LARGEST:
        raise Invalid(Fault("", "too-large"))
    mail = _part(raw.lstrip(b"\r\n"))
    if not mail.head.keys():
        raise Invalid(Fault("", "no-mail"))
    return mail


def parts_of(mail: Part) -> Iterator[Part]:
    """The mail and every part of it, in reading order, at most thirty and four deep."""
    waiting, seen = [(mail, 0)], 0
    while waiting and seen < _MOST_PARTS:
        part, depth = waiting.pop()
        seen += 1
        yield part
        if depth < _DEEPEST and part.head.get_content_maintype() == "multipart":
            waiting.extend((_part(each), depth + 1) for each in reversed(_within(part)))


def fields_of(raw: bytes) -> Message:
    """Header lines alone: a block of a delivery report, or the head of a mail that is quoted."""
    return BytesHeaderParser().parsebytes(raw[:_LARGEST_HEAD])


def field(head: Message, name: str) -> str:
    """The first of that name, on one line, at most a thousand signs; bytes beyond ASCII are read as UTF-8."""
    found = next((value for each, value in head.raw_items() if each.lower() == name.lower()), "")
    whole = str(found)[:4000].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return " ".join(whole.split())[:1000]


def blocks_of(body: bytes, most: int = 20) -> list[Message]:
    """A delivery report's groups of fields, apart by empty lines."""
    return [fields_of(each) for each in _GAP.split(body[:_LARGEST_TEXT].strip(), maxsplit=most)[:most]]


def text_of(part: Part) -> str:
    """A text part's words: decoded, lines joined that were only folded, markup taken off."""
    text = _decoded(part)
    if part.kind == "text/html":
        stripper = _Stripper()
        stripper.feed(text)
        return "".join(stripper.found)
    if part.parameter("format") == "flowed":
        text = re.sub(r"(?<!\n--) \n(?!>)", " ", text)
    return text


def _part(raw: bytes) -> Part:
    """A head and what is beneath the first empty line; a part may begin with that line."""
    if _NO_HEAD.match(raw):
        return Part(fields_of(b""), raw.lstrip(b"\r\n"))
    gap = _GAP.search(raw, 0, _LARGEST_HEAD)
    return Part(fields_of(raw[: gap.start()] + b"\n\n"), raw[gap.end() :]) if gap else Part(fields_of(raw), b"")


def _within(part: Part) -> list[bytes]:
    """What stands between the boundaries; the words before the first are for readers of another century."""
    try:
        boundary = part.head.get_boundary()
    except (ValueError, LookupError, TypeError):
        return []
    if not boundary or len(boundary) > _LONGEST_BOUNDARY:
        return []
    mark = re.compile(rb"(?m)^--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(?:--)?[ \t]*\r?$")
    between = mark.split(part.body, maxsplit=_MOST_PARTS)[1:]
    return [each.removeprefix(b"\n") for each in between]


def _decoded(part: Part) -> str:
    raw = _plain_bytes(part)[:_LARGEST_TEXT]
    named = part.parameter("charset")
    if not _CHARSET.fullmatch(named):
        named = "utf-8"
    try:
        text = raw.decode(named, "replace")
    except (LookupError, ValueError):
        text = raw.decode("utf-8", "replace")
    return "\n".join(text.splitlines())


def _plain_bytes(part: Part) -> bytes:
    """Without its transfer encoding; of damaged Base64 whatever can be read."""
    body, encoding = part.body[: 2 * _LARGEST_TEXT], part.value("Content-Transfer-Encoding").lower()
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding != "base64":
        return body
    signs = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
    return base64.b64decode(signs[: len(signs) // 4 * 4] + _padded(signs[len(signs) // 4 * 4 :]))


def _padded(rest: bytes) -> bytes:
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""


class _Stripper(HTMLParser):
    """Words of an HTML part, a line for each block."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"style", "script", "head"}
        if tag in _BLOCKS:
            self.found.append("\n> " if tag == "blockquote" else "\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "script", "head"} and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(" ".join(data.split()) if data.strip() else " ")
