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
    _K.CONFIRMING: {
        "en": "Please confirm your visit in the app.",
        "ru": "Пожалуйста, подтвердите визит в приложении.",
        "it": "Conferma la tua visita nell'app.",
        "zh": "请在应用中确认您的到访。",
    },
    _K.REMINDING: {
        "en": "Your visit is coming up: open the app for the details.",
        "ru": "Скоро ваш визит: подробности в приложении.",
        "it": "La tua visita si avvicina: apri l'app per i dettagli.",
        "zh": "您的到访时间临近：请打开应用查看详情。",
    },
    _K.ADVERTISING: {
        "en": "There is news from your clinic.",
        "ru": "Новости вашей клиники.",
        "it": "Ci sono novità dal tuo studio.",
        "zh": "您的诊所有新消息。",
    },
    _K.GREETING: {
        "en": "Best wishes from your clinic.",
        "ru": "Ваша клиника поздравляет вас.",
        "it": "Tanti auguri dal tuo studio.",
        "zh": "您的诊所向您致以问候。",
    },
    _K.COMBINED: {
        "en": "Your clinic has two things to tell you.",
        "ru": "У клиники есть для вас два сообщения.",
        "it": "Il tuo studio ha due cose da dirti.",
        "zh": "您的诊所有两件事要告诉您。",
    },
    _K.ORGANISATIONAL: {
        "en": "Something changes at your clinic: open the app for the details.",
        "ru": "Изменения в клинике: подробности в приложении.",
        "it": "Qualcosa cambia nel tuo studio: apri l'app per i dettagli.",
        "zh": "您的诊所有变动：请打开应用查看详情。",
    },
    _K.CARE: {
        "en": "Your clinic has some advice for you: open the app to read it.",
        "ru": "У клиники есть для вас советы: прочтите их в приложении.",
        "it": "Il tuo studio ha dei consigli per te: aprili nell'app.",
        "zh": "您的诊所有一些建议给您：请打开应用阅读。",
    },
}


def lock_screen(kind: NoticeKind, locale: str) -> tuple[str, str]:
    """Title and text for `kind` in the language of `locale` (BCP 47, `it-IT`), English where we lack it."""
    language = locale.replace("_", "-").split("-", 1)[0].lower()
    language = language if language in _TITLES else "en"
    return _TITLES[language], _TEXTS[kind][language]
