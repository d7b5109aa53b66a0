"""Templates: what one may hold, and what is wrong with one before it is kept."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, StringConstraints

from cabinet.document import Asks, DocumentKind
from cabinet.form import MOST_CHOICES, MOST_QUESTIONS, Key, Label, Question, label_faults, question_faults
from cabinet.merge import field_faults
from cabinet.paper_text import printable
from cabinet.signing import SignMethod
from clinic.facts import Language
from core.errors import Fault, Invalid
from core.values import ShortText, Value

LONGEST_BODY = 20_000

Body = Annotated[
    str,
    StringConstraints(max_length=LONGEST_BODY, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$"),
    Field(
        description="Paragraphs apart by an empty line; `# ` begins a heading, `- ` a bullet; `{{patient.given_name}}`"
        " and the other merge fields are filled in when it is sent.",
        examples=["Dear {{patient.given_name}},\n\nplease bring:\n\n- your X-rays"],
    ),
]


class TemplateRefused(Invalid):
    """The template cannot be kept so; `errors` say where."""

    slug = "template-refused"


class TemplateText(Value):
    """The template in one language: title, body, and the words of its questions."""

    language: Language
    title: ShortText = Field(description="May hold merge fields.", examples=["Consent to treatment"])
    body: Body
    labels: list[Label] = Field(default_factory=list, max_length=MOST_QUESTIONS * (1 + MOST_CHOICES))


class TemplateDraft(Value):
    """A template as staff writes it. The first text is the one for patients of any other language."""

    code: Key = Field(description="Its name for programs, once in a clinic.", examples=["consent_treatment"])
    kind: DocumentKind
    asks: Asks
    methods: list[SignMethod] = Field(
        default_factory=list, max_length=3, description="By what it may be signed; empty where no signature is asked."
    )
    corrects_record: bool = Field(
        default=False, description="Submitted answers ask the clinic to correct the record: a request is made of them."
    )
    questions: list[Question] = Field(default_factory=list, max_length=MOST_QUESTIONS)
    texts: list[TemplateText] = Field(min_length=1, max_length=4)


def template_faults(draft: TemplateDraft) -> list[Fault]:
    """Everything that is wrong with a draft."""
    faults = question_faults(draft.questions, "/questions")
    languages = [text.language for text in draft.texts]
    if len(set(languages)) != len(languages):
        faults.append(Fault("/texts", "given-twice"))
    if (draft.asks is Asks.SIGN) != bool(draft.methods) or len(set(draft.methods)) != len(draft.methods):
        faults.append(Fault("/methods", "methods-and-asks-disagree"))
    if draft.asks is Asks.FILL and not draft.questions:
        faults.append(Fault("/questions", "nothing-to-fill"))
    if draft.questions and draft.asks not in (Asks.FILL, Asks.SIGN):
        faults.append(Fault("/asks", "questions-are-never-asked"))
    for place, text in enumerate(draft.texts):
        faults += _text_faults(text, draft.questions, f"/texts/{place}")
    return faults


def _text_faults(text: TemplateText, questions: Sequence[Question], pointer: str) -> list[Fault]:
    fields = field_faults(text.title, f"{pointer}/title") + field_faults(text.body, f"{pointer}/body")
    drawn = {"title": text.title, "body": text.body, "labels": "".join(label.text for label in text.labels)}
    unknown = [name for name, told in drawn.items() if not printable(told)]
    fields += [Fault(f"{pointer}/{name}", "character-not-printable") for name in unknown]
    return fields + label_faults(questions, text.labels, f"{pointer}/labels")


def text_for(texts: Sequence[TemplateText], language: str) -> TemplateText:
    """The text in the reader's language, else the first."""
    return next((text for text in texts if text.language == language), texts[0])
