"""The picture of the chart: well-formed, spoken, legible, in four languages."""

import tomllib
from datetime import date
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import pytest

import cabinet
from cabinet.chart_picture import Highlight, chart_svg
from cabinet.chart_words import LANGUAGES, mouth_text, span_text, tooth_text
from cabinet.finding import ON_SURFACES, Finding, FindingCode, FindingStatus, Material
from cabinet.odontogram import odontogram
from cabinet.perio import PerioExam, Probed, Reading, Site
from cabinet.tooth import DECIDUOUS, PERMANENT, Notation, Surface, ToothKind, named
from cabinet.tooth_picture import ENAMEL, GUM, PALETTE, PAPER, ROOT, TINT, biting_view, side_view
from cabinet.tooth_state import Odontogram, Presence

SVG = "{http://www.w3.org/2000/svg}"
DAY = date(2024, 3, 1)
BIRTHS = {"adult": date(1985, 5, 17), "schoolchild": date(2015, 9, 1), "small child": date(2020, 9, 1)}
WORDS = tomllib.loads((Path(cabinet.__file__).parent / "data" / "chart_words.toml").read_text(encoding="utf-8"))


def chart_of(born: date, *, every: bool = False) -> Odontogram:
    teeth = DECIDUOUS if born.year == 2020 else PERMANENT
    codes = list(FindingCode) if every else []
    statuses = (FindingStatus.EXISTING, FindingStatus.PLANNED)
    findings = [
        Finding(teeth[(2 * place + shift) % len(teeth)], code, DAY, status)
        for place, code in enumerate(codes)
        for shift, status in enumerate(statuses)
    ]
    return odontogram(findings, born, DAY)


@pytest.mark.parametrize("who", BIRTHS)
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_tooth_is_drawn_once_with_its_words(who: str, every: bool, language: str) -> None:
    chart = chart_of(BIRTHS[who], every=every)
    picture = ElementTree.fromstring(chart_svg(chart, "My <teeth> & me\x00", language))  # noqa: S314  our own text
    groups = {group.get("data-tooth"): group for group in picture.iter(f"{SVG}g") if group.get("data-tooth")}
    assert set(groups) == {state.tooth for state in chart.teeth}
    for state in chart.teeth:
        assert groups[state.tooth].findtext(f"{SVG}title") == tooth_text(state, language)
    assert picture.get("role") == "img"
    assert picture.findtext(f"{SVG}title") == "My <teeth> & me"
    assert picture.findtext(f"{SVG}desc")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_legend_names_every_sign_in_the_readers_language(language: str) -> None:
    picture = ElementTree.fromstring(chart_svg(chart_of(BIRTHS["adult"]), "x", language))  # noqa: S314  our own text
    texts = {text.text for text in picture.iter(f"{SVG}text")}
    assert {words[language] for words in WORDS["legend"].values()} <= texts


def test_every_word_is_there_in_every_language() -> None:
    assert all(set(words) == set(LANGUAGES) for section in WORDS.values() for words in section.values())
    assert set(WORDS["finding"]) == set(FindingCode)
    assert set(WORDS["material"]) == set(Material)
    assert {"bridge", "splint", "partial_denture", "full_denture"} <= set(WORDS["span"])
    assert set(WORDS["presence"]) == set(Presence)
    assert set(WORDS["kind"]) == {*ToothKind, "supernumerary"}


def test_the_picture_needs_no_style_and_no_script() -> None:
    told = chart_svg(chart_of(BIRTHS["adult"], every=True), "x", "en")
    assert not any(word in told for word in ("style=", "<style", "<script", "href", "onload", "class="))


def test_work_ahead_and_work_done_look_different() -> None:
    done, ahead = (
        chart_svg(odontogram([Finding("16", FindingCode.CROWN, DAY, status)], BIRTHS["adult"], DAY), "x", "en")
        for status in (FindingStatus.COMPLETED, FindingStatus.PLANNED)
    )
    assert done.count(PALETTE["planned"]) < ahead.count(PALETTE["planned"])


