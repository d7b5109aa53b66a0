"""What a journey's step does beside messages: how it is named, what it wants, and what came of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from automation.task import TaskKind
from chat.conversation import BODY_PATTERN, LONGEST_BODY

Key = tuple[UUID, UUID, int]
"""(clinic_id, enrolment_id, seq): one step of one patient's way, for ever."""


class Refused(StrEnum):
    """Why one of a batch was not done; the others are."""

    PATIENT_GONE = "patient-gone"
    """Erased, or about to be."""
    PROMOTION_NOT_OFFERED = "promotion-not-offered"
    PROMOTION_OUT_OF_STOCK = "promotion-out-of-stock"
    COUPON_ALREADY_HAD = "coupon-already-had"
    NO_PROGRAMME = "no-points-programme"
    SURVEY_NOT_ASKED = "survey-not-asked"
    """It was ended, or the visit it is about is private or gone."""
    TEAM_GONE = "team-gone"
    PRESET_UNKNOWN = "preset-unknown"
    NOTHING_TO_SAY = "nothing-to-say"
    """No words, or words in which nothing can be seen."""
    CHAT_REFUSED = "chat-refused"
    NO_CONSENT = "no-consent"
    """To nothing of the journey's purpose did they say yes."""
    ENDPOINT_GONE = "endpoint-gone"


@dataclass(frozen=True, slots=True)
class Effect:
    """One step, done for one patient."""

    clinic_id: UUID
    enrolment_id: UUID
    seq: int
    patient_id: UUID

    @property
    def key(self) -> Key:
        return self.clinic_id, self.enrolment_id, self.seq

    @property
    def whose(self) -> tuple[UUID, UUID]:
        return self.clinic_id, self.patient_id

    @property
    def cause(self) -> str:
        """Its name where causes are words."""
        return f"journey:{self.enrolment_id}:{self.seq}"

    @property
    def name(self) -> UUID:
        """Its name where names are ids."""
        return uuid5(self.enrolment_id, str(self.seq))


@dataclass(frozen=True, slots=True)
class TaskWish:
    """A task as a step describes it; `within` from now it is due."""

    kind: TaskKind
    title: str
    description: str = ""
    script: str = ""
    preset: str | None = None
    team_id: UUID | None = None
    within: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SurveyWish:
    survey_id: UUID
    appointment_id: UUID | None = None
    """The visit it is about, where the journey is about one."""


_SEEN = re.compile(BODY_PATTERN)


def words_for(texts: Mapping[str, str], language: str) -> str | None:
    """Of words by language those in this one, else in English, else the first; None where nothing can be seen."""
    body = texts.get(language) or texts.get("en") or next(iter(texts.values()), "")
    return body if len(body) <= LONGEST_BODY and _SEEN.fullmatch(body) else None
