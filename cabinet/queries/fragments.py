"""SQL that the documents of the cabinet share: one patient to build for, and lists that are never null."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from clinic.queries import person_row
from core.database import UUID_PARAMETER, Document, Reading


def named_person() -> Any:
    """SQL: the `person_row` of the patient who is bound as `:patient`."""
    return person_row(None, bindparam("patient", type_=UUID_PARAMETER)).subquery("person")


def person_document(json: Callable[[Any], Any]) -> Document:
    """What `json` builds of a person, compiled once: for `of_person`, within a session that has its scope."""
    person = named_person()
    return Document(select(json(person)).select_from(person))


async def of_person(reading: Reading, document: Document, patient_id: UUID, now: datetime, **more: Any) -> str | None:
    """A `person_document`, as text; None where there is no such patient."""
    await reading.flush()  # what was changed in this session and is not written yet
    connection = await reading.connection()
    arguments = document.arguments({"patient": patient_id, "now": now, **more})
    found: str | None = (await connection.exec_driver_sql(document.sql, tuple(arguments))).scalar_one_or_none()
    return found


def list_of(document: Any, *order: Any) -> Any:
    """SQL: documents as one JSON list in this order, empty rather than null."""
    none: ColumnElement[Any] = literal_column("'[]'::json", JSON)
    return func.coalesce(func.json_agg(aggregate_order_by(document, *order)), none)
