"""Parcels: what was sent arrives, and what is larger than it may be is not read."""

import json
import struct
from io import BytesIO
from pathlib import Path

import pytest

from core.errors import Unavailable
from media.parcels import Parcel, Pieces, Stretch, Torn, receive, send


def told(*sizes: int) -> bytes:
    head = json.dumps({"facts": {}, "sizes": sizes, "last": False}).encode()
    return struct.pack(">I", len(head)) + head


def test_a_parcel_arrives_as_it_was_sent() -> None:
    out, parcel = BytesIO(), Parcel({"a": 1}, (b"one", b"", b"three"))
    send(parcel, out)
    assert receive(BytesIO(out.getvalue()), 8) == parcel


def test_a_file_that_is_made_while_it_is_sent_arrives_behind_the_others() -> None:
    out, held = BytesIO(), b"piece by piece"
    last = Pieces(len(held), lambda: (memoryview(held)[at : at + 3] for at in range(0, len(held), 3)))
    send(Parcel({}, (b"one",), last), out)
    assert receive(BytesIO(out.getvalue()), 99) == Parcel({}, (b"one", held))
    assert bytes(last) == held


@pytest.mark.parametrize("made", [b"short", b"a longer one"])
def test_a_file_that_is_not_as_long_as_it_was_told_to_be_is_no_parcel(made: bytes) -> None:
    with pytest.raises(Torn):
        send(Parcel({}, last=Pieces(8, lambda: [made])), BytesIO())


@pytest.mark.parametrize("sizes", [(5_000_000, -5_000_000), (2_000,), (-1,)])
def test_nothing_is_read_of_files_larger_than_they_may_be(sizes: tuple[int, ...]) -> None:
    source = BytesIO(told(*sizes) + bytes(5_000_000))
    with pytest.raises(Torn):
        receive(source, 1000)
    assert source.tell() == len(told(*sizes))


def test_the_last_file_comes_to_its_place_on_the_disk(tmp_path: Path) -> None:
    out, content = BytesIO(), bytes(range(256)) * 5_000
    send(Parcel({"a": 1}, (b"one",), Pieces(len(content), lambda: (content[:9], content[9:]))), out)
    place = tmp_path / "last"
    assert receive(BytesIO(out.getvalue()), len(content) + 3, place) == Parcel({"a": 1}, (b"one",), place)
    assert place.read_bytes() == content
    assert oct(place.stat().st_mode & 0o777) == "0o600"


def test_of_a_file_that_both_sides_have_only_stretches_are_told(tmp_path: Path) -> None:
    whole, out, shared = bytes(range(256)) * 5_000, BytesIO(), tmp_path / "shared"
    shared.write_bytes(whole)
    last = made_of(b"head", Stretch(whole, 9, 700_009), b"", Stretch(whole, 1_000_000, 1_000_003))
    send(Parcel({}, (b"one",), last), out, shares=True)
    assert len(out.getvalue()) < 200
    place = tmp_path / "last"
    assert receive(BytesIO(out.getvalue()), 800_000, place, shared) == Parcel({}, (b"one",), place)
    assert place.read_bytes() == bytes(last) == b"head" + whole[9:700_009] + whole[1_000_000:1_000_003]
    assert receive(BytesIO(out.getvalue()), 800_000, shared=shared) == Parcel({}, (b"one", bytes(last)))


@pytest.mark.parametrize(
    ("begins", "length"), [(-2, 10), (5, 10), (0, 11), (0, 0), (0, -1), (-1, -1), (2**62, 10), (-1, 11)]
)
def test_a_stretch_that_is_not_in_the_shared_file_or_longer_than_told_is_torn(
    begins: int, length: int, tmp_path: Path
) -> None:
    shared, place = tmp_path / "shared", tmp_path / "last"
    shared.write_bytes(bytes(14))
    head = json.dumps({"facts": {}, "sizes": [10], "last": True}).encode()
    sent = struct.pack(">I", len(head)) + head + struct.pack(">qq", begins, length) + bytes(20)
    with pytest.raises(Torn):
        receive(BytesIO(sent), 10, place, shared)


def test_a_stretch_is_torn_where_nothing_is_shared() -> None:
    whole, out = bytes(100_000), BytesIO()
    send(Parcel({}, (), made_of(Stretch(whole, 0, 100_000))), out, shares=True)
    with pytest.raises(Torn):
        receive(BytesIO(out.getvalue()), 100_000)


def test_who_has_no_such_file_is_sent_its_bytes() -> None:
    whole, out = bytes(range(256)) * 1_000, BytesIO()
    send(Parcel({}, (), made_of(Stretch(whole, 1, 200_000))), out)
    assert receive(BytesIO(out.getvalue()), 200_000) == Parcel({}, (whole[1:200_000],))


def made_of(*parts: bytes | Stretch) -> Pieces:
    return Pieces(sum(map(len, parts)), lambda: parts)


def test_a_last_file_that_breaks_off_is_torn_and_one_the_disk_refuses_is_nobody_s_fault(tmp_path: Path) -> None:
    out = BytesIO()
    send(Parcel({}, (), Pieces(4, lambda: (b"four",))), out)
    with pytest.raises(Torn):
        receive(BytesIO(out.getvalue()[:-1]), 4, tmp_path / "torn")
    with pytest.raises(Unavailable):
        receive(BytesIO(out.getvalue()), 4, tmp_path / "no folder" / "last")
