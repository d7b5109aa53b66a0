"""For what a journey is refused that its format allows: each fault with its place in the document and a stable code."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from automation.criteria.said import EventKind
from automation.journey.document import Journey
from automation.journey.step import Step
from automation.journey.ways import reached, ways
from automation.journey.words import DateFact, ExitKind, StepKind, TriggerKind
from automation.segment import Criterion, leaves
from core.errors import Fault
from identity.permissions import PRESETS
from push.kinds import KINDS
from push.notice import NoticeKind, Purpose

PURPOSES = frozenset({Purpose.SERVICE, Purpose.RECALL, Purpose.MARKETING, Purpose.SURVEY})
"""What a journey may be for; the other purposes have senders of their own."""

_E = EventKind
VISIT_BOOKED = frozenset(
    {
        _E.APPOINTMENT_REQUESTED, _E.APPOINTMENT_BOOKED, _E.APPOINTMENT_CONFIRMED,
        _E.APPOINTMENT_CONFIRMED_BY_PATIENT, _E.APPOINTMENT_MOVED,
    }
)  # fmt: skip
"""After these the visit stands."""
VISIT_OVER = frozenset(
    {
        _E.APPOINTMENT_ARRIVED, _E.APPOINTMENT_COMPLETED, _E.APPOINTMENT_CANCELLED, _E.APPOINTMENT_DECLINED,
        _E.APPOINTMENT_NO_SHOW,
    }
)  # fmt: skip
"""After these it holds no place any more."""
OF_VISIT = frozenset({NoticeKind.CONFIRMING, NoticeKind.REMINDING, NoticeKind.VISIT})
"""What cannot be said without a visit that it is about."""


@dataclass(frozen=True, slots=True)
class Known:
    """What there is in the clinic that a document may name. `tags`: the segments that are given by hand.

    `wordings`: with the kind of notice that they are words of. `journeys`: the trigger of each that runs; `groups`:
    the group of those that are of one. `undone`: kinds of steps that this installation cannot do.
    """

    segments: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    wordings: frozenset[tuple[NoticeKind, str]] = frozenset()
    promotions: frozenset[UUID] = frozenset()
    surveys: frozenset[UUID] = frozenset()
    teams: frozenset[UUID] = frozenset()
    endpoints: frozenset[UUID] = frozenset()
    tag_ids: frozenset[UUID] = frozenset()
    journeys: Mapping[str, TriggerKind] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    undone: frozenset[StepKind] = frozenset()


def named_by(journey: Journey) -> Known:
    """Everything that the document itself names, as if it were there: for who checks it without a clinic."""
    steps = journey.steps
    segments = {journey.trigger.segment, *(step.segment for step in steps)} - {None}
    return Known(
        segments=frozenset(each for each in segments if each),
        tags=frozenset(each for each in segments if each),
        wordings=frozenset((step.notice, step.wording) for step in steps if step.notice and step.wording),
        promotions=frozenset(step.promotion_id for step in steps if step.promotion_id),
        surveys=frozenset(step.survey_id for step in steps if step.survey_id),
        teams=frozenset(step.team_id for step in steps if step.team_id),
        endpoints=frozenset(step.endpoint_id for step in steps if step.endpoint_id),
        tag_ids=frozenset(leaf.segment_id for _, tree in trees(journey) for leaf in leaves(tree) if leaf.segment_id),
        journeys={step.journey: TriggerKind.MANUAL for step in steps if step.journey},
    )


def about_visit(journey: Journey) -> bool:
    """Whether each enrolment is about one visit."""
    trigger = journey.trigger
    return trigger.event in VISIT_BOOKED | VISIT_OVER or trigger.fact in (DateFact.VISIT, DateFact.VISIT_DONE)


def faults_of(journey: Journey, known: Known) -> list[Fault]:
    """Empty: it may be published."""
    return [*_of_ways(journey), *_of_whole(journey), *_of_exits(journey), *_of_steps(journey, known)]


def _of_ways(journey: Journey) -> Iterator[Fault]:
    """Every way leads to a later step, so every journey ends; and every step is somebody's."""
    numbers = {step.id: place for place, step in enumerate(journey.steps)}
    astray = False
    for way in ways(journey):
        if way.to not in numbers:
            yield Fault(way.pointer, "no-such-step")
        elif numbers[way.to] <= way.start:
            yield Fault(way.pointer, "not-a-later-step")
        else:
            continue
        astray = True
    found = reached(journey)
    for place, step in enumerate(journey.steps):
        if step.kind is StepKind.SPLIT and step.next is not None:
            yield Fault(f"/steps/{place}/next", "never-taken")
        # Where a way leads astray, what it should have led to looks unreachable and is not.
        if step.id not in found and not astray:
            yield Fault(f"/steps/{place}", "unreachable")


