"""Says a tooth in words: what a patient reads, and what a screen reader speaks, in four languages."""

import tomllib
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path

from cabinet.chart_spans import Span, SpanKind
from cabinet.finding import GRADES, PRESENCE, WHY_MISSING, FindingCode, FindingStatus, Material
from cabinet.perio import POCKET_FROM, GumState, PerioTooth
from cabinet.tooth import Notation, is_deciduous, is_right, is_supernumerary, is_upper, kind, named
from cabinet.tooth_state import Odontogram, Presence, StandingFinding, ToothState

LANGUAGES = ("en", "ru", "it", "zh")
_FILE = Path(__file__).parent / "data" / "chart_words.toml"


@cache
def _words() -> dict[str, dict[str, dict[str, str]]]:
    """section -> key -> language -> word."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def word(section: str, key: str, language: str) -> str:
    return _words()[section][key][language]


@cache
def tooth_name(tooth: str, language: str, notation: Notation = Notation.FDI) -> str:
    """`Tooth 16, upper right first molar`."""
    side = f"{'upper' if is_upper(tooth) else 'lower'}_{'right' if is_right(tooth) else 'left'}"
    name = word("milk_kind" if is_deciduous(tooth) else "kind", kind(tooth), language)
    if is_supernumerary(tooth):
        name = word("kind", "supernumerary", language).format(kind=name)
    number = named(tooth, notation)
    return word("pattern", "tooth", language).format(number=number, side=word("side", side, language), kind=name)


def in_language(chart: Odontogram, language: str) -> Odontogram:
    """The same chart with every text in `language`."""
    teeth = [_tooth_in(tooth, language) for tooth in chart.teeth]
    spans = [span.model_copy(update={"text": span_text(span, language)}) for span in chart.spans]
    return chart.model_copy(update={"teeth": teeth, "spans": spans})


def _tooth_in(tooth: ToothState, language: str) -> ToothState:
    lines = [line.model_copy(update={"text": capital(finding_text(line, language))}) for line in tooth.findings]
    return tooth.model_copy(update={"findings": lines, "text": tooth_text(tooth, language)})


def tooth_text(state: ToothState, language: str, notation: Notation = Notation.FDI) -> str:
    """`Tooth 16, upper right first molar: in place. Caries (chewing surface). Planned: filling.`"""
    opening = _opening(state.tooth, state.presence, state.assumed, language, notation)
    if not state.findings and state.gum is None:
        return opening.strip()
    return (opening + "".join(sentence + stop(language) for sentence in _sentences(state, language))).strip()


@lru_cache(maxsize=8192)
def _opening(tooth: str, presence: Presence, assumed: bool, language: str, notation: Notation) -> str:
    """The first sentence: which tooth, and whether it is there."""
    told = word("presence", presence, language)
    usual = presence is Presence.UNKNOWN or (presence is Presence.PRESENT and not is_deciduous(tooth))
    if assumed and not usual:
        told = bracketed(told, word("pattern", "assumed", language), language)
    return said_of(tooth_name(tooth, language, notation), told, language) + stop(language)


def _sentences(state: ToothState, language: str) -> Iterator[str]:
    shown = [finding for finding in state.findings if tells_more(finding)]
    planned = FindingStatus.PLANNED
    yield from (capital(finding_text(finding, language)) for finding in shown if finding.status is not planned)
    if state.gum is not None and (gum := gum_text(state.gum, language)):
        yield gum
    ahead = [finding_text(finding, language) for finding in shown if finding.status is planned]
    if ahead:
        yield said_of(word("pattern", "planned", language), listed(ahead, language), language)


def mouth_text(chart: Odontogram, language: str, notation: Notation = Notation.FDI) -> str:
    """The whole chart in a paragraph: how many teeth, what joins them, then each tooth with something to say."""
    told = [tooth_text(tooth, language, notation) for tooth in chart.teeth if _worth_telling(tooth, language)]
    joined = [span_text(span, language, notation) + stop(language).strip() for span in chart.spans]
    rest = " ".join([*joined, *told]) or word("pattern", "healthy", language)
    present = chart.milk_teeth + chart.permanent_teeth
    return word("pattern", "description", language).format(present=present, rest=rest)


_NOTABLE = frozenset({Presence.MISSING, Presence.ROOT_REMNANT, Presence.IMPLANT, Presence.IMPACTED})


def _worth_telling(tooth: ToothState, language: str) -> bool:
    """More than a healthy tooth where one is expected."""
    found = any(tells_more(each) and each.code is not FindingCode.SOUND for each in tooth.findings)
    shed = any(each.code is FindingCode.EXFOLIATED for each in tooth.findings)
    place = is_supernumerary(tooth.tooth) or (tooth.presence in _NOTABLE and not tooth.assumed and not shed)
    return found or place or (tooth.gum is not None and gum_text(tooth.gum, language) != "")


_PLAIN = PRESENCE - WHY_MISSING - {FindingCode.NOT_ASSESSED}


def tells_more(finding: StandingFinding) -> bool:
    """More than the presence, which has been said; why a tooth is missing is more."""
    return finding.status is FindingStatus.PLANNED or finding.code not in _PLAIN


def finding_text(finding: StandingFinding, language: str) -> str:
    """`filling, composite (chewing surface)`, without a capital."""
    details = [word("finding", finding.code, language), *_details(finding, language)]
    name = listed(details, language)
    surfaces = listed((word("surface", surface, language) for surface in finding.surfaces), language)
    if finding.status in _SAID_FIRST:
        name = said_of(word("pattern", finding.status, language), name, language)
    return bracketed(name, surfaces, language) if surfaces else name


_SAID_FIRST = frozenset({FindingStatus.WATCH})


def _details(finding: StandingFinding, language: str) -> Iterator[str]:
    if finding.material not in (None, Material.OTHER):
        yield word("material", finding.material, language)
    if finding.grade is not None:
        number, most = finding.grade, GRADES.get(finding.code, finding.grade)
        yield word("pattern", "grade", language).format(number=number, most=most)
    if finding.canals is not None:
        yield word("pattern", "canals", language).format(number=finding.canals)


def gum_text(gum: GumState, language: str) -> str:
    """`Gum: pocket of 6 mm, bleeds, loose (grade 1 of 3)`; empty where there is nothing to say."""
    depth, told = gum.deepest_mm or 0, []
    if depth >= POCKET_FROM:
        told.append(word("gum", "pocket", language).format(mm=depth))
    if gum.bleeding_sites:
        told.append(word("gum", "bleeding", language))
    told += _loosened(gum, language)
    return said_of(word("gum", "gum", language), listed(told, language), language) if told else ""


def _loosened(gum: GumState | PerioTooth, language: str) -> Iterator[str]:
    if gum.furcation:
        yield word("gum", "furcation", language).format(grade=gum.furcation)
    if gum.mobility:
        yield word("gum", "mobility", language).format(grade=gum.mobility)


def probed_text(tooth: PerioTooth, language: str) -> str:
    """One tooth of an examination of the gums: its depths in order, and what else was seen."""
    flags = ("bleeding", "suppuration", "plaque")
    depths = [word("gum", "not_measured", language) if s.probing_mm is None else str(s.probing_mm) for s in tooth.sites]
    told = [word("gum", "depths", language).format(depths=" ".join(depths))] if depths else []
    told += [word("gum", flag, language) for flag in flags if any(getattr(site, flag) for site in tooth.sites)]
    told += _loosened(tooth, language)
    told = told or [word("gum", "nothing", language)]
    return (said_of(tooth_name(tooth.tooth, language), listed(told, language), language) + stop(language)).strip()


def span_text(span: Span, language: str, notation: Notation = Notation.FDI) -> str:
    """`Bridge 14-16: held by 14, 16; replaces 15`."""
    numbers = [named(tooth, notation) for tooth in span.teeth]
    where = numbers[0] if len(numbers) == 1 else f"{numbers[0]}–{numbers[-1]}"
    name = f"{word('span', span.kind, language)} {where}"
    if span.planned:
        name = said_of(word("pattern", "planned", language), name, language)
    if span.kind is not SpanKind.BRIDGE:
        return name
    parts = {"held_by": span.abutments, "replaces": span.pontics}
    told = [
        word("span", key, language).format(teeth=listed((named(tooth, notation) for tooth in teeth), language))
        for key, teeth in parts.items()
        if teeth
    ]
    return bracketed(name, "; ".join(told), language)


def said_of(name: str, told: str, language: str) -> str:
    return name + word("pattern", "colon", language) + told


def bracketed(name: str, more: str, language: str) -> str:
    return word("pattern", "bracketed", language).format(name=name, more=more)


def listed(words: Iterable[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(words)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def stop(language: str) -> str:
    return "。" if language == "zh" else ". "
