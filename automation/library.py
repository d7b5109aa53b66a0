"""The library of segments: tags given by hand, groups kept by criteria, lists taken in; one thing under three kinds.

Who belongs to a segment of criteria is found again and again. A word of staff stands above that: who is pinned stays
in, who is banned stays out, whatever the criteria say, until the word is taken back.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from automation.criteria.registry import LEAVES
from automation.criteria.said import CriterionKind
from automation.segment import Criterion, leaves
from core.values import ShortText, Value

MOST_SEGMENTS = 500
MOST_IMPORTED = 5_000

SegmentKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]


class SegmentKind(StrEnum):
    MANUAL = "manual"
    """A tag: given and taken by staff, by journeys."""
    RULE = "rule"
    """Keeps itself by its criteria."""
    IMPORT = "import"
    """A list from elsewhere; otherwise like a tag."""


BY_HAND = frozenset({SegmentKind.MANUAL, SegmentKind.IMPORT})


class MemberSource(StrEnum):
    """Why there is a row of somebody in a segment. A ban is a row too, and no membership."""

    RULE = "rule"
    HAND = "hand"
    IMPORT = "import"
    PIN = "pin"
    BAN = "ban"


class ChangeCause(StrEnum):
    """Why somebody joined or left."""

    RULE = "rule"
    """The criteria, whether a fact or the clock turned them."""
    AUDIT = "audit"
    """The criteria too, but only the nightly look at everybody found it: that should not be."""
    HAND = "hand"
    PIN = "pin"
    BAN = "ban"
    IMPORT = "import"
    JOURNEY = "journey"


def is_clinical(criterion: Criterion) -> bool:
    """Whether belonging to it tells of somebody's health, treatment or money."""
    return any(LEAVES[leaf.kind].clinical for leaf in leaves(criterion))


def tags_named(criterion: Criterion, pointer: str = "/criteria") -> Iterator[tuple[str, UUID]]:
    """The tags that criteria ask for, each with its place in the tree."""
    if criterion.kind is CriterionKind.TAG_IS and criterion.segment_id is not None:
        yield f"{pointer}/segment_id", criterion.segment_id
    for place, item in enumerate(criterion.items):
        yield from tags_named(item, f"{pointer}/items/{place}")


class SegmentWords(Value):
    """All of a segment that may change."""

    name: ShortText = Field(examples=["Overdue for hygiene"])
    criteria: Criterion | None = Field(default=None, description="Of kind `rule`, and of no other.")
    clinical: bool = Field(
        default=True,
        description="That somebody is in it tells of their health. Of kind `rule` its criteria say so, not you.",
    )
    colour: Colour | None = Field(default=None, examples=["#2f9e44"])

    def is_clinical(self) -> bool:
        return self.clinical if self.criteria is None else is_clinical(self.criteria)

    def fits(self, kind: SegmentKind) -> bool:
        """Criteria are there where they must be."""
        return (self.criteria is not None) == (kind is SegmentKind.RULE)


class SegmentDraft(SegmentWords):
    key: SegmentKey = Field(description="By which journeys and campaigns name it.", examples=["hygiene-overdue"])
    kind: SegmentKind

    @model_validator(mode="after")
    def _has_criteria_where_it_needs_them(self) -> Self:
        if not self.fits(self.kind):
            raise ValueError("criteria do not fit the kind")
        return self
