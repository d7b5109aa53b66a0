"""The bot of rules: questions as people write them, in four languages, and what is answered."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from chat.bot import URGENT, Asked, Facts, FreeTime, HandOver, NextVisit
from chat.bot_rules import rules_answer
from chat.bot_words import LANGUAGES, Matter, bot_text, tap_texts, understood
from chat.card import CardKind
from chat.log import FilledField, FilledForm
from clinic.hours import Hours, OpenPlace
from clinic.price import PriceLine
from core.ids import new_id

QUESTIONS: dict[Matter, dict[str, list[str]]] = {
    Matter.HOURS: {
        "en": [
            "What are your opening hours?",
            "Are you open on Saturday?",
            "when do you close",
            "Hi, are you open today?",
        ],
        "it": [
            "Che orari fate?",
            "Siete aperti il sabato?",
            "A che ora chiudete?",
            "Buongiorno, siete aperti domenica?",
        ],
        "ru": [
            "Во сколько вы открываетесь?",
            "Какой у вас график?",
            "Вы работаете в субботу?",
            "До скольки вы сегодня?",
        ],
        "zh": ["你们几点开门？", "营业时间是什么", "周末上班吗？"],
    },
    Matter.ADDRESS: {
        "en": ["Where are you?", "What is your address", "How do I get there?", "is there parking"],
        "it": ["Dove siete?", "Qual è l'indirizzo?", "Come arrivo da voi?", "C'è parcheggio?"],
        "ru": ["Где вы находитесь?", "Подскажите адрес", "Как к вам доехать? как добраться", "Есть парковка?"],
        "zh": ["你们在哪里？", "地址是什么", "怎么走？"],
    },
    Matter.PRICE: {
        "en": ["How much is a cleaning?", "what does a visit cost", "Price of a filling?"],
        "it": ["Quanto costa la pulizia?", "prezzi?", "Quanto viene un'otturazione?"],
        "ru": ["Сколько стоит чистка?", "Цена пломбы?", "почём чистка"],
        "zh": ["洁牙多少钱？", "费用是多少", "价格"],
    },
    Matter.PREPARE: {
        "en": ["What should I bring?", "how do I prepare for the visit", "Can I eat before?"],
        "it": ["Cosa devo portare?", "Come mi preparo?", "Posso mangiare prima della visita?"],
        "ru": ["Что взять с собой?", "Как подготовиться?", "Можно поесть перед приёмом?"],
        "zh": ["需要带什么？", "看牙前能吃东西吗", "要做什么准备"],
    },
    Matter.BOOK: {
        "en": ["I want to book", "Can I have an appointment?", "Any free times on Friday?"],
        "it": ["Vorrei prenotare", "Vorrei un appuntamento", "Avete disponibilità?"],
        "ru": ["Хочу записаться", "Запишите меня пожалуйста", "Есть свободное время?"],
        "zh": ["我想预约", "可以挂号吗"],
    },
    Matter.MOVE: {
        "en": ["I need to move my appointment", "can we reschedule", "Please cancel my visit"],
        "it": ["Devo spostare l'appuntamento", "Vorrei un altro orario per la visita", "devo disdire"],
        "ru": ["Можно перенести приём?", "Хочу на другое время", "Отмените запись"],
        "zh": ["我想改期", "可以换时间吗", "取消预约"],
    },
    Matter.PAIN: {
        "en": [
            "My tooth hurts",
            "I have a terrible toothache, what time do you open?",
            "My gum is SWOLLEN",
            "it's bleeding",
        ],
        "it": ["Ho mal di denti", "mi fa male un dente, quanto costa?", "Gencia gonfia", "Ho dolore"],
        "ru": ["Болит зуб", "Очень больно, сколько стоит приём?", "Щека опухла", "идёт кровь"],
        "zh": ["我牙疼", "牙龈肿了", "很痛，几点开门"],
    },
    Matter.HUMAN: {
        "en": ["I want to talk to a person", "operator", "Can somebody call me?"],
        "it": ["Vorrei parlare con una persona", "operatore", "richiamatemi per favore"],
        "ru": ["Позовите человека", "оператор", "Перезвоните мне"],
        "zh": ["转人工", "我要找真人客服"],
    },
    Matter.PEOPLE: {
        "en": ["I am pregnant, can I book?", "I want a refund"],
        "it": ["Posso prendere l'antibiotico?"],
        "ru": ["Хочу вернуть деньги", "готов ли результат?"],
        "zh": ["我要退款"],
    },
    Matter.GREETING: {"en": ["Hello!"], "it": ["Buongiorno"], "ru": ["Здравствуйте"], "zh": ["你好"]},
    Matter.THANKS: {"en": ["Thank you!"], "it": ["Grazie mille"], "ru": ["Спасибо большое"], "zh": ["谢谢"]},
}
NOT_UNDERSTOOD = {
    "en": ["Is zirconia better than metal ceramics?", "blue", "?!", "Do you like cats"],
    "it": ["La zirconia è meglio?", "boh"],
    "ru": ["А цирконий лучше?", "ммм", "больше", "зубная паста какая лучше"],
    "zh": ["锆好还是金属好"],
}
NIGHT = datetime(2026, 11, 25, 2, tzinfo=UTC)
NOON = datetime(2026, 11, 25, 11, tzinfo=UTC)  # a Wednesday
CENTRO = OpenPlace(
    new_id(), "Centro", "+390255501234", "Via Roma 1", Hours("Europe/Rome", time(9), time(20), frozenset(range(5)))
)
PRICES = [
    PriceLine.model_validate({
        "names": [
            {"language": "en", "name": "Professional cleaning"}, {"language": "it", "name": "Pulizia dei denti"},
            {"language": "ru", "name": "Чистка зубов"}, {"language": "zh", "name": "专业洁牙"},
        ],
        "price": {"amount_minor": 8_000, "currency": "EUR"},
    }),
    PriceLine.model_validate({
        "names": [
            {"language": "en", "name": "Filling"}, {"language": "it", "name": "Otturazione"},
            {"language": "ru", "name": "Пломба"}, {"language": "zh", "name": "补牙"},
        ],
        "price": {"amount_minor": 9_000, "currency": "EUR"}, "up_to": {"amount_minor": 18_000, "currency": "EUR"},
    }),
]  # fmt: skip
FREE = [FreeTime(new_id(), NOON + timedelta(days=1), "Europe/Rome", "Centro", "Dr. Bianchi")]
VISITS = [NextVisit(new_id(), NOON + timedelta(days=3), "Europe/Rome", "Hygiene {0} <b>")]
FACTS = Facts("Rome Dental", [CENTRO], PRICES, FREE, VISITS)


def asked(text: str, language: str = "en", *, at: datetime = NOON, facts: Facts = FACTS, **more: Any) -> Asked:
    return Asked(new_id(), new_id(), new_id(), new_id(), 1, text, language, at, facts=facts, **more)


CASES = [
    (matter, language, question)
    for matter, by_language in QUESTIONS.items()
    for language, questions in by_language.items()
    for question in questions
]


@pytest.mark.parametrize(("matter", "language", "question"), CASES)
def test_a_question_is_understood_in_its_language(matter: Matter, language: str, question: str) -> None:
    told = understood(question, language)
    assert matter in told.matters
    assert told.language == language


@pytest.mark.parametrize(("matter", "language", "question"), CASES)
def test_pain_and_a_wish_for_a_person_are_handed_over_and_all_else_is_answered(
    matter: Matter, language: str, question: str
) -> None:
    expected = {Matter.PAIN: HandOver.PAIN, Matter.HUMAN: HandOver.ASKED, Matter.PEOPLE: HandOver.ASKED}.get(matter)
    answer = rules_answer(asked(question, language))
    assert answer.hand_over is expected
    assert answer.said


@pytest.mark.parametrize(
    ("language", "question"), [(language, each) for language, all_ in NOT_UNDERSTOOD.items() for each in all_]
)
def test_what_is_not_understood_goes_to_a_person(language: str, question: str) -> None:
    answer = rules_answer(asked(question, language))
    assert (answer.hand_over, answer.said[0].text) == (HandOver.NOT_UNDERSTOOD, bot_text("hand_over", language))


@pytest.mark.parametrize(
    ("language", "hours", "price"),
    [
        ("en", "Centro: 09:00–20:00, Mon–Fri.", "Professional cleaning: €80.00"),
        ("it", "Centro: 09:00–20:00, lun–ven.", "Pulizia dei denti: 80,00\xa0€"),
        ("ru", "Centro: 09:00–20:00, пн–пт.", "Чистка зубов: 80,00\xa0€"),
        ("zh", "Centro：09:00–20:00，周一–周五。", "专业洁牙：€80.00"),
    ],
)
def test_hours_and_prices_are_the_clinics_own(language: str, hours: str, price: str) -> None:
    of_hours = rules_answer(asked(QUESTIONS[Matter.HOURS][language][0], language)).said[0].text
    assert of_hours.splitlines() == [hours, bot_text("open_now", language)]
    of_price = rules_answer(asked(QUESTIONS[Matter.PRICE][language][0], language)).said[0].text
    assert of_price.splitlines() == [price, bot_text("price_note", language)]


def test_at_night_it_says_when_the_clinic_opens() -> None:
    text = rules_answer(asked("Are you open?", at=NIGHT)).said[0].text
    assert text.endswith("We open again Wed 25 Nov, 09:00.")


def test_a_person_who_writes_in_another_language_is_answered_in_it() -> None:
    assert rules_answer(asked("Dove siete?", "ru")).said[0].text.startswith("Centro: Via Roma 1\nTelefono")
    assert understood("Сколько стоит?", "it").language == "ru"


def test_two_questions_get_two_answers() -> None:
    text = rules_answer(asked("Where are you and when do you open?")).said[0].text
    assert "Via Roma 1" in text
    assert "09:00–20:00" in text


def test_a_price_with_a_span_and_one_that_is_not_named() -> None:
    assert "Filling: from €90.00 to €180.00" in rules_answer(asked("How much is a filling?")).said[0].text
    everything = rules_answer(asked("How much does it cost?")).said[0].text
    assert [line.split(":")[0] for line in everything.splitlines()[:2]] == ["Professional cleaning", "Filling"]


def test_free_times_are_booked_with_a_tap_by_the_cabinets_own_operation() -> None:
    question = asked("I want to book")
    card = rules_answer(question).said[0].card
    assert card is not None
    assert (card.kind, card.replies[0].label) == (CardKind.CHOICES, "Thu 26 Nov, 12:00 · Centro · Dr. Bianchi")
    action = card.replies[0].action
    assert action is not None
    path = f"/v1/patients/{question.patient_id}/slots/{FREE[0].slot_id}/booking"
    assert (action.operation_id, action.path) == ("bookPatientSlot", path)
    assert card.replies[-1].label == tap_texts([Matter.HUMAN], "en")[0]


def test_a_visit_to_move_comes_as_a_card_and_its_words_are_no_pattern() -> None:
    first, second = rules_answer(asked("I want to move my appointment")).said
    assert first.text == bot_text("visit", "en")
    assert second.card is not None
    assert (second.card.kind, second.card.id) == (CardKind.VISIT, VISITS[0].appointment_id)
    assert second.card.title == "Sat 28 Nov, 12:00 · Hygiene {0} <b>"
    assert second.card.title in second.card.fallback


@pytest.mark.parametrize("question", ["Where are you?", "How much is it?", "I want to book", "Please move my visit"])
def test_what_the_clinic_never_said_is_for_a_person(question: str) -> None:
    answer = rules_answer(asked(question, facts=Facts("Rome Dental")))
    assert (answer.hand_over, len(answer.said)) == (HandOver.NOT_KNOWN, 1)


def test_pain_says_what_to_do_meanwhile() -> None:
    day, night = (rules_answer(asked("My tooth hurts", at=at)).said[0].text for at in (NOON, NIGHT))
    assert bot_text("pain_emergency", "en") in day
    assert "Phone: +390255501234" in day
    assert "We are closed now and open Wed 25 Nov, 09:00." in night
    assert URGENT == 3


def test_a_starter_is_taken_at_its_word() -> None:
    def with_form(starter: str, **more: Any) -> Asked:
        form = FilledForm(starter=starter, answers=[FilledField(key="service", value="чистка")])
        return asked("Prenota una visita", "ru", form=form, **more)

    assert rules_answer(with_form("price")).said[0].text.startswith("Чистка зубов")
    assert rules_answer(with_form("book")).said[0].text == bot_text("times", "ru")
    assert rules_answer(with_form("anything", urgent=True)).hand_over is HandOver.PAIN


def test_a_picture_and_a_long_letter_are_for_a_person() -> None:
    assert rules_answer(asked("price?", pictures=True)).hand_over is HandOver.ASKED
    assert rules_answer(asked("price " * 100)).hand_over is HandOver.NOT_UNDERSTOOD
    assert rules_answer(asked("price " * 100 + "my tooth hurts")).hand_over is HandOver.PAIN


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_bot_offers_to_tap_it_understands(language: str) -> None:
    for matter in (Matter.BOOK, Matter.MOVE, Matter.HOURS, Matter.ADDRESS, Matter.PRICE, Matter.HUMAN):
        label = tap_texts([matter], language)[0]
        assert understood(label, language).matters == (matter,), label


def test_asked_again_its_messages_have_the_same_names() -> None:
    one = asked("hi")
    assert one.message_id(1) == one.message_id(1) != one.message_id(2)
