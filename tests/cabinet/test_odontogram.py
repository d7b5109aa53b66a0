"""The odontogram: folded from findings, the same in any order, whole at any age, true on any date."""

import csv
import random
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.eruption import chart_holds_until
from cabinet.finding import (
    COVERING,
    GRADES,
    JOINING,
    ON_SURFACES,
    PRESENCE,
    REPLACING,
    ROOT_WORK,
    Finding,
    FindingCode,
    FindingStatus,
    Material,
)
from cabinet.nhanes import findings_of_nhanes
from cabinet.odontogram import odontogram
from cabinet.tooth import DECIDUOUS, PERMANENT, canonical_surfaces, is_tooth, predecessor, surfaces_of
from cabinet.tooth_history import histories
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
        group=draw(st.none() | st.sampled_from("ab")) if code in JOINING else None,
        grade=draw(st.none() | st.integers(1, GRADES[code])) if code in GRADES else None,
        canals=draw(st.none() | st.integers(1, 4)) if code in ROOT_WORK else None,
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


def lone(finding: Finding, day: date) -> Finding:
    return replace(finding, observed_on=day, series=None, version=0)


@given(st.lists(any_finding(), max_size=12, unique_by=lambda each: each.observed_on), BIRTHS, st.randoms())
def test_findings_of_distinct_days_fold_in_the_order_of_their_days(
    findings: list[Finding], born: date, chance: random.Random
) -> None:
    """The chart of each of the days knows what came before and nothing after, whatever the order of arrival."""
    told = [lone(each, each.observed_on) for each in findings]
    shuffled = chance.sample(told, len(told))
    for each in told:
        assert odontogram(shuffled, born, each.observed_on) == odontogram(
            [past for past in sorted(told, key=lambda one: one.observed_on) if past.observed_on <= each.observed_on],
            born,
            each.observed_on,
        )


@given(st.permutations(sorted(PRESENCE - {C.NOT_ASSESSED})), st.integers(1, 5))
def test_of_what_was_said_of_one_day_about_a_place_the_last_in_the_order_of_codes_holds(
    codes: list[FindingCode], how_many: int
) -> None:
    """The tie rule; which of them was sent or stored last plays no part."""
    said = codes[:how_many]
    last = max(said, key=list(C).index)
    assert histories([found("36", code) for code in said], DAY)["36"].place is last


@given(
    st.lists(any_finding(), min_size=2, max_size=8).flatmap(
        lambda each: st.tuples(st.just(each), st.permutations(each))
    )
)
def test_findings_of_one_day_fold_the_same_in_whatever_order_they_are_stored(
    orders: tuple[list[Finding], list[Finding]],
) -> None:
    first, second = ([lone(each, DAY) for each in order] for order in orders)
    assert odontogram(first, BORN, DAY) == odontogram(second, BORN, DAY)


def test_caries_and_its_filling_of_one_day_tie_by_the_order_of_codes() -> None:
    """The filling was done after the caries was found, whichever was stored first."""
    caries, filling = found("16", C.CARIES, "O"), found("16", C.FILLING, "O", S.COMPLETED)
    for order in ([caries, filling], [filling, caries]):
        assert [line.code for line in tooth(adult(*order), "16").findings] == [C.FILLING]


def test_an_extraction_and_an_implant_of_one_day_leave_the_implant() -> None:
    gone, put = found("36", C.EXTRACTED, status=S.COMPLETED), found("36", C.IMPLANT, status=S.COMPLETED)
    assert tooth(adult(put, gone), "36").presence is Presence.IMPLANT


def test_sound_is_said_until_something_is_found_and_ends_what_was_thought_to_be_damage() -> None:
    sound = found("16", C.SOUND)
    assert [line.code for line in tooth(adult(sound), "16").findings] == [C.SOUND]
    assert tooth(adult(sound), "16").text.endswith("in place. Healthy.")
    ill = adult(sound, found("16", C.CARIES, "O", on=LATER))
    assert [line.code for line in tooth(ill, "16").findings] == [C.CARIES]
    before = found("16", C.CARIES, "O", on=DAY - timedelta(days=5))
    assert conditions(adult(before, sound), "16")["O"] == "sound"


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
    (behind,) = findings_of_nhanes("tooth_count", "17", "1", DAY)
    assert behind.tooth == "55s2"
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


def renewed(*ends: Finding) -> list[tuple[FindingCode, FindingStatus]]:
    """A crown that is there, one that is planned in its place, and what ended."""
    there = found("16", C.CROWN, series=1, version=1)
    ahead = found("16", C.CROWN, status=S.PLANNED, on=DAY + timedelta(days=10), series=2, version=1)
    return [(line.code, line.status) for line in tooth(adult(there, ahead, *ends), "16").findings]


def test_a_plan_that_was_given_up_takes_no_crown_away_and_a_lost_crown_no_plan() -> None:
    ends = {"on": DAY + timedelta(days=20), "status": S.RESOLVED, "version": 2}
    plan, crown = (found("16", C.CROWN, series=series, **ends) for series in (2, 1))  # type: ignore[arg-type]
    assert renewed(plan) == [(C.CROWN, S.EXISTING)]
    assert renewed(crown) == [(C.CROWN, S.PLANNED)]
    assert renewed(plan, crown) == []


def test_a_given_up_plan_leaves_the_implant_that_is_there() -> None:
    ahead = found("36", C.IMPLANT, status=S.PLANNED, series=1, version=1)
    given_up = found("36", C.IMPLANT, status=S.RESOLVED, on=LATER, series=1, version=2)
    assert tooth(adult(found("36", C.IMPLANT), ahead, given_up), "36").presence is Presence.IMPLANT


