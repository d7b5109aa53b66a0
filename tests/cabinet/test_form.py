"""Forms: what may be asked, what is asked after which answer, and which answers fit."""

from datetime import date

import pytest
from pydantic import ValidationError

from cabinet.form import (
    Condition,
    GivenAnswer,
    Label,
    Prefill,
    Question,
    QuestionKind,
    answer_faults,
    asked,
    kept,
    label_faults,
    prefilled,
    question_faults,
)
from core.errors import Fault

SMOKES = Question(key="smokes", kind=QuestionKind.YES_NO, required=True)
HOW_MANY = Question(
    key="how_many", kind=QuestionKind.NUMBER, required=True, least=1, most=100,
    when=Condition(question="smokes", yes=True),
)  # fmt: skip
ALLERGIES = Question(key="allergies", kind=QuestionKind.CHOICES, choices=["latex", "other"])
OTHER = Question(
    key="other", kind=QuestionKind.TEXT, required=True, when=Condition(question="allergies", choice="other")
)
BLOOD = Question(key="blood", kind=QuestionKind.CHOICE, choices=["a", "b"])
SINCE = Question(key="since", kind=QuestionKind.DATE)
FORM = [SMOKES, HOW_MANY, ALLERGIES, OTHER, BLOOD, SINCE]

YES = GivenAnswer(question="smokes", yes=True)
NO = GivenAnswer(question="smokes", yes=False)


def codes(*answers: GivenAnswer, complete: bool = False) -> dict[str, str]:
    return {fault.pointer: fault.code for fault in answer_faults(FORM, answers, complete=complete)}


def keys(questions: list[Question]) -> list[str]:
    return [question.key for question in questions]


def test_a_sound_form_has_no_fault() -> None:
    assert question_faults(FORM, "/questions") == []


@pytest.mark.parametrize(
    ("question", "fault"),
    [
        (Question(key="smokes", kind=QuestionKind.TEXT), Fault("/questions/1/key", "given-twice")),
        (
            Question(key="x", kind=QuestionKind.CHOICE),
            Fault("/questions/1/choices", "choices-and-kind-disagree"),
        ),
        (
            Question(key="x", kind=QuestionKind.TEXT, choices=["a"]),
            Fault("/questions/1/choices", "choices-and-kind-disagree"),
        ),
        (Question(key="x", kind=QuestionKind.CHOICE, choices=["a", "a"]), Fault("/questions/1/choices", "given-twice")),
        (
            Question(key="x", kind=QuestionKind.TEXT, when=Condition(question="later", yes=True)),
            Fault("/questions/1/when", "no-such-answer-earlier"),
        ),
        (
            Question(key="x", kind=QuestionKind.TEXT, when=Condition(question="smokes", choice="a")),
            Fault("/questions/1/when", "no-such-answer-earlier"),
        ),
        (
            Question(key="x", kind=QuestionKind.TEXT, prefill=Prefill.BIRTH_DATE),
            Fault("/questions/1/prefill", "prefill-and-kind-disagree"),
        ),
    ],
)
def test_a_form_that_cannot_be_asked_is_refused(question: Question, fault: Fault) -> None:
    assert question_faults([SMOKES, question], "/questions") == [fault]


def test_every_question_and_choice_has_words_and_nothing_else_has() -> None:
    whole = [Label(of=name, text=name) for name in ("blood", "blood.a", "blood.b")]
    assert label_faults([BLOOD], whole, "/labels") == []
    assert label_faults([BLOOD], whole[:2], "/labels") == [Fault("/labels", "label-missing")]
    assert label_faults([BLOOD], [*whole, Label(of="x", text="x")], "/labels") == [Fault("/labels", "label-of-nothing")]
    assert label_faults([BLOOD], [*whole, whole[0]], "/labels") == [Fault("/labels", "given-twice")]


def test_a_question_is_asked_only_after_the_answer_it_hangs_on() -> None:
    assert keys(asked(FORM, [])) == ["smokes", "allergies", "blood", "since"]
    assert "how_many" in keys(asked(FORM, [YES]))
    assert "how_many" not in keys(asked(FORM, [NO]))
    assert "other" in keys(asked(FORM, [GivenAnswer(question="allergies", choices=["latex", "other"])]))


