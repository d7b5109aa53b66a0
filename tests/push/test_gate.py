"""What is asked of a message at the moment it is claimed."""

from datetime import datetime, time
from typing import Any

import pytest

from clinic.hours import Hours
from push.consent import ConsentChannel
from push.gate import Claimed, Hold, Send, Stop, gate
from push.notice import Purpose
from push.outcome import DeliveryState
from tests.push.phones import HOUR, NOON

OPEN = Hours("Europe/Rome", time(9), time(20))
WEEKDAYS = Hours("Europe/Rome", time(9), time(20), frozenset(range(5)))


def passage(now: datetime = NOON, **more: Any) -> Send | Hold | Stop:
    return gate(Claimed(**{"purpose": Purpose.SERVICE, "expires_at": NOON + 48 * HOUR, **more}), now)


def test_a_message_in_time_goes_out() -> None:
    assert passage() == Send()
    assert passage(hours=OPEN) == Send()


def test_outside_working_hours_it_waits_for_the_next_opening_of_the_branch() -> None:
    # NOON is a Sunday; Monday nine o'clock in Rome is seven o'clock UTC in summer.
    assert passage(hours=WEEKDAYS) == Hold(NOON + 21 * HOUR)


def test_hours_that_open_too_late_end_it() -> None:
    stop = passage(hours=WEEKDAYS, expires_at=NOON + 20 * HOUR)
    assert stop == Stop(DeliveryState.EXPIRED, "closed-until-expiry")


@pytest.mark.parametrize(
    ("more", "stop"),
    [
        ({"cancelled": True}, Stop(DeliveryState.SUPPRESSED, "cancelled")),
        ({"expires_at": NOON}, Stop(DeliveryState.EXPIRED, "expired")),
        ({"consent": False}, Stop(DeliveryState.SUPPRESSED, "no-consent")),
        ({"reachable": False}, Stop(DeliveryState.SUPPRESSED, "device-gone")),
    ],
)
def test_exit_expiry_and_opt_out_win_over_send(more: dict[str, Any], stop: Stop) -> None:
    assert passage(**more) == stop
    assert passage(**more, hours=WEEKDAYS) == stop


@pytest.mark.parametrize("purpose", list(Purpose))
def test_what_is_no_part_of_the_treatment_needs_a_yes_that_was_given(purpose: Purpose) -> None:
    unasked = passage(purpose=purpose)
    assert isinstance(unasked, Send) == (purpose in {Purpose.SERVICE, Purpose.RECALL, Purpose.CHAT})
    assert passage(purpose=purpose, consent=True) == Send()


@pytest.mark.parametrize("channel", list(ConsentChannel))
def test_a_default_holds_only_on_the_channels_it_was_made_for(channel: ConsentChannel) -> None:
    passed = isinstance(passage(purpose=Purpose.RECALL, channel=channel), Send)
    assert passed == (channel is ConsentChannel.PUSH)
    assert passage(purpose=Purpose.RECALL, channel=channel, consent=True) == Send()


def test_a_lost_lease_is_repeated_unless_it_is_marketing() -> None:
    assert passage(lease_lost=True) == Send()
    marketing = passage(lease_lost=True, purpose=Purpose.MARKETING, consent=True)
    assert marketing == Stop(DeliveryState.UNKNOWN, "lease-lost")
