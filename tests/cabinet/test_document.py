"""A document's life: each step has its time, and what is over stays over."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from cabinet.document import (
    Act,
    Asks,
    DocumentNotOpen,
    DocumentNotSeen,
    DocumentState,
    FormNotFilled,
    content_sha256,
    is_open,
    state_after,
    state_at,
    waits,
)
from cabinet.merge import Part, PartKind
from core.errors import Conflict

S, NOW = DocumentState, datetime(2026, 11, 22, 9, tzinfo=UTC)
OVER = [S.ACKNOWLEDGED, S.SIGNED, S.DECLINED, S.WITHDRAWN, S.EXPIRED]


def test_a_consent_is_seen_and_signed() -> None:
    seen = state_after(S.SENT, Act.SEE, Asks.SIGN, has_form=False)
    assert seen is S.SEEN
    assert state_after(seen, Act.SIGN, Asks.SIGN, has_form=False) is S.SIGNED


def test_a_form_is_filled_before_it_is_signed_and_may_be_filled_again() -> None:
    with pytest.raises(FormNotFilled):
        state_after(S.SEEN, Act.SIGN, Asks.SIGN, has_form=True)
    assert state_after(S.SEEN, Act.FILL, Asks.SIGN, has_form=True) is S.FILLED
    assert state_after(S.FILLED, Act.FILL, Asks.SIGN, has_form=True) is S.FILLED
    assert state_after(S.FILLED, Act.SIGN, Asks.SIGN, has_form=True) is S.SIGNED


def test_a_form_without_a_signature_ends_when_it_is_filled() -> None:
    assert state_after(S.SEEN, Act.FILL, Asks.FILL, has_form=True) is S.FILLED
    with pytest.raises(DocumentNotOpen):
        state_after(S.FILLED, Act.FILL, Asks.FILL, has_form=True)


@pytest.mark.parametrize(("act", "asks"), [(Act.SIGN, Asks.SIGN), (Act.ACKNOWLEDGE, Asks.ACKNOWLEDGE)])
def test_nobody_answers_to_what_they_have_not_opened(act: Act, asks: Asks) -> None:
    with pytest.raises(DocumentNotSeen):
        state_after(S.SENT, act, asks, has_form=False)


@pytest.mark.parametrize(("state", "act"), list(product(OVER, [act for act in Act if act is not Act.SEE])))
def test_what_is_over_stays_over(state: DocumentState, act: Act) -> None:
    for asks, has_form in product(Asks, (False, True)):
        with pytest.raises(DocumentNotOpen):
            state_after(state, act, asks, has_form=has_form)


def test_opening_again_changes_nothing() -> None:
    for state in [*OVER, S.SEEN, S.FILLED]:
        assert state_after(state, Act.SEE, Asks.SIGN, has_form=False) is state


def test_a_document_is_answered_only_as_it_asks() -> None:
    wanted = {Act.SIGN: Asks.SIGN, Act.ACKNOWLEDGE: Asks.ACKNOWLEDGE}
    for act, asks in product(wanted, Asks):
        if wanted[act] is not asks:
            with pytest.raises(Conflict):
                state_after(S.SEEN, act, asks, has_form=False)
    with pytest.raises(DocumentNotOpen):
        state_after(S.SEEN, Act.DECLINE, Asks.READ, has_form=False)


def test_time_ends_only_what_is_open() -> None:
    past, ahead = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)
    assert state_at(S.SEEN, Asks.SIGN, NOW, NOW) is S.EXPIRED
    assert state_at(S.SEEN, Asks.SIGN, ahead, NOW) is S.SEEN
    assert state_at(S.SIGNED, Asks.SIGN, past, NOW) is S.SIGNED
    assert state_at(S.FILLED, Asks.FILL, past, NOW) is S.FILLED
    assert state_at(S.SENT, Asks.SIGN, None, NOW) is S.SENT


def test_only_what_asks_for_something_waits() -> None:
    assert not waits(S.SENT, Asks.READ)
    assert is_open(S.SENT, Asks.READ)
    assert waits(S.FILLED, Asks.SIGN)
    assert not waits(S.FILLED, Asks.FILL)


def test_the_hash_tells_every_word_apart() -> None:
    part = Part(kind=PartKind.PARAGRAPH, text="I agree")
    whole = content_sha256("Consent", 1, [part], [], [])
    assert whole == content_sha256("Consent", 1, [part], [], [])
    assert whole != content_sha256("Consent", 2, [part], [], [])
    assert whole != content_sha256("Consent", 1, [Part(kind=PartKind.PARAGRAPH, text="I agree.")], [], [])
    assert whole != content_sha256("Consent", 1, [part, part], [], [])
