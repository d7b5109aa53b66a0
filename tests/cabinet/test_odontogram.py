"""The odontogram: folded from findings, the same in any order, whole at any age, true on any date."""

import csv
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.eruption import chart_holds_until
from cabinet.finding import COVERING, ON_SURFACES, PRESENCE, REPLACING, Finding, FindingCode, FindingStatus, Material
from cabinet.nhanes import findings_of_nhanes
from cabinet.odontogram import odontogram
from cabinet.tooth import DECIDUOUS, PERMANENT, canonical_surfaces, is_tooth, predecessor, surfaces_of
from cabinet.tooth_state import (
    MOST_FINDINGS,
    MOST_TEETH,
    Dentition,
    Odontogram,
    Presence,
    Replacement,
    SurfaceCondition,
    ToothState,
)

C, S = FindingCode, FindingStatus
BORN, DAY = date(1985, 5, 17), date(2024, 3, 1)
LATER = DAY + timedelta(days=400)
NHANES = Path(__file__).parents[2] / "enamel" / "demo" / "nhanes-2017-2018-dentition.csv"


def found(
    tooth: str, code: FindingCode, surfaces: str = "", status: FindingStatus = S.EXISTING, on: date = DAY,
    series: int | None = None, version: int = 0,
) -> Finding:  # fmt: skip
    name = UUID(int=series) if series is not None else None
    letters = canonical_surfaces(surfaces, tooth)
    return Finding(tooth, code, on, status, letters, series=name, version=version)


def tooth(chart: Odontogram, name: str) -> ToothState:
    return next(each for each in chart.teeth if each.tooth == name)


def conditions(chart: Odontogram, name: str) -> dict[str, str]:
    return {each.surface.value: each.condition.value for each in tooth(chart, name).surfaces}


def adult(*findings: Finding, at: date = LATER) -> Odontogram:
    return odontogram(findings, BORN, at)


TEETH = st.sampled_from([*PERMANENT, *DECIDUOUS, "11s"])


@st.composite
def any_finding(draw: st.DrawFn) -> Finding:
    name, code = draw(TEETH), draw(st.sampled_from(FindingCode))
    surfaces = draw(st.sets(st.sampled_from(surfaces_of(name)))) if code in ON_SURFACES else set()
    return Finding(
        tooth=name,
        code=code,
        observed_on=DAY + timedelta(days=draw(st.integers(0, 6)) * 100),
        status=draw(st.sampled_from(FindingStatus)),
        surfaces=tuple(surface for surface in surfaces_of(name) if surface in surfaces),
        material=draw(st.none() | st.sampled_from(Material)),
        series=draw(st.none() | st.integers(0, 3).map(lambda number: UUID(int=number))),
        version=draw(st.integers(0, 3)),
    )


BIRTHS = st.dates(date(1930, 1, 1), date(2023, 12, 31))


@given(
    st.lists(any_finding(), max_size=25).flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))), BIRTHS
)
def test_the_chart_is_the_same_in_whatever_order_findings_arrive(
    orders: tuple[list[Finding], list[Finding]], born: date
) -> None:
    first, second = orders
    assert odontogram(first, born, LATER) == odontogram(second, born, LATER)


@given(st.lists(any_finding(), max_size=25), BIRTHS, st.dates(date(1930, 1, 1), date(2030, 1, 1)))
def test_every_dentition_is_complete_and_no_tooth_stands_twice(findings: list[Finding], born: date, at: date) -> None:
    chart = odontogram(findings, born, at)
    names = [each.tooth for each in chart.teeth]
    whole = {
        Dentition.PERMANENT: PERMANENT,
        Dentition.DECIDUOUS: DECIDUOUS,
        Dentition.MIXED: (*PERMANENT, *DECIDUOUS),
    }[chart.dentition]
    assert len(names) == len(set(names))
    assert set(whole) <= set(names)
    assert all(is_tooth(name) for name in names)
    assert all(tuple(state.surface for state in each.surfaces) == surfaces_of(each.tooth) for each in chart.teeth)


