"""Every refusal has one slug of its own, words in four languages and a line in docs/problems.md; none is left over."""

import re
from collections import Counter

from api.problems import LANGUAGES, wordings
from tests.architecture.house import ROOT
from tests.architecture.problem_table import FILE, refusals, rendered


def test_no_slug_stands_for_two_refusals() -> None:
    assert {slug: count for slug, count in Counter(each.slug for each in refusals()).items() if count > 1} == {}


def test_every_refusal_has_a_slug_of_its_own() -> None:
    assert [each.__name__ for each in refusals() if "slug" not in each.__dict__] == []
    assert [each.slug for each in refusals() if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each.slug)] == []


def test_every_refusal_is_worded_in_every_language_and_no_words_are_left_over() -> None:
    assert set(wordings()) == {each.slug for each in refusals()}
    wrong = {slug for slug, texts in wordings().items() if set(texts) != {"title", *LANGUAGES}}
    assert wrong == set()
    assert [slug for slug, texts in wordings().items() if not all(text.strip() for text in texts.values())] == []


def test_the_words_are_in_the_language_they_say() -> None:
    foreign = {
        slug
        for slug, texts in wordings().items()
        if not (re.search("[а-я]", texts["ru"]) and re.search("[\u4e00-\u9fff]", texts["zh"]))
    }
    assert foreign == set()
    assert {slug for slug, texts in wordings().items() if texts["it"] == texts["en"]} == set()


def test_no_slug_is_worded_in_two_files() -> None:
    heads = [
        slug
        for file in (ROOT / "api" / "wording").glob("*.toml")
        for slug in re.findall(r"^\[([\w-]+)\]", file.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert [slug for slug, count in Counter(heads).items() if count > 1] == []


def test_the_page_of_problems_is_as_the_code_is() -> None:
    told = FILE.read_text(encoding="utf-8")
    assert told == rendered(), "write it anew: python -m tests.architecture.problem_table"
