"""Journey documents drawn at random: most hold together, all are such as the format may be given."""

import uuid
from typing import Any

from hypothesis import strategies as st
from pydantic import ValidationError

from automation.criteria.said import EventKind
from automation.journey.document import Journey
from automation.journey.words import ExitKind, Place
from automation.task import TaskKind
from push.notice import NoticeKind, Purpose

OF_HYGIENE = {
    "kind": "all",
    "items": [
        {"kind": "procedure_last", "procedure": "hygiene", "older_than_days": 180},
        {"kind": "not", "items": [{"kind": "appointment_ahead"}]},
    ],
}
IDS = [str(uuid.UUID(int=number)) for number in range(1, 4)]
KEYS = ["one", "two", "three"]

_events = st.sampled_from([each.value for each in EventKind])
_times = st.sampled_from(["00:00", "09:00", "12:30", "23:59"])
_criteria = st.sampled_from(
    [OF_HYGIENE, {"kind": "age_at_least", "years": 18}, {"kind": "language_is", "language": "it"}]
)
_triggers = st.one_of(
    st.fixed_dictionaries({"kind": st.just("segment"), "criteria": _criteria}),
    st.fixed_dictionaries({"kind": st.just("segment"), "segment": st.sampled_from(KEYS)}),
    st.fixed_dictionaries({"kind": st.just("event"), "event": _events}, optional={"criteria": _criteria}),
    st.fixed_dictionaries(
        {
            "kind": st.just("date"), "fact": st.sampled_from(["birthday", "visit", "visit_done", "coupon_ends"]),
            "days": st.integers(-365, 3_650), "at": _times,
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("period"), "every": st.just("month"), "day": st.integers(1, 31), "at": _times,
            "criteria": _criteria,
        }
    ),
    st.just({"kind": "manual"}),
)  # fmt: skip
_exits = st.one_of(
    st.fixed_dictionaries({"kind": st.sampled_from([ExitKind.BOOKED, ExitKind.VISIT_GONE, ExitKind.LEFT_SEGMENT])}),
    st.fixed_dictionaries({"kind": st.just("happened"), "event": _events}),
    st.fixed_dictionaries({"kind": st.just("matches"), "criteria": _criteria}),
)


