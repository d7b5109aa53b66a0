"""Which way is tried next, and what each kind of notice wants."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from push.consent import GRANTED_UNASKED, ConsentChannel
from push.gate import Stop
from push.kinds import KINDS, Ends, Lane, Rung, Shift, expiry, repeats
from push.ladder import LadderRule, RungRule, Wishes, climb, has_ended, rungs_of
from push.notice import NoticeKind, Purpose
from push.outcome import DeliveryState
from tests.push.phones import HOUR, NOON

_C = ConsentChannel
EVERYWHERE = [each for each in _C if each is not _C.USE]
GONE = Stop(DeliveryState.NO_ADDRESS, "no-address")
CHANNELS = st.sampled_from(EVERYWHERE)
KIND = st.sampled_from(list(NoticeKind))


@given(
    KIND, st.permutations(EVERYWHERE), st.sets(CHANNELS), st.sets(CHANNELS), st.dictionaries(CHANNELS, st.just(GONE))
)
def test_every_way_is_tried_once_at_most_and_none_that_is_barred_or_not_there(
    kind: NoticeKind, order: list[_C], there: set[_C], tried: set[_C], barred: dict[_C, Stop]
) -> None:
    rungs = rungs_of(kind, [], Wishes(tuple(order)), there)
    walked: list[_C] = []
    while True:
        found = climb(rungs, tried, barred)
        gone = [channel for channel, _ in found.passed] + ([found.rung] if found.rung else [])
        walked += gone
        tried = tried | set(gone)
        if found.rung is None:
            break
        assert found.rung in there
        assert found.rung not in barred
        assert (found.limit is None) == all(rung.channel in tried for rung in rungs)
    assert len(walked) == len(set(walked))


def test_what_the_patient_named_comes_first_and_a_call_stays_last() -> None:
    wishes = Wishes(order=(_C.CALL, _C.EMAIL))
    ways = [rung.channel for rung in rungs_of(NoticeKind.REMINDING, [], wishes, EVERYWHERE)]
    assert ways == [_C.EMAIL, _C.PUSH, _C.SMS, _C.MESSENGER, _C.CALL]


def test_a_clinic_may_leave_ways_out_and_wait_otherwise() -> None:
    own = LadderRule(
        kind=NoticeKind.REMINDING, rungs=[RungRule(channel=_C.SMS, minutes=5), RungRule(channel=_C.PUSH, minutes=9)]
    )
    found = rungs_of(NoticeKind.REMINDING, [own], Wishes(), EVERYWHERE)
    assert found == (Rung(_C.SMS, timedelta(minutes=5)), Rung(_C.PUSH, timedelta(minutes=9)))
    assert rungs_of(NoticeKind.VISIT, [own], Wishes(), [_C.PUSH])[0].channel is _C.PUSH


@pytest.mark.parametrize(("kind", "channel"), [(NoticeKind.CONFIRMING, _C.EMAIL), (NoticeKind.ADVERTISING, _C.CALL)])
def test_no_rule_of_a_clinic_opens_a_way_that_the_kind_never_goes(kind: NoticeKind, channel: _C) -> None:
    with pytest.raises(ValidationError):
        LadderRule(kind=kind, rungs=[RungRule(channel=channel, minutes=5)])


def test_advertising_goes_only_where_a_yes_was_given() -> None:
    for kind, told in KINDS.items():
        if told.purpose is Purpose.MARKETING:
            assert not {(told.purpose, channel) for channel in told.channels} & GRANTED_UNASKED, kind
            assert told.lane is Lane.BULK
            assert not told.repeats


def test_every_kind_has_its_row_and_a_person_calls_last() -> None:
    assert set(KINDS) == set(NoticeKind)
    for told in KINDS.values():
        ways = [rung.channel for rung in told.ladder]
        assert ways[0] is _C.PUSH
        assert len(ways) == len(set(ways))
        assert _C.CALL not in ways[:-1]


@given(KIND, st.integers(-48, 400))
def test_nothing_of_a_visit_outlives_its_beginning(kind: NoticeKind, hours: int) -> None:
    visit_at = NOON + hours * HOUR
    ends = expiry(kind, NOON, visit_at)
    assert ends <= NOON + KINDS[kind].life
    if KINDS[kind].with_visit:
        assert ends <= visit_at


@pytest.mark.parametrize(
    ("ends", "by_acceptance", "by_delivery", "by_opening"),
    [
        (Ends.ACCEPTED, True, True, True),
        (Ends.DELIVERED, False, True, True),
        (Ends.OPENED, False, False, True),
        (Ends.ANSWERED, False, False, False),
    ],
)
def test_what_ends_a_ladder_is_what_the_kind_wants(
    ends: Ends, by_acceptance: bool, by_delivery: bool, by_opening: bool
) -> None:
    none = {"accepted": False, "delivered": False, "opened": False}
    assert not has_ended(ends, **none)
    assert has_ended(ends, **{**none, "accepted": True}) is by_acceptance
    assert has_ended(ends, **{**none, "delivered": True}) is by_delivery
    assert has_ended(ends, **{**none, "opened": True}) is by_opening


def test_what_cannot_replace_itself_is_repeated_only_for_the_treatment() -> None:
    assert repeats(NoticeKind.RECALL, Purpose.RECALL, _C.PUSH)
    assert not repeats(NoticeKind.RECALL, Purpose.RECALL, _C.SMS)
    assert repeats(NoticeKind.REMINDING, Purpose.SERVICE, _C.SMS)
    assert not repeats(NoticeKind.ADVERTISING, Purpose.MARKETING, _C.PUSH)
    assert not repeats(NoticeKind.VISIT, Purpose.MARKETING, _C.PUSH)


def test_only_what_is_answered_at_once_may_come_at_night() -> None:
    assert [kind for kind, told in KINDS.items() if told.shift is Shift.NEVER] == [NoticeKind.CHAT]
