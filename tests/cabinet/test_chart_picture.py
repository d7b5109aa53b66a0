"""The picture of the chart: well-formed, spoken, legible, in four languages."""

import tomllib
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest

import cabinet
from cabinet.chart_picture import chart_svg
from cabinet.chart_words import LANGUAGES, tooth_text
from cabinet.finding import Finding, FindingCode, FindingStatus
from cabinet.odontogram import odontogram
from cabinet.tooth import DECIDUOUS, PERMANENT, Surface, ToothKind, is_supernumerary
from cabinet.tooth_picture import ENAMEL, PALETTE, PAPER, ROOT
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
    shown = [state for state in chart.teeth if not is_supernumerary(state.tooth)]
    assert set(groups) == {state.tooth for state in shown}
    for state in shown:
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
    assert set(WORDS["presence"]) == set(Presence)
    assert set(WORDS["kind"]) == {*ToothKind, "supernumerary"}


def test_the_picture_needs_no_style_and_no_script() -> None:
    drawn = chart_svg(chart_of(BIRTHS["adult"], every=True), "x", "en")
    assert not any(word in drawn for word in ("style=", "<style", "<script", "href", "onload", "class="))


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
    def drawn(status: FindingStatus) -> tuple[Odontogram, list[tuple[str, str, bool]]]:
        chart = odontogram([Finding(tooth, code, DAY, status)], BIRTHS["adult"], DAY)
        states = next(each for each in chart.teeth if each.tooth == tooth).surfaces
        touched = [each for each in states if each.condition != "sound" or each.planned]
        return chart, [(each.surface.value, each.condition.value, each.planned) for each in touched]

    chart, touched = drawn(FindingStatus.COMPLETED)
    assert touched == [(surface, condition, False)]
    assert drawing_of(chart, tooth) != drawing_of(odontogram([], BIRTHS["adult"], DAY), tooth)
    assert drawn(FindingStatus.PLANNED)[1] == [(surface, "sound", True)]


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
    assert all(contrast(PALETTE[sign], ground) >= 3 for ground in (ENAMEL, ROOT, PAPER))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