def _steps(ids: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.tuples(*(_step(each, [*ids, "nowhere"], place) for place, each in enumerate(ids))).map(list)


def _step(step_id: str, ids: list[str], place: int) -> st.SearchStrategy[dict[str, Any]]:
    """Mostly a way to a later step; now and then to any."""
    later = ids[place + 1 : -1]
    to = st.sampled_from(later) if later else st.sampled_from(ids)
    anywhere = st.one_of(to, to, to, st.sampled_from(ids))
    kinds: list[dict[str, st.SearchStrategy[Any]]] = [
        {"kind": st.just("message"), "notice": st.sampled_from([each.value for each in NoticeKind])},
        {"kind": st.just("message"), "notice": st.just("note"), "wording": st.sampled_from(KEYS),
         "place": st.sampled_from([each.value for each in Place]), "lasts_hours": st.integers(1, 720)},
        {"kind": st.just("chat"), "texts": st.lists(
            st.fixed_dictionaries({"language": st.sampled_from(["en", "ru", "it", "zh"]), "text": st.text(max_size=9)}),
            min_size=1, max_size=4)},
        {"kind": st.just("wait"), "days": st.integers(1, 3_650)},
        {"kind": st.just("wait"), "at": _times, "weekdays": st.lists(st.integers(0, 6), min_size=1, max_size=7)},
        {"kind": st.just("wait_visit"), "hours_before": st.integers(1, 720)},
        {"kind": st.just("wait_visit"), "days_after": st.integers(0, 3_650), "at": _times, "late": anywhere},
        {"kind": st.just("wait_event"), "events": st.lists(_events, min_size=1, max_size=3), "then": anywhere,
         "hours": st.integers(1, 720)},
        {"kind": st.just("branch"), "cases": st.lists(
            st.fixed_dictionaries({"when": _criteria, "to": anywhere}), min_size=1, max_size=4)},
        {"kind": st.just("split"), "shares": st.tuples(
            st.fixed_dictionaries({"percent": st.just(40), "to": anywhere}),
            st.fixed_dictionaries({"percent": st.sampled_from([60, 60, 61]), "to": anywhere})).map(list)},
        {"kind": st.just("tag"), "segment": st.sampled_from(KEYS), "joined": st.booleans()},
        {"kind": st.just("task"), "task": st.sampled_from([each.value for each in TaskKind]),
         "title": st.text(max_size=9)},
        {"kind": st.just("coupon"), "promotion_id": st.sampled_from(IDS)},
        {"kind": st.just("points"), "points": st.integers(0, 1_000)},
        {"kind": st.just("survey"), "survey_id": st.sampled_from(IDS)},
        {"kind": st.just("webhook"), "endpoint_id": st.sampled_from(IDS)},
        {"kind": st.just("journey"), "journey": st.sampled_from([*KEYS, "mine"])},
        {"kind": st.just("exit")},
    ]  # fmt: skip
    said = [st.fixed_dictionaries({"id": st.just(step_id), **each}) for each in kinds]
    return st.one_of(*said, st.one_of(*said).flatmap(lambda each: anywhere.map(lambda to: {**each, "next": to})))


definitions = st.integers(1, 9).flatmap(
    lambda count: st.fixed_dictionaries(
        {
            "key": st.just("mine"),
            "name": st.just("Mine"),
            "purpose": st.sampled_from([each.value for each in Purpose]),
            "trigger": _triggers,
            "steps": _steps([f"s{number}" for number in range(count)]),
        },
        optional={"exits": st.lists(_exits, max_size=3), "weekdays": st.lists(st.integers(0, 6), min_size=1)},
    )
)
"""What somebody may write; some of it the format refuses."""


def journey_of(definition: dict[str, Any]) -> Journey | None:
    """The journey, or nothing where the format refuses it."""
    try:
        return Journey.model_validate(definition, strict=False)
    except ValidationError:
        return None


journeys = definitions.map(journey_of).filter(lambda journey: journey is not None)

_LATER = ("next", "to", "then", "late")


def sound(definition: dict[str, Any]) -> dict[str, Any]:
    """The same document, with all that a clinic would refuse of it set right: its steps and ways are as drawn."""
    about_visit = {"kind": "event", "event": "appointment.booked"}
    trigger = about_visit if _needs_visit(definition) else definition["trigger"]
    if trigger["kind"] in ("date", "period"):  # by which hardly anybody comes in within the two months of a test
        trigger = {"kind": "manual"}
    exits = [each for each in definition.get("exits", []) if each["kind"] in ("happened", "matches")]
    ids = [each["id"] for each in definition["steps"]]
    steps = [_fitting(step, ids[place + 1 :]) for place, step in enumerate(definition["steps"])]
    end = {"id": "end", "kind": "exit"}
    return {
        **definition, "purpose": "recall", "trigger": trigger, "exits": exits[:1], "steps": [*steps, end],
        "weekdays": sorted(set(definition.get("weekdays", range(7)))),
    }  # fmt: skip


def _needs_visit(definition: dict[str, Any]) -> bool:
    return any(each["kind"] == "wait_visit" for each in definition["steps"])


def _fitting(step: dict[str, Any], later: list[str]) -> dict[str, Any]:
    """What turns nowhere goes on; every way leads on, to the next step where it led back."""
    step = _led_on({name: each for name, each in step.items() if name not in ("next", "wording")}, later)
    match step["kind"]:
        case "message":
            step["notice"] = "recall"
        case "chat":
            step["texts"] = [{"language": "en", "text": "How are you?"}]
        case "split":  # nobody comes to what stands behind it but by its shares
            step["shares"] = [{"percent": 40, "to": [*later, "end"][0]}, {"percent": 60, "to": "end"}]
        case "journey" if step["journey"] == "mine":
            step["journey"] = KEYS[0]
        case "wait" if "days" in step:  # or nobody comes to what stands behind ten years
            step["days"] = step["days"] % 9 + 1
        case "exit":
            return {"id": step["id"], "kind": "wait", "hours": 1}
    return step


def _led_on(said: Any, later: list[str]) -> Any:
    if isinstance(said, dict):
        return {
            name: (each if each in later else [*later, "end"][0]) if name in _LATER else _led_on(each, later)
            for name, each in said.items()
        }
    return [_led_on(each, later) for each in said] if isinstance(said, list) else said


sound_journeys = definitions.map(sound).map(journey_of).filter(lambda journey: journey is not None)
"""Such as a clinic publishes that has what they name."""
