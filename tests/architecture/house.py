"""The house as its tests see it: its packages, their modules, and what each module says."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOMAIN = ("identity", "clinic", "cabinet", "media", "push", "chat", "automation")
PACKAGES = ("core", *DOMAIN, "api", "enamel")
SHELLS = ("tables", "queries", "commands")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.text)

    @property
    def package(self) -> str:
        return self.name.split(".")[0]

    @property
    def kind(self) -> str:
        """`tables`, `queries`, `commands`, or another name: of a rules or vendor file."""
        return (*self.name.split("."), "")[1]

    @property
    def functions(self) -> list[Function]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def modules() -> tuple[Module, ...]:
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    return tuple(Module(_name(file), file.read_text(encoding="utf-8")) for file in files)


def _name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
