"""What anybody may be told of a clinic: its prices, its places and when they are open."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from clinic.hours import Hours, OpenPlace
from clinic.price import MOST_LINES, PriceLine
from clinic.tables import Branch
from clinic.tables.prices import Price
from core.database import Reading

MOST_PLACES = 50


async def price_list(reading: Reading, clinic_id: UUID) -> list[PriceLine]:
    """Every line in its order; with a `Sweeping` of any clinic."""
    statement = select(Price).where(col(Price.clinic_id) == clinic_id).order_by(col(Price.place)).limit(MOST_LINES)
    return [_line(row) for row in (await reading.execute(statement)).scalars()]


async def open_places(
    reading: Reading, clinic_id: UUID, weekdays: frozenset[int], first: UUID | None
) -> list[OpenPlace]:
    """The clinic's branches by name, the one named `first` before the others."""
    places = select(Branch).where(col(Branch.clinic_id) == clinic_id)
    ordered = places.order_by((col(Branch.id) != first) if first else col(Branch.name), col(Branch.name))
    rows = (await reading.execute(ordered.limit(MOST_PLACES))).scalars()
    return [
        OpenPlace(row.id, row.name, row.phone, row.address, Hours(row.zone, row.opens, row.closes, weekdays))
        for row in rows
    ]


def _line(row: Price) -> PriceLine:
    upper = None if row.up_to_minor is None else {"amount_minor": row.up_to_minor, "currency": row.currency}
    price = {"amount_minor": row.price_minor, "currency": row.currency}
    return PriceLine.model_validate({"names": row.names, "price": price, "up_to": upper})
