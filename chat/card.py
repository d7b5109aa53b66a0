"""Rules of cards: what each kind names, how it reads without an app that knows it, and how one acts on it."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from uuid import UUID

from chat.log import Card, CardAction, QuickReply

_FILE = Path(__file__).parent / "data" / "cards.toml"
LONGEST_TITLE = 200
_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""Control characters, and those that turn the direction of what stands around them."""


class CardKind(StrEnum):
    PLAN = "plan"
    STAGE = "stage"
    """A stage of a plan, to be accepted."""
    APPOINTMENT = "appointment"
    """A visit, to be confirmed."""
    VISIT = "visit"
    """A visit, to be moved."""
    PICTURE = "picture"
    PROMOTION = "promotion"
    DOCUMENT = "document"
    """To be read, acknowledged or signed."""
    SURVEY = "survey"
    """A document that asks questions."""
    PAYMENT = "payment"
    CHOICES = "choices"
    """Nothing of the clinic's: ready answers to what was said."""


# The same operation that the cabinet calls, by the door that stands open to the patient and to who acts for them.
_ACTIONS: Mapping[CardKind, tuple[str, str]] = {
    CardKind.PLAN: ("getPatientPlan", "/plans/{id}"),
    CardKind.STAGE: ("acceptPatientPlan", "/plans/{id}/acceptance"),
    CardKind.APPOINTMENT: ("confirmPatientAppointment", "/appointments/{id}/confirmation"),
    CardKind.VISIT: ("movePatientAppointment", "/appointments/{id}/move"),
    CardKind.PICTURE: ("linkPatientPicture", "/pictures/{id}/links"),
    CardKind.PROMOTION: ("pickUpPatientCoupon", "/promotions/{id}/coupon"),
    CardKind.DOCUMENT: ("openPatientDocument", "/documents/{id}/opening"),
    CardKind.SURVEY: ("openPatientDocument", "/documents/{id}/opening"),
    CardKind.PAYMENT: ("startPatientPayment", "/payments"),
}


def card(
    kind: CardKind, patient_id: UUID, thing_id: UUID | None, title: str, language: str, *, stage: int | None = None
) -> Card:
    """The card of one thing of this patient's."""
    title = shown_title(title)
    operation_id, path = _ACTIONS[kind]
    return Card(
        kind=kind.value, id=thing_id, stage=stage, title=title, fallback=_fallback(kind, title, language),
        action=CardAction(operation_id=operation_id, path=record_path(patient_id, path.format(id=thing_id))),
    )  # fmt: skip


def choices(replies: Sequence[QuickReply], language: str) -> Card:
    """Ready answers, to be tapped; who cannot tap reads them."""
    listed = " · ".join(reply.label for reply in replies)
    return Card(
        kind=CardKind.CHOICES.value, title="", fallback=_fallback(CardKind.CHOICES, listed, language),
        replies=list(replies),
    )  # fmt: skip


def booking(patient_id: UUID, slot_id: UUID, label: str) -> QuickReply:
    """A free time, to be taken with a tap."""
    path = record_path(patient_id, f"/slots/{slot_id}/booking")
    return QuickReply(label=shown_title(label), action=CardAction(operation_id="bookPatientSlot", path=path))


def record_path(patient_id: UUID, path: str) -> str:
    return f"/v1/patients/{patient_id}{path}"


def shown_title(title: str) -> str:
    """As one line without hidden characters. It is text: an app that shows markup escapes it as any text."""
    line = " ".join(_NOT_SHOWN.sub(" ", title).split())
    return line if len(line) <= LONGEST_TITLE else f"{line[: LONGEST_TITLE - 1]}…"


def picture_word(kind: str, language: str) -> str:
    words = _words()["picture"]
    return _in(words.get(kind, words["photo"]), language)


def _fallback(kind: CardKind, title: str, language: str) -> str:
    return _in(_words()["fallback"][kind.value], language).format(title=title)[:1000]


def _in(words: Mapping[str, str], language: str) -> str:
    return words.get(language) or words["en"]


@cache
def _words() -> dict[str, dict[str, dict[str, str]]]:
    """section -> key -> language -> text."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
