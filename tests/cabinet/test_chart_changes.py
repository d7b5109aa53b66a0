"""What changed between two dates: only what did, in words."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from cabinet.chart_changes import ChartChanges, changes
from cabinet.chart_words import LANGUAGES
from cabinet.finding import Finding, FindingCode, FindingStatus
from cabinet.odontogram import odontogram
from cabinet.perio import PerioExam, Probed, Reading, Site
from cabinet.tooth import canonical_surfaces

C, S = FindingCode, FindingStatus
BORN, DAY = date(1985, 5, 17), date(2024, 3, 1)
LATER = DAY + timedelta(days=400)


def found(
    tooth: str, code: FindingCode, surfaces: str = "", on: date = DAY, status: FindingStatus = S.EXISTING
) -> Finding:
    return Finding(tooth, code, on, status, canonical_surfaces(surfaces, tooth))


def between(
    *findings: Finding, born: date = BORN, exams: tuple[PerioExam, ...] = (), language: str = "en"
) -> ChartChanges:
    before, after = (odontogram(findings, born, day, exams, language) for day in (DAY, LATER))
    return changes(before, after, DAY, LATER, language)


def test_nothing_changed_says_so() -> None:
    same = between(found("16", C.CARIES, "O"), found("16", C.CARIES, "O", LATER))
    assert (same.teeth, same.text) == ([], "Nothing changed.")


def test_a_filling_takes_the_place_of_caries() -> None:
    told = between(found("16", C.CARIES, "O"), found("16", C.FILLING, "O", LATER, S.COMPLETED))
    (tooth,) = told.teeth
    assert (tooth.tooth, tooth.universal, tooth.palmer) == ("16", "3", "UR6")
    assert ([line.code for line in tooth.appeared], [line.code for line in tooth.ended]) == ([C.FILLING], [C.CARIES])
    assert tooth.text == (
        "Tooth 16, upper right first molar. New: filling (chewing surface). No longer: caries (chewing surface)."
    )


def test_a_lost_tooth_and_a_new_plan_are_told() -> None:
    told = between(found("36", C.EXTRACTED, "", LATER), found("46", C.CROWN, "", LATER, S.PLANNED))
    assert [(tooth.tooth, tooth.before, tooth.after) for tooth in told.teeth] == [
        ("46", "present", "present"), ("36", "present", "missing"),
    ]  # fmt: skip
    assert "crown (planned)" in told.text


def test_a_childs_teeth_come_through_by_age_alone() -> None:
    told = between(born=DAY - timedelta(days=6 * 366))
    assert {tooth.tooth for tooth in told.teeth if tooth.after == "present"} >= {"11", "21", "32", "42"}


def test_a_deeper_pocket_is_a_change() -> None:
    exams = tuple(
        PerioExam(UUID(int=mm), day, "e", (Probed("16", (Reading(Site.MB, mm),)),))
        for mm, day in ((3, DAY), (6, LATER))
    )
    (tooth,) = between(exams=exams).teeth
    assert (tooth.pocket_before_mm, tooth.pocket_after_mm) == (3, 6)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_extra_tooth_that_was_seen_first_is_new(language: str) -> None:
    told = between(found("11s", C.PRESENT, "", LATER), language=language)
    assert [(tooth.before, tooth.after) for tooth in told.teeth] == [(None, "present")]
    assert "11s" in told.text


@pytest.mark.parametrize(("before", "after", "told"), [(None, 2, 0), (None, 6, 0), (2, 3, 0), (3, 4, 1), (6, 3, 1)])
def test_a_gum_changed_where_it_was_measured_twice_and_a_pocket_is_or_was_there(
    before: int | None, after: int, told: int
) -> None:
    measured = ((before, DAY), (after, LATER))
    exams = tuple(
        PerioExam(UUID(int=mm), day, "e", (Probed("16", (Reading(Site.MB, mm),)),))
        for mm, day in measured
        if mm is not None
    )
    assert len(between(exams=exams).teeth) == told


def test_probing_one_tooth_again_heals_no_other() -> None:
    whole = tuple(Probed(tooth, (Reading(Site.MB, 6),)) for tooth in ("16", "26"))
    again = (Probed("16", (Reading(Site.MB, 4),)),)
    told = between(exams=(PerioExam(UUID(int=1), DAY, "a", whole), PerioExam(UUID(int=2), LATER, "b", again)))
    assert [tooth.tooth for tooth in told.teeth] == ["16"]