@pytest.mark.parametrize(
    ("tooth", "code", "surface", "condition"),
    [
        ("11", FindingCode.VENEER, "V", "filled"),
        ("11", FindingCode.FILLING, "I", "filled"),
        ("16", FindingCode.FILLING, "O", "filled"),
        ("16", FindingCode.INLAY, "O", "filled"),
        ("16", FindingCode.ONLAY, "O", "filled"),
        ("16", FindingCode.RESTORED, "O", "filled"),
        ("16", FindingCode.SEALANT, "O", "sealed"),
    ],
)
def test_work_without_surfaces_is_still_drawn(tooth: str, code: FindingCode, surface: str, condition: str) -> None:
    def seen(status: FindingStatus) -> tuple[Odontogram, list[tuple[str, str, bool]]]:
        chart = odontogram([Finding(tooth, code, DAY, status)], BIRTHS["adult"], DAY)
        states = next(each for each in chart.teeth if each.tooth == tooth).surfaces
        touched = [each for each in states if each.condition != "sound" or each.planned]
        return chart, [(each.surface.value, each.condition.value, each.planned) for each in touched]

    chart, touched = seen(FindingStatus.COMPLETED)
    assert touched == [(surface, condition, False)]
    assert drawing_of(chart, tooth) != drawing_of(odontogram([], BIRTHS["adult"], DAY), tooth)
    assert seen(FindingStatus.PLANNED)[1] == [(surface, "sound", True)]


def test_work_that_names_its_surfaces_is_drawn_nowhere_else() -> None:
    named = Finding("16", FindingCode.FILLING, DAY, surfaces=(Surface.MESIAL,))
    states = next(each for each in odontogram([named], BIRTHS["adult"], DAY).teeth if each.tooth == "16").surfaces
    assert [each.surface for each in states if each.condition == "filled"] == [Surface.MESIAL]


def drawing_of(chart: Odontogram, tooth: str) -> list[dict[str, str]]:
    """What is drawn of one tooth, without its words."""
    picture = ElementTree.fromstring(chart_svg(chart, "x", "en"))  # noqa: S314  our own text
    group = next(each for each in picture.iter(f"{SVG}g") if each.get("data-tooth") == tooth)
    return [path.attrib for path in group.iter(f"{SVG}path")]


@pytest.mark.parametrize("sign", sorted(PALETTE))
def test_signs_stand_out_from_what_they_stand_on(sign: str) -> None:
    assert all(contrast(PALETTE[sign], ground) >= 3 for ground in (ENAMEL, ROOT, PAPER, GUM, TINT))


INKS = {"ink", "faint_ink", "pocket"}


@pytest.mark.parametrize("who", BIRTHS)
@pytest.mark.parametrize("highlight", [None, Highlight.PLANNED])
def test_every_text_of_the_picture_can_be_read(who: str, highlight: Highlight | None) -> None:
    """WCAG 2.2 AA: 4.5:1 for text, on whatever ground it may stand on; dimming a tooth never dims its number."""
    picture = drawn(chart_of(BIRTHS[who], every=True), highlight=highlight)
    inks = {text.get("fill") for text in picture.iter(f"{SVG}text")}
    assert inks <= {PALETTE[ink] for ink in INKS}
    assert all(contrast(PALETTE[ink], ground) >= 4.5 for ink in INKS for ground in (PAPER, TINT, GUM))
    dimmed = [text for group in picture.iter(f"{SVG}g") if group.get("opacity") for text in group.iter(f"{SVG}text")]
    assert dimmed == []


def drawn(
    chart: Odontogram, language: str = "en", notation: Notation = Notation.FDI, highlight: Highlight | None = None
) -> ElementTree.Element:
    return ElementTree.fromstring(chart_svg(chart, "x", language, notation, highlight))  # noqa: S314  our own text


