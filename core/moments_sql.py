"""Moments as PostgreSQL writes them, for read documents: apart from `core.moments`, which rules may import."""

from datetime import datetime

from sqlalchemy import ColumnElement, SQLColumnExpression, func, literal_column


def rfc3339_sql(column: SQLColumnExpression[datetime]) -> ColumnElement[str]:
    """The SQL twin of `core.moments.rfc3339`."""
    zone: ColumnElement[str] = literal_column("'UTC'")
    picture: ColumnElement[str] = literal_column("""'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'""")
    return func.to_char(func.timezone(zone, column), picture)
