"""The templates that come with Enamel, in four languages: read from `cabinet/data/templates`, a file each."""

import tomllib
from functools import cache
from pathlib import Path

from cabinet.template import TemplateDraft

_FOLDER = Path(__file__).parent / "data" / "templates"


@cache
def ready_templates() -> tuple[TemplateDraft, ...]:
    """By code. They are a start for a clinic's own: no lawyer of any country has looked at them."""
    files = sorted(_FOLDER.glob("*.toml"))
    return tuple(TemplateDraft.model_validate(tomllib.loads(file.read_text(encoding="utf-8"))) for file in files)