def test_what_hangs_on_a_question_that_is_not_asked_is_not_asked() -> None:
    deeper = Question(key="deeper", kind=QuestionKind.TEXT, when=Condition(question="more", yes=True))
    more = Question(key="more", kind=QuestionKind.YES_NO, when=Condition(question="smokes", yes=True))
    said = [NO, GivenAnswer(question="more", yes=True)]
    assert keys(asked([SMOKES, more, deeper], said)) == ["smokes"]


def test_an_answer_that_does_not_fit_is_pointed_at() -> None:
    assert codes(GivenAnswer(question="nobody", text="x")) == {"/answers/0": "unknown-question"}
    assert codes(GivenAnswer(question="smokes", text="yes")) == {"/answers/0": "answer-of-another-kind"}
    assert codes(GivenAnswer(question="smokes", yes=True, text="yes")) == {"/answers/0": "answer-of-another-kind"}
    assert codes(YES, NO) == {"/answers/0": "given-twice", "/answers/1": "given-twice"}
    assert codes(GivenAnswer(question="blood", choices=["c"])) == {"/answers/0": "unknown-choice"}
    assert codes(GivenAnswer(question="blood", choices=["a", "b"])) == {"/answers/0": "more-than-one-choice"}
    assert codes(GivenAnswer(question="allergies", choices=["latex", "latex"])) == {"/answers/0": "given-twice"}
    for number in (0, 101):
        assert codes(YES, GivenAnswer(question="how_many", number=number)) == {"/answers/1": "out-of-range"}


def test_a_draft_may_lack_what_a_submission_may_not() -> None:
    assert codes(YES) == {}
    assert codes(YES, complete=True) == {"/questions/1": "missing"}
    assert codes(complete=True) == {"/questions/0": "missing"}
    blank = GivenAnswer(question="other", text="")
    other = GivenAnswer(question="allergies", choices=["other"])
    assert codes(NO, other, blank, complete=True) == {"/questions/3": "missing"}
    assert codes(NO, complete=True) == {}


def test_what_is_kept_is_what_was_asked_in_the_order_of_the_form() -> None:
    hidden = GivenAnswer(question="how_many", number=5)
    since = GivenAnswer(question="since", day=date(2020, 1, 1))
    assert kept(FORM, [since, hidden, GivenAnswer(question="blood", choices=[]), NO]) == [NO, since]


def test_a_form_begins_with_the_record_and_then_with_the_last_answers_that_still_fit() -> None:
    name = Question(key="name", kind=QuestionKind.TEXT, prefill=Prefill.GIVEN_NAME)
    last = [
        GivenAnswer(question="name", text="Old"),
        YES,
        GivenAnswer(question="blood", choices=["gone"]),
        GivenAnswer(question="x"),
    ]
    found = prefilled([name, *FORM], last, {Prefill.GIVEN_NAME: "Anna"})
    again = YES.model_copy(update={"repeated": True})
    assert found == [GivenAnswer(question="name", text="Anna"), again]
    old = GivenAnswer(question="name", text="Old", repeated=True)
    assert prefilled([name], last, {Prefill.GIVEN_NAME: None}) == [old]
    assert kept(FORM, [again]) == [YES]


def test_what_may_be_otherwise_today_is_asked_afresh_and_so_is_what_hangs_on_it() -> None:
    afresh = [SMOKES.model_copy(update={"repeats": False}), *FORM[1:]]
    last = [YES, GivenAnswer(question="how_many", number=5), GivenAnswer(question="allergies", choices=["latex"])]
    assert [answer.question for answer in prefilled(afresh, last, {})] == ["allergies"]
    assert [answer.question for answer in prefilled(FORM, last, {})] == ["smokes", "how_many", "allergies"]


@pytest.mark.parametrize(
    "said", ['"yes": "true"', '"yes": 1', '"number": "5"', '"text": 5', '"day": 20000', '"yes": true, "repeated": "no"']
)
def test_an_answer_is_of_its_kind_and_nothing_that_looks_like_it(said: str) -> None:
    with pytest.raises(ValidationError):
        GivenAnswer.model_validate_json(f'{{"question": "smokes", {said}}}')
