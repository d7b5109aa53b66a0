"""A survey: typed questions, what may be answered to them, and what may be told of all answers together.

Whoever is asked gets both the public address for reviews and this private form, however they score: to send only
the pleased to the public is unlawful (16 CFR 465; Directive 2005/29/EC, annex I, 23b and 23c).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from clinic.facts import Language
from core.errors import Fault
from core.values import Int32, ShortText, Value

SMALLEST_GROUP = 5
"""Of fewer people nothing is told together: each could be recognised."""
LASTS = timedelta(days=30)
HIGHEST_NPS, MOST_STARS = 10, 5
LONGEST_ANSWER = 2_000
MOST_QUESTIONS, MOST_CHOICES = 20, 20

Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


def _https(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise ValueError("not an https address")
    return address


ReviewUrl = Annotated[str, StringConstraints(max_length=500, pattern=r"^[\x21-\x7e]+$"), AfterValidator(_https)]


class SurveyQuestionKind(StrEnum):
    NPS = "nps"
    """0 to 10: how likely one would recommend."""
    STARS = "stars"
    """1 to 5."""
    CHOICE = "choice"
    TEXT = "text"


class SurveyAbout(StrEnum):
    CLINIC = "clinic"
    BRANCH = "branch"
    PRACTITIONER = "practitioner"
    DESK = "desk"


class SurveyText(Value):
    language: Language
    text: ShortText = Field(examples=["How likely would you recommend us?"])


Texts = Annotated[list[SurveyText], Field(min_length=1, max_length=4)]


class SurveyChoice(Value):
    key: Key = Field(examples=["waiting"])
    texts: Texts


class SurveyQuestion(Value):
    key: Key = Field(examples=["recommend"])
    kind: SurveyQuestionKind
    texts: Texts
    choices: list[SurveyChoice] = Field(default=[], max_length=MOST_CHOICES)
    required: bool = True

    @model_validator(mode="after")
    def _has_choices_where_they_are_asked(self) -> Self:
        keys = [choice.key for choice in self.choices]
        if (self.kind is SurveyQuestionKind.CHOICE) != bool(keys) or len(set(keys)) < len(keys):
            raise ValueError("choices belong to a question of choices, each once")
        return self


class SurveyFacts(Value):
    """All of a survey. It never changes: another wording is another survey."""

    name: ShortText = Field(description="How staff calls it.", examples=["After a visit"])
    about: SurveyAbout
    titles: Texts
    questions: list[SurveyQuestion] = Field(min_length=1, max_length=MOST_QUESTIONS)
    review_url: ReviewUrl | None = Field(
        default=None, description="Where everybody who is asked may also write in public, whatever they answer."
    )
    low_score: Annotated[Int32, Field(ge=0, le=HIGHEST_NPS)] = Field(
        default=6, description="From this score of an `nps` question down somebody is to get in touch."
    )

    @model_validator(mode="after")
    def _asks_each_once(self) -> Self:
        if len({question.key for question in self.questions}) < len(self.questions):
            raise ValueError("two questions of one key")
        return self

    def definition(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class SurveyReply(Value):
    """To one question: a `number` to `nps` and `stars`, a `choice`, or a `text`."""

    question: Key = Field(examples=["recommend"])
    number: Int32 | None = Field(default=None, examples=[9])
    choice: Key | None = None
    text: Annotated[
        str, StringConstraints(min_length=1, max_length=LONGEST_ANSWER, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")
    ] | None = None  # fmt: skip


def text_in(texts: Sequence[SurveyText], language: str) -> str:
    """In this language, else in the first it was written in."""
    return next((each.text for each in texts if each.language == language), texts[0].text)


def faults_of(questions: Sequence[SurveyQuestion], answers: Sequence[SurveyReply]) -> list[Fault]:
    """What is wrong with the answers, by their place; nothing where they fit."""
    known, seen, found = {question.key: question for question in questions}, set[str](), list[Fault]()
    for place, answer in enumerate(answers):
        question = known.get(answer.question)
        if question is None or answer.question in seen:
            found.append(Fault(f"/answers/{place}/question", "twice" if question else "not-asked"))
        elif not _fits(question, answer):
            found.append(Fault(f"/answers/{place}", "no-answer-to-it"))
        seen.add(answer.question)
    missing = [question for question in questions if question.required and question.key not in seen]
    return found + [Fault("/answers", "missing") for _ in missing[:1]]


def _fits(question: SurveyQuestion, answer: SurveyReply) -> bool:
    given = {name for name in ("number", "choice", "text") if getattr(answer, name) is not None}
    number = answer.number if answer.number is not None else -1
    match question.kind:
        case SurveyQuestionKind.NPS:
            return given == {"number"} and 0 <= number <= HIGHEST_NPS
        case SurveyQuestionKind.STARS:
            return given == {"number"} and 1 <= number <= MOST_STARS
        case SurveyQuestionKind.CHOICE:
            return given == {"choice"} and answer.choice in {choice.key for choice in question.choices}
        case SurveyQuestionKind.TEXT:
            return given == {"text"}


def is_low(survey: SurveyFacts, answers: Sequence[SurveyReply]) -> bool:
    """Whether somebody is to get in touch."""
    scores = {question.key for question in survey.questions if question.kind is SurveyQuestionKind.NPS}
    given = [each.number for each in answers if each.question in scores and each.number is not None]
    return any(number <= survey.low_score for number in given)


def nps(counts: Mapping[int, int]) -> int | None:
    """Promoters (9, 10) less detractors (0 to 6) in percent of all, rounded towards zero: -100 to 100."""
    total = sum(counts.values())
    if total == 0:
        return None
    up = sum(count for score, count in counts.items() if score >= 9)  # noqa: PLR2004  Reichheld 2003: 9 and 10
    down = sum(count for score, count in counts.items() if score <= 6)  # noqa: PLR2004  and 0 to 6
    return int((up - down) * 100 / total)


@dataclass(frozen=True, slots=True)
class Counted:
    group: str
    answered: int


def told(groups: Sequence[Counted]) -> frozenset[str]:
    """The groups of which results may be told.

    Small ones are not; and where what is hidden together is still so small that the whole less the rest would tell it,
    the smallest of the rest is hidden too.
    """
    ordered = sorted(groups, key=lambda each: (each.answered, each.group))
    hidden = [each for each in ordered if each.answered < SMALLEST_GROUP]
    rest = ordered[len(hidden) :]
    while rest and hidden and sum(each.answered for each in hidden) < SMALLEST_GROUP:
        hidden.append(rest.pop(0))
    return frozenset(each.group for each in rest)
