"""Draws one tooth: from outside with crown and roots, and its five surfaces from the biting side."""

from collections.abc import Iterator, Mapping

from cabinet.chart_shapes import ABUTMENT, SCREW, THREADS, Shape, shape_of, surface_paths
from cabinet.finding import ABSENT, COVERING, RESTORING, ROOT_WORK, FindingCode, FindingStatus, Material
from cabinet.tooth import Surface
from cabinet.tooth_state import Presence, Replacement, SurfaceCondition, SurfaceState, ToothState

PALETTE: Mapping[str, str] = {
    "ink": "#22313C",
    "faint_ink": "#55626C",
    "outline": "#7D6F5C",
    "caries": "#C62828",
    "damaged": "#8A5320",
    "filled": "#1F5FA8",
    "metal": "#3E4A55",
    "pocket": "#AD1457",
    "calculus": "#7A6A1E",
    "sealed": "#00796B",
    "crown": "#A06A00",
    "root_canal": "#7B1FA2",
    "inflamed": "#C2185B",
    "implant": "#556673",
    "missing": "#76838D",
    "planned": "#C84A00",
}
"""Colours of signs; each has a contrast of at least 3:1 with enamel, root, paper, gum and tint, inks 4.5:1."""
ENAMEL, ROOT, PAPER, GUM, TINT = "#FFFDF7", "#FBF0DA", "#FFFFFF", "#FDF1EF", "#FFEFD9"

_C = FindingCode
_INFLAMED = frozenset({_C.APICAL_LESION, _C.ABSCESS, _C.PULPITIS, _C.NECROSIS, _C.PERI_IMPLANTITIS})
_GONE = frozenset({Presence.MISSING, Presence.ROOT_REMNANT, Presence.UNERUPTED, Presence.IMPACTED, Presence.UNKNOWN})
_HIDDEN = frozenset({Presence.UNERUPTED, Presence.IMPACTED})
_FILLS = {
    SurfaceCondition.CARIES: PALETTE["caries"],
    SurfaceCondition.DAMAGED: "url(#ec-damaged)",
    SurfaceCondition.FILLED: PALETTE["filled"],
    SurfaceCondition.SEALED: "url(#ec-sealed)",
    SurfaceCondition.COVERED: "url(#ec-crown)",
    SurfaceCondition.UNKNOWN: "url(#ec-unseen)",
}
_METALS = frozenset({Material.AMALGAM, Material.METAL, Material.GOLD})


def _fill(tooth: ToothState, state: SurfaceState) -> str | None:
    """What a surface is painted with: a filling by what it is made of, hatched where its place was not told."""
    if state.condition is not SurfaceCondition.FILLED:
        return _FILLS.get(state.condition)
    work = [each for each in tooth.findings if each.status is not FindingStatus.PLANNED and each.code in _WORK]
    here = [each for each in work if state.surface in each.surfaces or each.code is _C.VENEER]
    if not here:
        return "url(#ec-somewhere)"
    return "url(#ec-metal)" if here[-1].material in _METALS else PALETTE["filled"]


_WORK = RESTORING | {_C.RESTORED}


def is_ghost(tooth: ToothState) -> bool:
    """Nothing of it is to be seen in the mouth: no tooth, and nothing in its place."""
    return tooth.presence in _GONE and not tooth.crowned and tooth.replacement is None


def side_view(tooth: ToothState) -> Iterator[str]:
    """The tooth from outside: what of root and crown is there, and what was done to it."""
    shape = shape_of(tooth.tooth)
    if tooth.presence is Presence.IMPLANT:
        yield from _implant(outline=False)
    elif tooth.presence is Presence.MISSING:
        yield from _ghost(shape)
    elif tooth.presence is Presence.ROOT_REMNANT:
        yield from _remnant(shape)
    else:
        yield from _standing(tooth, shape)
    if tooth.crowned or tooth.replacement in (Replacement.BRIDGE, Replacement.OTHER):
        yield f'<path d="{shape.crown}" fill="url(#ec-crown)" stroke="{PALETTE["crown"]}" stroke-width="1.5"/>'
    elif tooth.replacement is Replacement.DENTURE:
        yield _denture(shape)
    yield from _marks(tooth, shape)
    yield from _reason(tooth, shape)
    yield from _plans(tooth, shape)


