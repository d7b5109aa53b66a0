"""Starts the process that looks into a hostile file, and waits for it no longer than an honest file needs."""

import asyncio
import base64
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from media.kinds import Developed, Reason, Rejected

WALL_SECONDS = 30.0
PYTHON = sys.executable
_HOUSE = Path(__file__).parents[1]
# Not our own environment: it holds the secrets. One thread, because each more costs address space that is limited.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}


class Unfinished(Exception):
    """The process was killed, crashed or took too long; on a calmer machine it may go well."""


async def develop(content: bytes) -> Developed:
    """The previews of a file, made in a process of its own. Raises `Rejected` for good, `Unfinished` for now."""
    return await asyncio.to_thread(_develop, content)


def _develop(content: bytes) -> Developed:
    # Into a file and not a pipe: the process' own limit on what it writes then bounds what we read.
    with tempfile.TemporaryFile() as answer:
        try:
            ended = subprocess.run(
                [PYTHON, "-m", "media.imaging"],
                input=content,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd=_HOUSE,
                timeout=WALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unfinished from None
        if ended.returncode == -signal.SIGXCPU:
            raise Rejected(Reason.TOO_COSTLY)
        if ended.returncode != 0:
            raise Unfinished
        answer.seek(0)
        return _read(json.load(answer))


def _read(answer: dict[str, Any]) -> Developed:
    if "rejected" in answer:
        raise Rejected(Reason(answer["rejected"]))
    return Developed(
        answer["width"],
        answer["height"],
        base64.b64decode(answer["preview_1024"]),
        base64.b64decode(answer["preview_256"]),
    )
