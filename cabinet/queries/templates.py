"""Templates of documents, as staff sees them."""

from uuid import UUID

from pydantic import Field, TypeAdapter
from sqlalchemy import Select, and_, select
from sqlmodel import col

from cabinet.document import Asks, DocumentKind
from cabinet.form import MOST_QUESTIONS, Key, Question
from cabinet.signing import SignMethod
from cabinet.tables.documents import DocumentTemplate, TemplateVersion
from cabinet.template import TemplateText
from core.database import Reading
from core.moments import Moment
from core.values import Int32, Value

MOST_TEMPLATES = 200
_QUESTIONS = TypeAdapter(list[Question])
_TEXTS = TypeAdapter(list[TemplateText])


class TemplateView(Value):
    """A template in its present version."""

    template_id: UUID
    code: Key
    kind: DocumentKind
    asks: Asks
    methods: list[SignMethod] = Field(max_length=3)
    corrects_record: bool
    version: Int32
    changed_at: Moment
    questions: list[Question] = Field(max_length=MOST_QUESTIONS)
    texts: list[TemplateText] = Field(max_length=4)


async def templates(reading: Reading) -> list[TemplateView]:
    """All templates in use, by code."""
    statement = _present().where(col(DocumentTemplate.archived_at).is_(None)).order_by(col(DocumentTemplate.code))
    rows = await reading.execute(statement.limit(MOST_TEMPLATES))
    return [template_value(template, version) for template, version in rows]


async def template(reading: Reading, template_id: UUID) -> TemplateView | None:
    """One template in use; None where there is none, or it was put away."""
    wanted = (col(DocumentTemplate.id) == template_id, col(DocumentTemplate.archived_at).is_(None))
    row = (await reading.execute(_present().where(*wanted))).one_or_none()
    return template_value(*row) if row else None


async def template_of_code(reading: Reading, code: str) -> TemplateView | None:
    """The same, by its name for programs."""
    wanted = (col(DocumentTemplate.code) == code, col(DocumentTemplate.archived_at).is_(None))
    row = (await reading.execute(_present().where(*wanted))).one_or_none()
    return template_value(*row) if row else None


async def template_codes(reading: Reading) -> set[str]:
    """Every code that is taken, also by templates that were put away."""
    return set((await reading.execute(select(col(DocumentTemplate.code)))).scalars())


def _present() -> Select[DocumentTemplate, TemplateVersion]:
    same = and_(
        col(TemplateVersion.clinic_id) == DocumentTemplate.clinic_id,
        col(TemplateVersion.template_id) == DocumentTemplate.id,
        col(TemplateVersion.version) == DocumentTemplate.version,
    )
    return select(DocumentTemplate, TemplateVersion).join(TemplateVersion, same)


def template_value(row: DocumentTemplate, version: TemplateVersion) -> TemplateView:
    return TemplateView(
        template_id=row.id,
        code=row.code,
        kind=DocumentKind(row.kind),
        asks=Asks(row.asks),
        methods=[SignMethod(method) for method in row.methods],
        corrects_record=row.corrects_record,
        version=row.version,
        changed_at=row.changed_at,
        questions=_QUESTIONS.validate_python(version.questions, strict=False),
        texts=_TEXTS.validate_python(version.texts),
    )
