"""Bridges, splints and dentures: what belongs together, told or not."""

from datetime import date

import pytest

from cabinet.chart_spans import SpanKind, spans
from cabinet.chart_words import LANGUAGES, span_text
from cabinet.finding import Finding, FindingCode, FindingStatus
from cabinet.odontogram import odontogram
from cabinet.tooth import PERMANENT, Notation

C, K = FindingCode, SpanKind
DAY = date(2024, 3, 1)


def works(told: str, group: str | None = None, status: FindingStatus = FindingStatus.EXISTING) -> list[Finding]:
    """`a24 p25 a26`: an abutment, a pontic, an abutment; s splinted, d denture."""
    codes = {"a": C.BRIDGE_ABUTMENT, "p": C.PONTIC, "s": C.SPLINT, "d": C.DENTURE}
    return [Finding(each[1:], codes[each[0]], DAY, status, group=group) for each in told.split()]


def test_neighbours_are_one_bridge_and_a_gap_parts_two() -> None:
    found = spans(works("a24 p25 a26 a14 p13 a12"))
    assert [(span.teeth, span.abutments, span.pontics) for span in found] == [
        (["14", "13", "12"], ["14", "12"], ["13"]), (["24", "25", "26"], ["24", "26"], ["25"]),
    ]  # fmt: skip
    assert not any(span.cantilever for span in found)


def test_a_bridge_crosses_the_middle_but_not_the_jaw() -> None:
    assert [span.teeth for span in spans(works("a12 p11 a21"))] == [["12", "11", "21"]]
    assert [span.teeth for span in spans(works("a18 p17 a48 p47"))] == [["18", "17"], ["48", "47"]]


def test_a_group_says_more_than_neighbourhood() -> None:
    (one,) = spans(works("a23 p24 p25 a27", group="long"))
    assert one.teeth == ["23", "24", "25", "27"]
    assert len(spans([*works("a23 a24", group="one"), *works("a25 a26", group="two")])) == 2


@pytest.mark.parametrize(("told", "cantilever"), [("a24 p25", True), ("p24 a25 a26", True), ("a24 p25 a26", False)])
def test_a_bridge_held_at_one_end_says_so(told: str, cantilever: bool) -> None:
    assert [span.cantilever for span in spans(works(told))] == [cantilever]


def test_what_is_planned_is_another_piece_than_what_is_there() -> None:
    found = spans([*works("a24 p25 a26"), *works("s27 s26", status=FindingStatus.PLANNED)])
    assert [(span.kind, span.planned) for span in found] == [(K.BRIDGE, False), (K.SPLINT, True)]


def test_one_splinted_tooth_is_no_splint() -> None:
    assert spans(works("s31")) == []


@pytest.mark.parametrize("group", [None, "bridge-1"])
def test_one_abutment_or_pontic_is_no_bridge(group: str | None) -> None:
    assert [*spans(works("a24", group)), *spans(works("p24", group))] == []


def test_a_denture_of_a_whole_jaw_is_full() -> None:
    upper = [f"d{tooth}" for tooth in PERMANENT[:16] if tooth[1] != "8"]
    assert [(span.kind, len(span.teeth)) for span in spans(works(" ".join(upper)))] == [(K.FULL_DENTURE, 14)]
    assert [span.kind for span in spans(works(" ".join(upper[1:])))] == [K.PARTIAL_DENTURE]
    assert [span.teeth for span in spans(works("d36 d46"))] == [["46", "36"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_span_is_told_in_words_and_in_the_notation_asked_for(language: str) -> None:
    gaps = [Finding("25", C.MISSING_DISEASE, DAY)]
    chart = odontogram([*gaps, *works("a24 p25 a26")], date(1985, 5, 17), DAY, language=language)
    assert [span.text for span in chart.spans] == [span_text(chart.spans[0], language)]
    told = span_text(chart.spans[0], language, Notation.UNIVERSAL)
    assert all(number in told for number in ("12", "13", "14"))
    assert told != chart.spans[0].text


def test_one_group_name_over_two_jaws_is_a_piece_in_each() -> None:
    found = spans(works("a24 p25 a26 a34 p35 a36", group="bridge"))
    assert [span.teeth for span in found] == [["24", "25", "26"], ["34", "35", "36"]]
    teeth = " ".join(f"d{tooth}" for tooth in PERMANENT if tooth[1] != "8")
    assert [span.kind for span in spans(works(teeth, group="dentures"))] == [K.FULL_DENTURE] * 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_retainer_is_no_splint(language: str) -> None:
    wire = [Finding(tooth, C.RETAINER, DAY) for tooth in ("32", "31", "41", "42")]
    (span,) = spans(wire)
    assert (span.kind, spans(wire[:1])) == (K.RETAINER, [])
    assert span_text(span, language) != span_text(span.model_copy(update={"kind": K.SPLINT}), language)
