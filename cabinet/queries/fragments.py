"""SQL that the documents of the cabinet share: one patient to build for, and lists that are never null."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Text, bindparam, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from clinic.queries import person_row
from core.database import UUID_PARAMETER, Reading


def named_person() -> Any:
    """SQL: the `person_row` of the patient who is bound as `:patient`."""
    return person_row(None, bindparam("patient", type_=UUID_PARAMETER)).subquery("person")


async def of_person(reading: Reading, person: Any, json: Any, patient_id: UUID, now: datetime) -> str | None:
    """A document built for `person`, as text; None where there is no such patient."""
    statement = select(cast(json, Text)).select_from(person)
    found: str | None = (await reading.execute(statement, {"patient": patient_id, "now": now})).scalar_one_or_none()
    return found


def list_of(document: Any, *order: Any) -> Any:
    """SQL: documents as one JSON list in this order, empty rather than null."""
    none: ColumnElement[Any] = literal_column("'[]'::json", JSON)
    return func.coalesce(func.json_agg(aggregate_order_by(document, *order)), none)
