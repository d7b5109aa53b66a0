"""A stop is the whole message, in any of the languages, however it is written; and never a word of a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from push.stop_words import START_WORDS, STOP_WORDS, Wish, wish

EVERY_STOP = sorted({word for words in STOP_WORDS.values() for word in words})
EVERY_START = sorted({word for words in START_WORDS.values() for word in words})


@pytest.mark.parametrize(
    "text",
    ["STOP", "stop", " Stop! ", "«СТОП»", "Стоп.", "отписаться", "ОТПИСАТЬСЯ!!!", "FERMA", "Basta.", "退订", "退订。",
     "ＳＴＯＰ", "T", "TD", "Stop  all", "STOP\n", '"STOP"', "STOP 🙏", "stop❗️", "\u200bSTOP", "Не пишите"],
)  # fmt: skip
def test_a_stop_is_understood(text: str) -> None:
    assert wish(text) is Wish.STOP


@pytest.mark.parametrize("text", ["START", "старт", "Iscrivimi", "订阅", "Unstop!", "恢复"])
def test_and_a_start(text: str) -> None:
    assert wish(text) is Wish.START


@pytest.mark.parametrize(
    "text",
    ["", "   ", "!?", "Please stop by at noon", "stop it", "non basta", "Basta il dolore", "nonstop", "не стоп",
     "стоп кран", "я хочу отписаться от врача", "退订吗", "CANCEL", "END", "YES", "да", "sì", "annulla", "отмена",
     "取消", "start tomorrow", "stop start", "tt", "стоп " * 30],
)  # fmt: skip
def test_nothing_else_is(text: str) -> None:
    assert wish(text) is None


def test_no_word_means_both() -> None:
    assert {wish(word) for word in EVERY_STOP} == {Wish.STOP}
    assert {wish(word) for word in EVERY_START} == {Wish.START}


@given(st.sampled_from(EVERY_STOP), st.text("abcдя退 ", min_size=1, max_size=20).filter(str.strip))
def test_a_word_beside_it_makes_it_a_sentence(word: str, more: str) -> None:
    said = f"{word} {more}"
    assert wish(said) is None or " ".join(said.split()) in EVERY_STOP
