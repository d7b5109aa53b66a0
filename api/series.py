"""How series are told of in bodies: by staff and by a clinic's own system."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from api.teeth import FdiTooth
from clinic.facts import HappenedOn
from core.values import Int32, MaybeText, Value
from media.queries.series import MOST_TEETH
from media.series import Phase

ViewCode = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern="^[a-z0-9-]+$")]
Teeth = Annotated[list[FdiTooth], Field(max_length=MOST_TEETH, description="FDI.", examples=[["11", "21"]])]
Stage = Annotated[Int32, Field(ge=1, le=100, description="Of the plan, from 1.")]
SeriesComment = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$", strip_whitespace=True),
    Field(description="To the patient; lines may break.", examples=["Look how the gap has closed."]),
]


class SeriesDescription(Value):
    """What a series is of. Ids are of the same patient."""

    title: MaybeText = Field(default="", examples=["Start of treatment"])
    phase: Phase | None = None
    before_id: UUID | None = Field(
        default=None, description="A series of an earlier phase and the same protocol, to be compared with."
    )
    taken_on: HappenedOn | None = None
    appointment_id: UUID | None = None
    plan_id: UUID | None = None
    plan_stage: Stage | None = None
    teeth: Teeth = Field(default=[])