def group_of(picture: ElementTree.Element, tooth: str) -> ElementTree.Element:
    return next(each for each in picture.iter(f"{SVG}g") if each.get("data-tooth") == tooth)


@pytest.mark.parametrize("notation", Notation)
def test_teeth_are_numbered_as_the_reader_is_used_to(notation: Notation) -> None:
    chart = odontogram([Finding("11s2", FindingCode.PRESENT, DAY)], BIRTHS["schoolchild"], DAY)
    picture = drawn(chart, notation=notation)
    for state in chart.teeth:
        group = group_of(picture, state.tooth)
        assert group.findtext(f"{SVG}text") == named(state.tooth, notation)
        assert named(state.tooth, notation) in (group.findtext(f"{SVG}title") or "")


def test_every_extra_tooth_has_a_place_of_its_own() -> None:
    names = [f"11s{number}" for number in range(1, 10)] + ["11s", "48s", "55s", "85s2"]
    chart = odontogram([Finding(name, FindingCode.PRESENT, DAY) for name in names], BIRTHS["schoolchild"], DAY)
    picture = drawn(chart)
    places = {state.tooth: (text.get("x"), text.get("y")) for state in chart.teeth
              if (text := group_of(picture, state.tooth).find(f"{SVG}text")) is not None}  # fmt: skip
    assert len(set(places.values())) == len(chart.teeth)


