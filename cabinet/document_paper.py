"""A document as a paper: its letter, the questions with their answers, and the record of its signature."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from cabinet.document_words import answer_text, words
from cabinet.form import AskedQuestion, GivenAnswer, Question, asked, worded
from cabinet.merge import FIELDS, Part, PartKind, letter, merged
from cabinet.paper_blocks import Block, Bullets, Drawing, Facts, Heading, Letterhead, Paper, Paragraph, Together
from cabinet.paper_words import day_text, moment_text
from cabinet.signing import SignMethod
from cabinet.template import TemplateText, text_for


@dataclass(frozen=True, slots=True)
class Answered:
    """What was done with it without a signature (`acknowledged`, `filled`, `declined`), by whom, as what and when."""

    act: str
    name: str
    relation: str
    at: datetime
    zone: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a document says, and to whom."""

    document_id: UUID
    title: str
    language: str
    patient_name: str
    birth_date: date
    template_version: int | None
    parts: Sequence[Part]
    questions: Sequence[AskedQuestion]
    answers: Sequence[GivenAnswer]
    sha256: str
    answered: Answered | None = None


@dataclass(frozen=True, slots=True)
class Signing:
    """Who signs, as whom (`self`, `guardian`, `carer`), when by the clock of which zone, and how."""

    signer_name: str
    relation: str
    signed_at: datetime
    zone: str
    method: SignMethod
    drawing: Drawing | None = None


def document_paper(content: Content, letterhead: Letterhead, signing: Signing | None = None) -> Paper:
    said = words(content.language)
    patient = (said["patient"], content.patient_name)
    born = (said["birth_date"], day_text(content.birth_date, content.language))
    blocks: list[Block] = [Facts((patient, born)), *(_block(part) for part in content.parts)]
    if content.questions:
        blocks += [Heading(said["answers"]), _answers(content)]
    if signing is not None:
        blocks.append(_signature(content, signing))
    elif content.answered is not None and content.answered.act in said:
        blocks.append(_record(content, content.answered))
    footer = f"{letterhead.name} · {content.title}"
    return Paper(content.title, content.language, letterhead, tuple(blocks), footer[:90])


def _block(part: Part) -> Block:
    if part.kind is PartKind.HEADING:
        return Heading(part.text)
    return Bullets((part.text,)) if part.kind is PartKind.BULLET else Paragraph(part.text)


def _answers(content: Content) -> Facts:
    given = {answer.question: answer for answer in content.answers}
    questions = asked(content.questions, content.answers)
    return Facts(tuple((each.text, answer_text(each, given.get(each.key), content.language)) for each in questions))


def _record(content: Content, answered: Answered) -> Together:
    said = words(content.language)
    rows = (
        (said["by"], answered.name or said[answered.relation]),
        (said["as"], said[answered.relation]),
        (said["time"], moment_text(answered.at, answered.zone, content.language)),
        *_of_text(content),
    )
    return Together((Heading(said[answered.act]), Facts(rows)))


def _of_text(content: Content) -> tuple[tuple[str, str], ...]:
    said = words(content.language)
    version = str(content.template_version) if content.template_version is not None else "—"
    return (said["document"], str(content.document_id)), (said["version"], version), (said["hash"], content.sha256)


def _signature(content: Content, signing: Signing) -> Together:
    said = words(content.language)
    rows = (
        (said["signer"], signing.signer_name),
        (said["as"], said[signing.relation]),
        (said["time"], moment_text(signing.signed_at, signing.zone, content.language)),
        (said["method"], said[signing.method.value]),
        *_of_text(content),
    )
    drawn: tuple[Block, ...] = (signing.drawing,) if signing.drawing is not None else ()
    return Together((Heading(said["signature"]), *drawn, Facts(rows), Paragraph(said["sealed"], quiet=True)))


def template_paper(texts: Sequence[TemplateText], questions: Sequence[Question], language: str) -> Paper:
    """A template with an example in the place of each field and every question it can ask."""
    text = text_for(texts, language)
    blocks: list[Block] = [_block(part) for part in letter(text.body, FIELDS)]
    asked_for = worded(questions, text.labels)
    if asked_for:
        rows = tuple((question.text, ", ".join(question.choice_texts) or "…") for question in asked_for)
        blocks += [Heading(words(text.language)["answers"]), Facts(rows)]
    return Paper(merged(text.title, FIELDS), text.language, Letterhead(FIELDS["clinic.name"]), tuple(blocks))