def _standing(tooth: ToothState, shape: Shape) -> Iterator[str]:
    hidden, unknown = tooth.presence in _HIDDEN, tooth.presence is Presence.UNKNOWN
    sink = {Presence.ERUPTING: -12, Presence.UNERUPTED: -43, Presence.IMPACTED: -24}.get(tooth.presence, 0)
    dashed = ' stroke-dasharray="3 2.5"' if hidden or unknown else ""
    faint = ' opacity="0.62"' if hidden else ' opacity="0.5"' if unknown else ""
    turn = " rotate(38 0 0)" if tooth.presence is Presence.IMPACTED else ""
    line = f'stroke="{PALETTE["outline"]}" stroke-width="1.2"{dashed}'
    short = ' transform="scale(1 0.4)"' if hidden else ""
    yield f'<g transform="translate(0 {sink}){turn}"{faint}><g fill="url(#ec-root)" {line}{short}>'
    yield "".join(f'<path d="{root}"/>' for root in shape.roots)
    yield f'</g><path d="{shape.crown}" fill="url(#ec-enamel)" {line}/></g>'


def _ghost(shape: Shape) -> Iterator[str]:
    yield (
        f'<g fill="#F4F6F8" fill-opacity="0.5" stroke="{PALETTE["missing"]}" stroke-width="1.1" '
        f'stroke-dasharray="2.5 3"><path d="{shape.roots[-1]}"/><path d="{shape.crown}"/></g>'
    )


def _remnant(shape: Shape) -> Iterator[str]:
    line = f'stroke="{PALETTE["outline"]}" stroke-width="1.2"'
    yield "".join(f'<path d="{root}" fill="url(#ec-root)" {line}/>' for root in shape.roots)
    n = shape.half * 0.66
    broken = f"M {-n:.1f} 0 L {-n * 0.5:.1f} 5 L {-n * 0.15:.1f} 0 L {n * 0.3:.1f} 6 L {n * 0.6:.1f} 1 L {n:.1f} 3"
    yield f'<path d="{broken}" fill="none" stroke="{PALETTE["damaged"]}" stroke-width="2.2"/>'


def _implant(*, outline: bool) -> Iterator[str]:
    colour = PALETTE["planned"] if outline else PALETTE["implant"]
    fill = "none" if outline else "url(#ec-titanium)"
    dashed = ' stroke-dasharray="3 2"' if outline else ""
    yield f'<g fill="{fill}" stroke="{colour}" stroke-width="1.4"{dashed}><path d="{SCREW}"/><path d="{ABUTMENT}"/></g>'
    yield f'<path d="{THREADS}" stroke="{colour}" stroke-width="1.7" stroke-linecap="round"/>'


CRACK = "M -7 8 L 1 16 L -4 22 L 6 31"
CALCULUS = "M -9 5 q 2 -5 4 -1 q 2.5 -5 5 -0.5 q 2.5 -4 4.5 0 q 3 -3 4.5 1.5 Z"
"""Along the neck."""
LOOSE = "M -8 0 h 16 m -4 -3.5 l 4 3.5 l -4 3.5 M -4 -3.5 l -4 3.5 l 4 3.5"
"""A tooth that can be moved."""
LOST_TO_DISEASE = "M -5 -5 L 5 5 M 5 -5 L -5 5"
LOST_OTHERWISE = "M -5 5 L 5 -5"
NEVER_FORMED = "M 0 -5 A 5 5 0 1 0 0.1 -5 Z"
_REASONS = (
    dict.fromkeys((_C.MISSING_DISEASE, _C.MISSING_CARIES, _C.MISSING_PERIODONTAL), LOST_TO_DISEASE)
    | dict.fromkeys((_C.MISSING_OTHER, _C.MISSING_TRAUMA, _C.MISSING_ORTHODONTIC, _C.EXTRACTED), LOST_OTHERWISE)
    | {_C.MISSING_CONGENITAL: NEVER_FORMED}
)