@given(st.lists(any_finding(), max_size=25), BIRTHS)
def test_a_missing_tooth_has_neither_caries_nor_filling(findings: list[Finding], born: date) -> None:
    for each in odontogram(findings, born, LATER).teeth:
        if each.presence is Presence.MISSING and each.replacement is None:
            assert {state.condition for state in each.surfaces} <= {SurfaceCondition.ABSENT}


@given(st.lists(any_finding(), max_size=12), BIRTHS, st.dates(DAY, LATER), st.integers(0, 2000))
def test_a_chart_holds_until_the_next_turning_birthday(
    findings: list[Finding], born: date, at: date, days: int
) -> None:
    past = [finding for finding in findings if finding.observed_on <= at]
    until, later = chart_holds_until(born, at), at + timedelta(days=days)
    if until is None or later < until:
        assert odontogram(past, born, at) == odontogram(past, born, later)


def nhanes_rows() -> list[dict[str, str]]:
    with NHANES.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_code_of_nhanes_is_expressible_on_every_tooth_it_was_given() -> None:
    rows = nhanes_rows()
    assert len(rows) == 1088
    for row in rows:
        findings = findings_of_nhanes(row["assessment"], row["fdi"], row["code"], DAY)
        assert findings, row
        chart = odontogram(findings, BORN, DAY)
        assert chart.contradictions == 0, row
        told = {line.code for line in tooth(chart, findings[-1].tooth).findings}
        assert {finding.code for finding in findings} <= told, row


@pytest.mark.parametrize(
    ("code", "state"),
    [("1", "present"), ("2", "present"), ("3", "implant"), ("4", "missing"), ("5", "root_remnant"), ("9", "unknown")],
)
def test_nhanes_tooth_counts_say_what_is_there(code: str, state: str) -> None:
    (finding,) = findings_of_nhanes("tooth_count", "15", code, DAY)
    assert finding.tooth == ("55" if code == "1" else "15")
    assert tooth(odontogram([finding], BORN, DAY), finding.tooth).presence == state


def test_nhanes_surfaces_land_on_their_surface_of_the_tooth_that_stood_there() -> None:
    assert conditions(adult(*findings_of_nhanes("surface_condition", "16", "-7", DAY)), "16")["M"] == "caries"
    assert conditions(adult(*findings_of_nhanes("surface_condition", "11", "-5", DAY)), "11")["I"] == "caries"
    (milk,) = findings_of_nhanes("surface_condition", "14", "1", DAY, primary=True)
    assert (milk.tooth, milk.material) == (predecessor("14"), Material.AMALGAM)
    with pytest.raises(ValueError, match="no code"):
        findings_of_nhanes("surface_condition", "14", "77", DAY)


def test_an_adult_without_findings_has_32_teeth_and_unrecorded_wisdom_teeth() -> None:
    chart = adult()
    assert (chart.dentition, len(chart.teeth)) == (Dentition.PERMANENT, 32)
    assert [each.tooth for each in chart.teeth if each.presence is Presence.UNKNOWN] == ["18", "28", "48", "38"]


@pytest.mark.parametrize(("age", "dentition", "teeth"), [(4, "deciduous", 20), (8, "mixed", 52), (13, "permanent", 32)])
def test_age_gives_the_default_dentition(age: int, dentition: str, teeth: int) -> None:
    chart = odontogram([], date(2024 - age, 1, 1), DAY)
    assert (chart.dentition, len(chart.teeth)) == (dentition, teeth)


def test_findings_of_presence_are_stronger_than_age() -> None:
    born = date(2019, 1, 1)
    assert odontogram([], born, DAY).dentition is Dentition.DECIDUOUS
    early = odontogram([found("16", C.PRESENT)], born, DAY)
    assert (early.dentition, tooth(early, "16").assumed) == (Dentition.MIXED, False)


def test_a_kept_milk_tooth_of_an_adult_stands_beside_the_permanent_ones() -> None:
    chart = adult(found("55", C.PRESENT))
    assert (chart.dentition, len(chart.teeth)) == (Dentition.PERMANENT, 33)
    assert tooth(chart, "15").presence is Presence.UNERUPTED


