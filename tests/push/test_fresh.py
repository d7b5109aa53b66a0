"""Notices made by one statement: the same rows as notices enqueued one by one, and the same promises."""

import random
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import FromClause, bindparam, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import SmallInteger, Text, Time, TypeEngine

from clinic.hours import Hours
from core.ids import new_id
from push.commands import cancel_across, claim, enqueue_across, notices_from
from push.commands.batch import MOMENTS, UUIDS, batch
from push.notice import Notice, NoticeKind, Purpose
from push.tables import NoticeRow
from tests.conftest import Queries
from tests.push.phones import HOUR, MINUTE, NOON, give_phone
from tests.world import DAY, Party, World

MANY = 5_000
COLUMNS: dict[str, TypeEngine[Any]] = {
    "clinic_id": UUIDS, "id": UUIDS, "patient_id": UUIDS, "dedupe_key": Text(), "not_before": MOMENTS,
    "expires_at": MOMENTS, "hours_zone": Text(), "hours_opens": Time(), "hours_closes": Time(),
    "hours_weekdays": ARRAY(SmallInteger), "link": Text(), "cause_id": UUIDS, "visit_id": UUIDS, "visit_at": MOMENTS,
}  # fmt: skip


def some(dice: random.Random, party: Party, kind: NoticeKind, key: str) -> Notice:
    begins = NOON + timedelta(seconds=dice.randint(-10 * 86_400, 10 * 86_400))
    days = frozenset(dice.sample(range(7), dice.randint(1, 7)))
    visit = dice.choice([None, new_id()])
    return Notice(
        party.patient_id, kind, dice.choice(list(Purpose)), key, begins, begins + timedelta(hours=dice.randint(1, 200)),
        hours=dice.choice([None, Hours("Europe/Rome", time(9), time(dice.randint(10, 23)), days)]),
        link=dice.choice([None, "/appointments/new"]), cause_id=dice.choice([None, new_id()]),
        wording=dice.choice([None, "check-up-recall"]), visit_id=visit, visit_at=begins + DAY if visit else None,
    )  # fmt: skip


def source(party: Party, notice: Notice, key: str) -> FromClause:
    hours = notice.hours
    row = (
        party.clinic_id, new_id(), notice.patient_id, key, notice.not_before, notice.expires_at,
        hours and hours.zone, hours and hours.opens, hours and hours.closes, hours and sorted(hours.weekdays),
        notice.link, notice.cause_id, notice.visit_id, notice.visit_at,
    )  # fmt: skip
    columns = zip(row, COLUMNS.items(), strict=True)
    return select(*(literal(value, kind).label(name) for value, (name, kind) in columns)).subquery("told")


async def rows(world: World) -> dict[str, dict[str, Any]]:
    async with world.database.sweeping() as sweeping:
        found = (await sweeping.execute(select(NoticeRow))).scalars().all()
        return {row.dedupe_key: row.model_dump(exclude={"id", "dedupe_key"}) for row in found}


@pytest.mark.parametrize("seed", range(3))
async def test_a_statement_makes_the_same_rows_as_notices_one_by_one(world: World, seed: int) -> None:
    dice, here = random.Random(seed), world.here  # noqa: S311  a reproducible heap of notices
    made = [some(dice, here, kind, f"{kind}:{number}") for kind in NoticeKind for number in range(3)]
    async with world.database.sweeping() as sweeping:
        await enqueue_across(sweeping, [(here.clinic_id, each) for each in made], NOON)
        for each in made:
            told = source(here, each, f"again:{each.dedupe_key}")
            statement = notices_from(told, kind=each.kind, purpose=each.purpose, wording=each.wording, now=NOON)
            assert len((await sweeping.execute(statement)).all()) == 1
    found = await rows(world)
    assert len(found) == 2 * len(made)
    for each in made:
        assert found[f"again:{each.dedupe_key}"] == found[each.dedupe_key], each


def many(world: World, count: int) -> tuple[list[tuple[UUID, UUID]], FromClause]:
    """Their causes, and a source of notices by keys `0`, `1` … of the patient here."""
    causes, here = [new_id() for _ in range(count)], world.here
    told = [
        (here.clinic_id, new_id(), here.patient_id, str(number), NOON, NOON + DAY, cause)
        for number, cause in enumerate(causes)
    ]
    names = ("clinic_id", "id", "patient_id", "dedupe_key", "not_before", "expires_at", "cause_id")
    return [(here.clinic_id, cause) for cause in causes], batch({name: COLUMNS[name] for name in names}, told)


async def say(sweeping: Any, told: FromClause, now: datetime | Any = NOON, **values: Any) -> list[Any]:
    statement = notices_from(told, kind=NoticeKind.RECALL, purpose=Purpose.RECALL, wording="check-up-recall", now=now)
    return list((await sweeping.execute(statement, values)).all())


async def test_a_key_that_is_known_is_not_told_again(world: World) -> None:
    _, told = many(world, 10)
    async with world.database.sweeping() as sweeping:
        first = await say(sweeping, told)
        assert {(clinic, key) for clinic, _, key in first} == {(world.here.clinic_id, str(n)) for n in range(10)}
        assert await say(sweeping, told) == []


async def test_the_moment_may_be_a_parameter_of_a_statement_that_is_made_once(world: World) -> None:
    _, told = many(world, 1)
    async with world.database.sweeping() as sweeping:
        assert len(await say(sweeping, told, bindparam("as_of", type_=MOMENTS), as_of=NOON + MINUTE)) == 1
    assert {row["created_at"] for row in (await rows(world)).values()} == {NOON + MINUTE}


async def test_five_thousand_are_told_and_taken_back_by_as_many_statements_as_one(
    world: World, at_most: Queries
) -> None:
    await give_phone(world.database, world.keys, world.here, "token-of-anna")
    causes, told = many(world, MANY)
    async with world.database.sweeping() as sweeping:
        with at_most(1):
            assert len(await say(sweeping, told)) == MANY
        with at_most(8):
            assert await cancel_across(sweeping, causes, "booked", NOON) == MANY
    async with world.database.sweeping() as sweeping:
        assert await claim(sweeping, NOON + HOUR, 10, MINUTE) == []


def test_a_wording_is_a_short_key() -> None:
    facts = (new_id(), NoticeKind.NOTE, Purpose.SERVICE, "x", NOON, NOON + HOUR)
    assert Notice(*facts, wording="check-up-recall").wording == "check-up-recall"
    for worse in ("", "Check", "a b", "x" * 65, "a\n"):
        with pytest.raises(ValueError, match="wording"):
            Notice(*facts, wording=worse)
