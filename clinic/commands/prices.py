"""Setting the clinic's price list."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlmodel import col

from clinic.price import PriceLine
from clinic.tables import Clinic
from clinic.tables.prices import Price
from core.database import Writing
from core.events import Actor, Happening, record


async def set_price_list(
    writing: Writing, clinic_id: UUID, lines: Sequence[PriceLine], actor: Actor, now: datetime
) -> None:
    """The whole list at once; two who set it at the same time do so one after the other."""
    clinic = select(col(Clinic.clinic_id)).where(col(Clinic.clinic_id) == clinic_id)
    await writing.execute(clinic.with_for_update(key_share=True))
    await writing.execute(delete(Price).where(col(Price.clinic_id) == clinic_id))
    if lines:
        rows = [_row(clinic_id, place, line) for place, line in enumerate(lines)]
        await writing.execute(insert(Price).execution_options(render_nulls=True), rows)
    await record(writing, clinic_id, actor, [Happening("prices.set", clinic_id)], now)


def _row(clinic_id: UUID, place: int, line: PriceLine) -> dict[str, object]:
    return {
        "clinic_id": clinic_id,
        "place": place,
        "names": [each.model_dump(mode="json") for each in line.names],
        "price_minor": line.price.amount_minor,
        "up_to_minor": None if line.up_to is None else line.up_to.amount_minor,
        "currency": line.price.currency,
    }
