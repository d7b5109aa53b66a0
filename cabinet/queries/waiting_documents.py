"""Documents that wait for the patient, for their first screen."""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select
from sqlmodel import col

from cabinet.document import Asks
from cabinet.queries.documents import open_sql
from cabinet.queries.fragments import list_of
from cabinet.tables.documents import Document
from core.database import MOMENT_PARAMETER
from core.moments_sql import rfc3339_sql

MOST_IN_CABINET = 20


def waiting_documents_json(clinic_id: Any, patient_id: Any) -> Any:
    """SQL: the documents that wait for this patient, latest first, as a list of `DocumentView`. Binds `:now`."""
    now = bindparam("now", type_=MOMENT_PARAMETER)
    mine = (
        select(Document)
        .where(col(Document.clinic_id) == clinic_id, col(Document.patient_id) == patient_id, _waits(now))
        .order_by(col(Document.sent_at).desc(), col(Document.id).desc())
        .limit(MOST_IN_CABINET)
        .correlate_except(Document)
        .subquery("document")
    )
    told = func.json_build_object(
        *("document_id", mine.c.id, "kind", mine.c.kind, "title", mine.c.title, "asks", mine.c.asks),
        *("state", mine.c.state, "sent_at", rfc3339_sql(mine.c.sent_at), "seen_at", rfc3339_sql(mine.c.seen_at)),
        *("closed_at", rfc3339_sql(mine.c.closed_at), "expires_at", rfc3339_sql(mine.c.expires_at)),
        *("issued_on", mine.c.issued_on, "appointment_id", mine.c.appointment_id, "plan_id", mine.c.plan_id),
        *("private", mine.c.private),
    )
    return select(list_of(told, mine.c.sent_at.desc(), mine.c.id.desc())).scalar_subquery()


def _waits(now: Any) -> ColumnElement[bool]:
    """The SQL twin of `cabinet.document.waits`, of documents that have not run out."""
    lasts = or_(col(Document.expires_at).is_(None), col(Document.expires_at) > now)
    return and_(open_sql(), lasts, col(Document.asks) != Asks.READ.value, col(Document.sent_at).is_not(None))
