"""The words patients agree to, in versions that are never altered: what was shown can be shown again, to the letter."""

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from push.consent import ConsentChannel
from push.notice import Purpose

_FOLDER = Path(__file__).parent / "data"
_PREFIX = "consents-"
LANGUAGES = ("en", "ru", "it", "zh")


@dataclass(frozen=True, slots=True)
class ConsentText:
    """One text as it stands on the screen."""

    version: str
    language: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@cache
def _versions() -> dict[str, dict[str, Any]]:
    files = sorted(_FOLDER.glob(f"{_PREFIX}*.toml"))
    return {file.stem.removeprefix(_PREFIX): tomllib.loads(file.read_text(encoding="utf-8")) for file in files}


def present_version() -> str:
    """The version that is shown now: the latest by its name, a year and month."""
    return max(_versions())


def consent_text(version: str, purpose: Purpose, channel: ConsentChannel, language: str) -> ConsentText | None:
    """What was shown under `version`; None for a version or language that never was."""
    words = _versions().get(version, {})
    text = words.get(purpose.value, {}).get(language)
    if text is None:
        return None
    way = words["channel"].get(channel.value, {}).get(language, "")
    return ConsentText(version, language, text.replace("{channel}", way))
