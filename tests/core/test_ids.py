"""Ids are UUIDv7: of the right version, sortable by time, and never twice the same."""

import time
from uuid import RFC_4122

from core.ids import new_id


def test_an_id_is_a_uuid_of_version_7_in_the_rfc_variant() -> None:
    for made in (new_id() for _ in range(1_000)):
        assert made.version == 7
        assert made.variant == RFC_4122


def test_ids_carry_the_millisecond_they_were_made_in() -> None:
    before = time.time_ns() // 1_000_000
    milliseconds = new_id().int >> 80
    assert before <= milliseconds <= time.time_ns() // 1_000_000


def test_later_ids_sort_later() -> None:
    ids = []
    for _ in range(5):
        ids.append(new_id())
        tick = time.time_ns() // 1_000_000
        while time.time_ns() // 1_000_000 == tick:
            pass
    assert ids == sorted(ids)
    assert [str(each) for each in ids] == sorted(str(each) for each in ids)


def test_ids_made_in_one_millisecond_differ() -> None:
    assert len({new_id() for _ in range(20_000)}) == 20_000
