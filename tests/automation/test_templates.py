"""Journeys that come with Enamel: each can be taken as it is, in four languages, and bothers nobody."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from automation.journey.checks import Known, faults_of
from automation.journey.document import Journey, document
from automation.journey.step import Step
from automation.journey.words import ExitKind, StepKind, TriggerKind, clock_time
from automation.task import OUTCOMES, TaskKind
from automation.templates import HYGIENE_RECALL, LANGUAGES, TEMPLATES, ParameterKind, Template, TemplateNotFilled
from identity.permissions import PRESETS
from push.kinds import KINDS
from push.named_words import named_words
from push.notice import Purpose
from tests.automation.filled_templates import ANY_ID, all_drafts, least, most, value_for

DOCS = Path(__file__).parents[2] / "docs" / "journey-templates.md"
DRAFTS = all_drafts()
ASKED_FOR = {
    "first-visit-thanks", "check-up-recall", "hygiene-recall", "control-recall", "estimate-waiting",
    "documents-waiting", "review-request", "balance-reminder", "visit-confirm", "visit-remind", "visit-moved",
    "plan-continue", "come-back", "consultation-missed", "well-being", "before-visit-instructions",
    "after-visit-instructions", "birthday", "holiday", "professional-day", "lead-nurture", "referral-thanks",
    "asleep-return-coupon", "found-untreated", "coupon-ending", "card-ending", "survey-periodic",
    "yearly-invitation", "freed-time",
}  # fmt: skip
CYRILLIC, HAN = re.compile("[а-яА-Я]"), re.compile("[一-鿿]")


def test_all_are_there() -> None:
    assert set(TEMPLATES) == ASKED_FOR
    assert [template.key for template in TEMPLATES.values()] == sorted(ASKED_FOR)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda each: each.key)
def test_each_is_a_journey_in_the_language_of_the_staff(template: Template, language: str) -> None:
    for filled in (least(template), most(template)):
        journey = template.draft(language, filled)
        assert (journey.key, journey.version, journey.name) == (template.key, 1, template.name.said(language))
        assert document(journey.definition()) == journey
        for said in _staff_words(journey):
            assert bool(CYRILLIC.search(said)) is (language == "ru")
            assert bool(HAN.search(said)) is (language == "zh")


def _staff_words(journey: Journey) -> Iterator[str]:
    yield journey.name
    for step in journey.steps:
        yield from (said for said in (step.title, step.description, step.script) if said)


@pytest.mark.parametrize("journey", DRAFTS, ids=lambda each: each.key)
def test_every_way_leads_forward_and_ends_at_an_exit(journey: Journey) -> None:
    places = {step.id: place for place, step in enumerate(journey.steps)}
    reached = {journey.steps[0].id}
    for place, step in enumerate(journey.steps):
        assert step.id in reached, f"nothing leads to {step.id}"
        ways = [*step.leads_to(), *([following] if (following := journey.after(step)) else [])]
        assert all(places[way] > place for way in ways)
        assert ways or step.kind is StepKind.EXIT
        reached |= set(ways)


KNOWN = Known(
    segments=frozenset({"leads"}),
    wordings=frozenset((words.kind, name) for name, words in named_words().items()),
    promotions=frozenset({ANY_ID}),
    surveys=frozenset({ANY_ID}),
    teams=frozenset({ANY_ID}),
    tag_ids=frozenset({ANY_ID}),
)


@pytest.mark.parametrize("journey", DRAFTS, ids=lambda each: each.key)
def test_each_may_be_published_as_it_is(journey: Journey) -> None:
    assert faults_of(journey, KNOWN) == []


@pytest.mark.parametrize("journey", DRAFTS, ids=lambda each: each.key)
def test_what_is_said_has_its_own_words_and_the_purpose_of_its_kind(journey: Journey) -> None:
    for step in journey.steps:
        if step.kind is StepKind.MESSAGE:
            assert step.notice is not None
            assert KINDS[step.notice].purpose is journey.purpose, step.id
            assert step.wording in named_words(), step.id
            assert step.place is not None
        if step.kind is StepKind.SURVEY:
            assert journey.purpose is Purpose.SURVEY
        if step.kind is StepKind.COUPON:
            assert journey.purpose is Purpose.MARKETING
        if step.kind is StepKind.CHAT:
            assert [each.language for each in step.texts or ()] == list(LANGUAGES)


@pytest.mark.parametrize("journey", DRAFTS, ids=lambda each: each.key)
def test_nobody_is_woken_and_nobody_is_told_a_third_time(journey: Journey) -> None:
    assert clock_time(journey.opens) >= clock_time("08:00")
    assert clock_time(journey.closes) <= clock_time("22:00")
    said = [step for step in journey.steps if step.kind in (StepKind.MESSAGE, StepKind.SURVEY)]
    assert len(said) <= 2, "two messages for one reason, and then quiet"


def test_each_text_of_a_message_is_about_its_own_journey() -> None:
    used = {step.wording for journey in DRAFTS for step in journey.steps if step.wording}
    # Said by the step `survey`, by the conversation, and by the offer itself.
    assert set(named_words()) - used == {"review-request", "survey-periodic", "well-being", "freed-time"}


@pytest.mark.parametrize("journey", DRAFTS, ids=lambda each: each.key)
def test_tasks_are_for_somebody_and_can_end_as_the_journey_waits_for(journey: Journey) -> None:
    for step in journey.steps:
        if step.kind is StepKind.TASK:
            assert (step.preset in PRESETS) is (step.team_id is None)
            assert step.script or step.description
        if step.outcomes:
            assert set(step.outcomes) <= OUTCOMES[_task_before(journey, step)]


def _task_before(journey: Journey, step: Step) -> TaskKind:
    before = [each for each in journey.steps[: journey.steps.index(step)] if each.task]
    assert before[-1].task
    return before[-1].task


def test_invitations_to_come_exclude_each_other_in_one_order() -> None:
    inviting = [journey for journey in DRAFTS if journey.group == "recalls"]
    ranks = {journey.key: journey.rank for journey in inviting}
    assert sorted(ranks, key=lambda key: ranks[key]) == [
        "consultation-missed", "plan-continue", "control-recall", "come-back", "found-untreated", "hygiene-recall",
        "check-up-recall", "yearly-invitation", "asleep-return-coupon",
    ]  # fmt: skip
    assert len(set(ranks.values())) == len(ranks)
    for journey in inviting:
        assert ExitKind.BOOKED in {each.kind for each in journey.exits}
    assert {journey.key for journey in DRAFTS if journey.trigger.kind is TriggerKind.SEGMENT and journey.purpose
            is Purpose.RECALL} <= set(ranks)  # fmt: skip


def test_what_is_filled_in_stands_in_the_journey() -> None:
    journey = TEMPLATES["asleep-return-coupon"].draft("en", {"promotion_id": ANY_ID, "months": 18, "per_day": 7})
    assert journey.step("gift").promotion_id == ANY_ID
    assert journey.per_day == 7
    assert journey.trigger.criteria is not None
    assert journey.trigger.criteria.items[0].months == 18
    confirm = TEMPLATES["visit-confirm"].draft("en", {"days_before": 4, "at": "12:30"})
    assert (confirm.trigger.days, confirm.trigger.at) == (-4, "12:30")


def test_a_gift_is_there_only_with_an_offer_and_a_team_takes_the_place_of_the_reception() -> None:
    birthday = TEMPLATES["birthday"]
    assert [step.id for step in birthday.draft("en").steps] == ["greet", "done"]
    assert [step.id for step in birthday.draft("en", {"promotion_id": str(ANY_ID)}).steps] == [
        "gift", "greet-with-gift", "done",
    ]  # fmt: skip
    lost = TEMPLATES["plan-continue"]
    assert (lost.draft("en").step("call").preset, lost.draft("en").step("call").team_id) == ("reception", None)
    ours = lost.draft("en", {"team_id": ANY_ID}).step("call")
    assert (ours.preset, ours.team_id) == (None, ANY_ID)


@pytest.mark.parametrize(
    ("key", "given", "faults"),
    [
        ("review-request", {}, [("/parameters/survey_id", "missing")]),
        ("review-request", {"survey_id": "no id"}, [("/parameters/survey_id", "does-not-fit")]),
        ("hygiene-recall", {"days": 59}, [("/parameters/days", "does-not-fit")]),
        ("hygiene-recall", {"days": 301}, [("/parameters/days", "does-not-fit")]),
        ("hygiene-recall", {"days": "180"}, [("/parameters/days", "does-not-fit")]),
        ("hygiene-recall", {"days": True}, [("/parameters/days", "does-not-fit")]),
        ("hygiene-recall", {"months": 6}, [("/parameters/months", "unknown")]),
        ("visit-remind", {"at": "25:00"}, [("/parameters/at", "does-not-fit")]),
        ("lead-nurture", {"tag_id": "interested"}, [("/parameters/tag_id", "does-not-fit")]),
        ("before-visit-instructions", {"service": ""}, [("/parameters/service", "does-not-fit")]),
        (
            "holiday",
            {"month": 13, "color": "red"},
            [("/parameters/color", "unknown"), ("/parameters/month", "does-not-fit"), ("/parameters/day", "missing")],
        ),
    ],
)
def test_what_is_missing_unknown_or_wrong_is_refused_by_its_place(
    key: str, given: dict[str, int | str], faults: list[tuple[str, str]]
) -> None:
    with pytest.raises(TemplateNotFilled) as refused:
        TEMPLATES[key].draft("en", given)
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == faults


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda each: each.key)
def test_every_number_that_may_be_filled_in_makes_a_journey(template: Template) -> None:
    for parameter in template.parameters:
        if parameter.kind is ParameterKind.NUMBER:
            assert parameter.default is None or parameter.fault(parameter.default) is None
            for number in (parameter.lowest, parameter.highest):
                template.draft("en", {**least(template), parameter.key: number})
        else:
            assert parameter.fault(value_for(parameter)) is None


def test_the_hygiene_recall_has_the_steps_it_always_had() -> None:
    assert [step.id for step in HYGIENE_RECALL.steps] == ["nudge", "think", "remind", "settle", "done"]


def test_the_page_tells_of_each_with_its_parameters() -> None:
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    rows = {line.split("`")[1]: line for line in lines if line.startswith("| `")}
    assert set(rows) == ASKED_FOR
    for key, row in rows.items():
        named = set(re.findall(r"`([a-z_]+)`", row.split("|")[-2]))
        assert named == {parameter.key for parameter in TEMPLATES[key].parameters}, key
