"""What the demo says at its desk can be said."""

from sqlalchemy import text

from core.clock import now
from enamel.demo.desk import keep_desk
from tests.world import World


async def test_the_demos_desk_has_a_closed_case_with_its_score_and_one_that_waits(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await keep_desk(writing, world.here.clinic_id, "mis", now())
    async with world.database.reading(world.here.scope) as reading:
        rows = await reading.execute(text("select state, score, topic, labels from chat_case order by opened_at"))
        assert [tuple(row) for row in rows] == [("closed", 5, "", []), ("assigned", None, "price", ["richiamare"])]
