"""Joins the segments of a long text that somebody wrote, while the message center still keeps them too.

No segment is acknowledged before the whole text is kept. One whose others do not come (they may have gone to another
process) is after some seconds a text by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from push.smpp.pdu import ShortMessage, Tag

_UDHI = 0x40
_KIND = 0x3C
_MOST_SEGMENTS = 20
# The information elements of concatenation (3GPP TS 23.040 §9.2.3.24): 8 and 16 bits of reference.
_REFERENCE_OCTETS = {0x00: 1, 0x08: 2}

Key = tuple[str, str, int, bytes, int]
Take = Callable[[ShortMessage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Segment:
    """The `place`-th (from 1) of what has the same `key`; `total` is the key's last."""

    key: Key
    total: int
    place: int


@dataclass(slots=True)
class _Joining:
    whole: "asyncio.Future[None]"
    found: dict[int, ShortMessage] = field(default_factory=dict)


class Joiner:
    """Gives `take` whole texts, and what else comes at once. Raises what `take` raises, for each segment."""

    def __init__(self, take: Take, seconds: float) -> None:
        self._take, self._seconds = take, seconds
        self._joining: dict[Key, _Joining] = {}

    async def __call__(self, sent: ShortMessage) -> None:
        segment = segment_of(sent)
        if segment is None:
            await self._take(sent)
            return
        key = segment.key
        joining = self._joining.setdefault(key, _Joining(asyncio.get_running_loop().create_future()))
        joining.found[segment.place] = sent
        if len(joining.found) == segment.total:
            del self._joining[key]
            await self._taken(joining)
        elif not await self._came(segment, joining):
            await self._take(bare(sent))

    async def _taken(self, joining: _Joining) -> None:
        try:
            await self._take(joined([joining.found[place] for place in sorted(joining.found)]))
        except BaseException:
            joining.whole.cancel()
            raise
        joining.whole.set_result(None)

    async def _came(self, segment: Segment, joining: _Joining) -> bool:
        """Whether the whole was kept. Raises OSError where it came and was not."""
        try:
            await asyncio.wait([joining.whole], timeout=self._seconds)
            if len(joining.found) == segment.total:  # all are here, and being kept
                await asyncio.wait([joining.whole])
        finally:
            if not joining.whole.done():
                self._left(segment, joining)
        if joining.whole.cancelled():
            raise OSError("the whole was not kept")
        return joining.whole.done()

    def _left(self, segment: Segment, joining: _Joining) -> None:
        """It waits no more: its time or its session is over."""
        if self._joining.get(segment.key) is joining:
            joining.found.pop(segment.place, None)
            if not joining.found:
                del self._joining[segment.key]


def segment_of(sent: ShortMessage) -> Segment | None:
    """What `sent` is a segment of, by its header or by the `sar_` parameters; None for what is whole."""
    if sent.esm_class & _KIND:
        return None
    found = _by_header(sent.payload) if sent.esm_class & _UDHI else _by_parameters(sent)
    if found is None:
        return None
    reference, total, place = found
    if not (1 <= place <= total and 1 < total <= _MOST_SEGMENTS):
        return None
    return Segment((sent.source.said, sent.destination.said, sent.data_coding, reference, total), total, place)


def joined(segments: list[ShortMessage]) -> ShortMessage:
    return replace(bare(segments[0]), message=b"".join(bare(each).message for each in segments))


def bare(sent: ShortMessage) -> ShortMessage:
    """`sent` without what said that it is a segment."""
    raw = sent.payload
    if sent.esm_class & _UDHI and raw:
        raw = raw[raw[0] + 1 :]
    return replace(sent, message=raw, esm_class=sent.esm_class & ~_UDHI, tlvs={})


def _by_header(raw: bytes) -> tuple[bytes, int, int] | None:
    at, end = 1, (raw[0] + 1 if raw else 0)
    while at + 2 <= end <= len(raw):
        element, length = raw[at], raw[at + 1]
        value = raw[at + 2 : min(at + 2 + length, end)]
        octets = _REFERENCE_OCTETS.get(element)
        if octets is not None and len(value) == octets + 2:
            return value[:octets], value[octets], value[octets + 1]
        at += 2 + length
    return None


def _by_parameters(sent: ShortMessage) -> tuple[bytes, int, int] | None:
    values = [sent.tlvs.get(tag, b"") for tag in (Tag.SAR_REFERENCE, Tag.SAR_TOTAL, Tag.SAR_PLACE)]
    return (values[0], values[1][0], values[2][0]) if all(values) else None
