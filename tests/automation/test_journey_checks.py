"""What a journey is refused for: every fault says where and why, and what has none runs to an end."""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.journey.checks import Known, faults_of, named_by
from automation.journey.document import Journey, document
from automation.journey.step import Step
from automation.journey.ways import SPEAKS, reach, ways_by_start
from automation.journey.words import StepKind, TriggerKind
from automation.journey.written import read_document, written_document
from core.errors import Fault, Invalid
from push.notice import NoticeKind
from tests.architecture.house import ROOT
from tests.automation.journeys_drawn import IDS, OF_HYGIENE, definitions, journey_of, journeys

SURE = settings(max_examples=100, deadline=None)
NOBODY = Known()
EVERYTHING = Known(
    segments=frozenset({"one", "two"}),
    tags=frozenset({"two"}),
    wordings=frozenset({(NoticeKind.NOTE, "one")}),
    promotions=frozenset({UUID(IDS[0])}),
    surveys=frozenset({UUID(IDS[0])}),
    teams=frozenset({UUID(IDS[0])}),
    endpoints=frozenset({UUID(IDS[0])}),
    journeys={"one": TriggerKind.MANUAL, "two": TriggerKind.EVENT},
)
VISIT = {"kind": "event", "event": "appointment.booked"}
MANUAL = {"kind": "manual"}
WAIT = {"kind": "wait", "days": 1}


def said(*steps: dict[str, Any], **more: Any) -> Journey:
    """A journey of these steps, called s0, s1, … in their order."""
    named = [{"id": f"s{place}", **each} for place, each in enumerate(steps)]
    return document({"key": "mine", "name": "Mine", "purpose": "service", "trigger": MANUAL, "steps": named} | more)


GROUPED = Known(journeys={"two": TriggerKind.MANUAL, "one": TriggerKind.MANUAL}, groups={"two": "recalls"})


def test_within_a_group_nobody_is_handed_over() -> None:
    over = {"kind": "journey", "journey": "two"}
    (fault,) = faults_of(said(over, group="recalls"), GROUPED)
    assert (fault.pointer, fault.code) == ("/steps/0/journey", "hands-over-in-its-group")
    for fine in (said(over, group="others"), said(over), said({**over, "journey": "one"}, group="recalls")):
        assert faults_of(fine, GROUPED) == []


def message(notice: str, **more: Any) -> dict[str, Any]:
    return {"kind": "message", "notice": notice, **more}


def branch(*to: str) -> dict[str, Any]:
    return {"kind": "branch", "cases": [{"when": OF_HYGIENE, "to": each} for each in to]}


REFUSED: list[tuple[Journey, str, str]] = [
    (said(branch("s9")), "/steps/0/cases/0/to", "no-such-step"),
    (said(WAIT, {**WAIT, "next": "s0"}), "/steps/1/next", "not-a-later-step"),
    (said({**WAIT, "next": "s0"}), "/steps/0/next", "not-a-later-step"),
    (said({**WAIT, "next": "s2"}, WAIT, WAIT), "/steps/1", "unreachable"),
    (said({"kind": "exit"}, WAIT), "/steps/1", "unreachable"),
    (said({"kind": "journey", "journey": "mine"}), "/steps/0/journey", "hands-over-to-itself"),
    (said({"kind": "journey", "journey": "three"}), "/steps/0/journey", "no-such-journey"),
    (said({"kind": "journey", "journey": "two"}), "/steps/0/journey", "not-entered-by-hand"),
    (said({"kind": "wait_visit", "hours_before": 24}), "/steps/0/kind", "needs-a-visit"),
    (said(message("confirming")), "/steps/0/notice", "needs-a-visit"),
    (said(WAIT, exits=[{"kind": "visit_gone"}]), "/exits/0", "needs-a-visit"),
    (said(WAIT, exits=[{"kind": "left_segment"}]), "/exits/0", "needs-criteria"),
    (said(WAIT, exits=[{"kind": "booked"}], trigger=VISIT), "/exits/0", "leaves-at-once"),
    (said(WAIT, exits=[{"kind": "booked"}, {"kind": "booked"}]), "/exits/1", "said-twice"),
    (
        said(WAIT, exits=[{"kind": "visit_gone"}], trigger={"kind": "event", "event": "appointment.no_show"}),
        "/exits/0",
        "leaves-at-once",
    ),
    (said(WAIT, purpose="research"), "/purpose", "not-for-a-journey"),
    (said(WAIT, weekdays=[1, 1]), "/weekdays", "said-twice"),
    (said(message("offer")), "/steps/0/notice", "not-for-this-purpose"),
    (said(message("plan"), purpose="marketing"), "/steps/0/notice", "not-for-this-purpose"),
    (said(message("recall")), "/steps/0/notice", "not-for-this-purpose"),
    (said(message("chat")), "/steps/0/notice", "not-for-a-journey"),
    (said(message("note", wording="two")), "/steps/0/wording", "no-such-wording-of-this-kind"),
    (said({"kind": "chat", "texts": [{"language": "it", "text": "Ciao"}]}), "/steps/0/texts", "english-missing"),
    (said({"kind": "chat", "texts": [{"language": "en", "text": "Hi"}] * 2}), "/steps/0/texts", "said-twice"),
    (said({"kind": "task", "task": "call", "title": "T", "preset": "boss"}), "/steps/0/preset", "no-such-preset"),
    (said({"kind": "task", "task": "call", "title": "T", "team_id": IDS[1]}), "/steps/0/team_id", "no-such-team"),
    (said({"kind": "tag", "segment": "one", "joined": True}), "/steps/0/segment", "no-such-tag"),
    (said({"kind": "coupon", "promotion_id": IDS[1]}), "/steps/0/promotion_id", "no-such-promotion"),
    (said({"kind": "survey", "survey_id": IDS[1]}), "/steps/0/survey_id", "no-such-survey"),
    (said({"kind": "webhook", "endpoint_id": IDS[1]}), "/steps/0/endpoint_id", "no-such-endpoint"),
    (said(WAIT, trigger={"kind": "segment", "segment": "three"}), "/trigger/segment", "no-such-segment"),
]


