"""How people are reached: the clinic's rules, and the wishes of a patient."""

from datetime import time
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from sqlalchemy import select
from sqlmodel import col

from clinic.hours import Zone
from core.database import Reading
from core.moments import Day, Moment
from core.values import Value
from push.caps import USUAL_CAPS, Cap
from push.consent import ConsentChannel
from push.ladder import LadderRule
from push.tables import ContactPolicyRow, ContactPreferenceRow

WallTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day on the wall, `21:30`."""


class QuietSpan(Value):
    """From `starts` to `ends` on the clock of the patient's zone; over midnight where it starts later than it ends."""

    starts: WallTime = Field(examples=["21:00"])
    ends: WallTime = Field(examples=["09:00"])

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.starts == self.ends:
            raise ValueError("begins and ends at once")
        return self

    @property
    def times(self) -> tuple[time, time]:
        return time.fromisoformat(self.starts), time.fromisoformat(self.ends)


class ContactPreferences(Value):
    """What a patient wishes. It stands above the clinic's rules; what they agreed to is asked apart."""

    zone: Zone | None = Field(default=None, description="The home branch's if null.", examples=["Europe/Rome"])
    quiet: QuietSpan | None = Field(default=None, description="When nothing may come; the clinic's if null.")
    mute_until: Moment | None = Field(default=None, description="Until then only visits, changes and the chat.")
    channel_order: list[ConsentChannel] = Field(default=[], max_length=5, description="These first, in this order.")
    never: list[ConsentChannel] = Field(default=[], max_length=5, description="By these ways never, whatever it is.")

    @model_validator(mode="after")
    def _names_ways_once(self) -> Self:
        for named in (self.channel_order, self.never):
            if len(set(named)) < len(named) or ConsentChannel.USE in named:
                raise ValueError("a way twice, or no way at all")
        return self


class ContactPolicy(Value):
    """A clinic's rules of reaching people."""

    caps: list[Cap] = Field(max_length=40, description="How often, over everything; what has none is not counted.")
    ladders: list[LadderRule] = Field(default=[], max_length=40, description="Own orders of ways, by kind.")
    quiet: QuietSpan | None = Field(default=None, description="For patients who named no quiet hours, in their zone.")
    closed_on: list[Day] = Field(default=[], max_length=120, description="What keeps working hours waits then.")
    calls: bool = Field(default=False, description="Whether somebody calls whom nothing else has reached.")

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> Self:
        caps = [(cap.purpose, cap.ring) for cap in self.caps]
        kinds = [rule.kind for rule in self.ladders]
        if len(set(caps)) < len(caps) or len(set(kinds)) < len(kinds):
            raise ValueError("two rules for one thing")
        return self


USUAL_POLICY = ContactPolicy(caps=list(USUAL_CAPS))


async def contact_preferences(reading: Reading, clinic_id: UUID, patient_id: UUID) -> ContactPreferences:
    """What the patient has said; nothing where they said nothing."""
    mine = (col(ContactPreferenceRow.clinic_id) == clinic_id, col(ContactPreferenceRow.patient_id) == patient_id)
    row = (await reading.execute(select(ContactPreferenceRow).where(*mine))).scalar_one_or_none()
    if row is None:
        return ContactPreferences()
    return ContactPreferences(
        zone=row.zone, quiet=_span(row.quiet_from, row.quiet_to), mute_until=row.mute_until,
        channel_order=[ConsentChannel(each) for each in row.channel_order],
        never=[ConsentChannel(each) for each in row.never],
    )  # fmt: skip


async def contact_policy(reading: Reading, clinic_id: UUID) -> ContactPolicy:
    """The clinic's own rules, or the usual ones."""
    mine = select(ContactPolicyRow).where(col(ContactPolicyRow.clinic_id) == clinic_id)
    row = (await reading.execute(mine)).scalar_one_or_none()
    if row is None:
        return USUAL_POLICY
    caps = list(USUAL_CAPS) if row.caps is None else [Cap.model_validate(each) for each in row.caps]
    ladders = [LadderRule.model_validate(each) for each in row.ladders]
    return ContactPolicy(
        caps=caps, ladders=ladders, quiet=_span(row.quiet_from, row.quiet_to), closed_on=row.closed_on, calls=row.calls
    )


def _span(starts: time | None, ends: time | None) -> QuietSpan | None:
    if starts is None or ends is None:
        return None
    return QuietSpan(starts=starts.isoformat("minutes"), ends=ends.isoformat("minutes"))
