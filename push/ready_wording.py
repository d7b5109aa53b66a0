"""The texts that come with Enamel: for every kind and way, in four languages and two tones."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from push.group import Group
from push.notice import NoticeKind
from push.template import Tone
from push.variables import Mode
from push.wording import lock_screen

_FOLDER = Path(__file__).parent / "data" / "wording"
LANGUAGES = ("en", "ru", "it", "zh")


@cache
def _texts(language: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def ready_words(kind: NoticeKind, group: Group, language: str, tone: Tone, mode: Mode) -> tuple[str, str]:
    """Title and text, with variables; of `generic` only such as everybody may read, and that every notice has.

    On a lock screen it is the generic words of `push.wording` in every tone, unless the patient chose `when`.
    """
    spoken = language if language in LANGUAGES else "en"
    of_kind = _texts(spoken).get(kind.value) or _texts(spoken)["note"]
    words = of_kind[tone.value]
    short = words.get("when", words["text"]) if mode is Mode.WHEN else words["text"]
    match group:
        case Group.PUSH:
            generic = lock_screen(kind, spoken)
            return (generic[0], short.replace("{{link}}", "").strip()) if short != words["text"] else generic
        case Group.EMAIL:
            return of_kind["subject"], words.get("mail_when", words["mail"]) if mode is Mode.WHEN else words["mail"]
        case _:
            return "", f"{{{{clinic_name}}}}: {short}"
