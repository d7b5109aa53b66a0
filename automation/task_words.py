"""What tasks are called that Enamel makes itself, in the four languages; a clinic's own keep their titles."""

from automation.task import TaskOrigin

_TITLES: dict[TaskOrigin, dict[str, str]] = {
    TaskOrigin.LADDER: {
        "en": "Call: no message has reached the patient",
        "ru": "Позвонить: сообщения не дошли до пациента",
        "it": "Chiamare: nessun messaggio ha raggiunto il paziente",
        "zh": "致电：消息未能送达患者",
    },
    TaskOrigin.TELEPHONE: {
        "en": "Call back: a missed call",
        "ru": "Перезвонить: пропущенный звонок",
        "it": "Richiamare: una chiamata persa",
        "zh": "回电：未接来电",
    },
    TaskOrigin.SURVEY: {
        "en": "Read what the patient answered and get in touch",
        "ru": "Прочитать ответ пациента и связаться с ним",
        "it": "Leggere la risposta del paziente e contattarlo",
        "zh": "查看患者的答复并联系患者",
    },
    TaskOrigin.CAMPAIGN: {
        "en": "Get in touch: the patient responded to a message of a campaign",
        "ru": "Связаться: пациент откликнулся на сообщение рассылки",
        "it": "Contattare: il paziente ha risposto a un messaggio di una campagna",
        "zh": "联系患者：患者对群发消息作出了回应",
    },
}


def title_of(origin: TaskOrigin, title: str, language: str) -> str:
    """The title as it was given, or ours."""
    own = _TITLES.get(origin, {})
    return title or own.get(language) or own.get("en") or ""
