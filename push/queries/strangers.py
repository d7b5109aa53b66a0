"""What strangers wrote to the clinic's lines."""

from uuid import UUID

from pydantic import Field
from sqlalchemy import select
from sqlmodel import col

from core.database import Reading
from core.moments import Moment
from core.values import Value
from push.channel import Way
from push.tables import StrangerRow

LONGEST_ADDRESS = 400


class StrangerMessage(Value):
    """A message of somebody whom the address does not name: nobody has it, or several do."""

    message_id: UUID
    way: Way
    address: str = Field(max_length=LONGEST_ADDRESS, examples=["+390255501234"])
    body: str
    at: Moment
    line_id: UUID
    external_id: str = Field(max_length=400)


async def stranger_messages(
    reading: Reading, clinic_id: UUID, *, after: UUID | None, limit: int
) -> list[StrangerMessage]:  # fmt: skip
    """What waits for the desk, oldest first."""
    mine = (col(StrangerRow.clinic_id) == clinic_id, col(StrangerRow.settled_at).is_(None))
    statement = select(StrangerRow).where(*mine).order_by(col(StrangerRow.id)).limit(limit)
    if after is not None:
        statement = statement.where(col(StrangerRow.id) > after)
    return [stranger_of(row) for row in (await reading.execute(statement)).scalars()]


def stranger_of(row: StrangerRow) -> StrangerMessage:
    """Anybody may write, under any address: one too long to be shown keeps none of the others from the desk."""
    return StrangerMessage(
        message_id=row.id, way=Way(row.way), address=row.address[:LONGEST_ADDRESS], body=row.body, at=row.at,
        line_id=row.line_id, external_id=row.external_id,
    )  # fmt: skip
