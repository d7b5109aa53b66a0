"""Teeth: notations, neighbours in time, surfaces."""

import pytest

from cabinet.tooth import (
    DECIDUOUS,
    PERMANENT,
    Notation,
    Surface,
    canonical_surfaces,
    fdi,
    in_chart_order,
    is_tooth,
    named,
    predecessor,
    successor,
    surfaces_of,
)

EVERY = (*PERMANENT, *DECIDUOUS)


def test_there_are_32_permanent_and_20_deciduous_teeth() -> None:
    assert (len(set(PERMANENT)), len(set(DECIDUOUS))) == (32, 20)
    assert all(is_tooth(tooth) for tooth in EVERY)
    assert not any(is_tooth(code) for code in ("19", "56", "9", "", "11x", "11s0", "11s12", "111", "A", "١١"))


def test_universal_names_each_tooth_and_the_extra_one_beside_it_once() -> None:
    plain = [*map(str, range(1, 33)), *"ABCDEFGHIJKLMNOPQRST"]
    extra = [*map(str, range(51, 83)), *(letter + "S" for letter in "ABCDEFGHIJKLMNOPQRST")]
    assert sorted(fdi(code, Notation.UNIVERSAL) for code in plain) == sorted(EVERY)
    assert sorted(fdi(code, Notation.UNIVERSAL) for code in extra) == sorted(tooth + "s" for tooth in EVERY)


def test_universal_runs_clockwise_from_the_upper_right() -> None:
    pairs = {"1": "18", "8": "11", "9": "21", "16": "28", "17": "38", "19": "36", "24": "31", "25": "41", "32": "48"}
    milk = {"A": "55", "E": "51", "F": "61", "J": "65", "K": "75", "O": "71", "P": "81", "T": "85"}
    extra = {"58": "11s", "82": "48s", "AS": "55s"}
    assert {code: fdi(code, Notation.UNIVERSAL) for code in pairs | milk | extra} == pairs | milk | extra


def test_35_codes_mean_two_different_teeth_so_the_notation_decides() -> None:
    both = [code for code in EVERY if _names(code, Notation.UNIVERSAL)]
    assert len(both) == 35
    assert all(fdi(code, Notation.FDI) != fdi(code, Notation.UNIVERSAL) for code in both)


def _names(code: str, notation: Notation) -> bool:
    try:
        return bool(fdi(code, notation))
    except ValueError:
        return False


@pytest.mark.parametrize(("code", "notation"), [("19", Notation.FDI), ("56", Notation.FDI), ("33", Notation.UNIVERSAL),
                                                ("0", Notation.UNIVERSAL), ("U", Notation.UNIVERSAL)])  # fmt: skip
def test_what_names_no_tooth_is_refused(code: str, notation: Notation) -> None:
    with pytest.raises(ValueError, match="unknown tooth"):
        fdi(code, notation)


EXTRA = [tooth + suffix for tooth in EVERY for suffix in ("s", *(f"s{number}" for number in range(1, 10)))]


def test_palmer_names_a_quadrant_and_a_place_and_milk_teeth_by_letter() -> None:
    pairs = {"UR6": "16", "UL1": "21", "LL8": "38", "LR4": "44", "URA": "51", "ULE": "65", "LLC": "73", "LRB": "82"}
    extra = {"UR1s": "11s", "LLEs2": "75s2"}
    assert {code: fdi(code, Notation.PALMER) for code in pairs | extra} == pairs | extra
    for code in ("16", "UR9", "URF", "UM1", "ur6", "UR6x", "UR"):
        with pytest.raises(ValueError, match="unknown tooth"):
            fdi(code, Notation.PALMER)


@pytest.mark.parametrize("notation", Notation)
def test_every_tooth_that_can_be_told_has_a_name_of_its_own(notation: Notation) -> None:
    names = {named(tooth, notation) for tooth in (*EVERY, *EXTRA)}
    assert len(names) == 52 * 11
    assert all(len(name) <= 6 for name in names)


@pytest.mark.parametrize("notation", Notation)
def test_a_name_is_read_back_as_the_tooth_it_names(notation: Notation) -> None:
    more = EXTRA if notation is not Notation.UNIVERSAL else [tooth + "s" for tooth in EVERY]
    assert all(fdi(named(tooth, notation), notation) == tooth for tooth in (*EVERY, *more))


def test_milk_teeth_have_successors_and_molars_come_without_a_predecessor() -> None:
    assert {successor(tooth) for tooth in DECIDUOUS} == {tooth for tooth in PERMANENT if tooth[1] in "12345"}
    assert all(predecessor(successor(tooth) or "") == tooth for tooth in DECIDUOUS)
    assert [predecessor(tooth) for tooth in ("16", "17", "18", "55")] == [None] * 4


@pytest.mark.parametrize("tooth", EVERY)
def test_a_tooth_has_an_edge_or_a_face_never_both(tooth: str) -> None:
    surfaces = surfaces_of(tooth)
    assert len(surfaces) == 5
    assert (Surface.INCISAL in surfaces) is (tooth[1] in "123")
    assert (Surface.OCCLUSAL in surfaces) is (tooth[1] in "45678")


def test_surface_letters_are_normalised_and_foreign_ones_refused() -> None:
    assert canonical_surfaces("POBF", "16") == (Surface.VESTIBULAR, Surface.LINGUAL, Surface.OCCLUSAL)
    for letters, tooth in (("I", "16"), ("O", "11"), ("O", "53"), ("X", "16")):
        with pytest.raises(ValueError, match="surface not on this tooth"):
            canonical_surfaces(letters, tooth)


def test_chart_order_is_the_dentists_reading_order() -> None:
    assert in_chart_order(["85", "55", "48", "11s", "11", "21", "38", "18"]) == [
        "18", "11", "11s", "21", "48", "38", "55", "85",
    ]  # fmt: skip
