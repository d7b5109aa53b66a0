"""What the page of a survey says around the clinic's own questions, in four languages; nothing of who it is for."""

from typing import NamedTuple


class SurveyWords(NamedTuple):
    language: str
    lead: str
    button: str
    review: str
    thanks_title: str
    thanks: str
    over_title: str
    over: str
    wrong: str


_WORDS = {
    "en": SurveyWords(
        "en", "Your answer goes to your clinic, which sees it with your name.", "Send",
        "You may also write a public review here", "Thank you", "Your clinic has your answer.",
        "This is over", "It was answered already, or its time is over.", "Please answer what is still missing.",
    ),
    "ru": SurveyWords(
        "ru", "Ваш ответ получит клиника и увидит его с вашим именем.", "Отправить",
        "Вы можете также оставить публичный отзыв здесь", "Спасибо", "Клиника получила ваш ответ.",
        "Опрос завершён", "На него уже ответили, или срок истёк.", "Ответьте, пожалуйста, на оставшиеся вопросы.",
    ),
    "it": SurveyWords(
        "it", "La risposta va al tuo studio, che la vede con il tuo nome.", "Invia",
        "Puoi anche scrivere una recensione pubblica qui", "Grazie", "Lo studio ha ricevuto la tua risposta.",
        "È concluso", "È già stato risposto, o il tempo è scaduto.", "Rispondi a ciò che ancora manca.",
    ),
    "zh": SurveyWords(
        "zh", "您的答复将发送给诊所，诊所会看到您的姓名。", "提交",
        "您也可以在此公开评价", "谢谢", "诊所已收到您的答复。",
        "已结束", "此问卷已回答或已过期。", "请填写尚未回答的问题。",
    ),
}  # fmt: skip


def survey_words(language: str) -> SurveyWords:
    return _WORDS.get(language, _WORDS["en"])
