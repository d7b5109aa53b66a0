"""What changed in a mouth between two dates: per tooth what came, what went and what stands there now, in words."""

from collections.abc import Iterator
from datetime import date

from pydantic import Field

from cabinet.chart_words import bracketed, capital, finding_text, listed, said_of, stop, tells_more, tooth_name, word
from cabinet.finding import FindingStatus
from cabinet.perio import POCKET_FROM
from cabinet.tooth import in_chart_order
from cabinet.tooth_state import MOST_FINDINGS, MOST_TEETH, Odontogram, Presence, StandingFinding, ToothState
from core.values import Int32, Value


class ToothChange(Value):
    """One tooth that is not as it was. `before` and `after` are null where the chart of that date had no such tooth."""

    tooth: str = Field(max_length=4, examples=["16"])
    universal: str = Field(max_length=6, examples=["3"])
    palmer: str = Field(max_length=6, examples=["UR6"])
    before: Presence | None
    after: Presence | None
    appeared: list[StandingFinding] = Field(max_length=MOST_FINDINGS)
    ended: list[StandingFinding] = Field(max_length=MOST_FINDINGS)
    pocket_before_mm: Int32 | None
    pocket_after_mm: Int32 | None
    text: str = Field(max_length=40_000, description="The same in plain words.")


class ChartChanges(Value):
    """Every tooth that changed between two dates, in chart order."""

    since: date
    until: date
    teeth: list[ToothChange] = Field(max_length=MOST_TEETH)
    text: str = Field(description="The same in plain words.")


def changes(before: Odontogram, after: Odontogram, since: date, until: date, language: str) -> ChartChanges:
    """The difference of two charts of one patient, both in `language`."""
    old, new = ({tooth.tooth: tooth for tooth in chart.teeth} for chart in (before, after))
    teeth = [
        change
        for name in in_chart_order({*old, *new})
        if (change := _change(old.get(name), new.get(name), language)) is not None
    ]
    told = " ".join(change.text for change in teeth) or word("pattern", "nothing_changed", language)
    return ChartChanges(since=since, until=until, teeth=teeth, text=told)


_Line = tuple[object, ...]


def _change(old: ToothState | None, new: ToothState | None, language: str) -> ToothChange | None:
    named = new or old
    assert named is not None
    were, are = _lines(old), _lines(new)
    change = ToothChange(
        tooth=named.tooth,
        universal=named.universal,
        palmer=named.palmer,
        before=old and old.presence,
        after=new and new.presence,
        appeared=[line for key, line in are.items() if key not in were],
        ended=[line for key, line in were.items() if key not in are],
        pocket_before_mm=_pocket(old),
        pocket_after_mm=_pocket(new),
        text="",
    )
    if change.before == change.after and not _deepened_or_healed(change) and not change.appeared and not change.ended:
        return None
    return change.model_copy(update={"text": _text(change, language)})


def _lines(tooth: ToothState | None) -> dict[_Line, StandingFinding]:
    """What is told of a tooth, by what it says. Found again on a later day is no change."""
    return {_key(line): line for line in tooth.findings if tells_more(line)} if tooth is not None else {}


def _key(line: StandingFinding) -> _Line:
    return (line.code, line.status, tuple(line.surfaces), line.material, line.group, line.grade, line.canals)


def _pocket(tooth: ToothState | None) -> int | None:
    return tooth.gum.deepest_mm if tooth is not None and tooth.gum is not None else None


def _deepened_or_healed(change: ToothChange) -> bool:
    """Measured both times, and a pocket before or after: to be probed for the first time is no change of the gum."""
    before, after = change.pocket_before_mm, change.pocket_after_mm
    return before is not None and after is not None and before != after and max(before, after) >= POCKET_FROM


def _text(change: ToothChange, language: str) -> str:
    """`Tooth 16, upper right first molar. New: filling. No longer: caries.`"""
    told = [tooth_name(change.tooth, language), *map(capital, _told(change, language))]
    return "".join(part + stop(language) for part in told).strip()


def _told(change: ToothChange, language: str) -> Iterator[str]:
    if change.before is not change.after:
        places = (change.before or Presence.UNKNOWN, change.after or Presence.UNKNOWN)
        before, after = (word("presence", place, language) for place in places)
        yield word("pattern", "presence_changed", language).format(before=before, after=after)
    for key, lines in (("now_new", change.appeared), ("now_ended", change.ended)):
        if lines:
            told = listed((_said(line, language) for line in lines), language)
            yield said_of(word("pattern", key, language), told, language)
    if _deepened_or_healed(change):
        depths = {"before": change.pocket_before_mm, "after": change.pocket_after_mm}
        yield word("pattern", "pocket_changed", language).format(**depths)


def _said(line: StandingFinding, language: str) -> str:
    told = finding_text(line, language)
    planned = word("pattern", "planned", language)
    return bracketed(told, planned.lower(), language) if line.status is FindingStatus.PLANNED else told