def test_a_milk_tooth_seen_in_childhood_is_not_expected_in_the_adult() -> None:
    born, seen = date(2012, 1, 1), found("55", C.CARIES, "O", on=date(2017, 1, 1))
    assert conditions(odontogram([seen], born, date(2018, 1, 1)), "55")["O"] == "caries"
    grown = odontogram([seen], born, DAY)
    assert (grown.dentition, len(grown.teeth), tooth(grown, "15").presence) == ("permanent", 32, "present")


def test_caries_then_a_planned_and_a_done_filling() -> None:
    caries = found("16", C.CARIES, "MO")
    planned = found("16", C.FILLING, "O", S.PLANNED, series=1, version=1)
    done = found("16", C.FILLING, "O", S.COMPLETED, DAY + timedelta(days=30), series=1, version=2)
    before = adult(caries, planned, done, at=DAY + timedelta(days=10))
    assert conditions(before, "16")["O"] == "caries"
    assert [each.planned for each in tooth(before, "16").surfaces] == [False, False, False, False, True]
    after = adult(caries, planned, done)
    assert (conditions(after, "16")["M"], conditions(after, "16")["O"]) == ("caries", "filled")
    assert not tooth(after, "16").planned


def test_caries_found_beside_a_filling_the_same_day_stays() -> None:
    chart = adult(found("16", C.FILLING, "O"), found("16", C.CARIES, "O"))
    assert conditions(chart, "16")["O"] == "caries"
    assert {line.code for line in tooth(chart, "16").findings} == {C.FILLING, C.CARIES}


def test_a_correction_replaces_what_it_corrects_on_every_date() -> None:
    wrong = found("16", C.CARIES, "O", series=1, version=1)
    right = found("17", C.CARIES, "O", on=DAY + timedelta(days=5), series=1, version=2)
    for at in (DAY, LATER):
        assert conditions(adult(wrong, right, at=at), "16")["O"] == "sound"


def test_what_was_entered_in_error_never_was() -> None:
    first = found("16", C.CARIES, "O", series=1, version=1)
    voided = found("16", C.CARIES, "O", S.ENTERED_IN_ERROR, LATER, series=1, version=2)
    assert adult(first, voided, at=DAY) == adult(at=DAY)


def test_a_resolved_condition_held_until_it_was_resolved() -> None:
    first = found("16", C.APICAL_LESION, series=1, version=1)
    healed = found("16", C.APICAL_LESION, status=S.RESOLVED, on=DAY + timedelta(days=90), series=1, version=2)
    assert tooth(adult(first, healed, at=DAY), "16").findings
    assert not tooth(adult(first, healed), "16").findings


def test_work_planned_again_takes_the_place_of_what_was_planned_before_surface_by_surface() -> None:
    plans = [
        found("16", C.FILLING, surfaces, S.PLANNED, series=place) for place, surfaces in enumerate(("MO", "O", "D"))
    ]
    lines = tooth(
        adult(*plans, *[found("16", C.CROWN, status=S.PLANNED, series=9 + n) for n in range(300)]), "16"
    ).findings
    assert [(line.code, "".join(line.surfaces)) for line in lines] == [
        (C.FILLING, "D"), (C.FILLING, "M"), (C.FILLING, "O"), (C.CROWN, ""),
    ]  # fmt: skip


def test_a_tooth_of_which_everything_was_said_in_every_way_still_fits_the_chart() -> None:
    ways = [(code, letter) for code in C for letter in ("MDVLO" if code in ON_SURFACES else "")]
    wholes = [(code, "") for code in C]
    days = ((ways, S.WATCH), (wholes, S.WATCH), (ways, S.PLANNED), (wholes, S.PLANNED), (ways, S.PLANNED))
    never = PRESENCE | COVERING | REPLACING  # what ends or hides the rest; it may be planned
    said = [
        found("16", code, letter, status, DAY + timedelta(days=day))
        for day, (told, status) in enumerate(days)
        for code, letter in told
        if status is S.PLANNED or code not in never
    ]
    assert 170 < len(tooth(adult(*said, *said), "16").findings) <= MOST_FINDINGS


