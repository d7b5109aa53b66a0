"""Says a tooth in words: what a patient reads, and what a screen reader speaks, in four languages."""

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from cabinet.finding import PRESENCE, FindingCode, FindingStatus
from cabinet.tooth import is_deciduous, is_right, is_supernumerary, is_upper, kind
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
def tooth_name(tooth: str, language: str) -> str:
    """`Tooth 16, upper right first molar`."""
    side = f"{'upper' if is_upper(tooth) else 'lower'}_{'right' if is_right(tooth) else 'left'}"
    name = word("milk_kind" if is_deciduous(tooth) else "kind", kind(tooth), language)
    if is_supernumerary(tooth):
        name = word("kind", "supernumerary", language).format(kind=name)
    return word("pattern", "tooth", language).format(number=tooth, side=word("side", side, language), kind=name)


def tooth_text(state: ToothState, language: str) -> str:
    """`Tooth 16, upper right first molar: in place. Caries (chewing surface). Planned: filling.`"""
    presence = word("presence", state.presence, language)
    usual = state.presence is Presence.UNKNOWN or (state.presence is Presence.PRESENT and not state.deciduous)
    if state.assumed and not usual:
        presence += f" ({word('pattern', 'assumed', language)})"
    shown = [finding for finding in state.findings if _tells_more(finding)]
    planned = FindingStatus.PLANNED
    now = [_finding_text(finding, language) for finding in shown if finding.status is not planned]
    ahead = [_finding_text(finding, language) for finding in shown if finding.status is planned]
    sentences = [f"{tooth_name(state.tooth, language)}: {presence}", *map(_capital, now)]
    if ahead:
        sentences.append(f"{word('pattern', 'planned', language)}: {', '.join(ahead)}")
    return "".join(sentence + _stop(language) for sentence in sentences).strip()


def mouth_text(chart: Odontogram, language: str) -> str:
    """The whole chart in a paragraph: how many teeth, then each tooth of which there is something to say."""
    present = sum(tooth.presence in (Presence.PRESENT, Presence.ERUPTING) for tooth in chart.teeth)
    told = [tooth_text(tooth, language) for tooth in chart.teeth if any(_tells_more(each) for each in tooth.findings)]
    rest = " ".join(told) or word("pattern", "healthy", language)
    return word("pattern", "description", language).format(present=present, rest=rest)


def _tells_more(finding: StandingFinding) -> bool:
    """More than the presence, which has been said; why a tooth is missing is more."""
    plain = PRESENCE - {
        FindingCode.NOT_ASSESSED,
        FindingCode.MISSING_DISEASE,
        FindingCode.MISSING_OTHER,
        FindingCode.MISSING_CONGENITAL,
    }
    return finding.status is FindingStatus.PLANNED or finding.code not in plain


def _finding_text(finding: StandingFinding, language: str) -> str:
    name = word("finding", finding.code, language)
    surfaces = _listed((word("surface", surface, language) for surface in finding.surfaces), language)
    if finding.status is FindingStatus.WATCH:
        name = f"{word('pattern', 'watch', language)}: {name}"
    return f"{name} ({surfaces})" if surfaces else name


def _listed(words: Iterable[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(words)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _stop(language: str) -> str:
    return "。" if language == "zh" else ". "
