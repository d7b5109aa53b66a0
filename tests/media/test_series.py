"""Rules of series: every protocol stands as those who invented it say, and a series knows how far it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.tooth import FDI_PATTERN
from core.errors import Invalid
from media.kinds import PictureKind
from media.series import (
    MOST_VIEWS,
    PROTOCOLS,
    Phase,
    PictureOfAnotherKind,
    PlaceState,
    Protocol,
    View,
    check_before,
    check_kind,
    follows,
    pairs,
    progress,
    view_named,
    views_of,
)
from media.view_words import LANGUAGES, phase_name, protocol_name, sides, state_name, view_name

ALL_TEETH = {f"{quadrant}{place}" for quadrant in "1234" for place in "12345678"}
FULL_MOUTH = [Protocol.FMX_18, Protocol.FMX_20]


@pytest.mark.parametrize(
    ("protocol", "count"),
    [("ortho-photo", 8), ("face-photo", 5), ("intraoral-photo", 5), ("aesthetic-photo", 12), ("fmx-18", 18),
     ("fmx-20", 20), ("bitewings-2", 2), ("bitewings-4", 4)],
)  # fmt: skip
def test_a_protocol_has_its_views_each_once_and_in_a_place_of_its_own(protocol: str, count: int) -> None:
    views = PROTOCOLS[Protocol(protocol)]
    assert len(views) == count
    assert len({view.code for view in views}) == count
    assert len({(view.row, view.column) for view in views}) == count
    assert len({view.kind for view in views}) == 1


def test_every_protocol_is_there() -> None:
    assert set(PROTOCOLS) | {Protocol.FREE} == set(Protocol)


def test_an_orthodontic_record_is_three_faces_and_five_views_of_the_teeth_in_their_order() -> None:
    assert [view.code for view in PROTOCOLS[Protocol.ORTHO_PHOTO]] == [
        "face-rest", "face-smile", "profile-right-rest",
        "occlusion-frontal", "occlusion-right", "occlusion-left", "arch-upper", "arch-lower",
    ]  # fmt: skip


def test_a_smile_is_taken_from_afar_then_parted_then_close_then_from_above_and_below() -> None:
    assert [view.code for view in PROTOCOLS[Protocol.AESTHETIC_PHOTO]] == [
        "face-smile", "smile-frontal", "smile-right", "smile-left",
        "parted-frontal", "parted-right", "parted-left",
        "upper-front", "upper-front-right", "upper-front-left", "arch-upper", "arch-lower",
    ]  # fmt: skip


@pytest.mark.parametrize("protocol", FULL_MOUTH)
def test_a_full_mouth_series_shows_every_tooth_by_its_root_once_and_four_bitewings(protocol: Protocol) -> None:
    roots = [tooth for view in PROTOCOLS[protocol] if view.row != 2 for tooth in view.teeth]
    assert sorted(roots) == sorted(ALL_TEETH)
    assert [view.code for view in PROTOCOLS[protocol] if view.row == 2] == [
        "bitewing-right-molars", "bitewing-right-premolars", "bitewing-left-premolars", "bitewing-left-molars",
    ]  # fmt: skip


@pytest.mark.parametrize("protocol", FULL_MOUTH)
def test_a_mount_reads_like_the_chart_of_who_faces_the_patient(protocol: Protocol) -> None:
    views = PROTOCOLS[protocol]
    assert [(view.row, view.column) for view in views] == sorted((view.row, view.column) for view in views)
    upper = [tooth for view in views if view.row == 1 for tooth in view.teeth]
    lower = [tooth for view in views if view.row == 3 for tooth in view.teeth]
    assert upper == [f"1{n}" for n in range(8, 0, -1)] + [f"2{n}" for n in range(1, 9)]
    assert lower == [f"4{n}" for n in range(8, 0, -1)] + [f"3{n}" for n in range(1, 9)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_of_the_right_stands_left_of_its_left_twin(protocol: Protocol) -> None:
    column = {view.code: view.column for view in PROTOCOLS[protocol]}
    twins = [(code, code.replace("right", "left")) for code in column if code.replace("right", "left") != code]
    for right, left in twins:
        assert left not in column or column[right] < column[left], right


def test_every_tooth_is_named_by_fdi() -> None:
    named = {tooth for views in PROTOCOLS.values() for view in views for tooth in view.teeth}
    assert all(re.match(FDI_PATTERN, tooth) for tooth in named)


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_has_a_name_of_its_own_in_every_language(language: str) -> None:
    assert len({protocol_name(protocol, language) for protocol in Protocol}) == len(Protocol)
    for views in PROTOCOLS.values():
        assert len({view_name(view, language) for view in views}) == len(views)
    assert len({state_name(state, language) for state in PlaceState}) == len(PlaceState)
    assert len({phase_name(phase, language) for phase in Phase}) == len(Phase)
    assert len(set(sides(language))) == 2
    assert "7" in view_name(View("7", None, 1, 1), language)


def test_a_free_series_has_the_views_that_are_in_it_by_number() -> None:
    assert [view.code for view in views_of(Protocol.FREE, ["10", "2", "1"])] == ["1", "2", "10"]
    assert views_of(Protocol.FREE) == ()
    five = views_of(Protocol.FREE, [str(n) for n in range(1, 6)])
    assert [(view.row, view.column) for view in five] == [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1)]


@pytest.mark.parametrize("code", ["0", "01", "-1", "1.5", "", "face-rest", "٣", str(MOST_VIEWS + 1)])
def test_a_free_series_has_no_such_view(code: str) -> None:
    assert view_named(Protocol.FREE, code) is None


def test_a_view_is_found_by_its_code_in_its_own_protocol_only() -> None:
    assert view_named(Protocol.FREE, str(MOST_VIEWS)) is not None
    assert view_named(Protocol.FMX_18, "upper-incisors") is not None
    assert view_named(Protocol.FMX_20, "upper-incisors") is None


def test_a_photo_does_not_belong_among_xrays() -> None:
    (xray, photo) = (PROTOCOLS[Protocol.FMX_18][0], PROTOCOLS[Protocol.ORTHO_PHOTO][0])
    check_kind(xray, PictureKind.XRAY)
    check_kind(View("1", None, 1, 1), PictureKind.XRAY)
    for view, kind in ((xray, PictureKind.PHOTO), (photo, PictureKind.XRAY)):
        with pytest.raises(PictureOfAnotherKind):
            check_kind(view, kind)


@given(st.lists(st.sampled_from(PlaceState), max_size=60))
def test_what_is_left_out_is_not_waited_for(states: list[PlaceState]) -> None:
    far = progress(states)
    missing = states.count(PlaceState.MISSING)
    assert far.taken + missing == far.expected
    assert far.expected + far.left_out == len(states)
    assert far.is_complete == (missing == 0 and far.taken > 0)


@given(st.sampled_from([None, *Phase]), st.sampled_from([None, *Phase]))
def test_no_two_series_can_come_before_each_other(one: Phase | None, other: Phase | None) -> None:
    assert not (follows(one, other) and follows(other, one))
    assert not follows(one, one)


@pytest.mark.parametrize(
    ("before", "code"),
    [
        (None, "unknown-reference"),
        ((Protocol.FACE_PHOTO, Phase.BEFORE), "another-protocol"),
        ((Protocol.ORTHO_PHOTO, Phase.AFTER), "not-earlier"),
        ((Protocol.ORTHO_PHOTO, None), "not-earlier"),
    ],
)
def test_only_an_earlier_series_of_the_same_protocol_is_a_before(
    before: tuple[Protocol, Phase | None] | None, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        check_before(Protocol.ORTHO_PHOTO, Phase.AFTER, before)
    assert [fault.code for fault in refused.value.faults] == [code]
    check_before(Protocol.ORTHO_PHOTO, Phase.AFTER, (Protocol.ORTHO_PHOTO, Phase.BEFORE))


def test_pairs_are_the_views_that_both_have_in_the_protocols_order() -> None:
    views = PROTOCOLS[Protocol.INTRAORAL_PHOTO]
    before = {"arch-lower": 1, "occlusion-frontal": 2, "occlusion-left": 3}
    after = {"occlusion-frontal": 4, "arch-upper": 5, "arch-lower": 6}
    found = [(view.code, one, other) for view, one, other in pairs(views, before, after)]
    assert found == [("occlusion-frontal", 2, 4), ("arch-lower", 1, 6)]
