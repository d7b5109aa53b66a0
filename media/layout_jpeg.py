"""The pieces of a JPEG file (ITU-T T.81 Annex B): segments, and coded pixels between them up to the end mark."""

import re
from dataclasses import replace

import numpy as np

from media.kinds import MediaType, Reason, Rejected
from media.layout import LARGEST_PROFILE, MOST_SCANS, Layout, Piece, Role, is_profile, orientation_in
from media.layout_profile import clean_profile

_START, _END, _SCAN, _RESTARTS = 0xD8, 0xD9, 0xDA, 0xDD
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_MARK, _SHORTEST = 0xFF, 2
_ALONE = frozenset({0x00, 0x01, *range(0xD0, 0xD8)})  # no mark at all, and marks without a length: TEM, RST0 to RST7
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_READ_FRAMES = frozenset(
    {0xC0, 0xC1, 0xC2}
)  # baseline, extended and progressive with Huffman codes: what browsers show
_SHOWS = frozenset({0xC4, 0xDB, _RESTARTS, _SCAN}) | _FRAMES
_EIGHT_BITS = 8
# In coded pixels 0xFF is followed by zero, a restart or another 0xFF: anything else is the next mark.
_NEXT_MARK = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_IS_MARK = np.array([_NEXT_MARK.fullmatch(bytes([_MARK, second])) is not None for second in range(256)])
_NEAR, _BLOCK = 4096, 128 * 1024
_JFIF, _EXIF, _ICC, _ADOBE = b"JFIF\0", b"Exif\0\0", b"ICC_PROFILE\0", b"Adobe"
_JFIF_LENGTH, _ADOBE_LENGTH, _RESTARTS_LENGTH = 14, 12, 2
_PROFILE_HEAD = len(_ICC) + 2  # which of how many pieces (ICC.1 §B.4)
_LONGEST_PART = 0xFFFF - 2 - _PROFILE_HEAD


def jpeg_layout(content: bytes) -> Layout:
    """Raises `Rejected`; a file without its end mark was cut off, however much of it is there."""
    layout, at, scans = Layout(MediaType.JPEG), 2, 0
    while (mark := content[at + 1] if content[at] == _MARK else None) != _END:
        piece = _piece(content, at, mark, layout)
        layout.add(piece)
        at = piece.end
        scans += mark == _SCAN
        if scans > MOST_SCANS:
            raise Rejected(Reason.TOO_COSTLY)
    if not (layout.width and scans):
        raise Rejected(Reason.BROKEN)
    if sum(each.inner_end - each.inner for each in layout.pieces if each.role is Role.PROFILE) > LARGEST_PROFILE:
        raise Rejected(Reason.TOO_COSTLY)
    _clean_profile(content, layout)
    layout.end = at + 2
    return layout


def _clean_profile(content: bytes, layout: Layout) -> None:
    """A copy keeps the profile without its words, in place of its first piece."""
    profile = _profile(content, layout)
    clean = clean_profile(profile) if is_profile(profile) else None
    if clean == profile:
        return
    layout.pieces, pieces = [], layout.pieces
    for each in pieces:
        is_first = clean is not None and all(one.role is not Role.PROFILE for one in layout.pieces)
        if each.role is not Role.PROFILE:
            layout.pieces.append(each)
        elif clean is not None and is_first:
            layout.pieces.append(replace(each, kept=_segments(clean)))
        else:
            layout.pieces.append(replace(each, role=Role.SAYS, kept=None))


def _segments(profile: bytes) -> bytes:
    """As many as it takes (ICC.1 §B.4)."""
    parts = [profile[at : at + _LONGEST_PART] for at in range(0, len(profile), _LONGEST_PART)]
    heads = (_ICC + bytes([number, len(parts)]) for number in range(1, len(parts) + 1))
    return b"".join(_whole(_APP2, head + part) for head, part in zip(heads, parts, strict=True))


