"""What is held of a person: each package says of its tables what goes into a copy and what an erasure leaves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

Row = Mapping[str, Any]


class Fate(StrEnum):
    """What an erasure does to a person's rows of one table."""

    ERASE = "erase"
    """Gone at once."""
    RESTRICT = "restrict"
    """Into the restricted archive, for as long as the law wants it kept; gone from here."""
    SHELL = "shell"
    """Into the archive; the row stays, emptied, because rows that cannot be deleted point to it."""
    CODES = "codes"
    """Into the archive; stays as it is: append-only, ids and codes only. Without the archive nobody's."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a row: where the storage keeps it, how it is called in a copy, and whether a copy has it at all."""

    key: str
    name: str
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Holding:
    """One table that holds rows of patients.

    `person` is the column that names the patient; with `parent` it names a row of that table, which names the
    patient by its `patient_id`.
    Of copies: `scope` is what a guardian must be let see for it to be in theirs, `scope_of_row` the same as SQL where
    it differs from row to row; `own` that it is in none but the patient's; `hidden_by` are (column, table) of things
    that hide these rows from a guardian when they are private; `shown` is SQL over the columns, for what the clinic
    has not released; `veiled` is SQL for rows that show what is private, which no guardian gets; `concealed` names
    columns in no copy (what is of other people); `untold` says why the whole table is in none.
    `omit` names columns that are not even archived (proofs of secrets, our own bookkeeping).
    Of erasures: `becomes` are the columns of an emptied row, as SQL; `treated` is SQL for the day of a treatment,
    from which the law counts, null where the row speaks of none. `files` gives the files of a row of a clinic.
    """

    table: str
    fate: Fate
    person: str = "patient_id"
    parent: str = ""
    scope: str = ""
    scope_of_row: str = ""
    own: bool = False
    hidden_by: Sequence[tuple[str, str]] = ()
    shown: str = ""
    veiled: str = ""
    concealed: frozenset[str] = frozenset()
    untold: str = ""
    omit: frozenset[str] = frozenset()
    becomes: Mapping[str, str] = field(default_factory=dict)
    treated: str = ""
    files: Callable[[UUID, Row], Sequence[Kept]] | None = None


ALWAYS_OMITTED = frozenset({"content_hash", "lease_until", "attempts", "xid", "hidden_by"})


def of_copy(holdings: Sequence[Holding], scopes: frozenset[str], *, whole: bool) -> list[Holding]:
    """What goes into a copy for somebody who may see `scopes`; `whole`: of their own record."""
    told = [each for each in holdings if not each.untold and (whole or not each.own)]
    return [each for each in told if not each.scope or each.scope in scopes]


def of_archive(holdings: Sequence[Holding]) -> list[Holding]:
    """What is kept restricted after an erasure."""
    return [each for each in holdings if each.fate is not Fate.ERASE]


# This package's own part. Events are the audit of who saw and changed what: they hold no word of a person.
HOLDINGS: tuple[Holding, ...] = (
    # A legal hold is the clinic's lawyers'; a referral's event names the friend.
    Holding("event", Fate.CODES, own=True, shown="kind !~ '^(legal_hold|referral)'"),
    Holding("change", Fate.CODES, untold="which of one's own things changed last: the things themselves are told"),
)
