"""A PostgreSQL that takes nothing for a while is a reason to try again, and never the end of a talk."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from chat.commands import OWN, send
from core.clock import now
from core.database import Database
from core.errors import Unavailable
from core.ids import new_id
from tests.chat.speaking import patient_of, say
from tests.world import World


@pytest.fixture
async def read_only(migrated: str) -> AsyncIterator[Database]:
    """A node that came back to a server which was made a standby's twin: whatever writes is refused."""
    owner = await asyncpg.connect(migrated)
    name = await owner.fetchval("select quote_ident(current_database())")
    await owner.execute(f"alter database {name} set default_transaction_read_only = on")
    node = Database(migrated, pool=1)
    yield node
    await node.close()
    await owner.execute(f"alter database {name} reset default_transaction_read_only")
    await owner.close()


async def test_a_database_that_takes_nothing_is_named_by_type_and_may_be_asked_again(
    world: World, read_only: Database, caplog: pytest.LogCaptureFixture
) -> None:
    anna, name = patient_of(world, world.here), new_id()
    with pytest.raises(Unavailable):
        await send(read_only, anna, OWN, name, "Ho la febbre", now())
    assert [record.getMessage() for record in caplog.records if record.name == "enamel.chat"] == [
        "nothing could be kept: ReadOnlySQLTransactionError"
    ]
    assert not (await say(world, anna, "Ho la febbre", client_id=name)).dup
