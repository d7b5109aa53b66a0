"""Fetches uv from the package index into a folder, for machines whose Python came without pip (bare Debian).

    python3 .ci/fetch_uv.py .tools/uv

Standard library only. The wheel's SHA-256 is the index's own.
"""

import hashlib
import io
import json
import platform
import sys
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import urljoin

INDEX = "https://pypi.org/pypi/uv/json"
# How wheels call what the platform module calls otherwise.
TAGS = {
    ("Linux", "x86_64"): "manylinux_2_17_x86_64",
    ("Linux", "aarch64"): "manylinux_2_17_aarch64",
    ("Darwin", "x86_64"): "macosx_10_12_x86_64",
    ("Darwin", "arm64"): "macosx_11_0_arm64",
}


def main(folder: Path) -> None:
    tag = TAGS[platform.system(), platform.machine()]
    with urllib.request.urlopen(INDEX, timeout=30) as answer:
        files = json.load(answer)["urls"]
    wheel = next(file for file in files if file["filename"].endswith(".whl") and tag in file["filename"])
    # A mirror may give addresses relative to the page.
    with urllib.request.urlopen(urljoin(INDEX, wheel["url"]), timeout=120) as answer:  # noqa: S310  the index's own
        content = answer.read()
    if hashlib.sha256(content).hexdigest() != wheel["digests"]["sha256"]:
        sys.exit("uv's wheel is not what the index says it is; nothing was kept")
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        inside = next(name for name in packed.namelist() if name.endswith(".data/scripts/uv"))
        program = folder / "bin" / "uv"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_bytes(packed.read(inside))
    program.chmod(0o755)


main(Path(sys.argv[1]))