def _of_whole(journey: Journey) -> Iterator[Fault]:
    if journey.purpose not in PURPOSES:
        yield Fault("/purpose", "not-for-a-journey")
    if len(set(journey.weekdays)) < len(journey.weekdays):
        yield Fault("/weekdays", "said-twice")


def _of_exits(journey: Journey) -> Iterator[Fault]:
    trigger = journey.trigger
    ahead = trigger.event in VISIT_BOOKED or (trigger.fact is DateFact.VISIT and (trigger.days or 0) < 0)
    over = trigger.event in VISIT_OVER or trigger.fact is DateFact.VISIT_DONE
    for place, exit_ in enumerate(journey.exits):
        at = f"/exits/{place}"
        if exit_ in journey.exits[:place]:
            yield Fault(at, "said-twice")
        if exit_.kind is ExitKind.VISIT_GONE and not about_visit(journey):
            yield Fault(at, "needs-a-visit")
        if exit_.kind is ExitKind.LEFT_SEGMENT and trigger.criteria is None and trigger.segment is None:
            yield Fault(at, "needs-criteria")
        if (exit_.kind is ExitKind.BOOKED and ahead) or (exit_.kind is ExitKind.VISIT_GONE and over):
            yield Fault(at, "leaves-at-once")


def _of_steps(journey: Journey, known: Known) -> Iterator[Fault]:
    if journey.trigger.segment is not None and journey.trigger.segment not in known.segments:
        yield Fault("/trigger/segment", "no-such-segment")
    yield from _of_tags(journey, known)
    for place, step in enumerate(journey.steps):
        at = f"/steps/{place}"
        if step.kind in known.undone:
            yield Fault(f"{at}/kind", "not-possible-here")
        elif step.kind in _CHECKS:
            yield from _CHECKS[step.kind](journey, step, known, at)


def _of_tags(journey: Journey, known: Known) -> Iterator[Fault]:
    """Segments of the library that a tree asks for."""
    for pointer, tree in trees(journey):
        for inner, leaf in _leaves(pointer, tree):
            if leaf.segment_id is not None and leaf.segment_id not in known.tag_ids:
                yield Fault(f"{inner}/segment_id", "no-such-segment")


def trees(journey: Journey) -> Iterator[tuple[str, Criterion]]:
    """Every criteria tree with its place in the document."""
    if journey.trigger.criteria is not None:
        yield "/trigger/criteria", journey.trigger.criteria
    for place, exit_ in enumerate(journey.exits):
        if exit_.criteria is not None:
            yield f"/exits/{place}/criteria", exit_.criteria
    for place, step in enumerate(journey.steps):
        for number, case in enumerate(step.cases or ()):
            yield f"/steps/{place}/cases/{number}/when", case.when


def _leaves(pointer: str, tree: Criterion) -> Iterator[tuple[str, Criterion]]:
    if not tree.items:
        yield pointer, tree
    for number, item in enumerate(tree.items):
        yield from _leaves(f"{pointer}/items/{number}", item)