@pytest.mark.parametrize(("journey", "pointer", "code"), REFUSED, ids=[f"{each[2]} {each[1]}" for each in REFUSED])
def test_a_fault_is_named_with_its_place(journey: Journey, pointer: str, code: str) -> None:
    assert faults_of(journey, EVERYTHING) == [Fault(pointer, code)]


def test_a_split_leaves_nothing_to_go_on_to() -> None:
    split = {"kind": "split", "shares": [{"percent": 50, "to": "s1"}, {"percent": 50, "to": "s2"}], "next": "s2"}
    assert faults_of(said(split, {**WAIT, "next": "s2"}, WAIT), NOBODY) == [Fault("/steps/0/next", "never-taken")]


def test_two_cases_may_lead_to_one_step() -> None:
    assert faults_of(said(branch("s1", "s1"), WAIT), NOBODY) == []


def test_what_this_installation_cannot_do_is_refused_and_not_skipped() -> None:
    known = Known(undone=frozenset({StepKind.POINTS}))
    assert faults_of(said({"kind": "points", "points": 5}), known) == [Fault("/steps/0/kind", "not-possible-here")]


@given(journeys, st.sampled_from([NOBODY, EVERYTHING]))
@SURE
def test_what_the_format_accepts_is_published_or_refused_with_a_place_that_there_is(
    journey: Journey, known: Known
) -> None:
    faults = faults_of(journey, known)
    definition = journey.definition()
    for fault in faults:
        assert fault.code == fault.code.lower()
        assert " " not in fault.code
        assert_there_is(definition, fault.pointer)
    if not faults:
        paths = [*every_path(journey)]
        assert {step.id for path in paths for step in path} == {step.id for step in journey.steps}
        assert reach(journey).messages == max(sum(step.kind in SPEAKS for step in path) for path in paths)


@given(journeys)
@SURE
def test_a_document_is_the_same_however_it_is_written(journey: Journey) -> None:
    assert read_document(written_document(journey)) == journey


@given(definitions)
@SURE
def test_what_is_written_is_a_journey_or_refused_with_a_place(definition: dict[str, Any]) -> None:
    journey = journey_of(definition)
    if journey is not None:
        assert read_document(json.dumps(definition)) == journey
        return
    with pytest.raises(Invalid) as refused:
        read_document(json.dumps(definition))
    assert refused.value.faults


@given(st.one_of(st.text(), st.text(alphabet="-: \n[]{}\"'&*!|>%@`#abyesno019~,?"), st.binary().map(repr)))
@SURE
def test_garbage_is_refused_and_breaks_nothing(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_document(text)
    assert refused.value.faults


def assert_there_is(definition: Any, pointer: str) -> None:
    """The place stands in the document; of a member it may be the one that is missing or stands by default."""
    *outer, last = pointer.split("/")[1:]
    for part in outer:
        definition = definition[int(part)] if isinstance(definition, list) else definition[part]
    assert isinstance(definition, dict) or int(last) < len(definition)


def every_path(journey: Journey) -> Iterator[list[Step]]:
    leads = ways_by_start(journey)
    numbers = {step.id: place for place, step in enumerate(journey.steps)}

    def walk(place: int, before: list[Step]) -> Iterator[list[Step]]:
        path = [*before, journey.steps[place]]
        if not leads[place]:
            yield path
        for way in leads[place]:
            yield from walk(numbers[way.to], path)
        if journey.steps[place].kind is not StepKind.SPLIT and journey.after(journey.steps[place]) is None:
            yield path

    return walk(0, [])


def test_the_example_of_the_page_is_sound() -> None:
    page = (ROOT / "docs/journeys.md").read_text(encoding="utf-8")
    journey = read_document(page.split("```yaml\n")[1].split("```")[0])
    assert faults_of(journey, named_by(journey)) == []
    assert reach(journey).messages == 2
    assert {f"`{kind.value}`" for kind in StepKind} <= set(re.findall("`[a-z_]+`", page))
