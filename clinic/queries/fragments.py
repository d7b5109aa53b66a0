"""SQL for the statements of packages above, always correlated with a clinic column."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Select,
    Subquery,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlmodel import col

from clinic.household import MAJORITY, USUAL_MAJORITY, AccessScope, Relation
from clinic.tables import Access, Branch, Clinic, Patient
from core.database import MOMENT_PARAMETER, UUID_PARAMETER, written
from identity.queries import live_session


def stands(now: Any) -> ColumnElement[bool]:
    """SQL: the access holds at `now`: what `clinic.household.access_state` calls standing."""
    return and_(
        col(Access.revoked_at).is_(None),
        col(Access.blocked_at).is_(None),
        or_(col(Access.ends_at).is_(None), col(Access.ends_at) > now),
        or_(col(Access.relation) != Relation.GUARDIAN.value, _of_a_minor(now)),
    )


def _of_a_minor(now: Any) -> ColumnElement[bool]:
    """SQL: in the ward's home branch the day on which they come of age has not begun. Asked for guardians only."""
    moment = literal(now, MOMENT_PARAMETER) if isinstance(now, datetime) else now
    age = case(MAJORITY, value=col(Clinic.country), else_=USUAL_MAJORITY)
    of_age_on = cast(col(Patient.birth_date) + func.make_interval(age), Date)
    branch = and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == Patient.branch_id)
    return (
        select(col(Patient.id))
        .join(Branch, branch)
        .join(Clinic, col(Clinic.clinic_id) == Patient.clinic_id)
        .where(same_patient(Access), func.date(func.timezone(col(Branch.zone), moment)) < of_age_on)
        .correlate(Access)
        .exists()
    )


def whole() -> ColumnElement[bool]:
    """SQL: it is one's own record, which is open as a whole."""
    return col(Access.relation) == Relation.SELF.value


def covers(scope: AccessScope, access: Any = Access) -> ColumnElement[bool]:
    """SQL: the access extends to `scope`; `access` may be a row that carries its `relation` and `scopes`."""
    columns: Any = access if access is Access else access.c
    own: ColumnElement[bool] = columns.relation == Relation.SELF.value
    return or_(own, literal(scope.value) == func.any(columns.scopes))


def may_open(account_id: Any, session_id: Any, now: Any) -> tuple[ColumnElement[bool], ...]:
    return (col(Access.account_id) == account_id, stands(now), live_session(session_id, col(Access.account_id), now))


def viewer() -> ColumnElement[str]:
    """SQL: lets what is private of one's own record be seen for the rest of the transaction, and of a ward's not.

    Row-level security compares with the setting (`core.schema`), and a transaction of a patient begins without it:
    a read that opens no record, or forgets this, sees nothing private.
    """
    setting: ColumnElement[str] = literal_column("'enamel.viewer'")
    seen = case((whole(), cast(col(Access.patient_id), Text)), else_=literal_column("''"))
    return func.set_config(setting, seen, true())


def same_patient(table: Any) -> ColumnElement[bool]:
    """SQL join condition of any patient's row with its patient."""
    return and_(col(Patient.clinic_id) == table.clinic_id, col(Patient.id) == table.patient_id)


def openers(now: Any) -> Subquery:
    """SQL: (clinic_id, patient_id, account_id, relation, hears, sees) of every account that may open a record now.

    `hears`: what the clinic says to the patient is said to them too (`AccessScope.CHAT`). `sees`: they may look at
    the patient's pictures (`AccessScope.VIEW_MEDIA`).
    """
    return _openers(now).subquery("opener")


def _openers(now: Any) -> Select[*tuple[Any, ...]]:
    columns: list[Any] = [col(Access.clinic_id), col(Access.patient_id), col(Access.account_id), col(Access.relation)]
    reach = {"hears": AccessScope.CHAT, "sees": AccessScope.VIEW_MEDIA}
    return select(*columns, *(covers(scope).label(name) for name, scope in reach.items())).where(stands(now))


