"""Writes docs/problems.md from the refusals themselves: `python -m tests.architecture.problem_table`."""

import importlib
import inspect

from api.problems import TYPE_ROOT, status_of, wordings
from core.errors import Refusal
from tests.architecture.house import ROOT, modules

FILE = ROOT / "docs" / "problems.md"

_HEAD = f"""# Problems

Every refusal of the API is `application/problem+json` (RFC 9457). Its `type` is `{TYPE_ROOT}` and the slug below,
its `code` the slug alone; both never change. `detail` says what to do, in English, Russian, Italian or Chinese by
`Accept-Language`, and Content-Language names its language; `title` is for whoever reads logs, and English always.
`errors` says where in the input (a JSON pointer, or the name of a parameter) and what (a code); `request_id` is
what the clinic's operator asks for. No problem repeats a value that was sent.

What is no HTTP at all (a Content-Length that is no number, headers without an end, two lengths that differ) never
reaches the API: the server before it answers 400 in plain text, or closes the connection.

This page is written by `python -m tests.architecture.problem_table`; a test compares it with the code.

| slug | status | when | what to do |
|---|---|---|---|
"""


def refusals() -> list[type[Refusal]]:
    """Every refusal there is: all modules are imported, or one could hide."""
    for module in modules():
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return sorted(_below(Refusal), key=lambda each: (status_of(each), each.slug))


def _below(kind: type[Refusal]) -> set[type[Refusal]]:
    ours = {each for each in kind.__subclasses__() if not each.__module__.startswith("tests")}
    return ours | {below for each in ours for below in _below(each)}


def rendered() -> str:
    rows = [
        f"| `{each.slug}` | {status_of(each)} | {_when(each)} | {wordings()[each.slug]['en']} |" for each in refusals()
    ]
    return _HEAD + "\n".join(rows) + "\n"


def _when(refusal: type[Refusal]) -> str:
    told = inspect.cleandoc(refusal.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    return told or wordings()[refusal.slug]["title"] + "."


if __name__ == "__main__":
    FILE.write_text(rendered(), encoding="utf-8")
