"""Counts what a text costs as SMS, cuts it into segments, and says the same in cheaper signs.

Sources: 3GPP TS 23.038 §6.2.1 (the default alphabet and its extension), TS 23.040 §9.2.3.24.1 (concatenation).
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

_ESCAPE = 0x1B
_DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
_CODES = {sign: bytes([code]) for code, sign in enumerate(_DEFAULT) if code != _ESCAPE}
_CODES |= {sign: bytes([_ESCAPE, code]) for code, sign in _EXTENSION.items()}

_HIGHEST_SINGLE = 0xFFFF
_MARKED = re.compile(r"\w[\u0300-\u036f]+")

# Only what is drawn almost alike and carries no word: quotation marks, dashes, spaces, and what is not drawn at all.
_PLAIN = {
    **dict.fromkeys("“”„‟«»″〝〞", '"'),
    **dict.fromkeys("‘’‚‛‹›′`´", "'"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f", " "),
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
    "…": "...",
    "\u2028": "\n",
    "\u2029": "\n",
}
_TO_PLAIN = str.maketrans(_PLAIN)


class Alphabet(StrEnum):
    GSM = "gsm"
    """Seven bits: 160 to a message, 153 to each segment of a longer one."""
    UCS2 = "ucs2"
    """Sixteen bits: 70 to a message, 67 to each segment of a longer one."""


_SINGLE = {Alphabet.GSM: 160, Alphabet.UCS2: 70}
_CONCATENATED = {Alphabet.GSM: 153, Alphabet.UCS2: 67}


@dataclass(frozen=True, slots=True)
class Length:
    """`units`: septets of the default alphabet (an escaped sign is two), or UTF-16 units (an emoji is two or more)."""

    alphabet: Alphabet
    units: int
    segments: int


def alphabet_of(text: str) -> Alphabet:
    return Alphabet.GSM if all(sign in _CODES for sign in text) else Alphabet.UCS2


def counted(text: str) -> Length:
    """What `text` costs; nothing costs one empty message."""
    alphabet = alphabet_of(text)
    return Length(alphabet, sum(_units(sign, alphabet) for sign in text), len(parts(text)))


def parts(text: str) -> list[str]:
    """`text` in what fits into one segment each: an escape and its sign, or both halves of a sign, stay together."""
    alphabet = alphabet_of(text)
    if sum(_units(sign, alphabet) for sign in text) <= _SINGLE[alphabet]:
        return [text]
    found, start, used = [], 0, 0
    for place, sign in enumerate(text):
        units = _units(sign, alphabet)
        if used + units > _CONCATENATED[alphabet]:
            found.append(text[start:place])
            start, used = place, 0
        used += units
    return [*found, text[start:]]


def octets(text: str, alphabet: Alphabet) -> bytes:
    """`text` as it travels over SMPP: one octet for a septet, or big-endian UTF-16. Half a surrogate pair becomes `?`.

    Raises ValueError for a sign that the alphabet does not have.
    """
    if alphabet is Alphabet.UCS2:
        return text.encode("utf-16-be", "replace")
    try:
        return b"".join(_CODES[sign] for sign in text)
    except KeyError:
        raise ValueError("not in the alphabet") from None


def read(septets: bytes) -> str:
    """What stands in the default alphabet, one septet an octet; an escape before nothing known is passed over."""
    signs: list[str] = []
    escaped = False
    for octet in septets:
        code = octet & 0x7F
        if escaped:
            signs.append(_EXTENSION.get(code, _DEFAULT[code] if code != _ESCAPE else " "))
        elif code != _ESCAPE:
            signs.append(_DEFAULT[code])
        escaped = code == _ESCAPE and not escaped
    return "".join(signs)


def plain(text: str) -> str:
    """`text` without typographic quotes, dashes and spaces, its marks joined to their letters. No letter is changed."""
    joined = _MARKED.sub(lambda found: unicodedata.normalize("NFC", found[0]), text.replace("\r\n", "\n"))
    return joined.translate(_TO_PLAIN)


def cheapest(text: str) -> str:
    """`text`, or the same made plain where that needs fewer segments."""
    simple = plain(text)
    return simple if counted(simple).segments < counted(text).segments else text


def _units(sign: str, alphabet: Alphabet) -> int:
    return len(_CODES[sign]) if alphabet is Alphabet.GSM else 1 + (ord(sign) > _HIGHEST_SINGLE)
