"""Pieces of a file: which one a Range header asks for (RFC 9110 §14)."""

import re

from api.problems import RangeNotSatisfiable
from media.storage import Span

_ONE_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")


def asked_span(header: str | None, size: int) -> Span | None:
    """The one piece asked for, cut to `size`; None means the whole file.

    A header we cannot read, or of several pieces, is ignored as the RFC allows. Raises `RangeNotSatisfiable`.
    """
    asked = _ONE_RANGE.fullmatch(header or "")
    if asked is None or asked.groups() == ("", ""):
        return None
    first, last = asked.groups()
    if not first:
        return _satisfiable(max(0, size - int(last)), size - 1, size)
    if last and int(last) < int(first):
        return None
    return _satisfiable(int(first), min(int(last or size), size - 1), size)


def _satisfiable(first: int, last: int, size: int) -> Span:
    if first >= size:
        raise RangeNotSatisfiable
    return Span(first, last)
