"""Rules of when a bot hands over to a person, and with which words."""

from chat.bot import Answer, Asked, HandOver, Spoken
from chat.bot_words import Matter, bot_text, understood
from chat.desk import closed_until
from core.in_words import short_moment


def for_a_person(asked: Asked) -> Answer | None:
    """What no bot is asked, ours or another's: pain, and the wish for a person."""
    told = understood(asked.text, asked.language)
    if asked.urgent or Matter.PAIN in told.matters:
        return handed_over(asked, told.language, HandOver.PAIN)
    return handed_over(asked, told.language, HandOver.ASKED) if Matter.HUMAN in told.matters else None


def handed_over(asked: Asked, language: str, why: HandOver) -> Answer:
    """The word with which a person is announced."""
    return Answer((Spoken(_farewell(asked, language, why)),), why)


def _farewell(asked: Asked, language: str, why: HandOver) -> str:
    opens = opens_again(asked, language)
    if why is not HandOver.PAIN:
        return bot_text("hand_over_closed", language, when=opens) if opens else bot_text("hand_over", language)
    lines = [bot_text("pain", language)]
    if opens:
        lines.append(bot_text("pain_closed", language, when=opens))
    phone = next((place.phone for place in asked.facts.places[:1] if place.phone), "")
    if phone:
        lines.append(bot_text("phone", language, phone=phone))
    return "\n".join([*lines, bot_text("pain_emergency", language)])


def opens_again(asked: Asked, language: str) -> str:
    """When the patient's branch opens again; empty while it is open, and where that is not known."""
    for place in asked.facts.places[:1]:
        opens = closed_until(place.hours, asked.at)
        if opens is not None:
            return short_moment(opens, place.hours.zone, language)
    return ""
