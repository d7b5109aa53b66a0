"""SQL for documents that first ask who stands before us: correlated with the clinic of their `scope_row`.

Parameters `:account`, `:session`, `:now`: whose token it is, and the moment.
"""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, bindparam, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from clinic.household import AccessScope
from clinic.queries.fragments import covers, may_open, same_patient
from clinic.tables import Access, Patient, Staff
from core.database import MOMENT_PARAMETER, UUID_PARAMETER, written
from identity.permissions import Permission
from identity.queries import live_session

_MOST_RECORDS = 100


def records_json(clinic_id: Any, scope: AccessScope) -> Any:
    """SQL: the ids of the records that the account may open as far as `scope`, the first given first."""
    account, session, now = _caller()
    mine = (
        select(col(Access.patient_id), col(Access.granted_at))
        .join(Patient, same_patient(Access))
        .where(col(Access.clinic_id) == clinic_id, *may_open(account, session, now), covers(scope))
        .order_by(col(Access.granted_at))
        .limit(_MOST_RECORDS)
        .correlate(clinic_id.table)
        .subquery("mine")
    )
    listed: Any = func.json_agg(aggregate_order_by(mine.c.patient_id, mine.c.granted_at))
    return func.coalesce(select(listed).scalar_subquery(), literal_column("'[]'::json"))


def staff_may(clinic_id: Any, permission: Permission) -> ColumnElement[bool]:
    """SQL: the account works in the clinic, is signed in and has this permission."""
    account, session, now = _caller()
    return (
        select(col(Staff.id))
        .where(
            *(col(Staff.clinic_id) == clinic_id, col(Staff.account_id) == account, col(Staff.left_at).is_(None)),
            literal(permission.value) == func.any(col(Staff.permissions)),
            live_session(session, col(Staff.account_id), now),
        )
        .correlate(clinic_id.table)
        .exists()
    )


def desk_sql() -> str:
    """SQL as text: everybody who works in a clinic (`clinic_id`, `account_id`, `id`, `name`), and whether they may
    answer its patients (`replies`).
    """
    replies = literal(Permission.REPLY.value) == func.any(col(Staff.permissions))
    columns: list[Any] = [col(Staff.clinic_id), col(Staff.account_id), col(Staff.id), col(Staff.name)]
    return written(select(*columns, replies.label("replies")).where(col(Staff.left_at).is_(None)))


def tied_sql(staff: str = "staff") -> str:
    """SQL as text: the `tied_xid` of a row of `staff` as a number; 0 where this database has yet to count to it. A
    loaded dump brings such ones: all that anybody holds of this database is younger.
    """
    known = f"{staff}.tied_xid < pg_snapshot_xmax(pg_current_snapshot())"
    return f"case when {known} then cast(cast({staff}.tied_xid as text) as bigint) else 0 end"


def staff_tied(clinic_id: Any) -> ColumnElement[Any]:
    """SQL: in which transaction it was last said to which branches the account is tied here, as `tied_sql` has it."""
    account, _, _ = _caller()
    mine = (col(Staff.clinic_id) == clinic_id, col(Staff.account_id) == account)
    return select(literal_column(tied_sql(), BigInteger())).where(*mine).correlate(clinic_id.table).scalar_subquery()


def _caller() -> tuple[Any, Any, Any]:
    account, session = (bindparam(name, type_=UUID_PARAMETER) for name in ("account", "session"))
    return account, session, bindparam("now", type_=MOMENT_PARAMETER)