def test_every_extra_tooth_that_has_a_name_fits_the_chart() -> None:
    names = [
        name + suffix for name in (*PERMANENT, *DECIDUOUS) for suffix in ("", "s", *(f"s{n}" for n in range(1, 10)))
    ]
    assert len(adult(*[found(name, C.PRESENT) for name in names]).teeth) == MOST_TEETH == len(names)


def test_a_tooth_that_could_not_be_looked_at_says_so_once() -> None:
    unseen = [found("16", C.NOT_ASSESSED, on=DAY + timedelta(days=day), series=day) for day in range(1, 300)]
    lines = tooth(adult(found("16", C.PRESENT), *unseen), "16").findings
    assert [line.code for line in lines] == [C.PRESENT, C.NOT_ASSESSED]


def test_an_extraction_ends_what_was_on_the_tooth_and_an_implant_with_its_crown_follows() -> None:
    gone = found("36", C.EXTRACTED, status=S.COMPLETED)
    chart = adult(found("36", C.FILLING, "O", on=date(2020, 1, 1)), gone, found("36", C.IMPLANT, status=S.PLANNED))
    assert (tooth(chart, "36").presence, tooth(chart, "36").planned) == (Presence.MISSING, True)
    done = (found("36", C.IMPLANT, status=S.COMPLETED, on=LATER), found("36", C.CROWN, status=S.COMPLETED, on=LATER))
    chart = adult(gone, found("36", C.IMPLANT, status=S.PLANNED), *done)
    state = tooth(chart, "36")
    assert (state.presence, state.crowned, state.planned) == (Presence.IMPLANT, True, False)


@pytest.mark.parametrize("code", [C.CARIES, C.FILLING, C.ROOT_CANAL, C.CROWN])
def test_what_cannot_be_on_a_missing_tooth_is_set_aside(code: FindingCode) -> None:
    chart = adult(found("36", C.MISSING), found("36", code, on=LATER))
    assert (chart.contradictions, tooth(chart, "36").presence) == (1, Presence.MISSING)
    assert [line.code for line in tooth(chart, "36").findings] == [C.MISSING]


def test_a_bridge_stands_in_a_gap_and_covers_nothing() -> None:
    chart = adult(found("24", C.BRIDGE_ABUTMENT), found("25", C.PONTIC), found("26", C.BRIDGE_ABUTMENT))
    assert (tooth(chart, "25").presence, tooth(chart, "25").replacement) == (Presence.MISSING, Replacement.BRIDGE)
    assert set(conditions(chart, "24").values()) == {"covered"}


def test_a_crown_covers_all_and_a_root_canal_ends_the_inflamed_nerve() -> None:
    findings = (found("16", C.PULPITIS), found("16", C.CARIES, "O"))
    treated = (found("16", C.ROOT_CANAL, status=S.COMPLETED), found("16", C.CROWN, status=S.COMPLETED))
    state = tooth(adult(*findings, *treated), "16")
    assert {line.code for line in state.findings} == {C.ROOT_CANAL, C.CROWN}
    assert (state.crowned, state.root_canal) == (True, True)


def test_a_leap_day_child_turns_on_the_28th_of_february() -> None:
    assert chart_holds_until(date(2016, 2, 29), date(2023, 2, 27)) == date(2023, 2, 28)
    assert chart_holds_until(date(2016, 2, 29), date(2023, 2, 28)) == date(2024, 2, 29)
    assert chart_holds_until(date(1985, 5, 17), DAY) is None


def test_the_text_says_what_a_patient_asks() -> None:
    planned = found("16", C.CROWN, status=S.PLANNED)
    text = tooth(adult(found("16", C.CARIES, "O"), planned), "16").text
    assert text == "Tooth 16, upper right first molar: in place. Caries (chewing surface). Planned: crown."
