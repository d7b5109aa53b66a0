"""Every ready journey lived through by somebody in Rome, with a virtual clock: to its end, and once cut short."""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlmodel import SQLModel

from core.database import Database
from tests.enamel import stories, stories_of_offers, stories_of_visits
from tests.enamel.stage import ZONE, Someone, Stage, found_stage
from tests.enamel.stories import Story, moment

STORIES = [*stories.STORIES, *stories_of_visits.STORIES, *stories_of_offers.STORIES]
_ID = re.compile("[0-9a-f]{8}-[0-9a-f-]{27}")
TOLD = Path(__file__).parents[1] / "data" / "journeys"
# What a story leaves behind and the next one must not meet.
_LEFT = ("touchpoint", "timer", "enrolment", "journey", "task", "delivery", "notice")


@pytest.fixture(scope="module")
async def town(
    database: Database, owner: asyncpg.Connection, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """The demo's clinic, founded once for all stories."""
    yield await found_stage(database, tmp_path_factory.mktemp("phones") / "printed.jsonl")
    await owner.execute(";".join(str(table.delete()) for table in SQLModel.metadata.tables.values()))


@pytest.fixture
async def stage(town: Stage, owner: asyncpg.Connection) -> AsyncIterator[Stage]:
    """Monday morning again."""
    town.now = moment(0, 8)
    yield town
    tables = SQLModel.metadata.tables
    await owner.execute(";".join(str(tables[name].delete()) for name in _LEFT))


@pytest.mark.parametrize("story", STORIES, ids=lambda each: each.key)
async def test_it_runs_from_its_trigger_to_its_end(stage: Stage, story: Story) -> None:
    who = await begun(stage, story, "whole")
    for (day, hour), deed in sorted(story.deeds.items()):
        await stage.until(who, moment(day, hour))
        await deed(stage, who)
    await stage.until(who, moment(story.lasts_days, 20))
    happened = await told(stage, who)
    assert happened == expected(story.key, "To the end")
    assert await states(stage, who) == {"completed"}


@pytest.mark.parametrize("story", [story for story in STORIES if story.met], ids=lambda each: each.key)
async def test_it_ends_as_soon_as_its_reason_is_gone(stage: Stage, story: Story) -> None:
    assert story.met is not None
    day, hour, deed = story.met
    who = await begun(stage, story, "short")
    for (on, at), earlier in sorted(story.deeds.items()):
        if (on, at) < (day, hour):
            await stage.until(who, moment(on, at))
            await earlier(stage, who)
    await stage.until(who, moment(day, hour))
    await deed(stage, who)
    await stage.until(who, moment(story.lasts_days, 20))
    happened = await told(stage, who)
    assert happened == expected(story.key, "Cut short")
    assert await states(stage, who) <= {"exited", "completed"}
    waiting = await stage.ask("select count(*) from notice where patient_id = :who and state = 'due'", who)
    assert [tuple(row) for row in waiting] == [(0,)]


async def begun(stage: Stage, story: Story, life: str) -> Someone:
    who = await stage.someone(f"{story.key}-{life}", story.born)
    await story.begins(stage, who)
    await stage.launch(story.key, await story.fills(stage, who) if story.fills else None)
    return who


def expected(key: str, title: str) -> str:
    """The part of the file below this title."""
    parts = (TOLD / f"{key}.txt").read_text(encoding="utf-8").split("# ")
    return next(part.removeprefix(title).strip() for part in parts if part.startswith(title))


async def states(stage: Stage, who: Someone) -> set[str]:
    return {row[0] for row in await stage.ask("select state from enrolment where patient_id = :who", who)}


async def told(stage: Stage, who: Someone) -> str:
    """Everything that happened to them, a line each, in order."""
    lines: list[tuple[datetime, int, str]] = []
    for at, seq, step, verdict, reason in await stage.ask(
        "select t.at, t.seq, t.step, t.verdict, t.reason from touchpoint t join enrolment e"
        " on e.clinic_id = t.clinic_id and e.id = t.enrolment_id where e.patient_id = :who", who,
    ):  # fmt: skip
        lines.append((at, seq, f"{step}: {verdict}" + (f" ({reason})" if reason else "")))
    for made_at, title, due_at, preset in await stage.ask(
        "select made_at, title, due_at, preset from task where patient_id = :who", who
    ):
        lines.append((made_at, 900, f"    {preset or 'everybody'} until {_local(due_at)}: {title}"))
    lines += [(at, 901, f"    phone: {said}") for at, said in stage.shown.get(f"phone-of-{who.name}", [])]
    lines += [(at, 902, f"    chat: {said}") for at, said in await _chat(stage, who)]
    return "\n".join(f"{_local(at)}  {_ID.sub('…', line)}" for at, _, line in sorted(lines))


async def _chat(stage: Stage, who: Someone) -> list[Any]:
    return await stage.ask(
        "select m.at, m.body from message m join conversation c on c.clinic_id = m.clinic_id and"
        " c.id = m.conversation_id where c.patient_id = :who", who,
    )  # fmt: skip


def _local(at: datetime) -> str:
    return at.astimezone(ZONE).strftime("%a %d %b %H:%M")
