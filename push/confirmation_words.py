"""What a stop and a start are answered with, once: nothing but that it was heard, and how to undo it."""

from push.stop_words import Wish

_WORDS = {
    Wish.STOP: {
        "en": "Done: no more of these messages here. START brings them back.",
        "ru": "Готово: таких сообщений здесь больше не будет. СТАРТ вернёт их.",
        "it": "Fatto: qui non riceverà più questi messaggi. START per riattivarli.",
        "zh": "已退订，此处不再发送此类消息。回复“订阅”可恢复。",
    },
    Wish.START: {
        "en": "Done: you receive messages here again. STOP ends them.",
        "ru": "Готово: сообщения снова будут приходить. СТОП отключит их.",
        "it": "Fatto: qui riceverà di nuovo i messaggi. STOP per non riceverli.",
        "zh": "已恢复接收消息。回复“退订”可停止。",
    },
}


def confirmation_words(wish: Wish, language: str) -> str:
    """In one of our languages, English else."""
    return _WORDS[wish].get(language, _WORDS[wish]["en"])