def _reason(tooth: ToothState, shape: Shape) -> Iterator[str]:
    """Why a tooth is missing, where its root would be; no sign where nobody knows."""
    codes = [each.code for each in tooth.findings if each.status is not FindingStatus.PLANNED and each.code in ABSENT]
    if tooth.presence is Presence.MISSING and codes and codes[-1] in _REASONS:
        look = f'fill="none" stroke="{PALETTE["faint_ink"]}" stroke-width="2" stroke-linecap="round"'
        yield f'<path transform="translate(0 {-shape.length * 0.45:.1f})" d="{_REASONS[codes[-1]]}" {look}/>'


def _denture(shape: Shape) -> str:
    b = shape.half
    base = f"M {-b - 3:.1f} 4 Q {-b - 3:.1f} -15 0 -15 Q {b + 3:.1f} -15 {b + 3:.1f} 4 Q 0 14 {-b - 3:.1f} 4 Z"
    return (
        f'<path d="{shape.crown}" fill="url(#ec-enamel)" stroke="{PALETTE["crown"]}" stroke-width="1.5"/>'
        f'<path d="{base}" fill="#E9A6A0" stroke="{PALETTE["inflamed"]}" stroke-width="1"/>'
    )


def _marks(tooth: ToothState, shape: Shape) -> Iterator[str]:
    """What was found and done, on the crown and in the root."""
    codes = {finding.code for finding in tooth.findings if finding.status is not FindingStatus.PLANNED}
    if tooth.presence not in _HIDDEN:
        yield from (_spot(tooth, state, shape) for state in tooth.surfaces if state.condition in _SPOTS)
    if _C.NOT_ASSESSED in codes and tooth.presence is Presence.PRESENT:
        yield f'<path d="{shape.crown}" fill="url(#ec-unseen)" fill-opacity="0.6"/>'
    if codes & {_C.CARIES, _C.SECONDARY_CARIES} and not any(
        state.condition is SurfaceCondition.CARIES for state in tooth.surfaces
    ):
        yield _blot(0, shape.height * 0.5, shape.half * 0.3, PALETTE["caries"])
    yield from _root_marks(tooth, shape, codes)
    if _C.FRACTURE in codes:
        yield f'<path d="{CRACK}" fill="none" stroke="{PALETTE["damaged"]}" stroke-width="2.2"/>'
    if _C.CALCULUS in codes:
        yield f'<path d="{CALCULUS}" fill="{PALETTE["calculus"]}"/>'
    if _C.MOBILITY in codes or (tooth.gum is not None and tooth.gum.mobility):
        look = f'fill="none" stroke="{PALETTE["damaged"]}" stroke-width="1.8"'
        yield f'<path transform="translate(0 {shape.height + 7:.1f})" d="{LOOSE}" {look}/>'
    if _C.BRACKET in codes:
        box = 'x="-5" y="13" width="10" height="10" rx="2" fill="#DCE3E8"'
        yield f'<rect {box} stroke="{PALETTE["implant"]}" stroke-width="1.6"/>'


def _root_marks(tooth: ToothState, shape: Shape, codes: set[FindingCode]) -> Iterator[str]:
    if codes & ROOT_WORK:
        paths = "".join(f'<path d="{canal}"/>' for canal in shape.canals)
        begun = "" if tooth.root_canal else ' stroke-dasharray="1 5"'
        colour = PALETTE["root_canal"]
        yield f'<g fill="none" stroke="{colour}" stroke-width="2.8" stroke-linecap="round"{begun}>{paths}</g>'
    if codes & _INFLAMED:
        yield "".join(_ring(x, y) for x, y in shape.apices[:1])


def _ring(x: float, y: float) -> str:
    colour = PALETTE["inflamed"]
    look = f'fill="{colour}" fill-opacity="0.28" stroke="{colour}" stroke-width="2"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6.5" {look}/>'


