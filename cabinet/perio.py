"""The gums: pockets measured at six sites of each tooth, and what follows from the measurements.

All lengths are whole millimetres. The margin is where the gum ends, counted from the neck of the tooth (the
cemento-enamel junction): above zero it has gone back, below zero it covers the crown. The loss of attachment is
probing depth plus margin; it is derived here and stored nowhere.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from cabinet.tooth import is_upper, kind
from core.values import Int32, Value


class Site(StrEnum):
    """Where a pocket is probed: outer side first, then inner, each towards the middle of the mouth, mid, away."""

    MB = "MB"
    B = "B"
    DB = "DB"
    ML = "ML"
    L = "L"
    DL = "DL"


DEEPEST, MARGIN_FROM, MARGIN_TO = 19, -9, 19
POCKET_FROM = 4
"""A pocket is a probing depth of 4 mm or more (WHO, Oral Health Surveys, 5th edition: CPI)."""
MOST_TEETH_PROBED = 64


class PerioSite(Value):
    """One site. `attachment_loss_mm` is probing depth plus margin, at least 0; null where either was not measured."""

    site: Site
    probing_mm: Int32 | None
    margin_mm: Int32 | None = Field(description="Above zero the gum has gone back, below zero it covers the crown.")
    attachment_loss_mm: Int32 | None
    bleeding: bool
    suppuration: bool
    plaque: bool


class PerioTooth(Value):
    """The gum around one tooth."""

    tooth: str = Field(max_length=4, examples=["16"])
    mobility: Int32 | None = Field(description="0 to 3 (Miller).")
    furcation: Int32 | None = Field(description="0 to 3 (Hamp), the worst of this tooth.")
    sites: list[PerioSite] = Field(max_length=len(Site))
    text: str = Field(max_length=1000, description="The same in plain words.")


class PerioSummary(Value):
    """An examination of the gums in numbers. Percentages are of the sites looked at."""

    exam_id: UUID
    examined_on: date
    teeth: Int32
    sites: Int32
    deepest_mm: Int32 | None
    pockets: Int32 = Field(description="Sites of 4 mm and more.")
    bleeding_percent: Int32
    plaque_percent: Int32


class PerioExamView(Value):
    """One examination of the gums, each site of each tooth; empty where there was none yet."""

    summary: PerioSummary | None
    teeth: list[PerioTooth] = Field(max_length=MOST_TEETH_PROBED)


class GumState(Value):
    """What the last examination that probed it says of the gum around a tooth; its sites are in `…/chart/perio`."""

    examined_on: date
    deepest_mm: Int32 | None
    attachment_loss_mm: Int32 | None = Field(description="The greatest of its sites.")
    bleeding_sites: Int32
    mobility: Int32 | None
    furcation: Int32 | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One site as it was measured."""

    site: Site
    probing: int | None = None
    margin: int | None = None
    bleeding: bool = False
    suppuration: bool = False
    plaque: bool = False

    @property
    def attachment_loss(self) -> int | None:
        if self.probing is None or self.margin is None:
            return None
        return max(0, self.probing + self.margin)


@dataclass(frozen=True, slots=True)
class Probed:
    """One tooth (FDI) as it was measured."""

    tooth: str
    readings: tuple[Reading, ...] = ()
    mobility: int | None = None
    furcation: int | None = None

    @property
    def deepest(self) -> int | None:
        return max((each.probing for each in self.readings if each.probing is not None), default=None)

    @property
    def attachment_loss(self) -> int | None:
        losses = (each.attachment_loss for each in self.readings)
        return max((loss for loss in losses if loss is not None), default=None)


@dataclass(frozen=True, slots=True)
class PerioExam:
    """One examination. `name` tells two of one day apart."""

    id: UUID
    examined_on: date
    name: str
    teeth: tuple[Probed, ...]


def forks(tooth: str) -> bool:
    """Whether its roots part, so that a furcation can lie open: molars, and the upper first premolars."""
    return kind(tooth).endswith("molar") and (not kind(tooth).endswith("premolar") or _two_rooted_premolar(tooth))


def _two_rooted_premolar(tooth: str) -> bool:
    return is_upper(tooth) and kind(tooth) == "first_premolar"


def last_exam(exams: Iterable[PerioExam], at: date) -> PerioExam | None:
    """The latest one not after `at`; of one day the one whose name sorts last, in whatever order they come."""
    past = [exam for exam in exams if exam.examined_on <= at]
    return max(past, key=lambda exam: (exam.examined_on, exam.name), default=None)


def gums(exams: Iterable[PerioExam], at: date) -> dict[str, GumState]:
    """The gum of each tooth by the last examination not after `at` that probed it: one of a few teeth is no word on
    the others, and who only felt whether a tooth is loose leaves its depths as they were."""
    found: dict[str, GumState] = {}
    for exam in sorted(exams, key=lambda exam: (exam.examined_on, exam.name)):
        for probed in exam.teeth if exam.examined_on <= at else ():
            before = found.get(probed.tooth)
            if before is None or probed.deepest is not None:
                found[probed.tooth] = gum_state(probed, exam.examined_on)
            else:
                felt = {"mobility": probed.mobility, "furcation": probed.furcation}
                found[probed.tooth] = before.model_copy(update={k: v for k, v in felt.items() if v is not None})
    return found


def gum_state(probed: Probed, examined_on: date) -> GumState:
    return GumState(
        examined_on=examined_on,
        deepest_mm=probed.deepest,
        attachment_loss_mm=probed.attachment_loss,
        bleeding_sites=sum(each.bleeding for each in probed.readings),
        mobility=probed.mobility,
        furcation=probed.furcation,
    )


def summary(exam: PerioExam) -> PerioSummary:
    readings = [reading for probed in exam.teeth for reading in probed.readings]
    depths = [reading.probing for reading in readings if reading.probing is not None]
    return PerioSummary(
        exam_id=exam.id,
        examined_on=exam.examined_on,
        teeth=len(exam.teeth),
        sites=len(readings),
        deepest_mm=max(depths, default=None),
        pockets=sum(depth >= POCKET_FROM for depth in depths),
        bleeding_percent=_percent([reading.bleeding for reading in readings]),
        plaque_percent=_percent([reading.plaque for reading in readings]),
    )


def _percent(flags: Collection[bool]) -> int:
    """Whole percent, halves rounded up; 0 of nothing."""
    return (200 * sum(flags) + len(flags)) // (2 * len(flags)) if flags else 0


def site_view(reading: Reading) -> PerioSite:
    return PerioSite(
        site=reading.site,
        probing_mm=reading.probing,
        margin_mm=reading.margin,
        attachment_loss_mm=reading.attachment_loss,
        bleeding=reading.bleeding,
        suppuration=reading.suppuration,
        plaque=reading.plaque,
    )
