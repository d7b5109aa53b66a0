"""Each module opens with a sentence that says what it keeps or decides."""

import ast

import pytest

from tests.architecture.house import Module, modules


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_module_opens_with_a_sentence(module: Module) -> None:
    told = ast.get_docstring(module.tree)
    assert told, "no docstring"
    first = told.split("\n", 1)[0]
    assert module.text.startswith('"""'), "the sentence is the very first line"
    assert len(first) >= len("Names teeth."), first
    assert first[0].isupper() or first[0] == "`", first
    assert told.rstrip().endswith((".", ":", ")", "`", "…")) or first.endswith("."), first


def test_no_module_is_named_after_nothing() -> None:
    empty = {"utils", "helpers", "common", "misc", "services", "managers", "models", "base"}
    assert [module.name for module in modules() if empty & set(module.name.split("."))] == []
