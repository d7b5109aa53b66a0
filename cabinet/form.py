"""Forms: typed questions, which of them are asked, what is wrong with answers, and what is known before they are."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Self, TypeVar

from pydantic import Field, StrictBool, StringConstraints

from core.errors import Fault
from core.moments import Day
from core.values import Int32, ShortText, Value

MOST_QUESTIONS = 100
MOST_CHOICES = 30
LONGEST_ANSWER = 2_000

Key = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,39}$"), Field(examples=["allergies"])]
AnswerText = Annotated[
    str, StringConstraints(max_length=LONGEST_ANSWER, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$", strip_whitespace=True)
]


class QuestionKind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    """A whole number, between `least` and `most` where they are given."""
    DATE = "date"
    YES_NO = "yes_no"
    CHOICE = "choice"
    """Exactly one."""
    CHOICES = "choices"
    """Any number of them; none too, unless it is required."""


class Prefill(StrEnum):
    """What of the record answers a question before the patient does."""

    GIVEN_NAME = "patient.given_name"
    FAMILY_NAME = "patient.family_name"
    BIRTH_DATE = "patient.birth_date"
    PHONE = "patient.phone"


class Condition(Value):
    """The question is asked where an earlier one was answered so: `yes` of a yes-or-no, `choice` of the others."""

    question: Key
    yes: bool | None = None
    choice: Key | None = None


class Question(Value):
    """One question, without its words: those are a label in each language."""

    key: Key
    kind: QuestionKind
    required: bool = False
    choices: list[Key] = Field(default_factory=list, max_length=MOST_CHOICES)
    when: Condition | None = None
    prefill: Prefill | None = None
    repeats: bool = Field(
        default=True,
        description="Begins with what was answered the last time; false for what may be otherwise today (pain, a"
        " pregnancy). What hangs on one that does not repeat does not either.",
    )
    least: Int32 | None = None
    most: Int32 | None = None


class AskedQuestion(Question):
    """A question as the patient reads it, in one language; `choice_texts` stand in the order of `choices`."""

    text: str
    choice_texts: list[str] = Field(default_factory=list, max_length=MOST_CHOICES)


class Label(Value):
    """The words of a question (`of: "allergies"`) or of one of its choices (`of: "allergies.penicillin"`)."""

    of: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}(\.[a-z0-9_]{1,40})?$")]
    text: ShortText


class GivenAnswer(Value):
    """An answer: exactly the member that the question's kind asks for (`choices` for both kinds of choice)."""

    question: Key
    text: AnswerText | None = None
    number: Int32 | None = None
    day: Day | None = None
    yes: StrictBool | None = None
    choices: list[Key] | None = Field(default=None, max_length=MOST_CHOICES)
    repeated: StrictBool = Field(
        default=False,
        description="Said the last time and not yet confirmed: show it as such. A draft keeps the mark where it is sent"
        " with it; handing in confirms everything.",
    )

    @classmethod
    def of(cls, question: str, said: str | date) -> Self:
        return cls(question=question, text=said) if isinstance(said, str) else cls(question=question, day=said)

    @property
    def given(self) -> set[str]:
        members = {"text": self.text, "number": self.number, "day": self.day, "yes": self.yes, "choices": self.choices}
        return {name for name, value in members.items() if value is not None}

    @property
    def confirmed(self) -> Self:
        return self.model_copy(update={"repeated": False})

    @property
    def empty(self) -> bool:
        """Nothing was said: cleared text, no choice taken."""
        return not self.given or self.text == "" or self.choices == []


QuestionT = TypeVar("QuestionT", bound=Question)

_MEMBER = {
    QuestionKind.TEXT: "text",
    QuestionKind.NUMBER: "number",
    QuestionKind.DATE: "day",
    QuestionKind.YES_NO: "yes",
    QuestionKind.CHOICE: "choices",
    QuestionKind.CHOICES: "choices",
}
_CHOOSING = (QuestionKind.CHOICE, QuestionKind.CHOICES)


def question_faults(questions: Sequence[Question], pointer: str) -> list[Fault]:
    """What is wrong with a form before anybody fills it: each question is named once and asks of earlier ones only."""
    earlier: dict[str, Question] = {}
    faults: list[Fault] = []
    for place, question in enumerate(questions):
        faults += [Fault(f"{pointer}/{place}{part}", code) for part, code in _faults_of(question, earlier)]
        earlier[question.key] = question
    return faults


def _faults_of(question: Question, earlier: Mapping[str, Question]) -> list[tuple[str, str]]:
    found = [("/key", "given-twice")] if question.key in earlier else []
    if (question.kind in _CHOOSING) != bool(question.choices):
        found.append(("/choices", "choices-and-kind-disagree"))
    if len(set(question.choices)) != len(question.choices):
        found.append(("/choices", "given-twice"))
    if question.when is not None and not _can_decide(question.when, earlier.get(question.when.question)):
        found.append(("/when", "no-such-answer-earlier"))
    if question.prefill is not None and question.kind is not _kind_of(question.prefill):
        found.append(("/prefill", "prefill-and-kind-disagree"))
    return found


