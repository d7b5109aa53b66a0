"""Writes what `docs/architecture.md` and `docs/settings.md` take from the code: `make docs`."""

from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from core.settings import Settings

ROOT = Path(__file__).parents[2]
LADDER = ("core", "identity", "clinic", "cabinet", "media", "push", "chat", "automation", "api", "enamel")
PACKAGES = (*LADDER, "benchmarks")
ROOMS = "## Every room, in its own words\n"
TABLE = "| variable | default | what it is |\n| --- | --- | --- |\n"


def modules() -> set[str]:
    found = {file for package in PACKAGES for file in (ROOT / package).rglob("*.py")}
    return {str(file.relative_to(ROOT)) for file in found if file.name != "__init__.py"}


def first_sentence(file: Path) -> str:
    """The first line of a module's docstring."""
    return file.read_text(encoding="utf-8").split('"""', 2)[1].strip().split("\n", 1)[0]


def rooms() -> str:
    parts = []
    for package in PACKAGES:
        names = sorted(name for name in modules() if name.startswith(package + "/"))
        lines = [f"- `{name}`: {first_sentence(ROOT / name)}" for name in names]
        parts.append(f"\n\n### {package}\n\n" + "\n".join(lines))
    return "".join(parts) + "\n"


def settings_table() -> str:
    return "".join(_row(name, field) for name, field in Settings.model_fields.items())


def _row(name: str, field: FieldInfo) -> str:
    default = "(development only)" if isinstance(field.default, SecretStr) else _shown(field.default)
    return f"| `ENAMEL_{name.upper()}` | {default} | {field.description} |\n"


def _shown(default: object) -> str:
    plain = list(default) if isinstance(default, tuple) else getattr(default, "value", default)
    return f"`{plain}`" if plain not in (None, "") else ""


def main() -> None:
    for name, mark, made in (("architecture", ROOMS, rooms()), ("settings", TABLE, settings_table())):
        page = ROOT / "docs" / f"{name}.md"
        head, found, _ = page.read_text(encoding="utf-8").partition(mark)
        page.write_text(head + found + made, encoding="utf-8")


if __name__ == "__main__":
    main()
