"""The picture of a journey: whole, safe, the same for the same journey, in every language."""

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given, settings

from automation.criteria.said import EventKind
from automation.journey.checks import faults_of, named_by
from automation.journey.document import Journey, document
from automation.journey.drawing import WIDTH, drawn
from automation.journey.happening_words import HAPPENINGS
from automation.journey.picture import Count, picture
from automation.journey.picture_words import LANGUAGES
from automation.journey.words import DateFact, Every, ExitKind, TriggerKind
from automation.templates import HYGIENE_RECALL
from tests.automation.journeys_drawn import journeys

SVG = "{http://www.w3.org/2000/svg}"


def texts_of(svg: str) -> list[str]:
    return ["".join(each.itertext()) for each in Xml.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314  it is our own


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_stands_in_it_with_its_kind_and_its_counts(language: str) -> None:
    told = texts_of(picture(HYGIENE_RECALL, language, {"think": Count(12, 300)}))
    for step in HYGIENE_RECALL.steps:
        assert step.id in told
    assert any(re.match(r"12 \D+ · 300 \D+", line) for line in told)


def test_everything_that_may_happen_has_a_name_in_every_language() -> None:
    kinds = [*TriggerKind, *DateFact, *Every, *ExitKind, *EventKind]
    assert {HAPPENINGS[each] for each in kinds} == set(HAPPENINGS.values())
    assert len(HAPPENINGS) == len(kinds)  # no word stands for two
    assert all(len(names) == len(LANGUAGES) and all(names) for names in HAPPENINGS.values())
    russian = [HAPPENINGS[each][LANGUAGES.index("ru")] for each in kinds]
    assert not [name for name in russian if re.search("[A-Za-z_]", name)]


def test_what_lets_in_and_out_is_said_in_the_readers_language() -> None:
    said: dict[str, Any] = {"key": "k", "name": "Имя", "purpose": "service", "exits": [{"kind": "booked"}]}
    said["exits"] += [{"kind": "happened", "event": "plan.accepted"}]
    steps = [
        {"id": "w", "kind": "wait_event", "events": ["push.opened"], "days": 1, "then": "x"},
        {"id": "x", "kind": "exit"},
    ]
    trigger = {"kind": "event", "event": "appointment.no_show"}
    told = texts_of(picture(document({**said, "trigger": trigger, "steps": steps}), "ru"))
    assert "Вход: событие, неявка на визит" in told
    assert "Досрочный выход: записан на визит, план принят" in told
    assert "сообщение открыто · 1 дн." in told


def test_words_of_the_clinic_are_no_mark_up() -> None:
    name = '<script>alert(1)</script> & "so" ]]> \x0b'
    said = {"key": "k", "name": "N", "purpose": "service", "trigger": {"kind": "manual"}}
    step = {"id": "call", "kind": "task", "task": "call", "title": "<b>&</b>"}
    journey = document({**said, "steps": [step]}).model_copy(update={"name": name})
    svg = picture(journey)
    assert "<script" not in svg
    assert "<b>&</b>" in texts_of(svg)
    assert not re.search(r"(?:href|src|url)\s*[=(]\s*[\"']?https?:", svg)


def test_who_listens_hears_the_title_and_every_step() -> None:
    root = Xml.fromstring(picture(HYGIENE_RECALL, "it"))  # noqa: S314  it is our own
    assert root.get("role") == "img"
    title, told = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert title.text == f"Percorso: {HYGIENE_RECALL.name}"
    assert told is not None
    assert "nudge: Messaggio" in (told.text or "")


@given(journeys)
@settings(max_examples=100, deadline=None)
def test_no_line_runs_through_a_box_and_every_way_has_one(journey: Journey) -> None:
    if faults_of(journey, named_by(journey)):
        return
    drawing = drawn(journey, {step.id: ("kind", step.id) for step in journey.steps}, 0)
    for corners in drawing.lines:
        for (x0, y0), (x1, y1) in pairwise(corners):
            assert x0 == x1 or y0 == y1
            for box in drawing.boxes:
                beside = max(x0, x1) <= box.left or min(x0, x1) >= box.left + WIDTH
                assert beside or max(y0, y1) <= box.top or min(y0, y1) >= box.bottom
    assert all(box.left + WIDTH <= drawing.width and box.bottom <= drawing.height for box in drawing.boxes)
    assert all(upper.bottom < lower.top for upper, lower in pairwise(drawing.boxes))
    Xml.fromstring(picture(journey, "zh", {}))  # noqa: S314  it is our own
