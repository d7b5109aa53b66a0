"""The lots that journeys draw, as SQL."""

from typing import Any

from sqlalchemy import BigInteger, Text, cast, func, literal, literal_column
from sqlalchemy.dialects.postgresql import BYTEA

from automation.journey.lot import LOTS


def lot_of(patient_id: Any, journey_key: str, draw: str) -> Any:
    """SQL twin of `automation.journey.lot.lot`."""
    said = func.uuid_send(patient_id).op("||")(cast(literal(f"/{journey_key}/{draw}".encode(), BYTEA), BYTEA))
    first = func.encode(func.substring(func.sha256(said), 1, 4), "hex")
    number = cast(cast(literal("x").op("||")(first), Text).op("::")(literal_column("bit(32)")), BigInteger)
    return number % LOTS
