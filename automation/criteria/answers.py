"""Leaves of what patients answered in surveys, and of the tags they carry."""

from automation.criteria.leaf import Leaf, in_window, shaped, told, window
from automation.criteria.meaning import Some, Source, says
from automation.criteria.said import CriterionKind, Said
from automation.survey import HIGHEST_NPS


def _scored(said: Said) -> Some:
    """A score in the range, given in the window."""
    lowest = 0 if said.from_score is None else said.from_score
    highest = HIGHEST_NPS if said.to_score is None else said.to_score
    scores = frozenset(str(score) for score in range(lowest, highest + 1))
    return Some(Source.SURVEY, says(score=scores), window(said))


def _tag(said: Said) -> Some:
    return Some(Source.TAG, says(segment=str(told(said.segment_id))))


ANSWERS = (
    Leaf(
        CriterionKind.SURVEY_SCORED,
        (*in_window("to_score"), *in_window("from_score", may="to_score")),
        _scored,
        clinical=False,
    ),
    # A tag may say anything; who may read clinical facts is shown it.
    Leaf(CriterionKind.TAG_IS, shaped("segment_id"), _tag, clinical=True),
)
