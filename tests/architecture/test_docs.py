"""The documentation says what is there: the map, the settings, the words of the Makefile, the decisions."""

import re

from tests.architecture.map_page import ROOMS, ROOT, TABLE, modules, rooms, settings_table


def test_the_map_names_every_module_with_what_it_says_of_itself() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert page.partition(ROOMS)[2] == rooms(), "make docs"


def test_every_setting_is_documented_with_its_default() -> None:
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    assert page.partition(TABLE)[2] == settings_table(), "make docs"


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
