"""What a patient's words come to: the last one of each purpose and channel, whatever order they arrive in."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import push
from push.consent import ConsentChannel, Word, allowed, channels_of, everything_asked, last_words
from push.consent_texts import LANGUAGES, consent_text, present_version
from push.gate import Claimed, Send, gate
from push.notice import Purpose
from tests.push.phones import HOUR, NOON

# A text that was shown is what somebody agreed to. New words need a new file; its hash is added here.
SHOWN = {"2026-11": "2d0b9f3829db1db13592928fe1a8c52c56df6cc1793a7a6daad0e44b5c7a4f6e"}

words = st.lists(
    st.builds(
        Word,
        st.sampled_from(list(Purpose)),
        st.sampled_from(list(ConsentChannel)),
        st.booleans(),
        st.integers(0, 5).map(lambda hours: NOON + timedelta(hours=hours)),
    ),
    max_size=30,
)


@given(words, st.randoms())
def test_the_order_of_arrival_changes_nothing(said: list[Word], dice: object) -> None:
    shuffled = list(said)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert last_words(said) == last_words(shuffled)


@given(words)
def test_nothing_is_sent_that_the_last_word_does_not_allow(said: list[Word]) -> None:
    last = last_words(said)
    for purpose, channel in everything_asked():
        word = last.get((purpose, channel))
        claimed = Claimed(purpose, NOON + HOUR, consent=word.granted if word else None, channel=channel)
        sent = isinstance(gate(claimed, NOON), Send)
        mine = [each for each in said if (each.purpose, each.channel) == (purpose, channel)]
        newest = max((each.at for each in mine), default=None)
        refused = any(not each.granted for each in mine if each.at == newest)
        assert not (sent and refused)
        assert sent == allowed(purpose, channel, None if not mine else not refused)


def test_a_word_on_one_channel_says_nothing_of_another() -> None:
    yes = Word(Purpose.MARKETING, ConsentChannel.SMS, True, NOON)
    assert (Purpose.MARKETING, ConsentChannel.PUSH) not in last_words([yes])


def test_of_two_words_at_the_same_moment_the_no_counts() -> None:
    both = [Word(Purpose.MARKETING, ConsentChannel.SMS, granted, NOON) for granted in (True, False)]
    assert [word.granted for word in last_words(both).values()] == [False]


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_purpose_has_its_words_in_every_language(purpose: Purpose, language: str) -> None:
    for channel in channels_of(purpose):
        shown = consent_text(present_version(), purpose, channel, language)
        assert shown is not None
        assert "{" not in shown.text
        assert len(shown.sha256) == 64
    texts = {consent_text(present_version(), purpose, each, language) for each in channels_of(purpose)}
    assert len(texts) == len(channels_of(purpose))


def test_a_version_that_was_shown_is_never_altered() -> None:
    folder = Path(push.__file__).parent / "data"
    held = {
        file.stem.removeprefix("consents-"): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.glob("consents-*.toml")
    }
    assert held == SHOWN
