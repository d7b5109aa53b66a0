"""What a picture of a journey says, in the four languages."""

from automation.criteria.said import EventKind
from automation.journey.happening_words import HAPPENINGS
from automation.journey.words import DateFact, Every, ExitKind, StepKind, TriggerKind

LANGUAGES = ("en", "ru", "it", "zh")

KINDS: dict[StepKind, tuple[str, str, str, str]] = {
    StepKind.MESSAGE: ("Message", "Сообщение", "Messaggio", "消息"),
    StepKind.CHAT: ("Chat message", "Сообщение в чате", "Messaggio in chat", "聊天消息"),
    StepKind.WAIT: ("Wait", "Ожидание", "Attesa", "等待"),
    StepKind.WAIT_VISIT: ("Wait for the visit", "Ожидание визита", "Attesa della visita", "等待就诊"),
    StepKind.WAIT_EVENT: ("Wait for an event", "Ожидание события", "Attesa di un evento", "等待事件"),
    StepKind.BRANCH: ("Branch", "Условие", "Condizione", "条件分支"),
    StepKind.SPLIT: ("Split", "Разделение", "Suddivisione", "随机分组"),
    StepKind.TAG: ("Tag", "Метка", "Etichetta", "标签"),
    StepKind.TASK: ("Task", "Задача", "Attività", "任务"),
    StepKind.COUPON: ("Coupon", "Купон", "Buono", "优惠券"),
    StepKind.POINTS: ("Points", "Баллы", "Punti", "积分"),
    StepKind.SURVEY: ("Survey", "Опрос", "Sondaggio", "问卷"),
    StepKind.WEBHOOK: ("Other system", "Внешняя система", "Altro sistema", "外部系统"),
    StepKind.JOURNEY: ("Other journey", "Другой сценарий", "Altro percorso", "其他流程"),
    StepKind.EXIT: ("End", "Конец", "Fine", "结束"),
}

_WORDS: dict[str, tuple[str, str, str, str]] = {
    "enters": ("Comes in by", "Вход", "Entra per", "进入条件"),
    "leaves": ("Leaves early by", "Досрочный выход", "Esce prima per", "提前退出"),
    "standing": ("here now", "сейчас здесь", "ora qui", "当前停留"),
    "passed": ("passed", "пройдено", "passati", "已通过"),
    "then": ("if it happens", "если произойдёт", "se succede", "若发生"),
    "late": ("if too late", "если поздно", "se è tardi", "若已过时"),
    "else": ("otherwise", "иначе", "altrimenti", "否则"),
    "days": ("d", "дн.", "gg", "天"),
    "hours": ("h", "ч", "h", "小时"),
    "before": ("before", "до", "prima", "之前"),
    "after": ("after", "после", "dopo", "之后"),
    "picture": ("Journey", "Сценарий", "Percorso", "流程"),
    "steps": ("steps", "шагов", "passi", "步"),
    "case": ("case", "случай", "caso", "情况"),
}


def kind_said(kind: StepKind, language: str) -> str:
    return KINDS[kind][_place(language)]


def happening_said(happening: TriggerKind | DateFact | Every | ExitKind | EventKind, language: str) -> str:
    return HAPPENINGS[happening][_place(language)]


def said(word: str, language: str) -> str:
    return _WORDS[word][_place(language)]


def _place(language: str) -> int:
    return LANGUAGES.index(language) if language in LANGUAGES else 0
