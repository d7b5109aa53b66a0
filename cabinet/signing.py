"""Rules of signing: by what, what a drawn signature is, and what is written down of one."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from cabinet.paper_blocks import SIGNATURE_HEIGHT, SIGNATURE_WIDTH, Drawing
from core.values import Value

MOST_STROKES, MOST_POINTS = 60, 400
LEAST_INK = 150
"""A signature is longer than this in all, in units of its field: a tap by accident is none."""

Across = Annotated[int, Field(strict=True, ge=0, le=SIGNATURE_WIDTH, json_schema_extra={"format": "int32"})]
Down = Annotated[int, Field(strict=True, ge=0, le=SIGNATURE_HEIGHT, json_schema_extra={"format": "int32"})]


class SignMethod(StrEnum):
    CLICK = "click"
    CODE = "code"
    """A one-time code sent to the phone of the account."""
    DRAWN = "drawn"


class Stroke(Value):
    """One line of a finger: its points from the left (`x`, 0 to 1000) and from the top (`y`, 0 to 400)."""

    x: list[Across] = Field(min_length=1, max_length=MOST_POINTS, examples=[[100, 220, 400]])
    y: list[Down] = Field(min_length=1, max_length=MOST_POINTS, examples=[[200, 90, 310]])

    @model_validator(mode="after")
    def _as_many_of_each(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError("as many x as y")
        return self


Strokes = Annotated[list[Stroke], Field(min_length=1, max_length=MOST_STROKES)]


def ink(strokes: list[Stroke]) -> int:
    """How long the lines are in all, each step counted by its longer side."""
    steps = [
        max(abs(stroke.x[place] - stroke.x[place - 1]), abs(stroke.y[place] - stroke.y[place - 1]))
        for stroke in strokes
        for place in range(1, len(stroke.x))
    ]
    return sum(steps)


def drawing_of(strokes: list[Stroke]) -> Drawing:
    return Drawing(tuple(tuple(zip(stroke.x, stroke.y, strict=True)) for stroke in strokes))


def sealed_key(clinic_id: UUID, patient_id: UUID, document_id: UUID, attempt_id: UUID) -> str:
    """Where a sealed file is kept. Each attempt has a place of its own: a failed one leaves a file nobody refers to."""
    return f"{clinic_id}/{patient_id}/documents/{document_id}/{attempt_id}.pdf"


def held_until(signing_until: datetime | None, now: datetime) -> bool:
    """Whether another attempt at signing is under way."""
    return signing_until is not None and signing_until > now
