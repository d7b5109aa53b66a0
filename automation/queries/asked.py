"""Whom a statement asks about: a batch of enrolments by their keys, and what is true of each, asked patient by patient.

Elsewhere a question is a set to be joined with, because everybody is asked. Of a few thousand PostgreSQL misjudges such
sets: it groups the records of all patients first, or looks a set through once for each patient. So here every question
stands in a CASE, where it stays a subquery of the one row, and becomes a look into an index; and what is asked after
the first that is true is not looked at.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, case, inspect, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from automation.criteria.meaning import settled
from automation.queries.conditions import Place as Asking
from automation.queries.conditions import condition
from automation.queries.days import AS_OF, days_at
from automation.queries.places import Key
from automation.segment import Criterion, meaning_of
from automation.tables import Enrolment
from clinic.tables import Patient
from push.commands.batch import MOMENTS, UUIDS, batch

Who = Sequence[tuple[Key, datetime]]
"""Enrolments, each with the moment since when it stands on its step."""


def asked(who: Who) -> CTE:
    """SQL: the patients of these enrolments, and beside them `enrolment_id` and what is known of each enrolment."""
    names = batch(
        {"clinic_id": UUIDS, "id": UUIDS, "step_since": MOMENTS},
        [(clinic_id, enrolment_id, since) for (clinic_id, enrolment_id), since in who],
    )
    beside: list[Any] = [
        col(Enrolment.id).label("enrolment_id"), col(Enrolment.subject_id), col(Enrolment.entered_at),
        names.c.step_since,
    ]  # fmt: skip
    mine = and_(col(Enrolment.clinic_id) == names.c.clinic_id, col(Enrolment.id) == names.c.id)
    whose = and_(col(Patient.clinic_id) == Enrolment.clinic_id, col(Patient.id) == Enrolment.patient_id)
    found = select(*inspect(Patient).columns, *beside).join_from(names, Enrolment, mine).join(Patient, whose)
    return found.cte("asked").prefix_with("MATERIALIZED")


class Judging:
    """A statement in the making: of each of these enrolments which of some questions is the first that is true."""

    def __init__(self, who: Who, criteria: Iterable[Criterion]) -> None:
        self.rows = asked(who)
        self._patient = aliased(Patient, self.rows)
        trees = list(criteria)
        meanings = [settled(meaning_of(each)) for each in trees]
        self._days = days_at(AS_OF, meanings) if trees else None
        self._meanings = {id(tree): meaning for tree, meaning in zip(trees, meanings, strict=True)}

    def matches(self, criterion: Criterion) -> ColumnElement[bool]:
        """SQL: the patient matches this one of the criteria."""
        assert self._days is not None
        return condition(self._meanings[id(criterion)], Asking(self._patient, self._days))

    def first(self, questions: Sequence[tuple[ColumnElement[bool], int]]) -> Select[Any]:
        """(clinic_id, enrolment_id, number) of those of whom one is true: the number of the first. Takes `as_of`."""
        found = select(self.rows.c.clinic_id, self.rows.c.enrolment_id, case(*questions).label("number"))
        if self._days is not None:
            found = found.join(self._days.table, self._days.home(self._patient))
        judged = found.cte("judged").prefix_with("MATERIALIZED")
        return select(judged).where(judged.c.number.is_not(None))
