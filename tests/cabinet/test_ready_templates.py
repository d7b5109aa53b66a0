"""The templates that come with Enamel: sound, in four languages, and printable in each."""

import pytest

from cabinet.document_paper import template_paper
from cabinet.form import GivenAnswer, answer_faults, prefilled
from cabinet.merge import fields_of
from cabinet.paper import printed
from cabinet.ready_templates import ready_templates
from cabinet.template import TemplateDraft, template_faults

LANGUAGES = {"en", "ru", "it", "zh"}


def test_there_is_one_for_each_common_need() -> None:
    assert {draft.code for draft in ready_templates()} == {
        "anamnesis", "triage", "personal_data", "privacy_note", "extraction_aftercare", "consent_treatment",
    }  # fmt: skip


@pytest.mark.parametrize("draft", ready_templates(), ids=lambda draft: str(draft.code))
def test_each_is_sound_and_speaks_four_languages(draft: TemplateDraft) -> None:
    assert template_faults(draft) == []
    assert {text.language for text in draft.texts} == LANGUAGES
    assert len({frozenset(fields_of(text.body)) for text in draft.texts}) <= 2
    assert len({text.body.count("\n- ") for text in draft.texts}) == 1


def ready(code: str) -> TemplateDraft:
    return next(draft for draft in ready_templates() if draft.code == code)


def test_a_history_cannot_be_handed_in_without_what_makes_a_treatment_dangerous() -> None:
    questions = ready("anamnesis").questions
    answers = [GivenAnswer(question="treated", yes=False)]
    places = {fault.pointer for fault in answer_faults(questions, answers, complete=True)}
    lacking = {question.key for place, question in enumerate(questions) if f"/questions/{place}" in places}
    assert lacking == {"ill", "blood_thinner", "bone_medicine", "medicines", "allergies", "pregnant"}
    details = {question.when.question: question for question in questions if question.when}
    for key in ("ill", "blood_thinner", "bone_medicine", "medicines", "allergies"):
        assert details[key].required


def test_what_is_felt_today_is_not_repeated_from_the_last_visit() -> None:
    triage, history = ready("triage").questions, ready("anamnesis").questions
    last = [
        GivenAnswer(question="pain", yes=True), GivenAnswer(question="pain_level", number=8),
        GivenAnswer(question="signs", choices=["fever"]), GivenAnswer(question="infection", yes=True),
    ]  # fmt: skip
    assert prefilled(triage, last, {}) == []
    told = [GivenAnswer(question="pregnant", choices=["yes"]), GivenAnswer(question="pregnant_week", number=20)]
    assert prefilled(history, told, {}) == []


@pytest.mark.parametrize("draft", ready_templates(), ids=lambda draft: str(draft.code))
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_each_can_be_printed(draft: TemplateDraft, language: str) -> None:
    pdf = printed(template_paper(draft.texts, draft.questions, language))
    assert pdf.startswith(b"%PDF-")
