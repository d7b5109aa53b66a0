"""Copies and erases a person's rows of any table that is declared a `Holding`: by its name, knowing no package."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import SQLModel

from core.database import Reading, Sweeping
from core.holding import ALWAYS_OMITTED, Fate, Holding
from core.schema import APPEND_ONLY

Rows = list[dict[str, Any]]


async def rows_held(
    reading: Reading, holding: Holding, clinic_id: UUID, patient_id: UUID,
    *, only_shown: bool, scopes: frozenset[str] | None,
) -> Rows:  # fmt: skip
    """The person's rows of one table as JSON, in a fixed order, without what is never told.

    `only_shown` leaves out what is in no copy, `scopes` what a guardian with these may not see; None: of nobody's ward.
    """
    where = [_of_person(holding)]
    values: dict[str, Any] = {"clinic": clinic_id, "patient": patient_id}
    if only_shown and holding.shown:
        where.append(holding.shown)
    if scopes is not None:
        where += _not_private(holding)
    if scopes is not None and holding.scope_of_row:
        where.append(f"({holding.scope_of_row}) = any(cast(:scopes as text[]))")
        values["scopes"] = sorted(scopes)
    concealed = holding.concealed if only_shown else frozenset()
    values["omitted"] = sorted(holding.omit | concealed | ALWAYS_OMITTED | {"clinic_id"})
    row = "(to_jsonb(t) - cast(:omitted as text[]))"
    # Names and conditions are constants of ours, declared beside the tables.
    statement = f"select {row} from {holding.table} t where {' and '.join(where)} order by {row}::text"  # noqa: S608
    return list((await reading.execute(text(statement), values)).scalars())


def _not_private(holding: Holding) -> list[str]:
    """SQL: neither the row is private nor what it belongs to."""
    own = ["not private"] if "private" in SQLModel.metadata.tables[holding.table].columns else []
    hiding = "not exists (select from {0} h where h.clinic_id = t.clinic_id and h.id = t.{1} and h.private)"
    own += [f"not ({holding.veiled})"] if holding.veiled else []
    return own + [hiding.format(table, column) for column, table in holding.hidden_by]


async def last_treated(reading: Reading, holdings: Sequence[Holding], clinic_id: UUID, patient_id: UUID) -> date | None:
    """The day of the last treatment that any table tells of."""
    days = [
        f"select max(({each.treated})::date) as day from {each.table} where {_of_person(each)}"  # noqa: S608
        for each in holdings
        if each.treated
    ]
    statement = f"select max(day) from ({' union all '.join(days)}) days"  # noqa: S608
    values = {"clinic": clinic_id, "patient": patient_id}
    found: date | None = (await reading.execute(text(statement), values)).scalar_one()
    return found


async def see_restricted(sweeping: Sweeping) -> None:
    """Until the commit, rows that were erased down to a shell can be seen: only an erasure asks for this."""
    await sweeping.execute(text("select set_config('enamel.restricted', 'on', true)"))


async def lock_held(sweeping: Sweeping, holdings: Sequence[Holding], clinic_id: UUID, patient_id: UUID) -> None:
    """Lock everything that can be locked, parents first as everybody does: nothing changes until the commit.

    What is appended meanwhile waits at the key of a locked parent.
    """
    for holding in _in_key_order(holdings):
        if not _appended(holding):
            statement = f"select 1 from {holding.table} t where {_of_person(holding)} for update"  # noqa: S608
            await sweeping.execute(text(statement), {"clinic": clinic_id, "patient": patient_id})


async def erase_held(sweeping: Sweeping, holdings: Sequence[Holding], clinic_id: UUID, patient_id: UUID) -> None:
    """Let each table's rows meet their fate, children before parents: one statement a table."""
    for holding in reversed(_in_key_order(holdings)):
        statement = _fate(holding)
        if statement:
            await sweeping.execute(text(statement), {"clinic": clinic_id, "patient": patient_id})


def _fate(holding: Holding) -> str:
    match holding.fate:
        case Fate.ERASE | Fate.RESTRICT:
            return f"delete from {holding.table} where {_of_person(holding)}"  # noqa: S608
        case Fate.SHELL:
            news = ", ".join(f"{name} = {value}" for name, value in holding.becomes.items())
            return f"update {holding.table} set {news} where {_of_person(holding)}"  # noqa: S608
    return ""


def _of_person(holding: Holding) -> str:
    if not holding.parent:
        return f"clinic_id = :clinic and {holding.person} = :patient"
    theirs = f"select id from {holding.parent} where clinic_id = :clinic and patient_id = :patient"  # noqa: S608
    return f"clinic_id = :clinic and {holding.person} in ({theirs})"


def _in_key_order(holdings: Sequence[Holding]) -> list[Holding]:
    place = {table.name: number for number, table in enumerate(SQLModel.metadata.sorted_tables)}
    return sorted(holdings, key=lambda each: place[each.table])


def _appended(holding: Holding) -> bool:
    return bool(SQLModel.metadata.tables[holding.table].info.get(APPEND_ONLY))
