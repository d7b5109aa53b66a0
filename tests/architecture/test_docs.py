"""The documentation says what is there: the map, the settings, the words of the Makefile, the decisions."""

import re
from pathlib import Path

from core.settings import Settings

ROOT = Path(__file__).parents[2]
LADDER = ("core", "identity", "clinic", "cabinet", "media", "push", "chat", "automation", "api", "enamel")
PACKAGES = (*LADDER, "benchmarks")


def modules() -> set[str]:
    found = {file for package in PACKAGES for file in (ROOT / package).rglob("*.py")}
    return {str(file.relative_to(ROOT)) for file in found if file.name != "__init__.py"}


def test_the_map_names_every_module_and_no_other() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^- `([a-z_/0-9]+\.py)`", text, re.MULTILINE))
    assert named == modules()


def test_the_map_says_of_each_module_what_the_module_says_of_itself() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for name, told in re.findall(r"^- `([a-z_/0-9]+\.py)`: (.+)$", text, re.MULTILINE):
        assert told == first_sentence(ROOT / name), name


def first_sentence(file: Path) -> str:
    """The first line of a module's docstring."""
    return file.read_text(encoding="utf-8").split('"""', 2)[1].strip().split("\n", 1)[0]


def test_every_setting_is_documented_with_its_default() -> None:
    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `ENAMEL_([A-Z0-9_]+)` \|", text, re.MULTILINE))
    assert named == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        if field.description:
            assert field.description in text, name


def test_every_word_of_the_readme_is_a_word_of_the_makefile() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    words = set(re.findall(r"^([a-z]+):.*?##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", readme)) <= words
    assert readme.index("make run") < readme.index("make test") < 200


def test_every_decision_has_its_three_parts_and_is_short() -> None:
    files = list((ROOT / "docs/decisions").glob("*.md"))
    assert len(files) >= 10
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert re.match(r"# .+\n\n## Context\n[^#]+## Decision\n[^#]+## Consequences\n[^#]+$", text), file.name
        assert len(text.splitlines()) <= 40, file.name


def test_nothing_speaks_of_the_place_it_was_built_in() -> None:
    spoken = re.compile(r"/work/|\.\./shared|research/|\bTODO\b|\bFIXME\b")
    for file in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / name for name in modules())]:
        assert not spoken.search(file.read_text(encoding="utf-8")), file