def _profile(content: bytes, layout: Layout) -> bytes:
    """What the pieces of the profile are together; nothing where one of them is missing or comes twice."""
    pieces = [content[each.inner : each.inner_end] for each in layout.pieces if each.role is Role.PROFILE]
    parts = sorted(pieces, key=lambda part: part[_PROFILE_HEAD - 2])
    numbers = [part[_PROFILE_HEAD - 2 : _PROFILE_HEAD] for part in parts]
    if numbers != [bytes([number, len(parts)]) for number in range(1, len(parts) + 1)]:
        return b""
    return b"".join(part[_PROFILE_HEAD:] for part in parts)


def _piece(content: bytes, at: int, mark: int | None, layout: Layout) -> Piece:
    if mark == _START:
        raise Rejected(Reason.BROKEN)
    if mark is None or mark == _MARK or mark in _ALONE:  # padding, or bytes that every decoder steps over (B.1.1.2)
        end = _next_mark(content, at)
        return Piece(b"", Role.SAYS, at, end, at, end)
    return _segment(content, at, mark, layout)


def _segment(content: bytes, at: int, mark: int, layout: Layout) -> Piece:
    length = int.from_bytes(content[at + 2 : at + 4], "big")
    inner, end = at + 4, at + 2 + length
    if length < _SHORTEST or end > len(content):
        raise Rejected(Reason.BROKEN)
    if mark in _FRAMES:
        _measure(content, inner, mark, layout)
    shown_to = _next_mark(content, end) if mark == _SCAN else end
    role, kept = _role(content[inner:end], mark, layout)
    return Piece(bytes([mark]), role, at, shown_to, inner, end, kept)


def _next_mark(content: bytes, at: int) -> int:
    near = _NEXT_MARK.search(content, at, at + _NEAR)
    found = near.start() if near else _far_mark(content, at + _NEAR - 1)
    if found is None:
        raise Rejected(Reason.BROKEN)
    return found


def _far_mark(content: bytes, at: int) -> int | None:
    """The same, many bytes at once: that is a whole photo, and the expression takes four times as long over it."""
    for first in range(at, len(content) - 1, _BLOCK):
        here = np.frombuffer(content, np.uint8, min(_BLOCK, len(content) - 1 - first), first)
        behind = np.frombuffer(content, np.uint8, len(here), first + 1)
        either = (here == _MARK) & (behind != 0)
        if either.any():
            places = np.flatnonzero(either)
            marks = places[_IS_MARK[behind[places]]]
            if len(marks):
                return first + int(marks[0])
    return None


def _measure(content: bytes, inner: int, mark: int, layout: Layout) -> None:
    if mark not in _READ_FRAMES or content[inner] != _EIGHT_BITS:
        raise Rejected(Reason.UNSUPPORTED)
    if layout.width:
        raise Rejected(Reason.BROKEN)  # one frame a picture: a second one is another size for another reader
    height, width = (int.from_bytes(content[inner + n : inner + n + 2], "big") for n in (1, 3))
    layout.measured(width, height)


def _role(inner: bytes, mark: int, layout: Layout) -> tuple[Role, bytes | None]:
    """What a segment is for, and what of it a copy keeps: of the two heads only what decoders read."""
    if mark == _RESTARTS and len(inner) != _RESTARTS_LENGTH:
        raise Rejected(Reason.BROKEN)
    if mark in _SHOWS:
        return Role.SHOWS, None
    if mark == _APP0 and inner.startswith(_JFIF) and len(inner) >= _JFIF_LENGTH:
        return Role.SAYS, _whole(mark, inner[: _JFIF_LENGTH - 2] + b"\0\0")  # no thumbnail
    if mark == _APP14 and inner.startswith(_ADOBE) and len(inner) >= _ADOBE_LENGTH:
        return Role.SAYS, _whole(mark, inner[:_ADOBE_LENGTH])
    if mark == _APP2 and inner.startswith(_ICC) and len(inner) >= _PROFILE_HEAD:
        return Role.PROFILE, None
    if mark == _APP1 and inner.startswith(_EXIF) and layout.orientation == 1:
        layout.orientation = orientation_in(inner[len(_EXIF) :])
    return Role.SAYS, None


def _whole(mark: int, inner: bytes) -> bytes:
    return bytes([0xFF, mark]) + (len(inner) + 2).to_bytes(2, "big") + inner
