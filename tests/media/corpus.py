"""What becomes of every file that pydicom brings for its own tests: `python -m tests.media.corpus` prints the table.

The folders are read as they lie on disk: pydicom's own function to find them would try to download more.
"""

import asyncio
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from pydicom import dcmread

from media.darkroom import Darkroom
from media.kinds import Rejected, media_type_of
from tests.media.dicom_files import DOWNLOADED, PACKAGED

ROOTS = {
    "test_files": PACKAGED / "test_files",
    "charset_files": PACKAGED / "charset_files",
    "palettes": PACKAGED / "palettes",
    "pydicom-data": DOWNLOADED,
}
REFUSED = "refused at the door: no DICOM file by its first bytes"
PAGE = Path(__file__).parents[2] / "docs/dicom.md"
TABLE = "<!-- python -m tests.media.corpus -->\n"


def files() -> Iterator[tuple[str, Path]]:
    """Each file and its name in the table."""
    for name, root in ROOTS.items():
        for file in sorted(root.rglob("*")):
            if file.is_file() and file.suffix not in {".py", ".pyc"}:
                yield f"{name}/{file.relative_to(root).as_posix()}", file


async def outcomes() -> dict[str, str]:
    """What the darkroom answers, by file. Raises `Unfinished` where one of them ended its process."""
    async with Darkroom(1) as darkroom:
        return {name: await _outcome(darkroom, file.read_bytes()) for name, file in files()}


async def _outcome(darkroom: Darkroom, content: bytes) -> str:
    if media_type_of(content) is None:
        return REFUSED
    try:
        made = await darkroom.develop(content)
    except Rejected as refusal:
        return f"quarantine: {refusal.reason.value}"
    frames = f", 1 of {made.frames} frames" if made.frames > 1 else ""
    return f"preview of {made.width} x {made.height}{frames}"


def encoding(file: Path) -> str:
    """How its pixels are written, in words; empty where pydicom cannot tell."""
    try:
        header = dcmread(BytesIO(file.read_bytes()), stop_before_pixels=True)
        bits = f", {header.BitsStored} bits {header.PhotometricInterpretation}" if "BitsStored" in header else ""
        return f"{header.file_meta.TransferSyntaxUID.name}{bits}"
    except Exception:  # noqa: BLE001  the corpus is full of files that nobody can read
        return ""


def table(found: dict[str, str]) -> str:
    paths = dict(files())
    rows = [f"| {name} | {encoding(paths[name])} | {outcome} |" for name, outcome in found.items()]
    return "\n".join(["| file | written as | outcome |", "|---|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table(asyncio.run(outcomes())))
