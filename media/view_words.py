"""Names protocols and their views in plain words, for patients, in four languages."""

import tomllib
from functools import cache
from pathlib import Path

from media.series import Phase, PlaceState, Protocol, View

LANGUAGES = ("en", "ru", "it", "zh")
_FILE = Path(__file__).parent / "data" / "view_words.toml"


@cache
def _words() -> dict[str, dict[str, dict[str, str]]]:
    """section -> key -> language -> word."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def protocol_name(protocol: Protocol, language: str) -> str:
    return _words()["protocol"][protocol.value][language]


def view_name(view: View, language: str) -> str:
    """`Upper right molars`; of a free series `Picture 3`."""
    if view.code.isdigit():
        return _words()["state"]["numbered"][language].format(number=view.code)
    return _words()["view"][view.code][language]


def state_name(state: PlaceState, language: str) -> str:
    """What stands in the frame of a place without a picture; of one that is taken: until it was looked into."""
    return _words()["state"][state.value][language]


def phase_name(phase: Phase, language: str) -> str:
    return _words()["phase"][phase.value][language]


def sides(language: str) -> tuple[str, str]:
    """What stands at the left and at the right edge of a mount: the patient's right and left."""
    return _words()["side"]["right"][language], _words()["side"]["left"][language]