def _message(journey: Journey, step: Step, known: Known, at: str) -> Iterator[Fault]:
    """Advertising needs the yes to advertising; and what belongs to the treatment is not sent under that yes."""
    notice = step.notice
    assert notice is not None
    needs = KINDS[notice].purpose
    if notice is NoticeKind.CHAT:
        yield Fault(f"{at}/notice", "not-for-a-journey")
    elif (needs is Purpose.MARKETING) != (journey.purpose is Purpose.MARKETING) or (
        needs not in (Purpose.SERVICE, journey.purpose)
    ):
        yield Fault(f"{at}/notice", "not-for-this-purpose")
    if notice in OF_VISIT and not about_visit(journey):
        yield Fault(f"{at}/notice", "needs-a-visit")
    if step.wording is not None and (notice, step.wording) not in known.wordings:
        yield Fault(f"{at}/wording", "no-such-wording-of-this-kind")


def _chat(_: Journey, step: Step, __: Known, at: str) -> Iterator[Fault]:
    said = [each.language for each in step.texts or ()]
    if len(set(said)) < len(said):
        yield Fault(f"{at}/texts", "said-twice")
    if "en" not in said:
        yield Fault(f"{at}/texts", "english-missing")


def _visit(journey: Journey, _: Step, __: Known, at: str) -> Iterator[Fault]:
    if not about_visit(journey):
        yield Fault(f"{at}/kind", "needs-a-visit")


def _event(_: Journey, step: Step, __: Known, at: str) -> Iterator[Fault]:
    if step.outcomes and [each.value for each in step.events or ()] != ["task.done"]:
        yield Fault(f"{at}/outcomes", "only-of-task-done")


def _task(_: Journey, step: Step, known: Known, at: str) -> Iterator[Fault]:
    if step.preset is not None and step.team_id is not None:
        yield Fault(f"{at}/team_id", "one-of-preset-and-team")
    if step.preset is not None and step.preset not in PRESETS:
        yield Fault(f"{at}/preset", "no-such-preset")
    if step.team_id is not None and step.team_id not in known.teams:
        yield Fault(f"{at}/team_id", "no-such-team")


def _tag(_: Journey, step: Step, known: Known, at: str) -> Iterator[Fault]:
    if step.segment not in known.tags:
        yield Fault(f"{at}/segment", "no-such-tag")


def _journey(journey: Journey, step: Step, known: Known, at: str) -> Iterator[Fault]:
    """A row of journeys that hand over to each other ends by their number; to itself none needs to hand over, and one
    of its own group takes nobody in who is still on it."""
    assert step.journey is not None
    if step.journey == journey.key:
        yield Fault(f"{at}/journey", "hands-over-to-itself")
    elif step.journey not in known.journeys:
        yield Fault(f"{at}/journey", "no-such-journey")
    elif known.journeys[step.journey] is not TriggerKind.MANUAL:
        yield Fault(f"{at}/journey", "not-entered-by-hand")
    elif journey.group is not None and known.groups.get(step.journey) == journey.group:
        yield Fault(f"{at}/journey", "hands-over-in-its-group")


def _named(member: str, among: Callable[[Known], frozenset[UUID]], code: str) -> "_Check":
    def check(_: Journey, step: Step, known: Known, at: str) -> Iterator[Fault]:
        if getattr(step, member) not in among(known):
            yield Fault(f"{at}/{member}", code)

    return check


_Check = Callable[[Journey, Step, Known, str], Iterator[Fault]]

_CHECKS: dict[StepKind, _Check] = {
    StepKind.MESSAGE: _message,
    StepKind.CHAT: _chat,
    StepKind.WAIT_VISIT: _visit,
    StepKind.WAIT_EVENT: _event,
    StepKind.TASK: _task,
    StepKind.TAG: _tag,
    StepKind.JOURNEY: _journey,
    StepKind.COUPON: _named("promotion_id", lambda known: known.promotions, "no-such-promotion"),
    StepKind.SURVEY: _named("survey_id", lambda known: known.surveys, "no-such-survey"),
    StepKind.WEBHOOK: _named("endpoint_id", lambda known: known.endpoints, "no-such-endpoint"),
}
