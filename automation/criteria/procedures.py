"""Leaves of procedures: what was done, when last, how often, or never."""

from automation.criteria.leaf import Leaf, in_window, lately, older, shaped, told, window
from automation.criteria.meaning import Ago, All, Last, Line, Meaning, Never, Some, Source, says
from automation.criteria.said import CriterionKind, Said


def _done(said: Said, *lines: Line, at_least: int = 1) -> Some:
    return Some(Source.PROCEDURE, says(kind=told(said.procedure).value), lines, at_least=at_least)


def _last(said: Said) -> Meaning:
    """Done before the line and not since."""
    days = told(said.older_than_days)
    if days:
        return Last(Source.PROCEDURE, says(kind=told(said.procedure).value), Ago(days + 1))
    return All((_done(said, older(said)), Never(_done(said, lately(said)))))


PROCEDURES = (
    Leaf(CriterionKind.PROCEDURE_LAST, shaped("procedure", "older_than_days"), _last, clinical=True),
    Leaf(CriterionKind.PROCEDURE_NEVER, shaped("procedure"), lambda said: Never(_done(said)), clinical=True),
    Leaf(
        CriterionKind.PROCEDURE_WITHIN, in_window("procedure"), lambda said: _done(said, *window(said)), clinical=True
    ),
    Leaf(
        CriterionKind.PROCEDURE_COUNT,
        in_window("procedure", "at_least"),
        lambda said: _done(said, *window(said), at_least=told(said.at_least)),
        clinical=True,
    ),
)
