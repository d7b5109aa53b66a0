"""Hands any number of rows to one statement: as arrays that PostgreSQL unnests."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, FromClause, Integer, Text, and_, bindparam, column, func, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine
from sqlmodel import col

from core.database import MOMENT_PARAMETER, UUID_PARAMETER

UUIDS, MOMENTS, TEXTS, NUMBERS, FLAGS = UUID_PARAMETER, MOMENT_PARAMETER, Text(), Integer(), Boolean()

# For updates of many rows: the session need not look for objects of its own among them.
UNTRACKED = {"synchronize_session": False}


def batch(kinds: dict[str, TypeEngine[Any]], rows: Iterable[tuple[Any, ...]]) -> TableValuedAlias:
    """SQL: `rows` as a table `batch` with these columns, in this order. One statement text for every number of rows."""
    values = list(zip(*rows, strict=True)) or [() for _ in kinds]
    arrays = [literal(list(each), ARRAY(kind)) for each, kind in zip(values, kinds.values(), strict=True)]
    columns = [column(name, kind) for name, kind in kinds.items()]
    return func.unnest(*arrays).table_valued(*columns, name="batch").render_derived()


def batch_of(kinds: dict[str, TypeEngine[Any]]) -> TableValuedAlias:
    """SQL: the same for a statement that is made once: its rows are given as `arrays` when it is run."""
    bound = [bindparam(f"batch_{name}", type_=ARRAY(kind)) for name, kind in kinds.items()]
    columns = [column(name, kind) for name, kind in kinds.items()]
    return func.unnest(*bound).table_valued(*columns, name="batch").render_derived()


def arrays(kinds: dict[str, TypeEngine[Any]], rows: Iterable[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """The parameters of a `batch_of`."""
    values = list(zip(*rows, strict=True)) or [() for _ in kinds]
    return {f"batch_{name}": list(each) for name, each in zip(kinds, values, strict=True)}


def keys(rows: Iterable[tuple[UUID, UUID]]) -> TableValuedAlias:
    """SQL: (clinic_id, id) pairs, each once and in order, so that two transactions lock them alike."""
    # By their numbers: PostgreSQL has the same order, and two ids compare in Python itself.
    ordered = sorted(set(rows), key=lambda pair: (pair[0].int, pair[1].int))
    return batch({"clinic_id": UUIDS, "id": UUIDS}, ordered)


def same_key(table: Any, names: FromClause) -> ColumnElement[bool]:
    return and_(col(table.clinic_id) == names.c.clinic_id, col(table.id) == names.c.id)
