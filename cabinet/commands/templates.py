"""The verbs of templates: keep one, change it into a new version, put it away, add those that come with Enamel."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import col

from cabinet.queries.templates import TemplateView, template, template_codes
from cabinet.ready_templates import ready_templates
from cabinet.tables.documents import DocumentTemplate, TemplateVersion
from cabinet.template import TemplateDraft, TemplateRefused, template_faults
from core.database import Writing
from core.errors import Conflict, NotFound, Stale
from core.events import Actor, Happening, record
from core.ids import new_id
from core.upsert import OWN_SOURCE, hold_source


class TemplateCodeTaken(Conflict):
    """Another template of the clinic has this code, or had it before it was put away."""

    slug = "template-code-taken"


class TemplateStale(Stale):
    """Somebody else has changed the template in the meantime."""

    slug = "template-changed-meanwhile"


async def add_template(
    writing: Writing, clinic_id: UUID, draft: TemplateDraft, actor: Actor, now: datetime
) -> TemplateView:
    """Keep a new template as version 1. Raises `TemplateRefused`, `TemplateCodeTaken`."""
    _check(draft)
    template_id = new_id()
    row = {"clinic_id": clinic_id, "id": template_id, "code": draft.code, **_columns(draft, 1, now)}
    kept = upsert(DocumentTemplate).values(row).on_conflict_do_nothing(index_elements=["clinic_id", "code"])
    if (await writing.execute(kept.returning(col(DocumentTemplate.id)))).scalar_one_or_none() is None:
        raise TemplateCodeTaken
    await writing.execute(insert(TemplateVersion), [_version(clinic_id, template_id, 1, draft, actor, now)])
    return await _told(writing, clinic_id, template_id, "added", actor, now)


async def change_template(
    writing: Writing, clinic_id: UUID, template_id: UUID, version: int, draft: TemplateDraft, actor: Actor,
    now: datetime,
) -> TemplateView:  # fmt: skip
    """Keep the draft as the next version after `version`; documents sent before stay as they were.

    Raises `NotFound`, `TemplateStale` (not the present version), `TemplateRefused`, `TemplateCodeTaken` (the code is
    not to be changed).
    """
    _check(draft)
    found = await template(writing, template_id)
    if found is None:
        raise NotFound
    if found.code != draft.code:
        raise TemplateCodeTaken
    same = (col(DocumentTemplate.clinic_id) == clinic_id, col(DocumentTemplate.id) == template_id)
    present = (col(DocumentTemplate.version) == version, col(DocumentTemplate.archived_at).is_(None))
    news = _columns(draft, version, now) | {"version": col(DocumentTemplate.version) + 1}
    changed = update(DocumentTemplate).where(*same, *present).values(news)
    returned = changed.returning(col(DocumentTemplate.id)).execution_options(synchronize_session=False)
    if (await writing.execute(returned)).scalar_one_or_none() is None:
        raise TemplateStale
    await writing.execute(insert(TemplateVersion), [_version(clinic_id, template_id, version + 1, draft, actor, now)])
    writing.expire_all()
    return await _told(writing, clinic_id, template_id, "changed", actor, now)


async def archive_template(writing: Writing, clinic_id: UUID, template_id: UUID, actor: Actor, now: datetime) -> None:
    """Put it away: it is not sent any more. Raises `NotFound`, also for one that was put away before."""
    same = (col(DocumentTemplate.clinic_id) == clinic_id, col(DocumentTemplate.id) == template_id)
    away = update(DocumentTemplate).where(*same, col(DocumentTemplate.archived_at).is_(None)).values(archived_at=now)
    if (await writing.execute(away.returning(col(DocumentTemplate.id)))).scalar_one_or_none() is None:
        raise NotFound
    await record(writing, clinic_id, actor, [Happening("template.archived", template_id)], now)


async def add_ready_templates(writing: Writing, clinic_id: UUID, actor: Actor, now: datetime) -> list[str]:
    """Add the templates that come with Enamel whose codes are free; the codes of those added."""
    await hold_source(writing, "document_template", clinic_id, OWN_SOURCE)  # two at once would add them twice
    taken = await template_codes(writing)
    drafts = [draft for draft in ready_templates() if draft.code not in taken]
    ids = [new_id() for _ in drafts]
    if drafts:
        keyed = list(zip(ids, drafts, strict=True))
        rows = [
            {"clinic_id": clinic_id, "id": row_id, "code": draft.code, **_columns(draft, 1, now)}
            for row_id, draft in keyed
        ]
        await writing.execute(insert(DocumentTemplate).execution_options(render_nulls=True), rows)
        versions = [_version(clinic_id, row_id, 1, draft, actor, now) for row_id, draft in keyed]
        await writing.execute(insert(TemplateVersion).execution_options(render_nulls=True), versions)
        await record(writing, clinic_id, actor, [Happening("template.added", row_id) for row_id in ids], now)
    return [draft.code for draft in drafts]


def _check(draft: TemplateDraft) -> None:
    faults = template_faults(draft)
    if faults:
        raise TemplateRefused(*faults)


def _columns(draft: TemplateDraft, version: int, now: datetime) -> dict[str, Any]:
    return {
        "kind": draft.kind.value,
        "asks": draft.asks.value,
        "methods": [method.value for method in draft.methods],
        "corrects_record": draft.corrects_record,
        "version": version,
        "changed_at": now,
    }


def _version(
    clinic_id: UUID, template_id: UUID, version: int, draft: TemplateDraft, actor: Actor, now: datetime
) -> dict[str, Any]:
    return {
        "clinic_id": clinic_id,
        "template_id": template_id,
        "version": version,
        "texts": [text.model_dump(mode="json") for text in draft.texts],
        "questions": [question.model_dump(mode="json") for question in draft.questions],
        "made_at": now,
        "made_by": actor.id,
    }


async def _told(
    writing: Writing, clinic_id: UUID, template_id: UUID, what: str, actor: Actor, now: datetime
) -> TemplateView:
    await record(writing, clinic_id, actor, [Happening(f"template.{what}", template_id)], now)
    found = await template(writing, template_id)
    assert found is not None
    return found
