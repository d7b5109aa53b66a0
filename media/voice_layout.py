"""The pieces of a sound file beside its sound: read before any decoder is, and looked through for other files.

MP4 (ISO/IEC 14496-12 §4.2), Ogg (RFC 3533 §6), WebM (RFC 8794 §4 to 6, with unknown sizes as browsers write them).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from media.kinds import MediaType, Reason, Rejected

_MOST_PIECES = 500_000
_OGG_HEAD = 27
_OGG_BEGINS = 2
_OPUS_HEADERS = 2
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_SOUND_OF_WEBM = frozenset({0xA3, 0xA0, 0xE7})
"""SimpleBlock, BlockGroup, Timestamp."""
_HEADS = re.compile(
    rb"(?:mvhd|mdhd)(?:\0.{11}(?P<scale>.{4})(?P<length>.{4})|\x01.{19}(?P<long_scale>.{4})(?P<long_length>.{8}))", re.S
)
_BROKEN = Rejected(Reason.BROKEN)


@dataclass(frozen=True, slots=True)
class SoundLayout:
    """`said`: what is in the file beside its sound, each piece whole; `tracks`: of Ogg, how many begin in it.

    `seconds`: what heads of an MP4 say of its length; FFmpeg believes others.
    """

    said: list[bytes]
    tracks: int = 1
    seconds: tuple[float, ...] = ()


def sound_layout(content: bytes, media_type: MediaType) -> SoundLayout:
    """Raises `Rejected` for a file that is cut off, has bytes behind its end, or is none of its type."""
    if media_type is MediaType.OGG_SOUND:
        return _ogg(content)
    if media_type is MediaType.WEBM_SOUND:
        return SoundLayout(list(_elements(content)))
    boxes = list(_boxes(content))
    return SoundLayout(boxes, seconds=tuple(_lengths(boxes)))


def _boxes(content: bytes) -> Iterator[bytes]:
    """Of MP4: all but the sound (`mdat`)."""
    at = 0
    for _ in range(_MOST_PIECES):
        if at == len(content):
            return
        head, size = 8, int.from_bytes(content[at : at + 4], "big")
        if size == 1:
            head, size = 16, int.from_bytes(content[at + 8 : at + 16], "big")
        elif size == 0:  # to the end of the file
            size = len(content) - at
        if size < head or at + size > len(content):
            raise _BROKEN
        if content[at + 4 : at + 8] != b"mdat":
            yield content[at : at + size]
        at += size
    raise Rejected(Reason.TOO_COSTLY)


def _lengths(boxes: list[bytes]) -> Iterator[float]:
    """Of the movie and its tracks (§8.2.2, §8.4.2), where they tell any; not of one that goes on in fragments."""
    for box in boxes:
        if box[4:8] != b"moov" or b"mvex" in box:
            continue
        for head in _HEADS.finditer(box):
            short = head.group("scale") is not None
            scale = int.from_bytes(head.group("scale" if short else "long_scale"), "big")
            length = int.from_bytes(head.group("length" if short else "long_length"), "big")
            if scale and length:
                yield length / scale


def _ogg(content: bytes) -> SoundLayout:
    """Whole pages of one stream and no byte between them; its two header packets are what it says."""
    at, begins, said = 0, 0, list[bytes]()
    while at < len(content):
        if content[at : at + 5] != b"OggS\0" or at + _OGG_HEAD > len(content):
            raise _BROKEN
        pieces = content[at + _OGG_HEAD - 1]
        table = content[at + _OGG_HEAD : at + _OGG_HEAD + pieces]
        end = at + _OGG_HEAD + pieces + sum(table)
        if end > len(content):  # also where the table itself is cut off
            raise _BROKEN
        begins += bool(content[at + 5] & _OGG_BEGINS)
        if int.from_bytes(content[at + 6 : at + 14], "little") == 0 or len(said) < _OPUS_HEADERS:
            said.append(content[at:end])
        at = end
    return SoundLayout(said, begins)


def _elements(content: bytes) -> Iterator[bytes]:
    """Of WebM: all but blocks of sound; a segment and a cluster are gone into, whether they tell their size or not."""
    at = 0
    for _ in range(_MOST_PIECES):
        if at == len(content):
            return
        name, after_name = _number(content, at, keep_mark=True)
        size, start = _number(content, after_name)
        if name in (_SEGMENT, _CLUSTER):
            is_unknown = size == 2 ** (7 * (start - after_name)) - 1
            if not is_unknown and start + size > len(content):
                raise _BROKEN
            at = start
            continue
        if start + size > len(content):
            raise _BROKEN
        if name not in _SOUND_OF_WEBM:
            yield content[at : start + size]
        at = start + size
    raise Rejected(Reason.TOO_COSTLY)


def _number(content: bytes, at: int, *, keep_mark: bool = False) -> tuple[int, int]:
    """A number of variable length (RFC 8794 §4), and where it ends."""
    if at >= len(content) or content[at] == 0:
        raise _BROKEN
    length = 9 - content[at].bit_length()
    if at + length > len(content):
        raise _BROKEN
    value = int.from_bytes(content[at : at + length], "big")
    return value if keep_mark else value & (2 ** (7 * length) - 1), at + length
