"""What may be answered, when somebody is to get in touch, and of which groups results may be told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.survey import (
    SMALLEST_GROUP,
    Counted,
    SurveyFacts,
    SurveyQuestion,
    SurveyQuestionKind,
    SurveyReply,
    SurveyText,
    faults_of,
    is_low,
    nps,
    told,
)

TEXTS = [SurveyText(language="en", text="Why?")]
NPS = SurveyQuestion(key="nps", kind=SurveyQuestionKind.NPS, texts=TEXTS)
WORDS = SurveyQuestion(key="words", kind=SurveyQuestionKind.TEXT, texts=TEXTS, required=False)


@pytest.mark.parametrize(
    ("answers", "codes"),
    [
        ([SurveyReply(question="nps", number=10)], []),
        ([SurveyReply(question="nps", number=0), SurveyReply(question="words", text="So")], []),
        ([], ["missing"]),
        ([SurveyReply(question="words", text="So")], ["missing"]),
        ([SurveyReply(question="nps", number=11)], ["no-answer-to-it"]),
        ([SurveyReply(question="nps", number=-1)], ["no-answer-to-it"]),
        ([SurveyReply(question="nps", text="ten")], ["no-answer-to-it"]),
        ([SurveyReply(question="nps", number=1, text="ten")], ["no-answer-to-it"]),
        ([SurveyReply(question="nps", number=1), SurveyReply(question="nps", number=9)], ["twice"]),
        ([SurveyReply(question="nps", number=1), SurveyReply(question="age", number=9)], ["not-asked"]),
    ],
)
def test_an_answer_fits_its_question(answers: list[SurveyReply], codes: list[str]) -> None:
    assert [fault.code for fault in faults_of([NPS, WORDS], answers)] == codes


@pytest.mark.parametrize(("score", "low"), [(0, True), (6, True), (7, False), (10, False)])
def test_a_low_score_is_what_the_survey_says(score: int, low: bool) -> None:
    survey = SurveyFacts(name="S", about="clinic", titles=TEXTS, questions=[NPS])
    assert is_low(survey, [SurveyReply(question="nps", number=score)]) is low


def test_the_score_is_promoters_less_detractors() -> None:
    assert nps({}) is None
    assert nps({10: 3, 9: 1, 8: 2, 7: 2, 6: 1, 0: 1}) == 20
    assert (nps({10: 4}), nps({6: 4})) == (100, -100)


@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.integers(1, 12), max_size=8))
def test_no_group_of_few_people_can_be_told_from_the_others(sizes: dict[str, int]) -> None:
    shown = told([Counted(name, size) for name, size in sizes.items()])
    assert all(sizes[name] >= SMALLEST_GROUP for name in shown)
    hidden = sum(size for name, size in sizes.items() if name not in shown)
    assert hidden == 0 or hidden >= SMALLEST_GROUP or not shown
