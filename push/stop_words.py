"""Decides whether a text that came back is a stop or a start: the whole message, and never a word within one.

CANCEL, END and YES, which carriers also take, are not here: to a reminder of a visit they are an answer to the visit.
Sources: CTIA Messaging Principles §5.1.3 (opt-out keywords); T, TD and R are what Chinese operators have messages say.
"""

import unicodedata
from enum import StrEnum

_LONGEST = 64
_JOINED_MARK = "\ufe0f"


class Wish(StrEnum):
    STOP = "stop"
    START = "start"


STOP_WORDS = {
    "en": ("stop", "stopall", "stop all", "unsubscribe", "quit", "opt out", "optout", "opt-out", "revoke"),
    "ru": ("стоп", "отписаться", "отписка", "отписать", "отпишите", "отпишите меня", "не писать", "не пишите"),
    "it": ("stop", "ferma", "basta", "cancellami", "disiscrivimi", "disiscriviti", "disiscrivi", "rimuovimi"),
    "zh": ("退订", "退訂", "取消订阅", "取消訂閱", "停止", "拒收", "td", "t", "r"),
}
START_WORDS = {
    "en": ("start", "unstop", "subscribe", "opt in", "optin", "opt-in"),
    "ru": ("старт", "подписаться", "подписка", "подпишите", "подпишите меня"),
    "it": ("start", "inizia", "riattiva", "iscrivimi", "riprendi"),
    "zh": ("订阅", "訂閱", "恢复", "恢復", "开始", "開始", "恢复订阅"),
}


def wish(text: str) -> Wish | None:
    """What `text` asks for, in any of the languages; None for whatever is longer or other than one of the words."""
    if len(text) > _LONGEST:
        return None
    return _WISHES.get(_bare(text))


def _bare(text: str) -> str:
    """Without case, width (full-width `ＳＴＯＰ`), double spaces, and the signs around it."""
    words = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    start, end = 0, len(words)
    while start < end and _is_sign(words[start]):
        start += 1
    while end > start and _is_sign(words[end - 1]):
        end -= 1
    return words[start:end]


def _is_sign(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "PSZC" or sign == _JOINED_MARK


_WISHES = {
    _bare(word): meant
    for meant, languages in ((Wish.STOP, STOP_WORDS), (Wish.START, START_WORDS))
    for words in languages.values()
    for word in words
}
