"""`enamel journey`: documents are validated, published, listed, drawn and explained from the terminal."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from cabinet.facts import ServiceKind
from core.clock import now
from core.ids import new_id
from enamel.worker.automation import run_journeys
from tests.automation.people import Done, Person, add_people
from tests.world import DAY, SECRET, World

RECALL = """\
format: enamel/journey/2
key: recall
name: Recall
purpose: recall
trigger:
  kind: segment
  criteria: {kind: procedure_last, procedure: hygiene, older_than_days: 180}
opens: "09:00"
steps:
  - {id: think, kind: wait, days: 4}
  - {id: nudge, kind: message, notice: recall, wording: hygiene-recall}
"""


@pytest.fixture
def recall(tmp_path: Path) -> Path:
    file = tmp_path / "recall.yaml"
    file.write_text(RECALL)
    return file


def written(file: Path, said: str, instead: str) -> None:
    file.write_text(RECALL.replace(said, instead))


async def enamel(database_url: str, *words: object) -> tuple[int, str]:
    """The exit status, and what stands on the terminal."""
    environment = {**os.environ, "ENAMEL_DATABASE_URL": database_url, "ENAMEL_SECRET": SECRET}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "enamel", "journey", *(str(word) for word in words), env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode().strip()


async def test_a_document_is_published_from_a_file_and_drawn_with_who_stands_where(
    world: World, migrated: str, recall: Path, tmp_path: Path
) -> None:
    clinic = ("--clinic", world.here.clinic_id)
    person = Person(done=[Done(ServiceKind.HYGIENE, (now() - 200 * DAY).date())])
    async with world.database.writing(world.here.scope) as writing:
        await add_people(writing, world.here.clinic_id, {"Europe/Rome": world.here.branch_id}, [person], now())
    status, said = await enamel(migrated, "publish", recall, *clinic, "--preview")
    assert (status, said.splitlines()[0]) == (0, "newcomers: 0 stay, 0 move, 0 restart, 0 leave")
    assert (await enamel(migrated, "list", *clinic)) == (0, "no journey")
    status, said = await enamel(migrated, "publish", recall, *clinic)
    assert said.startswith("recall runs as version 1, journey ")
    assert (await enamel(migrated, "publish", recall, *clinic)) == (0, "recall runs as version 1: nothing to do")
    await run_journeys(world.database, now())
    picture = tmp_path / "recall.svg"
    assert (await enamel(migrated, "draw", "recall", *clinic, "--out", picture)) == (0, "")
    assert "1 here now · 0 passed" in picture.read_text()
    status, said = await enamel(migrated, "explain", person.id, *clinic)
    assert status == 0
    assert [line.split(" UTC")[0].split(":")[0] for line in said.splitlines()[:1]] == ["recall version 1"]
    assert "recall: matches" in said
    assert "  yes  procedure_last" in said


async def test_what_is_wrong_is_said_with_its_place(world: World, migrated: str, recall: Path) -> None:
    clinic = ("--clinic", world.here.clinic_id)
    assert await enamel(migrated, "validate", recall) == (0, "recall: at most 1 messages, 5 days")
    written(recall, "id: think, kind: wait", "id: think, kind: wait, next: think")
    assert await enamel(migrated, "validate", recall) == (1, "/steps/0/next: not-a-later-step")
    assert await enamel(migrated, "draw", recall) == (1, "/steps/0/next: not-a-later-step")
    written(recall, '"09:00"', "19:00")
    assert await enamel(migrated, "validate", recall) == (1, "/opens: quote-it")
    written(recall, "hygiene-recall", "nobodys-words")
    assert await enamel(migrated, "validate", recall) == (0, "recall: at most 1 messages, 5 days")
    wrong = "/steps/1/wording: no-such-wording-of-this-kind"
    assert await enamel(migrated, "validate", recall, *clinic) == (1, wrong)
    refused = await enamel(migrated, "publish", recall, *clinic)
    assert refused == (1, f"refused: invalid-input\n{wrong}")
    assert (await enamel(migrated, "list", *clinic)) == (0, "no journey")


async def test_nothing_is_asked_of_or_published_into_a_clinic_that_there_is_not(
    world: World, migrated: str, recall: Path
) -> None:
    nowhere = ("--clinic", new_id())
    for words in (("publish", recall), ("list",), ("dry-run", recall), ("draw", "recall"), ("validate", recall)):
        assert await enamel(migrated, *words, *nowhere) == (1, "enamel: there is no such clinic")
    async with world.database.sweeping() as sweeping:
        assert (await sweeping.execute(text("select count(*) from journey"))).scalar_one() == 0


async def test_a_hostile_document_moves_no_cursor_and_a_picture_without_a_place_is_said(
    world: World, migrated: str, tmp_path: Path, recall: Path
) -> None:
    file = tmp_path / "hostile.json"
    file.write_text('{"\\u001b[2J\\u202e": 1}')
    for status, said in [
        await enamel(migrated, "validate", file),
        await enamel(migrated, "dry-run", file, "--clinic", world.here.clinic_id),
    ]:
        assert (status, "\\x1b[2J\\u202e: extra-forbidden" in said) == (1, True)
        assert all(sign.isprintable() for line in said.splitlines() for sign in line)
    status, said = await enamel(migrated, "draw", recall, "--out", tmp_path / "nowhere" / "x.svg")
    assert (status, said.count("\n"), "No such file" in said) == (1, 0, True)


async def test_what_it_would_do_and_would_have_done_is_told_in_counts(
    world: World, migrated: str, recall: Path
) -> None:
    clinic = ("--clinic", world.here.clinic_id)
    people = [Person(done=[Done(ServiceKind.HYGIENE, (now() - days * DAY).date())]) for days in (200, 210, 90)]
    async with world.database.writing(world.here.scope) as writing:
        await add_people(writing, world.here.clinic_id, {"Europe/Rome": world.here.branch_id}, people, now())
    status, said = await enamel(migrated, "dry-run", recall, *clinic)
    assert (status, said.splitlines()[:2]) == (
        0,
        ["match               2", "would come in       2 (2 on the first day)"],
    )
    status, said = await enamel(migrated, "simulate", recall, *clinic, "--months", "2", "--price", "9")
    rows = [line.split() for line in said.splitlines()[1:-1]]
    assert (status, sum(int(row[1]) for row in rows), sum(int(row[3]) for row in rows)) == (0, 2, 2)
    assert sum(float(row[-1]) for row in rows) == pytest.approx(0.18)
    for price in ("-5", "1000000", "x"):
        status, said = await enamel(migrated, "simulate", recall, *clinic, "--price", price)
        assert (status, "below a million" in said) == (2, True)
    assert await enamel(migrated, "dry-run", "unknown", *clinic) == (1, "enamel: this clinic has no journey unknown")
