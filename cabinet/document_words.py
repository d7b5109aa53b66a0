"""The words that Enamel itself prints on a document, in four languages."""

from collections.abc import Mapping

from cabinet.form import AskedQuestion, GivenAnswer
from cabinet.paper_words import day_text

_Words = Mapping[str, str]
WORDS: Mapping[str, _Words] = {
    "en": {
        "patient": "Patient", "birth_date": "Date of birth", "answers": "Answers", "yes": "Yes", "no": "No",
        "unanswered": "not answered", "signature": "Signature", "signer": "Signed by", "as": "As", "time": "Time",
        "method": "How", "self": "the patient", "guardian": "guardian of the patient", "carer": "carer of the patient",
        "click": "confirmed in the signed-in app", "code": "one-time code sent to the signer's phone",
        "drawn": "drawn by hand in the signed-in app", "document": "Document", "version": "Version of the text",
        "hash": "SHA-256 of the content",
        "sealed": "This file is sealed electronically: any later change breaks the seal.",
        "by": "By", "acknowledged": "Read and acknowledged", "filled": "Handed in", "declined": "Declined",
    },
    "ru": {
        "patient": "Пациент", "birth_date": "Дата рождения", "answers": "Ответы", "yes": "Да", "no": "Нет",
        "unanswered": "нет ответа", "signature": "Подпись", "signer": "Подписал(а)", "as": "В качестве",
        "time": "Время", "method": "Способ", "self": "пациент", "guardian": "законный представитель пациента",
        "carer": "опекун пациента", "click": "подтверждение в приложении после входа",
        "code": "одноразовый код на телефон подписавшего", "drawn": "подпись от руки в приложении после входа",
        "document": "Документ", "version": "Версия текста", "hash": "SHA-256 содержания",
        "sealed": "Файл опечатан электронной печатью: любое изменение её нарушит.",
        "by": "Кто", "acknowledged": "Прочитано, подтверждено", "filled": "Ответы отправлены", "declined": "Отклонено",
    },
    "it": {
        "patient": "Paziente", "birth_date": "Data di nascita", "answers": "Risposte", "yes": "Sì", "no": "No",
        "unanswered": "nessuna risposta", "signature": "Firma", "signer": "Firmato da", "as": "In qualità di",
        "time": "Data e ora", "method": "Modalità", "self": "paziente", "guardian": "tutore del paziente",
        "carer": "amministratore di sostegno del paziente", "click": "conferma nell'app dopo l'accesso",
        "code": "codice monouso inviato al telefono di chi firma", "drawn": "firma tracciata nell'app dopo l'accesso",
        "document": "Documento", "version": "Versione del testo", "hash": "SHA-256 del contenuto",
        "sealed": "Il file è sigillato elettronicamente: ogni modifica successiva rompe il sigillo.",
        "by": "Da", "acknowledged": "Letto e confermato", "filled": "Consegnato", "declined": "Rifiutato",
    },
    "zh": {
        "patient": "患者", "birth_date": "出生日期", "answers": "回答", "yes": "是", "no": "否",
        "unanswered": "未回答", "signature": "签署", "signer": "签署人", "as": "身份", "time": "时间",
        "method": "方式", "self": "患者本人", "guardian": "患者的监护人", "carer": "患者的照护人",
        "click": "登录应用后确认", "code": "发送至签署人手机的一次性验证码", "drawn": "登录应用后手写签名",
        "document": "文件", "version": "文本版本", "hash": "内容的 SHA-256",
        "sealed": "本文件已加盖电子印章：任何后续更改都会破坏印章。",
        "by": "操作人", "acknowledged": "已阅读并确认", "filled": "已提交", "declined": "已拒绝",
    },
}  # fmt: skip


def words(language: str) -> _Words:
    return WORDS.get(language, WORDS["en"])


def answer_text(question: AskedQuestion, answer: GivenAnswer | None, language: str) -> str:
    """An answer as it is printed."""
    said = words(language)
    if answer is None or answer.empty:
        return said["unanswered"]
    if answer.yes is not None:
        return said["yes"] if answer.yes else said["no"]
    if answer.day is not None:
        return day_text(answer.day, language)
    if answer.choices is not None:
        texts = dict(zip(question.choices, question.choice_texts, strict=True))
        return ", ".join(texts[choice] for choice in answer.choices)
    return answer.text if answer.text is not None else str(answer.number)
