"""Answers to an offer: accept it or decline it, as a whole or stage by stage, and what stands against it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cabinet.plan import Answer, PlanStatus


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    DECLINED = "declined"


WITHDRAWN = "withdrawn"
"""What the clinic may say to its own offer, beside the verdicts of the patient."""


class DeclineReason(StrEnum):
    TOO_EXPENSIVE = "too_expensive"
    NEEDS_TIME = "needs_time"
    OTHER_CLINIC = "other_clinic"
    OTHER_PLAN = "other_plan"
    AFRAID = "afraid"
    NOT_CONVINCED = "not_convinced"
    OTHER = "other"


class Objection(StrEnum):
    """Why an answer cannot be given."""

    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    DECIDED = "decided"
    OTHER_CHOSEN = "other_chosen"
    UNKNOWN_STAGE = "unknown_stage"
    NEEDS_STAGE = "needs_stage"


@dataclass(frozen=True, slots=True)
class Standing:
    """An offer as it stands at the moment of an answer: `told` by the clinic's system, `answer` given here.

    `needs`: for each stage the stages that must precede it. `answered`: what was said of single stages.
    """

    sha256: str
    told: PlanStatus
    answer: Answer | None
    lapsed: bool
    needs: Mapping[int, tuple[int, ...]]
    answered: Mapping[int, Verdict]
    other_chosen: bool


# While it stands so, the patient may answer; with the second pair only what was changed or is left of the stages.
_OPEN = frozenset({PlanStatus.PROPOSED})
_GOING_ON = frozenset({PlanStatus.ACCEPTED, PlanStatus.IN_PROGRESS})
_UNFINISHED = frozenset({Answer.AGAIN, Answer.ACCEPTED})


def objection(standing: Standing, sha256: str, stages: frozenset[int], verdict: Verdict) -> Objection | None:
    """What stands against this answer to `stages` (none named: to the whole); None where it may be given.

    Another fingerprint is told before anything else: who decided on an older offer must see the present one first.
    """
    accepts = verdict is Verdict.ACCEPTED
    known = stages <= standing.needs.keys()
    against = {
        Objection.CHANGED: sha256 != standing.sha256,
        Objection.WITHDRAWN: standing.answer is Answer.WITHDRAWN,
        Objection.OTHER_CHOSEN: standing.answer is Answer.NOT_CHOSEN or (standing.other_chosen and accepts),
        Objection.UNKNOWN_STAGE: not known,
        Objection.DECIDED: _decided(standing, stages, verdict),
        Objection.EXPIRED: standing.lapsed or standing.told is PlanStatus.EXPIRED,
        Objection.NEEDS_STAGE: known and accepts and bool(stages) and not _preceded(standing, stages),
    }
    return next((each for each, stands in against.items() if stands), None)


def _decided(standing: Standing, stages: frozenset[int], verdict: Verdict) -> bool:
    if standing.answer is Answer.DECLINED or not (stages or _left(standing)) or stages & standing.answered.keys():
        return True
    if not stages and any(said is not verdict for said in standing.answered.values()):
        return True  # who answers the whole must know that a part was answered otherwise
    if standing.told in _GOING_ON:
        return standing.answer not in _UNFINISHED
    return standing.told not in _OPEN | {PlanStatus.EXPIRED}


def _left(standing: Standing) -> frozenset[int]:
    return frozenset(standing.needs.keys() - standing.answered.keys())


def left_of_whole(standing: Standing) -> tuple[int, ...]:
    """The stages that an answer to the whole is given to: none named where nothing was answered yet."""
    return tuple(sorted(_left(standing))) if standing.answered else ()


def _preceded(standing: Standing, stages: frozenset[int]) -> bool:
    accepted = {place for place, said in standing.answered.items() if said is Verdict.ACCEPTED}
    return all(needed in stages | accepted for place in stages for needed in standing.needs[place])


def answer_after(standing: Standing, stages: frozenset[int], verdict: Verdict) -> Answer | None:
    """What has become of the offer once this is said of `stages` (none named: of the whole)."""
    said = {**standing.answered, **dict.fromkeys(stages or standing.needs, verdict)}
    if Verdict.ACCEPTED in said.values():
        return Answer.ACCEPTED
    return Answer.DECLINED if said.keys() == standing.needs.keys() else standing.answer
