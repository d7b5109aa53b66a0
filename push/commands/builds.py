"""Makes and replaces app builds."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound, Stale
from core.events import Actor, Happening, record
from core.ids import new_id
from push.app_build import BuildDraft
from push.queries.builds import BuildView, build_view
from push.tables import AppBuildRow

MOST_BUILDS = 50


class BuildNameTaken(Conflict):
    """The clinic has a build under this name already."""

    slug = "build-name-taken"


class TooManyBuilds(Conflict):
    slug = "too-many-builds"


async def make_build(writing: Writing, clinic_id: UUID, draft: BuildDraft, actor: Actor, now: datetime) -> BuildView:
    """Raises `BuildNameTaken`, `TooManyBuilds`."""
    if (await writing.execute(select(func.count()).select_from(AppBuildRow))).scalar_one() >= MOST_BUILDS:
        raise TooManyBuilds
    build_id = new_id()
    row = {
        "clinic_id": clinic_id, "id": build_id, "name": draft.name, "shown": draft.branding.model_dump(mode="json"),
        "minimum_version": draft.minimum_version, "version": 1, "made_at": now, "changed_at": now,
    }  # fmt: skip
    fresh = insert(AppBuildRow).values(row).on_conflict_do_nothing().returning(col(AppBuildRow.id))
    if (await writing.execute(fresh)).scalar_one_or_none() is None:
        raise BuildNameTaken
    await record(writing, clinic_id, actor, [Happening("app_build.made", build_id)], now)
    return await _seen(writing, build_id)


async def replace_build(
    writing: Writing, clinic_id: UUID, build_id: UUID, version: int, draft: BuildDraft, actor: Actor, now: datetime
) -> BuildView:
    """The whole build anew, made from its `version`. Raises `NotFound`, `Stale`, `Invalid`."""
    row = await _locked(writing, build_id)
    if row.version != version:
        raise Stale
    if draft.name != row.name:  # phones and lines are bound to it
        raise Invalid(Fault("/draft/name", "cannot-change"))
    row.shown = draft.branding.model_dump(mode="json")
    row.minimum_version, row.version, row.changed_at = draft.minimum_version, version + 1, now
    await writing.flush()
    await record(writing, clinic_id, actor, [Happening("app_build.replaced", build_id)], now)
    return await _seen(writing, build_id)


async def end_build(writing: Writing, clinic_id: UUID, build_id: UUID, actor: Actor, now: datetime) -> None:
    """Its phones stay registered and its lines stay: any version of it will do from now on. Raises `NotFound`."""
    ended = delete(AppBuildRow).where(col(AppBuildRow.id) == build_id).returning(col(AppBuildRow.id))
    if (await writing.execute(ended)).scalar_one_or_none() is None:
        raise NotFound
    await record(writing, clinic_id, actor, [Happening("app_build.ended", build_id)], now)


async def _locked(writing: Writing, build_id: UUID) -> AppBuildRow:
    statement = select(AppBuildRow).where(col(AppBuildRow.id) == build_id).with_for_update()
    row = (await writing.execute(statement)).scalar_one_or_none()
    if row is None:
        raise NotFound
    return row


async def _seen(writing: Writing, build_id: UUID) -> BuildView:
    found = await build_view(writing, build_id)
    assert found is not None
    return found
