"""The gums: what follows from six sites of each tooth."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cabinet.chart_words import LANGUAGES, gum_text, in_language
from cabinet.finding import Finding, FindingCode
from cabinet.odontogram import odontogram
from cabinet.perio import PerioExam, Probed, Reading, Site, forks, gum_state, last_exam, summary
from cabinet.perio_facts import PerioExamFact
from cabinet.tooth import PERMANENT

DAY, BORN = date(2024, 3, 1), date(1985, 5, 17)
DAYS = timedelta(days=10)


def exam(*teeth: Probed, on: date = DAY, name: str = "a") -> PerioExam:
    return PerioExam(UUID(int=1), on, name, teeth)


def test_attachment_loss_is_depth_plus_margin_and_never_below_zero() -> None:
    losses = [Reading(Site.MB, probing, margin).attachment_loss for probing, margin in ((5, 2), (3, -4), (5, None))]
    assert losses == [7, 0, None]


@given(st.lists(st.builds(Reading, st.sampled_from(Site), st.none() | st.integers(0, 19), st.none(), st.booleans())))
def test_a_summary_counts_what_was_measured(readings: list[Reading]) -> None:
    told = summary(exam(Probed("16", tuple(readings))))
    depths = [each.probing for each in readings if each.probing is not None]
    assert told.deepest_mm == (max(depths) if depths else None)
    assert told.pockets == len([depth for depth in depths if depth >= 4])
    assert 0 <= told.bleeding_percent <= 100
    assert told.sites == len(readings)


def test_half_a_percent_is_rounded_up() -> None:
    readings = tuple(Reading(Site.MB, bleeding=number == 0) for number in range(8))
    assert summary(exam(Probed("16", readings))).bleeding_percent == 13  # 12.5


@given(st.permutations([exam(on=DAY, name="a"), exam(on=DAY, name="b"), exam(on=DAY - timedelta(days=9), name="c")]))
def test_the_last_examination_holds_in_whatever_order_they_came(exams: list[PerioExam]) -> None:
    held = last_exam(exams, DAY)
    assert held is not None
    assert held.name == "b"
    assert last_exam(exams, DAY - timedelta(days=10)) is None


def test_furcations_lie_only_between_roots() -> None:
    assert [tooth for tooth in PERMANENT if forks(tooth) and tooth[1] not in "678"] == ["14", "24"]
    assert (forks("16"), forks("55"), forks("45"), forks("11")) == (True, True, False, False)


def test_the_gum_stands_in_the_chart_of_the_date_while_the_tooth_does() -> None:
    deep = exam(Probed("16", (Reading(Site.DB, 6, 1, bleeding=True),), mobility=1), Probed("26", (Reading(Site.B, 5),)))
    lost = [Finding("26", FindingCode.EXTRACTED, DAY)]
    chart = odontogram(lost, BORN, DAY, [deep])
    gums = {tooth.tooth: tooth.gum for tooth in chart.teeth if tooth.gum is not None}
    assert set(gums) == {"16"}
    assert (gums["16"].deepest_mm, gums["16"].attachment_loss_mm, gums["16"].mobility) == (6, 7, 1)
    assert chart.perio is not None
    assert odontogram(lost, BORN, DAY - timedelta(days=1), [deep]).perio is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_healthy_gum_says_nothing_and_a_sick_one_does(language: str) -> None:
    assert gum_text(gum_state(Probed("16", (Reading(Site.MB, 3),)), DAY), language) == ""
    assert "7" in gum_text(gum_state(Probed("16", (Reading(Site.MB, 7),), furcation=2), DAY), language)
    chart = odontogram([], BORN, DAY, [exam(Probed("16", (Reading(Site.MB, 7),)))])
    told = next(tooth.text for tooth in in_language(chart, language).teeth if tooth.tooth == "16")
    assert "7" in told


def fact(**members: Any) -> dict[str, Any]:
    tooth = {"tooth": "16", "furcation": 1, "sites": [{"site": "DL", "probing_mm": 3}, {"site": "MB", "probing_mm": 4}]}
    row = {"external_id": "e1", "patient": "anna", "examined_on": DAY, "notation": "fdi", "teeth": [tooth]}
    return {**row, **members}


def test_an_examination_is_kept_in_fdi_with_its_sites_in_order() -> None:
    told = fact(notation="universal", teeth=[{"tooth": "3", "sites": fact()["teeth"][0]["sites"]}])
    (kept,) = PerioExamFact.model_validate(told).measured()
    assert (kept["tooth"], [site["site"] for site in kept["sites"]]) == ("16", ["MB", "DL"])
    assert "attachment_loss_mm" not in kept["sites"][0]


@pytest.mark.parametrize(
    "teeth",
    [
        [{"tooth": "16", "sites": [{"site": "MB", "probing_mm": 20}]}],
        [{"tooth": "16", "sites": [{"site": "MB", "margin_mm": -10}]}],
        [{"tooth": "16", "sites": [{"site": "MB"}, {"site": "MB"}]}],
        [{"tooth": "16"}, {"tooth": "16"}],
        [{"tooth": "11", "furcation": 1}],
        [{"tooth": "19"}],
        [{"tooth": "16", "mobility": 4}],
        [],
    ],
)
def test_what_cannot_be_measured_is_refused(teeth: list[dict[str, Any]]) -> None:
    assert PerioExamFact.model_validate(fact())
    with pytest.raises(ValidationError):
        PerioExamFact.model_validate(fact(teeth=teeth))


def gum_of(tooth: str, exams: list[PerioExam], *findings: Finding) -> tuple[int | None, int | None] | None:
    chart = odontogram(findings, BORN, DAY + timedelta(days=99), exams)
    gum = next(each.gum for each in chart.teeth if each.tooth == tooth)
    return None if gum is None else (gum.deepest_mm, gum.mobility)


def test_probing_a_few_teeth_again_is_no_word_on_the_others() -> None:
    whole = exam(*(Probed(tooth, (Reading(Site.MB, 6),), mobility=1) for tooth in ("16", "26", "36")))
    part = replace(exam(Probed("16", (Reading(Site.MB, 4),)), Probed("26", mobility=2)), examined_on=DAY + DAYS)
    for exams in ([whole, part], [part, whole]):
        assert [gum_of(tooth, exams) for tooth in ("16", "26", "36")] == [(4, None), (6, 2), (6, 1)]


def test_an_implant_does_not_inherit_the_pockets_of_the_tooth_before_it() -> None:
    deep = exam(Probed("16", (Reading(Site.MB, 9),)))
    lost, put = Finding("16", FindingCode.EXTRACTED, DAY + DAYS), Finding("16", FindingCode.IMPLANT, DAY + 2 * DAYS)
    assert gum_of("16", [deep], lost, put) is None
    assert gum_of("16", [replace(deep, examined_on=DAY + 3 * DAYS)], lost, put) == (9, None)
    assert gum_of("16", [deep], replace(put, observed_on=DAY - DAYS), put) == (9, None)
