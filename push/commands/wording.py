"""The verbs of wording: keep a text, change or put it away, choose a tone, say what a lock screen may show."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import col

from core.database import Sweeping, Writing
from core.errors import Conflict, Invalid, NotFound, Stale
from core.events import Actor, Happening, record
from core.ids import new_id
from push.commands.batch import UNTRACKED
from push.queries.wording import MessageTemplateView, message_template
from push.tables.wording import (
    ClinicWordingRow,
    LockScreenRow,
    MessageTemplateRow,
    MessageTemplateVersionRow,
    SaidRow,
)
from push.template import TemplateDraft, Tone, place_of, template_faults
from push.variables import Mode


class WordingRefused(Invalid):
    """The text could not be sent one day: it says what nobody knows, too much, or more than fits."""

    slug = "wording-refused"


class WordingPlaceTaken(Conflict):
    """There is a text of this kind, wording, channel, language, tone and variant."""

    slug = "wording-place-taken"


class WordingChanged(Stale):
    """Somebody else has changed the text in the meantime."""

    slug = "wording-changed-meanwhile"


async def add_message_template(
    writing: Writing, clinic_id: UUID, draft: TemplateDraft, actor: Actor, now: datetime
) -> MessageTemplateView:
    """Use a text from now on, as version 1. Raises `WordingRefused`, `WordingPlaceTaken`."""
    _check(draft)
    template_id = new_id()
    row = {"clinic_id": clinic_id, "id": template_id, **_columns(draft, 1, now)}
    fresh = upsert(MessageTemplateRow).values(row).on_conflict_do_nothing()
    if (await writing.execute(fresh.returning(col(MessageTemplateRow.id)))).scalar_one_or_none() is None:
        raise WordingPlaceTaken
    return await _kept(writing, clinic_id, template_id, 1, draft, actor, now)


async def change_message_template(
    writing: Writing, clinic_id: UUID, template_id: UUID, version: int, draft: TemplateDraft, actor: Actor,
    now: datetime,
) -> MessageTemplateView:  # fmt: skip
    """Say it so from now on: the version after `version`. What was sent stays as it was said.

    Raises `NotFound`, `WordingChanged` (not the present version), `WordingRefused`, `WordingPlaceTaken` (its place is
    not to be changed).
    """
    _check(draft)
    found = await message_template(writing, clinic_id, template_id)
    if found is None:
        raise NotFound
    if _place(found.draft) != _place(draft):
        raise WordingPlaceTaken
    same = (col(MessageTemplateRow.clinic_id) == clinic_id, col(MessageTemplateRow.id) == template_id)
    present = (col(MessageTemplateRow.version) == version, col(MessageTemplateRow.archived_at).is_(None))
    news = _columns(draft, version, now) | {"version": col(MessageTemplateRow.version) + 1}
    changed = update(MessageTemplateRow).where(*same, *present).values(news)
    returned = changed.returning(col(MessageTemplateRow.id))
    if (await writing.execute(returned, execution_options=UNTRACKED)).scalar_one_or_none() is None:
        raise WordingChanged
    return await _kept(writing, clinic_id, template_id, version + 1, draft, actor, now)


async def archive_message_template(
    writing: Writing, clinic_id: UUID, template_id: UUID, actor: Actor, now: datetime
) -> None:
    """Use it no more; its place says the ready words again. Raises `NotFound`."""
    same = (col(MessageTemplateRow.clinic_id) == clinic_id, col(MessageTemplateRow.id) == template_id)
    away = update(MessageTemplateRow).where(*same, col(MessageTemplateRow.archived_at).is_(None))
    gone = away.values(archived_at=now).returning(col(MessageTemplateRow.id))
    if (await writing.execute(gone, execution_options=UNTRACKED)).scalar_one_or_none() is None:
        raise NotFound
    await record(writing, clinic_id, actor, [Happening("wording.archived", template_id)], now)


async def choose_tone(writing: Writing, clinic_id: UUID, tone: Tone, actor: Actor, now: datetime) -> None:
    row = upsert(ClinicWordingRow).values(clinic_id=clinic_id, tone=tone.value, changed_at=now)
    news = {"tone": row.excluded.tone, "changed_at": row.excluded.changed_at}
    await writing.execute(row.on_conflict_do_update(index_elements=["clinic_id"], set_=news))
    facts = {"tone": tone.value}
    await record(writing, clinic_id, actor, [Happening("wording.tone_chosen", clinic_id, facts=facts)], now)


async def show_on_lock_screen(
    writing: Writing, clinic_id: UUID, patient_id: UUID, mode: Mode, actor: Actor, now: datetime
) -> None:
    """Let a lock screen, an SMS and a messenger show this much, from now on; also of what is queued already."""
    values = {"clinic_id": clinic_id, "patient_id": patient_id, "mode": mode.value, "changed_at": now}
    row = upsert(LockScreenRow).values(values)
    news = {"mode": row.excluded.mode, "changed_at": row.excluded.changed_at}
    other = col(LockScreenRow.mode) != row.excluded.mode
    kept = row.on_conflict_do_update(index_elements=["clinic_id", "patient_id"], set_=news, where=other)
    if (await writing.execute(kept.returning(col(LockScreenRow.mode)))).scalar_one_or_none() is None:
        return
    facts = {"mode": mode.value}
    await record(writing, clinic_id, actor, [Happening("lock_screen.changed", patient_id, patient_id, facts)], now)


async def note_said(sweeping: Sweeping, said: Sequence[tuple[UUID, UUID, UUID, UUID, int, str]]) -> None:
    """Which text each delivery is said in: (clinic, delivery, patient, template, version, variant).

    A repeat may say it anew.
    """
    if not said:
        return
    names = ("clinic_id", "id", "patient_id", "template_id", "version", "variant")
    row = upsert(SaidRow)
    news = {name: row.excluded[name] for name in names[3:]}
    rows = [dict(zip(names, each, strict=True)) for each in sorted(said)]
    await sweeping.execute(row.on_conflict_do_update(index_elements=["clinic_id", "id"], set_=news), rows)


def _check(draft: TemplateDraft) -> None:
    if faults := template_faults(draft):
        raise WordingRefused(*faults)


def _place(draft: TemplateDraft) -> tuple[str, ...]:
    return (*place_of(draft), draft.variant)


def _columns(draft: TemplateDraft, version: int, now: datetime) -> dict[str, Any]:
    names = ("kind", "wording", "channel", "language", "tone", "variant")
    whole = {"version": version, "draft": draft.model_dump(mode="json"), "changed_at": now}
    return dict(zip(names, _place(draft), strict=True)) | whole


async def _kept(
    writing: Writing, clinic_id: UUID, template_id: UUID, version: int, draft: TemplateDraft, actor: Actor,
    now: datetime,
) -> MessageTemplateView:  # fmt: skip
    row = {
        "clinic_id": clinic_id, "id": new_id(), "template_id": template_id, "version": version,
        "draft": draft.model_dump(mode="json"), "made_by": actor.id, "made_at": now,
    }  # fmt: skip
    await writing.execute(insert(MessageTemplateVersionRow), [row])
    what = "added" if version == 1 else "changed"
    await record(writing, clinic_id, actor, [Happening(f"wording.{what}", template_id)], now)
    return MessageTemplateView(template_id=template_id, version=version, changed_at=now, draft=draft)