def test_done_work_that_was_planned_before_ends_when_it_is_resolved() -> None:
    steps = ((1, S.PLANNED), (2, S.COMPLETED), (3, S.RESOLVED))
    crown = [found("16", C.CROWN, status=s, on=DAY + timedelta(days=v), series=1, version=v) for v, s in steps]
    assert not tooth(adult(*crown), "16").crowned


TENTH = date(2025, 10, 1)


@pytest.mark.parametrize(
    ("code", "status", "on", "at", "presence"),
    [
        (C.CARIES, S.EXISTING, TENTH - timedelta(days=30), TENTH, "present"),
        (C.FILLING, S.PLANNED, TENTH - timedelta(days=2000), TENTH + timedelta(days=7 * 365), "present"),
        (C.FILLING, S.PLANNED, TENTH - timedelta(days=2000), date(2033, 10, 1), "gone"),
        (C.CARIES, S.EXISTING, date(2020, 10, 1), date(2027, 9, 30), "present"),
        (C.CARIES, S.EXISTING, date(2020, 10, 1), date(2027, 10, 1), "gone"),
        (C.CARIES, S.EXISTING, date(2027, 9, 1), date(2028, 9, 30), "present"),
        (C.CARIES, S.EXISTING, date(2027, 9, 1), date(2028, 10, 1), "gone"),
    ],
)
def test_a_milk_tooth_that_was_seen_or_has_work_ahead_does_not_vanish_on_a_birthday(
    code: FindingCode, status: FindingStatus, on: date, at: date, presence: str
) -> None:
    """Born on 1 October 2015. The second milk molar is shed at twelve at the latest."""
    chart = odontogram([found("55", code, "O", status, on)], date(2015, 10, 1), at)
    here = {each.tooth: each.presence.value for each in chart.teeth}
    assert here.get("55", "gone") in ((presence,) if presence == "present" else ("gone", "missing"))
    assert here["15"] == ("unerupted" if presence == "present" else "present")


@pytest.mark.parametrize(
    ("more", "kept"),
    [((), False), ((C.IMPLANT,), True), ((C.PONTIC,), True)],
)
def test_a_crown_planned_for_a_tooth_that_was_lost_is_planned_no_more(
    more: tuple[FindingCode, ...], kept: bool
) -> None:
    ahead = [found("16", code, status=S.PLANNED) for code in (C.CROWN, *more)]
    lost = found("16", C.EXTRACTED, status=S.COMPLETED, on=DAY + timedelta(days=30))
    told = {line.code for line in tooth(adult(*ahead, lost), "16").findings}
    assert (C.CROWN in told) is kept
    again = found("16", C.CROWN, status=S.PLANNED, on=LATER)
    assert C.CROWN in {line.code for line in tooth(adult(*ahead, lost, again), "16").findings}


def test_a_planned_extraction_is_done_when_an_implant_stands_there_and_one_of_the_implant_is_not() -> None:
    plan = found("16", C.EXTRACTED, status=S.PLANNED)
    placed = found("16", C.IMPLANT, status=S.COMPLETED, on=DAY + timedelta(days=60))
    state = tooth(adult(plan, placed), "16")
    assert (state.presence, state.planned, [line.code for line in state.findings]) == (
        Presence.IMPLANT, False, [C.IMPLANT],
    )  # fmt: skip
    there, seen_again = found("16", C.IMPLANT, on=date(2020, 1, 1)), found("16", C.IMPLANT, on=LATER)
    assert tooth(adult(there, plan, seen_again), "16").planned, "the implant itself is to be taken out"
    assert tooth(adult(plan, found("16", C.IMPLANT)), "16").planned, "found and planned for on one day"


@pytest.mark.parametrize(
    ("name", "damaged", "work", "status", "left"),
    [
        ("16", [(C.CARIES, "O")], C.FILLING, S.COMPLETED, set()),
        ("16", [(C.CARIES, "M"), (C.FRACTURE, "M")], C.INLAY, S.COMPLETED, set()),
        ("16", [(C.CARIES, "O")], C.FILLING, S.EXISTING, {C.CARIES}),
        ("16", [(C.CARIES, "O")], C.FILLING, S.PLANNED, {C.CARIES}),
        ("16", [(C.CARIES, "MO")], C.FILLING, S.COMPLETED, {C.CARIES}),
        ("16", [(C.CARIES, "O"), (C.WEAR, "V")], C.FILLING, S.COMPLETED, {C.CARIES, C.WEAR}),
        ("16", [(C.CARIES, "O")], C.SEALANT, S.COMPLETED, {C.CARIES}),
        ("11", [(C.DISCOLORATION, "V")], C.VENEER, S.COMPLETED, set()),
        ("11", [(C.CARIES, "M")], C.VENEER, S.COMPLETED, {C.CARIES}),
    ],
)
def test_work_that_names_no_surface_is_done_on_the_only_one_that_was_damaged(
    name: str, damaged: list[tuple[FindingCode, str]], work: FindingCode, status: FindingStatus, left: set[FindingCode]
) -> None:
    """Of several damaged surfaces nobody knows which it was, so all stays."""
    chart = adult(*(found(name, *each) for each in damaged), found(name, work, "", status, DAY + timedelta(days=9)))
    assert {line.code for line in tooth(chart, name).findings} == {work, *left}
    assert chart.dmft.decayed == (1 if C.CARIES in left else 0)
