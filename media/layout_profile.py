"""A colour profile (ICC.1) without its words: what its numbers say of colours, and nothing of who made it or where.

Profiles of monitors and cameras carry serial numbers, names of people and days. The profile is built anew, by a list of
what may stay.
"""

import struct
from collections.abc import Iterator
from functools import lru_cache

_HEAD, _ENTRY, _MOST_TAGS = 128, 12, 200
_CLASSES = frozenset({b"mntr", b"scnr", b"prtr", b"spac"})
_SPACES = frozenset({b"RGB ", b"GRAY", b"CMYK", b"Lab ", b"YCbr"})
_BETWEEN = frozenset({b"XYZ ", b"Lab "})
_LEFT = (slice(8, 10), slice(12, 24), slice(36, 40), slice(64, 80))
"""Of the head (§7.2): version, what kind of device in which colours, the mark, rendering intent and illuminant."""
_NO_DAY = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
_COLOURS = (
    b"wtpt", b"bkpt", b"chad", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"cicp", b"gamt",
    b"A2B0", b"A2B1", b"A2B2", b"B2A0", b"B2A1", b"B2A2", b"D2B0", b"D2B1", b"D2B2", b"D2B3", b"B2D0", b"B2D1",
    b"B2D2", b"B2D3",
)  # fmt: skip
"""Tags that say what colours mean (§9.2), in the order in which they are written."""
_NUMBERS = {b"XYZ ": 20, b"sf32": 44, b"cicp": 12}
_KIND = 8  # of every tag: its name and zeros
_CURVE, _FORMULA = b"curv", b"para"
_FORMULA_NUMBERS = (1, 3, 4, 5, 7)
_TABLES = frozenset({b"mft1", b"mft2", b"mAB ", b"mBA ", b"mpet"})
_WORDS = (b"desc", b"cprt")
"""What every profile has to have (§8.2)."""
_NAME = "Colours"
_WITH_LANGUAGES = 4
"""The version from which words come in languages."""

Tags = dict[bytes, bytes]


@lru_cache(maxsize=4)
def clean_profile(profile: bytes) -> bytes | None:
    """The profile built anew, the same for one that was; None where nobody could read it.

    Most photos of a clinic come from its one camera, with one profile.
    """
    told = int.from_bytes(profile[:4], "big")
    head, tags = profile[:_HEAD], _tags(profile[:told])
    is_known = head[12:16] in _CLASSES and head[16:20] in _SPACES and head[20:24] in _BETWEEN
    if not (is_known and head[36:40] == b"acsp" and told <= len(profile) and tags):
        return None
    words = dict(zip(_WORDS, _words(head[8]), strict=True))
    return _built(head, words | tags)


def _tags(profile: bytes) -> Tags:
    """What those tags hold that say what colours mean; nothing where one of all lies outside."""
    count = int.from_bytes(profile[_HEAD : _HEAD + 4], "big")
    if count > _MOST_TAGS or _HEAD + 4 + count * _ENTRY > len(profile):
        return {}
    entries = [struct.unpack_from(">4sII", profile, _HEAD + 4 + number * _ENTRY) for number in range(count)]
    if any(at + length > len(profile) for _, at, length in entries):
        return {}
    found = {name: _numbers(profile[at : at + length]) for name, at, length in reversed(entries)}
    return {name: found[name] for name in _COLOURS if found.get(name)}


def _numbers(held: bytes) -> bytes:
    """As long as its kind says (§10); nothing where it is of another kind, or shorter."""
    kind = held[:4]
    length = _NUMBERS.get(kind, 0)
    if kind == _CURVE:
        length = 12 + 2 * int.from_bytes(held[8:12], "big")
    elif kind == _FORMULA and held[8:9] == b"\0" and held[9] < len(_FORMULA_NUMBERS):
        length = 12 + 4 * _FORMULA_NUMBERS[held[9]]
    elif kind in _TABLES:
        length = len(held)
    return kind + bytes(4) + held[_KIND:length] if _KIND < length <= len(held) else b""


def _words(version: int) -> Iterator[bytes]:
    """A name and whose it is, in the kinds of the version (ICC.1:2001-04 §6.5.17, ICC.1 §10.15)."""
    name = _NAME.encode()
    if version >= _WITH_LANGUAGES:
        record = struct.pack(">4s4xII2s2sII", b"mluc", 1, 12, b"en", b"US", 2 * len(_NAME), 28)
        yield from (record + _NAME.encode("utf-16-be") for _ in _WORDS)
        return
    yield b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name + bytes(1 + 8 + 3 + 67)
    yield b"text" + bytes(4) + name + b"\0"


def _built(head: bytes, tags: Tags) -> bytes:
    """What several tags hold alike stands once."""
    body, places = b"", dict[bytes, int]()
    for held in tags.values():
        if held not in places:
            places[held] = _HEAD + 4 + len(tags) * _ENTRY + len(body)
            body += held + bytes(-len(held) % 4)
    entries = b"".join(struct.pack(">4sII", name, places[held], len(held)) for name, held in tags.items())
    clean = bytearray(_HEAD)
    for part in _LEFT:
        clean[part] = head[part]
    clean[:4] = (_HEAD + 4 + len(entries) + len(body)).to_bytes(4, "big")
    clean[24:36] = _NO_DAY
    return bytes(clean) + len(tags).to_bytes(4, "big") + entries + body
