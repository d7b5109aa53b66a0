"""Facts a clinic's own system tells of people and visits: the shape of one row of each kind."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

from clinic.appointment import AppointmentStatus
from clinic.household import AccessScope
from core.mail_address import MailAddress
from core.moments import Day, Moment
from core.values import PLAIN, MaybeText, ShortText
from identity.phone import Phone

ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=PLAIN)]
Language = Literal["en", "ru", "it", "zh"]
Version = Annotated[int, Field(strict=True, ge=0, le=2**53 - 1, json_schema_extra={"format": "int64"})]
BIRTHS_FROM = date(1900, 1, 1)
HappenedOn = Annotated[Day, Field(ge=BIRTHS_FROM)]
"""A day in a life: nobody whom a clinic treats was born before."""


class Fact(BaseModel):
    """What every row carries: its name over there and a version that rises with each change."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    external_id: ExternalId
    version: Version = 0


class PatientFact(Fact):
    branch: ShortText = Field(description="Name of the home branch, as set up in Enamel.", examples=["Centro"])
    given_name: ShortText = Field(examples=["Anna"])
    family_name: ShortText = Field(examples=["Rossi"])
    birth_date: HappenedOn
    phone: Phone | None = Field(default=None, examples=["+390255501234"])
    email: MailAddress | None = Field(default=None, examples=["anna@example.com"])
    language: Language = "en"


class GuardianFact(Fact):
    """Who may act for a patient, by the phone they sign in with. It opens the record once the desk has seen them."""

    patient: ExternalId = Field(description="External id of the patient.")
    phone: Phone = Field(examples=["+390255501234"])
    relation: Literal["guardian", "carer"] = Field(
        default="guardian", description="A guardian's access ends by itself when the patient comes of age."
    )
    scopes: list[AccessScope] = Field(
        default=sorted(AccessScope), max_length=20, description="What they may see and do; everything if absent."
    )
    ends_on: Day | None = Field(
        default=None, description="From the first minute of this day, in the patient's branch, it is over."
    )


class AppointmentFact(Fact):
    patient: ExternalId = Field(description="External id of the patient.")
    branch: ShortText | None = Field(default=None, description="Name of the branch; the patient's own if absent.")
    starts_at: Moment
    ends_at: Moment
    status: AppointmentStatus = AppointmentStatus.BOOKED
    service: MaybeText = Field(default="", examples=["Hygiene"])
    practitioner: MaybeText = Field(default="", examples=["Dr. Bianchi"])
    private: bool = Field(default=False, description="True hides it from a teenager's guardians.")
    adopts: UUID | None = Field(
        default=None,
        description="A visit booked in Enamel that this row takes over: it keeps its id, and is yours from now on.",
    )

    @field_validator("ends_at")
    @classmethod
    def _ends_after_it_starts(cls, ends_at: datetime, info: ValidationInfo) -> datetime:
        if "starts_at" in info.data and ends_at <= info.data["starts_at"]:
            raise ValueError("ends before it starts")
        return ends_at