def test_planned_work_is_highlighted_and_told_and_the_rest_stands_back() -> None:
    planned = Finding("16", FindingCode.CROWN, DAY, FindingStatus.PLANNED)
    chart = odontogram([planned, Finding("26", FindingCode.CROWN, DAY)], BIRTHS["adult"], DAY)
    picture = drawn(chart, highlight=Highlight.PLANNED)
    faint = {
        state.tooth
        for state in chart.teeth
        if any(each.get("opacity") == "0.3" for each in group_of(picture, state.tooth))
    }
    assert faint == {state.tooth for state in chart.teeth} - {"16"}
    assert "16: crown" in {text.text for text in picture.iter(f"{SVG}text")}
    much = [Finding("36", code, DAY, FindingStatus.PLANNED) for code in FindingCode]
    for language in LANGUAGES:
        crowded = drawn(odontogram(much, BIRTHS["adult"], DAY), language, highlight=Highlight.PLANNED)
        widths = [
            sum(2 if ord(sign) > 0x2E80 else 1 for sign in text.text or "") for text in crowded.iter(f"{SVG}text")
        ]
        assert max(widths) <= 116
    nothing = drawn(odontogram([], BIRTHS["adult"], DAY), highlight=Highlight.PLANNED)
    assert "No work is planned." in {text.text for text in nothing.iter(f"{SVG}text")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_bridge_is_drawn_as_one_piece_from_end_to_end(language: str) -> None:
    codes = {"24": FindingCode.BRIDGE_ABUTMENT, "25": FindingCode.PONTIC, "26": FindingCode.BRIDGE_ABUTMENT}
    chart = odontogram([Finding(tooth, code, DAY) for tooth, code in codes.items()], BIRTHS["adult"], DAY)
    picture = drawn(chart, language)
    (bridge,) = [each for each in picture.iter(f"{SVG}g") if each.get("data-span") == "bridge"]
    (bar,) = bridge.iter(f"{SVG}rect")
    first, last = (float(group_of(picture, tooth).findall(f"{SVG}text")[0].get("x", "")) for tooth in ("24", "26"))
    left, width = float(bar.get("x", "")), float(bar.get("width", ""))
    assert (left, left + width) == pytest.approx((first - 6, last + 6), abs=0.2)
    assert bridge.findtext(f"{SVG}title") == span_text(chart.spans[0], language)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


L = FindingCode
SIGN_OF = {
    L.CARIES: "caries", L.SECONDARY_CARIES: "caries", L.ROOT_CARIES: "caries", L.FRACTURE: "crack",
    L.WEAR: "damaged", L.HYPOPLASIA: "damaged", L.DISCOLORATION: "damaged", L.PULPITIS: "inflamed",
    L.NECROSIS: "inflamed", L.APICAL_LESION: "inflamed", L.ABSCESS: "inflamed", L.CALCULUS: "calculus",
    L.MOBILITY: "loose", L.ROOT_CANAL_STARTED: "root_canal", L.ROOT_CANAL: "root_canal", L.RESTORED: "somewhere",
    L.SEALANT: "sealed", L.FILLING: "filled", L.INLAY: "filled", L.ONLAY: "filled", L.VENEER: "filled",
    L.BRACKET: "bracket", L.ERUPTING: "sound", L.NOT_ASSESSED: "unseen", L.UNERUPTED: "unerupted",
    L.IMPACTED: "impacted", L.MISSING: "missing", L.EXFOLIATED: "missing", L.ROOT_REMNANT: "remnant",
    L.MISSING_DISEASE: "lost", L.MISSING_CARIES: "lost", L.MISSING_PERIODONTAL: "lost",
    L.MISSING_TRAUMA: "lost_otherwise", L.MISSING_ORTHODONTIC: "lost_otherwise", L.MISSING_OTHER: "lost_otherwise",
    L.EXTRACTED: "lost_otherwise", L.MISSING_CONGENITAL: "never", L.IMPLANT: "implant", L.CROWN: "crown",
    L.BRIDGE_ABUTMENT: "crown", L.PONTIC: "crown", L.REPLACED: "crown", L.DENTURE: "denture",
}  # fmt: skip
SAID_IN_WORDS_ONLY = {
    L.RECESSION, L.FURCATION, L.POST_CORE, L.SPACE_MAINTAINER, L.PERI_IMPLANTITIS,
    L.RETAINER, L.SPLINT,  # of several teeth they are a wire
    L.PRESENT, L.SOUND,
}  # fmt: skip


@pytest.mark.parametrize("code", FindingCode)
def test_whatever_changes_the_drawing_of_a_tooth_is_a_sign_of_the_legend(code: FindingCode) -> None:
    def drawn(*findings: Finding) -> str:
        state = next(each for each in odontogram(findings, BIRTHS["adult"], DAY).teeth if each.tooth == "16")
        return "".join((*side_view(state), *biting_view(state)))

    surfaces = (Surface.MESIAL,) if code in ON_SURFACES else ()
    changed = drawn(Finding("16", code, DAY, surfaces=surfaces)) != drawn()
    assert changed is (code in SIGN_OF)
    assert changed is not (code in SAID_IN_WORDS_ONLY)
    assert SIGN_OF.get(code, "sound") in WORDS["legend"]


def test_a_wire_over_several_teeth_and_a_planned_extraction_are_signs_of_the_legend() -> None:
    assert {"wire", "to_extract", "planned", "pocket"} <= WORDS["legend"].keys()


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        (L.IMPLANT, "implant"), (L.ROOT_REMNANT, "root"), (L.IMPACTED, "impacted"), (L.EXTRACTED, "missing"),
    ],
)  # fmt: skip
def test_the_description_tells_what_is_no_healthy_tooth(finding: FindingCode, said: str) -> None:
    told = mouth_text(odontogram([Finding("16", finding, DAY)], BIRTHS["adult"], DAY), "en")
    assert "Tooth 16" in told
    assert said in told


def test_the_description_tells_deep_pockets_and_extra_teeth_and_leaves_healthy_teeth_out() -> None:
    exams = [PerioExam(UUID(int=1), DAY, "e", tuple(Probed(t, (Reading(Site.MB, mm),)) for t, mm in PROBED))]
    told = mouth_text(odontogram([Finding("11s", L.PRESENT, DAY)], BIRTHS["adult"], DAY, exams), "en")
    assert "pocket of 7 mm" in told
    assert "Tooth 11s" in told
    assert "Tooth 26" not in told


PROBED = (("16", 7), ("26", 2))
