"""The widest tree is one statement, and patients of another clinic are nobody's business."""

from datetime import UTC, date, datetime

from automation.criteria.said import CriterionKind
from automation.queries.segments import segment_preview
from automation.segment import Criterion
from automation.templates import OVERDUE_FOR_HYGIENE
from cabinet.facts import ServiceKind
from tests.automation.people import Done, Person, add_people
from tests.conftest import Queries
from tests.world import World

K = CriterionKind


async def test_the_widest_tree_is_one_statement_and_counts_whom_it_does_not_show(
    world: World, at_most: Queries
) -> None:
    now = datetime(2026, 7, 15, 12, tzinfo=UTC)
    overdue = Done(ServiceKind.HYGIENE, date(2025, 12, 1))
    people = [Person(done=[overdue]) for _ in range(7)] + [Person()]
    async with world.database.writing(world.here.scope) as writing:
        await add_people(writing, world.here.clinic_id, {"Europe/Rome": world.here.branch_id}, people, now)
    widest = Criterion(kind=K.ANY, items=[OVERDUE_FOR_HYGIENE] * 20)
    async with world.database.reading(world.here.scope) as reading:
        with at_most(1):
            count, ids = await segment_preview(reading, widest, now, 3)
    assert (count, len(ids)) == (7, 3)
    async with world.database.reading(world.there.scope) as reading:
        assert await segment_preview(reading, widest, now, 3) == (0, [])