_SPOTS = frozenset(
    {SurfaceCondition.CARIES, SurfaceCondition.FILLED, SurfaceCondition.DAMAGED, SurfaceCondition.SEALED}
)
# Where a surface shows from outside, in parts of the crown: x, y, width. The inner side does not.
_SEEN = {
    Surface.VESTIBULAR: (0.0, 0.46, 0.36),
    Surface.MESIAL: (0.68, 0.5, 0.19),
    Surface.DISTAL: (-0.68, 0.5, 0.19),
    Surface.OCCLUSAL: (0.0, 0.8, 0.42),
    Surface.INCISAL: (0.0, 0.9, 0.42),
}


def _spot(tooth: ToothState, state: SurfaceState, shape: Shape) -> str:
    if state.surface not in _SEEN:
        return ""
    x, y, width = _SEEN[state.surface]
    fill = _fill(tooth, state)
    return _blot(x * shape.half, y * shape.height, width * shape.half, fill or ENAMEL, flat=state.surface in "OI")


def _blot(x: float, y: float, r: float, fill: str, *, flat: bool = False) -> str:
    up = 3.6 if flat else r * 1.15
    wave = f"c {r * 0.2:.1f} {-up:.1f} {r * 1.7:.1f} {-up * 1.25:.1f} {2 * r:.1f} 0"
    back = f"c {-r * 0.1:.1f} {up * 1.2:.1f} {-r * 1.8:.1f} {up:.1f} {-2 * r:.1f} 0"
    return f'<path d="M {x - r:.1f} {y:.1f} {wave} {back} Z" fill="{fill}"/>'


def _plans(tooth: ToothState, shape: Shape) -> Iterator[str]:
    """What is to come, in outline."""
    codes = {finding.code for finding in tooth.findings if finding.status is FindingStatus.PLANNED}
    colour = PALETTE["planned"]
    if _C.IMPLANT in codes:
        yield from _implant(outline=True)
    if codes & (COVERING | {_C.PONTIC, _C.VENEER}):
        yield f'<path d="{shape.crown}" fill="none" stroke="{colour}" stroke-width="2.4" stroke-dasharray="4 2.5"/>'
    if _C.ROOT_CANAL in codes:
        paths = "".join(f'<path d="{canal}"/>' for canal in shape.canals)
        yield f'<g fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="4 3">{paths}</g>'
    if _C.EXTRACTED in codes:
        b, h = shape.half, shape.height
        cross = f"M {-b:.1f} {h:.1f} L {b:.1f} {-h:.1f} M {b:.1f} {h:.1f} L {-b:.1f} {-h:.1f}"
        yield f'<path d="{cross}" stroke="{colour}" stroke-width="2.6" stroke-linecap="round"/>'


def biting_view(tooth: ToothState) -> Iterator[str]:
    """The five surfaces from the biting side."""
    paths = surface_paths(tooth.tooth)
    for state in tooth.surfaces:
        yield f'<path d="{paths[state.surface]}" {_face(tooth, state)}/>'
    for state in tooth.surfaces:
        if state.planned:
            dashes = f'stroke="{PALETTE["planned"]}" stroke-width="2.2" stroke-dasharray="3 2"'
            yield f'<path d="{paths[state.surface]}" fill="none" {dashes}/>'


_NOTHING = frozenset({SurfaceCondition.SOUND, SurfaceCondition.ABSENT, SurfaceCondition.UNKNOWN})


def _face(tooth: ToothState, state: SurfaceState) -> str:
    if is_ghost(tooth) and state.condition in _NOTHING:
        return f'fill="none" stroke="{PALETTE["missing"]}" stroke-width="0.9" stroke-dasharray="2 2.5"'
    made = tooth.replacement in (Replacement.BRIDGE, Replacement.OTHER)
    fill = _fill(tooth, state) or ("url(#ec-crown)" if made else ENAMEL)
    return f'fill="{fill}" stroke="{PALETTE["outline"]}" stroke-width="1.1"'
