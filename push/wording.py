"""What a lock screen shows: generic words in the phone's language, and nothing of the patient's health.

Anybody may read a lock screen, and Google and Apple carry it. The content is read in the app, after opening.
"""

from push.notice import NoticeKind

_K = NoticeKind

_TITLES = {"en": "Your clinic", "ru": "Ваша клиника", "it": "Il tuo studio", "zh": "您的诊所"}

_TEXTS: dict[NoticeKind, dict[str, str]] = {
    _K.VISIT: {
        "en": "About your visit: open the app for the details.",
        "ru": "О вашем визите: подробности в приложении.",
        "it": "Sulla tua visita: apri l'app per i dettagli.",
        "zh": "关于您的到访：请打开应用查看详情。",
    },
    _K.FREED_TIME: {
        "en": "A time has become free: open the app if you want it.",
        "ru": "Освободилось время: откройте приложение, если оно вам подходит.",
        "it": "Si è liberato un orario: apri l'app se ti va bene.",
        "zh": "有空闲时间了：如需预约请打开应用。",
    },
    _K.PLAN: {
        "en": "Your clinic has prepared something for you.",
        "ru": "Клиника подготовила кое-что для вас.",
        "it": "Il tuo studio ha preparato qualcosa per te.",
        "zh": "您的诊所为您准备了新的内容。",
    },
    _K.FILE: {
        "en": "There is something new in your account.",
        "ru": "В вашем кабинете есть новое.",
        "it": "C'è una novità nella tua area personale.",
        "zh": "您的账户中有新的内容。",
    },
    _K.CHAT: {
        "en": "You have a new message.",
        "ru": "У вас новое сообщение.",
        "it": "Hai un nuovo messaggio.",
        "zh": "您有一条新消息。",
    },
    _K.NOTE: {
        "en": "Your clinic has a message for you.",
        "ru": "У клиники есть для вас сообщение.",
        "it": "Il tuo studio ha un messaggio per te.",
        "zh": "您的诊所有一条消息给您。",
    },
    _K.RECALL: {
        "en": "It has been a while. Choose a time that suits you.",
        "ru": "Давно не виделись. Выберите удобное время.",
        "it": "È passato un po' di tempo. Scegli quando venire.",
        "zh": "好久不见，请选择您方便的时间。",
    },
    _K.SURVEY: {
        "en": "How was it? Your answer takes a minute.",
        "ru": "Как всё прошло? Ответ займёт минуту.",
        "it": "Com'è andata? Bastano pochi secondi.",
        "zh": "您感觉如何？只需一分钟即可回答。",
    },
    _K.OFFER: {
        "en": "Your clinic has an offer for you.",
        "ru": "У клиники есть для вас предложение.",
        "it": "Il tuo studio ha una proposta per te.",
        "zh": "您的诊所有一项优惠给您。",
    },
}


def lock_screen(kind: NoticeKind, locale: str) -> tuple[str, str]:
    """Title and text for `kind` in the language of `locale` (BCP 47, `it-IT`), English where we lack it."""
    language = locale.replace("_", "-").split("-", 1)[0].lower()
    language = language if language in _TITLES else "en"
    return _TITLES[language], _TEXTS[kind][language]