def openers_sql(now: str) -> str:
    """The same as text, for statements that are written by hand; `now` is SQL for a timestamptz."""
    return written(_openers(literal_column(now, MOMENT_PARAMETER)))


def asked_records() -> Any:
    """SQL: who asks for which record, a row for each object of the JSON list `:asks`
    (`Database.documents`): its place `n`, `account`, `session`, `patient` (null: their own).

    Of a JSON list PostgreSQL always expects the same number of rows: it plans the statement once. Of an array it
    would see how short it is, and plan anew each time.
    """
    names = ("account", "session", "patient")
    columns: list[Any] = [column("n", Integer), *(column(name, UUID_PARAMETER) for name in names)]
    asks = func.json_to_recordset(cast(bindparam("asks", type_=Text()), JSON))
    return asks.table_valued(*columns).render_derived("asked", with_types=True)


def record_row(scope_clinic: Any, asks: Any = None) -> Any:
    """SQL: the one record a document is about, chosen by `:account`, `:session`, `:patient` (null: own), `:now`, or by
    a row of `asked_records`.

    Reading its row sets whether private rows may be seen: what hangs on the row is read after that.
    """
    names = ("account", "session", "patient")
    account, session, asked = [
        bindparam(name, type_=UUID_PARAMETER) if asks is None else asks.c[name] for name in names
    ]
    own = and_(asked.is_(None), whole())
    return (
        select(
            col(Patient.clinic_id),
            col(Patient.id),
            col(Patient.given_name),
            col(Patient.family_name),
            col(Patient.birth_date),
            col(Access.relation),
            col(Access.scopes),
            viewer().label("viewer"),
        )
        .join(Access, same_patient(Access))
        .where(
            col(Patient.clinic_id) == scope_clinic,
            col(Access.clinic_id) == scope_clinic,
            *may_open(
                account,
                session,
                bindparam("now", type_=MOMENT_PARAMETER),
            ),
            or_(own, col(Access.patient_id) == asked),
        )
        .limit(1)
    )


def person_row(scope_clinic: Any, patient_id: Any) -> Any:
    """SQL: a patient as offers and dates see them, with the zone of their branch and its day (`today`) at `:now`.

    `scope_clinic` None: row-level security alone decides.
    """
    moment = func.timezone(col(Branch.zone), bindparam("now", type_=MOMENT_PARAMETER))
    in_scope = [] if scope_clinic is None else [col(Patient.clinic_id) == scope_clinic]
    return (
        select(
            col(Patient.clinic_id),
            col(Patient.id),
            col(Patient.birth_date),
            col(Patient.language),
            col(Branch.zone),
            func.date(moment).label("today"),
        )
        .join(Branch, and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == Patient.branch_id))
        .where(*in_scope, col(Patient.id) == patient_id)
        .limit(1)
    )


def people_rows(named: FromClause, now: datetime) -> Any:
    """SQL: the same of many: the rows of `named` (its columns `clinic_id`, `patient_id`, and more), each with its
    patient and the day it is where they are.
    """
    moment = func.timezone(col(Branch.zone), literal(now, MOMENT_PARAMETER))
    more = [column for column in named.c if column.name not in ("clinic_id", "patient_id")]
    of_patient = and_(col(Patient.clinic_id) == named.c.clinic_id, col(Patient.id) == named.c.patient_id)
    columns = (col(Patient.clinic_id), col(Patient.id), col(Patient.birth_date), col(Patient.language))
    return (
        select(*columns, col(Branch.zone), func.date(moment).label("today"), *more)
        .join_from(named, Patient, of_patient)
        .join(Branch, and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == Patient.branch_id))
    )


def patient_name(clinic_id: Any, patient_id: Any) -> ColumnElement[str]:
    """SQL: a patient's given and family name, for lists that staff see."""
    return (
        select(col(Patient.given_name) + " " + col(Patient.family_name))
        .where(col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
        .scalar_subquery()
    )


def birth_date_of(clinic_id: Any, patient_id: Any) -> Any:
    """SQL: the patient's birth date, as a scalar."""
    same = (col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
    return select(col(Patient.birth_date)).where(*same).scalar_subquery()
