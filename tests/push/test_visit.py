"""What becomes of a notice about a visit once the visit is called off, moved or confirmed."""

from datetime import datetime

import pytest

from clinic.appointment import OVER, STANDING, AppointmentStatus
from push.kinds import KINDS
from push.notice import NoticeKind
from push.visit import VisitNow, visit_fault
from tests.push.phones import HOUR, NOON

K, S = NoticeKind, AppointmentStatus


def fault(
    kind: NoticeKind = K.REMINDING, status: AppointmentStatus = S.BOOKED, *, at: datetime | None = NOON,
    confirmed: bool = False,
) -> str | None:  # fmt: skip
    return visit_fault(kind, at, VisitNow(status, NOON, confirmed))


def test_a_visit_that_stands_where_it_stood_is_told_of() -> None:
    assert {fault(kind, status) for kind in K for status in STANDING} == {None}


@pytest.mark.parametrize("status", sorted(OVER | {S.ARRIVED, S.IN_CHAIR}))
def test_who_called_it_off_or_is_here_already_is_reminded_of_nothing(status: AppointmentStatus) -> None:
    assert fault(K.REMINDING, status) == fault(K.CONFIRMING, status, at=None) == "visit-over"
    assert fault(K.VISIT, status) == "visit-over"
    assert fault(K.VISIT, status, at=None) is None, "it may be this very news"


def test_a_visit_that_was_moved_is_not_told_of_by_its_old_time() -> None:
    assert fault(at=NOON + HOUR) == fault(K.VISIT, at=NOON - HOUR) == "visit-moved"
    assert fault(at=None) is None


def test_who_has_confirmed_is_asked_no_more_and_still_reminded() -> None:
    assert fault(K.CONFIRMING, confirmed=True) == "visit-confirmed"
    assert fault(K.REMINDING, confirmed=True) is None


def test_what_is_about_no_visit_asks_none() -> None:
    for kind in K:
        assert visit_fault(kind, NOON, None) is None
        if not KINDS[kind].with_visit:
            assert fault(kind, S.CANCELLED) is None
