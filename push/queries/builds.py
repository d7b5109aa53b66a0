"""App builds: what staff sees of them, and what an app is told before anybody signs in."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field
from sqlalchemy import select
from sqlmodel import col

from core.database import Reading
from core.moments import Moment
from core.values import Int32, Value
from push.app_build import Branding
from push.channel import Way
from push.line import PHONE_WAYS
from push.tables import AppBuildRow, LineRow


class BuildView(Value):
    """One build, as staff sees it."""

    build_id: UUID
    name: str
    branding: Branding
    minimum_version: str
    ways: list[Way] = Field(max_length=10, description="By which its phones can be reached: lines of its name.")
    version: Annotated[Int32, Field(ge=1)]
    made_at: Moment
    changed_at: Moment


class BuildStart(Value):
    """What an app needs for its first screen, and a browser to subscribe. No secret, and nobody's data."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "it.example.clinic", "minimum_version": "3.1", "ways": ["fcm", "webpush"],
                    "web_push_key": "BEl62iUYgUivxIkv69yViEuiBIa-Ib9-SkvMeAtA3LFgDzkrxZJjSgSnfckj",
                    "branding": {"display_name": "Studio Rossi", "primary_colour": "#00796B"},
                }
            ]
        }
    )  # fmt: skip

    name: str
    branding: Branding
    minimum_version: str
    ways: list[Way] = Field(max_length=10)
    web_push_key: str = Field(description="For `pushManager.subscribe`; empty where browsers cannot be reached.")


async def build_views(reading: Reading, after: UUID | None, limit: int) -> list[BuildView]:
    """Of the clinic, in the order in which they were made."""
    statement = select(AppBuildRow).order_by(col(AppBuildRow.id)).limit(limit)
    if after is not None:
        statement = statement.where(col(AppBuildRow.id) > after)
    rows = list((await reading.execute(statement)).scalars())
    lines = await _lines(reading, [row.name for row in rows])
    return [view_of(row, [way for name, way, _ in lines if name == row.name]) for row in rows]


async def build_view(reading: Reading, build_id: UUID) -> BuildView | None:
    row = (await reading.execute(select(AppBuildRow).where(col(AppBuildRow.id) == build_id))).scalar_one_or_none()
    return None if row is None else view_of(row, [way for _, way, _ in await _lines(reading, [row.name])])


async def build_start(reading: Reading, name: str) -> BuildStart | None:
    row = (await reading.execute(select(AppBuildRow).where(col(AppBuildRow.name) == name))).scalar_one_or_none()
    if row is None:
        return None
    lines = await _lines(reading, [name])
    key = next((facts.get("public_key", "") for _, way, facts in lines if way is Way.WEBPUSH), "")
    return BuildStart(
        name=row.name, branding=Branding.model_validate(row.shown), minimum_version=row.minimum_version,
        ways=[way for _, way, _ in lines], web_push_key=key,
    )  # fmt: skip


async def minimum_version(reading: Reading, name: str) -> str:
    """Empty for a build that is not known: any version will do."""
    statement = select(col(AppBuildRow.minimum_version)).where(col(AppBuildRow.name) == name)
    return (await reading.execute(statement)).scalar_one_or_none() or ""


async def _lines(reading: Reading, names: list[str]) -> list[tuple[str, Way, dict[str, str]]]:
    statement = (
        select(col(LineRow.name), col(LineRow.way), col(LineRow.facts))
        .where(col(LineRow.name).in_(names), col(LineRow.way).in_([way.value for way in PHONE_WAYS]))
        .where(col(LineRow.ended_at).is_(None), col(LineRow.enabled))
        .order_by(col(LineRow.way))
    )
    return [(name, Way(way), facts) for name, way, facts in await reading.execute(statement)]


def view_of(row: AppBuildRow, ways: list[Way]) -> BuildView:
    return BuildView(
        build_id=row.id, name=row.name, branding=Branding.model_validate(row.shown),
        minimum_version=row.minimum_version, ways=ways, version=row.version, made_at=row.made_at,
        changed_at=row.changed_at,
    )  # fmt: skip