def _can_decide(when: Condition, asked: Question | None) -> bool:
    if asked is None:
        return False
    if asked.kind is QuestionKind.YES_NO:
        return when.yes is not None and when.choice is None
    return when.yes is None and when.choice in asked.choices


def _kind_of(prefill: Prefill) -> QuestionKind:
    return QuestionKind.DATE if prefill is Prefill.BIRTH_DATE else QuestionKind.TEXT


def label_faults(questions: Sequence[Question], labels: Sequence[Label], pointer: str) -> list[Fault]:
    """Every question and choice is labelled once in each language, and nothing else is."""
    names = [label.of for label in labels]
    needed = {question.key for question in questions}
    needed |= {f"{question.key}.{choice}" for question in questions for choice in question.choices}
    codes = {
        "label-missing": needed - set(names),
        "label-of-nothing": set(names) - needed,
        "given-twice": {name for name in names if names.count(name) > 1},
    }
    return [Fault(pointer, code) for code, found in codes.items() if found]


def worded(questions: Sequence[Question], labels: Sequence[Label]) -> list[AskedQuestion]:
    """The questions in the language of `labels`, which are complete (`label_faults`)."""
    texts = {label.of: label.text for label in labels}
    return [
        AskedQuestion(
            **dict(question),
            text=texts[question.key],
            choice_texts=[texts[f"{question.key}.{choice}"] for choice in question.choices],
        )
        for question in questions
    ]


def asked(questions: Sequence[QuestionT], answers: Sequence[GivenAnswer]) -> list[QuestionT]:
    """The questions that are asked after these answers; what hangs on one that is not asked is not asked either."""
    said = {answer.question: answer for answer in answers}
    found: dict[str, QuestionT] = {}
    for question in questions:
        when = question.when
        if when is None or (when.question in found and _holds(when, said.get(when.question))):
            found[question.key] = question
    return list(found.values())


def _holds(when: Condition, answer: GivenAnswer | None) -> bool:
    if answer is None:
        return False
    return answer.yes is when.yes if when.yes is not None else when.choice in (answer.choices or ())


def answer_faults(questions: Sequence[Question], answers: Sequence[GivenAnswer], *, complete: bool) -> list[Fault]:
    """What is wrong with answers; `complete`: nothing that is asked and required may be missing (a draft may).

    `/answers/{place}` is one that was given, `/questions/{place}` one that was not answered.
    """
    known = {question.key: question for question in questions}
    names = [answer.question for answer in answers]
    faults: list[Fault] = []
    for place, answer in enumerate(answers):
        code = _answer_fault(known.get(answer.question), answer)
        code = "given-twice" if names.count(answer.question) > 1 else code
        if code:
            faults.append(Fault(f"/answers/{place}", code))
    if complete:
        said = {answer.question for answer in answers if not answer.empty}
        needed = {question.key for question in asked(questions, answers) if question.required}
        lacking = [place for place, question in enumerate(questions) if question.key in needed - said]
        faults += [Fault(f"/questions/{place}", "missing") for place in lacking]
    return faults


def _answer_fault(question: Question | None, answer: GivenAnswer) -> str | None:
    if question is None:
        return "unknown-question"
    if answer.given - {_MEMBER[question.kind]}:
        return "answer-of-another-kind"
    if set(answer.choices or ()) - set(question.choices):
        return "unknown-choice"
    if question.kind is QuestionKind.CHOICE and len(answer.choices or ()) > 1:
        return "more-than-one-choice"
    if len(set(answer.choices or ())) != len(answer.choices or ()):
        return "given-twice"
    return None if answer.number is None or _within(question, answer.number) else "out-of-range"


def _within(question: Question, number: int) -> bool:
    too_little = question.least is not None and number < question.least
    return not too_little and (question.most is None or number <= question.most)


def kept(questions: Sequence[Question], answers: Sequence[GivenAnswer]) -> list[GivenAnswer]:
    """What a submitted form says: the answers to what is asked, in the order of the questions, without empty ones."""
    said = {answer.question: answer.confirmed for answer in answers if not answer.empty}
    return [said[question.key] for question in asked(questions, answers) if question.key in said]


def prefilled(
    questions: Sequence[Question], last: Sequence[GivenAnswer], known: Mapping[Prefill, str | date | None]
) -> list[GivenAnswer]:
    """Answers to begin with: what the record holds, else what was answered last time and still fits its question.

    The latter are marked as `repeated`; a question that is asked afresh each time begins without.
    """
    fresh = _fresh(questions)
    before = {answer.question: answer for answer in last if answer.question not in fresh}
    found: list[GivenAnswer] = []
    for question in questions:
        held = known.get(question.prefill) if question.prefill else None
        earlier = before.get(question.key)
        if held:
            found.append(GivenAnswer.of(question.key, held))
        elif earlier is not None and _answer_fault(question, earlier) is None:
            found.append(earlier.model_copy(update={"repeated": True}))
    return found


def _fresh(questions: Sequence[Question]) -> set[str]:
    """What is asked afresh each time, and whatever hangs on it."""
    found: set[str] = set()
    for question in questions:
        if not question.repeats or (question.when is not None and question.when.question in found):
            found.add(question.key)
    return found
