"""Files and functions stay small enough to be read at a glance; what is larger says why, here."""

import pytest

from tests.architecture.house import Module, modules

LONGEST_MODULE = 300
LONGEST_FUNCTION = 40
MOST_ARGUMENTS = 9

LARGER_MODULES: dict[str, str] = {}
LARGER_FUNCTIONS: dict[str, str] = {}


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_module_fits_into_the_head(module: Module) -> None:
    lines = len(module.text.splitlines())
    assert lines <= LONGEST_MODULE or module.name in LARGER_MODULES, f"{lines} lines: make it a folder by noun"


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_its_functions_fit_onto_a_screen(module: Module) -> None:
    long, wide = {}, {}
    for function in module.functions:
        lines = (function.end_lineno or 0) - function.lineno + 1
        arguments = len(function.args.args) + len(function.args.kwonlyargs)
        if lines > LONGEST_FUNCTION and f"{module.name}.{function.name}" not in LARGER_FUNCTIONS:
            long[function.name] = lines
        if arguments > MOST_ARGUMENTS:
            wide[function.name] = arguments
    assert (long, wide) == ({}, {})


def test_no_excuse_is_left_over() -> None:
    sizes = {module.name: len(module.text.splitlines()) for module in modules()}
    lengths = {
        f"{module.name}.{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for module in modules()
        for function in module.functions
    }
    assert [name for name in LARGER_MODULES if sizes.get(name, 0) <= LONGEST_MODULE] == []
    assert [name for name in LARGER_FUNCTIONS if lengths.get(name, 0) <= LONGEST_FUNCTION] == []
