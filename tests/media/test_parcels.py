"""Parcels: what was sent arrives, and what is larger than it may be is not read."""

import json
import struct
from io import BytesIO

import pytest

from media.parcels import Parcel, Torn, receive, send


def told(*sizes: int) -> bytes:
    head = json.dumps({"facts": {}, "sizes": sizes}).encode()
    return struct.pack(">I", len(head)) + head


def test_a_parcel_arrives_as_it_was_sent() -> None:
    out, parcel = BytesIO(), Parcel({"a": 1}, (b"one", b"", b"three"))
    send(parcel, out)
    assert receive(BytesIO(out.getvalue()), 8) == parcel


@pytest.mark.parametrize("sizes", [(5_000_000, -5_000_000), (2_000,), (-1,)])
def test_nothing_is_read_of_files_larger_than_they_may_be(sizes: tuple[int, ...]) -> None:
    source = BytesIO(told(*sizes) + bytes(5_000_000))
    with pytest.raises(Torn):
        receive(source, 1000)
    assert source.tell() == len(told(*sizes))
