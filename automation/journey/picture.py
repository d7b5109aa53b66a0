"""A journey as a picture: an SVG of its steps with the ways between them, and how many patients stand on each.

One file without scripts, fonts or addresses; readable on light and dark ground; with a title and a description for who
listens to it. Everything of the document is escaped.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from automation.journey.document import Journey
from automation.journey.drawing import HEAD, LINE, MARGIN, WIDTH, Box, Drawing, drawn
from automation.journey.picture_words import happening_said, kind_said, said
from automation.journey.step import Step
from automation.journey.ways import ways_by_start
from automation.journey.words import StepKind

_WIDEST = 33
"""Places of a line in a box; a Chinese sign takes two."""
_SAYS = frozenset({StepKind.MESSAGE, StepKind.CHAT, StepKind.SURVEY})
_WAITS = frozenset({StepKind.WAIT, StepKind.WAIT_VISIT, StepKind.WAIT_EVENT})
_TURNS = frozenset({StepKind.BRANCH, StepKind.SPLIT})
_STYLE = """
.g{fill:#ffffff}.b{fill:#f6f7f9;stroke:#8a94a3;stroke-width:1}.l{fill:none;stroke:#6b7686;stroke-width:1.5}
.a{fill:#6b7686}.t{fill:#1b2430;font:600 13px sans-serif}.d{fill:#46505e;font:12px sans-serif}
.n{fill:#0b5a36;font:600 12px sans-serif}.h{fill:#1b2430;font:600 16px sans-serif}
.says{fill:#2563c9}.waits{fill:#9a6a00}.turns{fill:#7b3fb5}.does{fill:#0e7c66}.ends{fill:#5b6470}
@media (prefers-color-scheme:dark){.g{fill:#14181e}.b{fill:#20262e;stroke:#69758a}.l{stroke:#94a0b2}.a{fill:#94a0b2}
.t,.h{fill:#eef1f5}.d{fill:#bcc5d1}.n{fill:#7fdcb0}.says{fill:#6fa4ff}.waits{fill:#e0b04a}.turns{fill:#c493f5}
.does{fill:#4fd0b3}.ends{fill:#9aa4b2}}
""".replace("\n", "")


@dataclass(frozen=True, slots=True)
class Count:
    standing: int = 0
    passed: int = 0


def picture(journey: Journey, language: str = "en", counts: Mapping[str, Count] | None = None) -> str:
    """The SVG, for a journey whose ways all lead to later steps. `counts`: by step; without them none are shown.

    Raises KeyError for a way that leads nowhere.
    """
    head = list(_head(journey, language))
    top = 2 * MARGIN + LINE * len(head)
    texts = {step.id: tuple(_texts(journey, place, language, counts)) for place, step in enumerate(journey.steps)}
    drawing = drawn(journey, texts, top)
    width = max(drawing.width, 640)
    return "".join(
        (
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {drawing.height}" width="{width}"'
                f' height="{drawing.height}" role="img" aria-labelledby="title desc" lang="{_tag(language)}">'
            ),
            f'<title id="title">{_safe(said("picture", language))}: {_safe(journey.name)}</title>',
            f'<desc id="desc">{_safe(_told(journey, language))}</desc>',
            f"<style>{_STYLE}</style>",
            (
                '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
                ' orient="auto"><path class="a" d="M0 0L8 4L0 8z"/></marker></defs>'
            ),
            f'<rect class="g" width="{width}" height="{drawing.height}"/>',
            *_heading(head),
            *_lines(drawing),
            *(part for box in drawing.boxes for part in _box(box, language)),
            "</svg>\n",
        )
    )


def _tag(language: str) -> str:
    return language if language in ("en", "ru", "it", "zh") else "en"


def _head(journey: Journey, language: str) -> Iterator[str]:
    trigger = journey.trigger
    named = (trigger.kind, trigger.event, trigger.fact, trigger.every)
    how = [happening_said(each, language) for each in named if each is not None]
    how += [trigger.segment] if trigger.segment is not None else []
    yield f"{journey.name} ({journey.key})"
    yield f"{said('enters', language)}: {', '.join(how)}"
    ends = [happening_said(exit_.event or exit_.kind, language) for exit_ in journey.exits]
    if ends:
        yield f"{said('leaves', language)}: {', '.join(dict.fromkeys(ends))}"


def _heading(head: list[str]) -> Iterator[str]:
    for number, line in enumerate(head):
        style = "d" if number else "h"
        yield f'<text class="{style}" x="{MARGIN}" y="{MARGIN + LINE * number + 12}">{_safe(line)}</text>'


def _lines(drawing: Drawing) -> Iterator[str]:
    for corners in drawing.lines:
        path = "M" + "L".join(f"{across} {down}" for across, down in corners)
        yield f'<path class="l" d="{path}" marker-end="url(#end)"/>'


def _box(box: Box, language: str) -> Iterator[str]:
    sort = _sort(box.step.kind)
    yield f"<g><title>{_safe(kind_said(box.step.kind, language))}: {_safe(box.step.id)}</title>"
    yield f'<rect class="b" x="{box.left}" y="{box.top}" width="{WIDTH}" height="{box.height}" rx="6"/>'
    yield f'<rect class="{sort}" x="{box.left}" y="{box.top}" width="6" height="{box.height}" rx="3"/>'
    for number, line in enumerate(box.lines):
        style = "t" if number == 0 else "n" if line.startswith(_MARK) else "d"
        down = box.top + HEAD + LINE * number + 13
        yield f'<text class="{style}" x="{box.left + 16}" y="{down}">{_safe(line.removeprefix(_MARK))}</text>'
    yield "</g>"


def _sort(kind: StepKind) -> str:
    if kind is StepKind.EXIT:
        return "ends"
    return "says" if kind in _SAYS else "waits" if kind in _WAITS else "turns" if kind in _TURNS else "does"


_MARK = "\x01"
"""Begins a line of counts."""


def _texts(journey: Journey, place: int, language: str, counts: Mapping[str, Count] | None) -> Iterator[str]:
    step = journey.steps[place]
    yield _cut(kind_said(step.kind, language))
    yield _cut(step.id)
    if what := _what(step, language):
        yield _cut(what)
    for way in ways_by_start(journey)[place]:
        word = way.word if way.word not in ("then", "late") else said(way.word, language)
        if way.word.isdigit():
            word = f"{said('case', language)} {way.word}"
        if word or step.kind in _TURNS or step.then or step.late:
            yield _cut(f"{word or said('else', language)} → {way.to}")
    if counts is not None:
        count = counts.get(step.id, Count())
        here, gone = said("standing", language), said("passed", language)
        yield f"{_MARK}{count.standing} {here} · {count.passed} {gone}"


def _what(step: Step, language: str) -> str:
    """What the step says of itself beside its kind, in few words."""
    if step.kind in _WAITS:
        return _time(step, language)
    named = (
        step.wording or step.notice, step.title, step.segment, step.journey, step.points, step.outcome,
        step.texts[0].text if step.texts else None,
    )  # fmt: skip
    return next((str(each) for each in named if each is not None), "")


def _time(step: Step, language: str) -> str:
    days, hours = said("days", language), said("hours", language)
    before, after = said("before", language), said("after", language)
    parts = (
        ", ".join(happening_said(each, language) for each in step.events or ()),
        f"{step.days} {days}" if step.days else "",
        f"{step.hours} {hours}" if step.hours else "",
        f"{step.days_before} {days} {before}" if step.days_before is not None else "",
        f"{step.days_after} {days} {after}" if step.days_after is not None else "",
        f"{step.hours_before} {hours} {before}" if step.hours_before else "",
        f"{step.hours_after} {hours} {after}" if step.hours_after else "",
        step.at or "",
    )
    return " · ".join(part for part in parts if part)


def _told(journey: Journey, language: str) -> str:
    """The journey in one breath, for who does not see it."""
    steps = "; ".join(f"{step.id}: {kind_said(step.kind, language)}" for step in journey.steps)
    return f"{len(journey.steps)} {said('steps', language)}. {steps}"


def _cut(line: str) -> str:
    """What fits into a box."""
    places, kept = 0, ""
    for sign in " ".join(line.split()):
        places += 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        if places > _WIDEST:
            return f"{kept}…"
        kept += sign
    return kept


def _safe(text: str) -> str:
    """No mark-up, and no sign that XML does not know."""
    return escape("".join(sign for sign in text if sign >= " " or sign in "\t\n"))
