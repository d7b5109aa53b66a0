"""Rules of the bot that every clinic has: it knows what the clinic's own tables say."""

from collections.abc import Callable, Mapping, Sequence

from babel.dates import get_day_names

from chat.bot import MOST_TIMES, MOST_VISITS, Answer, Asked, FreeTime, HandOver, Spoken
from chat.bot_hand_over import for_a_person, handed_over, opens_again
from chat.bot_words import Matter, bot_text, tap_texts, understood
from chat.card import CardKind, booking, card, choices
from chat.log import Card, QuickReply
from clinic.price import PriceLine, lines_meant
from core.in_words import locale_of, money_text, short_moment

MOST_PRICES, MOST_PLACES, MOST_SPOKEN = 4, 5, 5
_WEEK, _SPAN = 7, 3


class RulesBot:
    """What stands behind the port of the clinics that have no bot of their own."""

    async def answer(self, asked: Asked) -> Answer:
        return rules_answer(asked)


def rules_answer(asked: Asked) -> Answer:
    """What is for a person comes before everything; a picture, and what is not understood, are too."""
    if (for_people := for_a_person(asked)) is not None:
        return for_people
    told = understood(asked.text, asked.language)
    matters, language = told.matters, told.language
    if asked.form is not None and asked.form.starter in _OF_STARTER:
        matters, language = (_OF_STARTER[asked.form.starter],), asked.language
    if asked.pictures or Matter.PEOPLE in matters:
        return handed_over(asked, language, HandOver.ASKED)
    if not matters:
        return handed_over(asked, language, HandOver.NOT_UNDERSTOOD)
    return _answered(asked, matters, language)


def _answered(asked: Asked, matters: Sequence[Matter], language: str) -> Answer:
    parts = [_ANSWERS[matter](asked, language) for matter in matters]
    known = [spoken for part in parts for spoken in part]
    if not all(parts):
        farewell = handed_over(asked, language, HandOver.NOT_KNOWN)
        return Answer((*known[: MOST_SPOKEN - 1], *farewell.said), HandOver.NOT_KNOWN)
    texts = "\n\n".join(spoken.text for spoken in known if spoken.card is None)
    cards = [spoken for spoken in known if spoken.card is not None]
    if not texts:
        return Answer(tuple(cards[:MOST_SPOKEN]))
    return Answer((Spoken(texts, _taps(matters, language)), *cards[: MOST_SPOKEN - 1]))


def _taps(matters: Sequence[Matter], language: str) -> Card:
    """What may be asked next, and always a person."""
    more = (Matter.BOOK, Matter.MOVE, Matter.HOURS, Matter.ADDRESS, Matter.PRICE)
    others = [matter for matter in more if matter not in matters][:3]
    labels = tap_texts([*others, Matter.HUMAN], language)
    return choices([QuickReply(label=label) for label in labels], language)


# --- One matter each: what is said of it; nothing where the clinic told us nothing ---


def _hours(asked: Asked, language: str) -> list[Spoken]:
    lines = [
        bot_text(
            "hours", language, place=place.name, opens=f"{place.hours.opens:%H:%M}",
            closes=f"{place.hours.closes:%H:%M}", days=_days(place.hours.weekdays, language),
        )
        for place in asked.facts.places[:MOST_PLACES]
    ]  # fmt: skip
    if not lines:
        return []
    opens = opens_again(asked, language)
    lines.append(bot_text("opens_at", language, when=opens) if opens else bot_text("open_now", language))
    return [Spoken("\n".join(lines))]


def _days(weekdays: frozenset[int], language: str) -> str:
    if len(weekdays) == _WEEK:
        return bot_text("daily", language)
    names = get_day_names("abbreviated", locale=locale_of(language))
    days = sorted(weekdays)
    if len(days) >= _SPAN and days[-1] - days[0] == len(days) - 1:
        return f"{names[days[0]]}–{names[days[-1]]}"
    return ", ".join(names[day] for day in days)


def _address(asked: Asked, language: str) -> list[Spoken]:
    known = [place for place in asked.facts.places[:MOST_PLACES] if place.address]
    lines = [bot_text("address", language, place=place.name, address=place.address) for place in known]
    phones = dict.fromkeys(place.phone for place in known if place.phone)
    lines += [bot_text("phone", language, phone=phone) for phone in phones]
    return [Spoken("\n".join(lines))] if known else []


def _price(asked: Asked, language: str) -> list[Spoken]:
    question = asked.text if asked.form is None else " ".join(each.value for each in asked.form.answers)
    prices = asked.facts.prices
    meant = lines_meant(question, prices, MOST_PRICES) or list(prices[:MOST_PRICES])
    lines = [_price_line(line, language) for line in meant]
    return [Spoken("\n".join([*lines, bot_text("price_note", language)]))] if lines else []


def _price_line(line: PriceLine, language: str) -> str:
    name, price = line.name_in(language), money_text(line.price, language)
    if line.up_to is None or line.up_to == line.price:
        return bot_text("price", language, name=name, price=price)
    return bot_text("price_span", language, name=name, price=price, up_to=money_text(line.up_to, language))


def _prepare(_: Asked, language: str) -> list[Spoken]:
    return [Spoken(bot_text("prepare", language))]


def _book(asked: Asked, language: str) -> list[Spoken]:
    free = asked.facts.free[:MOST_TIMES]
    replies = [booking(asked.patient_id, each.slot_id, _time(each, language)) for each in free]
    human = QuickReply(label=tap_texts([Matter.HUMAN], language)[0])
    return [Spoken(bot_text("times", language), choices([*replies, human], language))] if replies else []


def _time(free: FreeTime, language: str) -> str:
    parts = (short_moment(free.starts_at, free.zone, language), free.place, free.practitioner)
    return " · ".join(part for part in parts if part)


def _move(asked: Asked, language: str) -> list[Spoken]:
    visits = asked.facts.visits[:MOST_VISITS]
    if not visits:
        return []
    titles = [short_moment(each.starts_at, each.zone, language) for each in visits]
    names = [
        " · ".join(part for part in (title, each.service) if part) for title, each in zip(titles, visits, strict=True)
    ]
    cards = [
        Spoken("", card(CardKind.VISIT, asked.patient_id, each.appointment_id, name, language))
        for each, name in zip(visits, names, strict=True)
    ]
    return [Spoken(bot_text("visit", language)), *cards]


def _thanks(_: Asked, language: str) -> list[Spoken]:
    return [Spoken(bot_text("thanks", language))]


def _greeting(asked: Asked, language: str) -> list[Spoken]:
    return [Spoken(bot_text("greeting", language, clinic=asked.facts.clinic_name))]


_ANSWERS: Mapping[Matter, Callable[[Asked, str], list[Spoken]]] = {
    Matter.HOURS: _hours,
    Matter.ADDRESS: _address,
    Matter.PRICE: _price,
    Matter.PREPARE: _prepare,
    Matter.BOOK: _book,
    Matter.MOVE: _move,
    Matter.THANKS: _thanks,
    Matter.GREETING: _greeting,
}
_OF_STARTER = {"book": Matter.BOOK, "move": Matter.MOVE, "price": Matter.PRICE}
