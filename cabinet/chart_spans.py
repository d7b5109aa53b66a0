"""Work that joins several teeth: bridges from abutment to abutment, splints, retainers, dentures.

Teeth of one `group` belong together. Where a system tells no groups, neighbours do: abutments and pontics that stand
side by side are one bridge, splinted teeth one splint, and the denture teeth of a jaw one denture.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from pydantic import Field

from cabinet.finding import Finding, FindingCode, FindingStatus
from cabinet.tooth import DECIDUOUS, PERMANENT, in_chart_order, is_deciduous, is_upper
from core.values import Value

_C = FindingCode


class SpanKind(StrEnum):
    BRIDGE = "bridge"
    SPLINT = "splint"
    RETAINER = "retainer"
    """A wire that keeps teeth where they were moved to."""
    PARTIAL_DENTURE = "partial_denture"
    FULL_DENTURE = "full_denture"
    """In place of every tooth of its jaw but the wisdom teeth."""


class Span(Value):
    """One piece of work over several teeth (FDI), in chart order."""

    kind: SpanKind
    planned: bool
    teeth: list[str] = Field(max_length=64)
    abutments: list[str] = Field(max_length=64, description="The teeth of a bridge that hold it.")
    pontics: list[str] = Field(max_length=64, description="The teeth that it replaces.")
    cantilever: bool = Field(description="A bridge that is held at one end only, or by nothing that is recorded.")
    text: str = Field(max_length=1000, description="The same in plain words.")


_FAMILY = {
    _C.BRIDGE_ABUTMENT: SpanKind.BRIDGE,
    _C.PONTIC: SpanKind.BRIDGE,
    _C.SPLINT: SpanKind.SPLINT,
    _C.RETAINER: SpanKind.RETAINER,
    _C.DENTURE: SpanKind.PARTIAL_DENTURE,
}
WIRES = frozenset({SpanKind.SPLINT, SpanKind.RETAINER})
"""Run over the teeth themselves."""
_JOINING = WIRES | {SpanKind.BRIDGE}
"""On one tooth alone they join nothing: it is told as that tooth's own finding."""
MOST_SPANS = 128
_FULL = frozenset(tooth for tooth in PERMANENT if tooth[1] != "8")
_ROWS = [
    [tooth for tooth in row if is_upper(tooth) is upper] for row in (PERMANENT, DECIDUOUS) for upper in (True, False)
]
_PLACE = {tooth: (number, place) for number, row in enumerate(_ROWS) for place, tooth in enumerate(row)}


def spans(standing: Iterable[Finding]) -> list[Span]:
    """Of everything that stands in a mouth, what joins teeth; in chart order. Texts are added by `chart_words`."""
    heaps: dict[tuple[SpanKind, bool, str], dict[str, FindingCode]] = defaultdict(dict)
    for finding in standing:
        if finding.code in _FAMILY:
            planned = finding.status is FindingStatus.PLANNED
            heaps[_FAMILY[finding.code], planned, finding.group or ""][finding.tooth] = finding.code
    found = [
        _span(kind, part, codes, planned=planned)
        for (kind, planned, group), codes in heaps.items()
        for part in (_jaws(in_chart_order(codes)) if group else _parts(kind, in_chart_order(codes)))
        if len(part) > 1 or kind not in _JOINING
    ]
    return sorted(found, key=lambda span: (_place(span.teeth[0]), span.kind, span.planned))[:MOST_SPANS]


def _jaws(teeth: Sequence[str]) -> Iterator[list[str]]:
    """Teeth of a group: one name may stand for the work of both jaws, but no piece of work joins them."""
    for upper in (True, False):
        if part := [tooth for tooth in teeth if is_upper(tooth) is upper]:
            yield part


def _parts(kind: SpanKind, teeth: Sequence[str]) -> Iterator[list[str]]:
    """Teeth without a group: of a denture by jaw, of other work by neighbourhood."""
    part: list[str] = []
    for tooth in teeth:
        if part and not _joined(kind, part[-1], tooth):
            yield part
            part = []
        part.append(tooth)
    if part:
        yield part


def _joined(kind: SpanKind, left: str, right: str) -> bool:
    (row, place), (other, next_place) = _place(left), _place(right)
    if kind is SpanKind.PARTIAL_DENTURE:
        return row == other
    return row == other and next_place - place <= 1


def _place(tooth: str) -> tuple[int, int]:
    """Row (permanent upper, lower, milk upper, lower) and place in it, from the patient's right."""
    return _PLACE[tooth[:2]]


def _span(kind: SpanKind, teeth: list[str], codes: dict[str, FindingCode], *, planned: bool) -> Span:
    held = [tooth for tooth in teeth if codes[tooth] is _C.BRIDGE_ABUTMENT]
    replaced = [tooth for tooth in teeth if codes[tooth] in (_C.PONTIC, _C.DENTURE)]
    if kind is SpanKind.PARTIAL_DENTURE and _whole_jaw(teeth):
        kind = SpanKind.FULL_DENTURE
    ends = codes[teeth[0]] is _C.BRIDGE_ABUTMENT and codes[teeth[-1]] is _C.BRIDGE_ABUTMENT and len(held) > 1
    return Span(
        kind=kind,
        planned=planned,
        teeth=teeth,
        abutments=held,
        pontics=replaced,
        cantilever=kind is SpanKind.BRIDGE and not ends,
        text="",
    )


def _whole_jaw(teeth: Sequence[str]) -> bool:
    jaw = {tooth for tooth in _FULL if is_upper(tooth) is is_upper(teeth[0])}
    return not is_deciduous(teeth[0]) and jaw <= set(teeth)
