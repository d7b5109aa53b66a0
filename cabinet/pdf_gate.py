"""Lets a PDF in that can only be read: starts the process that looks into it, and waits no longer than need be."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from cabinet.pdf_check import LARGEST_PDF, PdfFault
from core.errors import Fault, Invalid, TooLarge

WALL_SECONDS = 20.0
PYTHON = sys.executable
_HOUSE = Path(__file__).parents[1]
# Not our own environment: it holds the secrets.
_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}


class PdfTooLarge(TooLarge):
    """A PDF of more than 10 MiB."""

    slug = "pdf-too-large"


class PdfRefused(Invalid):
    """Not a PDF, a broken or encrypted one, or one that does more than to be read; `errors` say which."""

    slug = "pdf-refused"


async def admit_pdf(content: bytes) -> None:
    """Raises `PdfTooLarge`, `PdfRefused`. The process that looks is killed when it takes too long."""
    if len(content) > LARGEST_PDF:
        raise PdfTooLarge
    fault = await asyncio.to_thread(_fault, content)
    if fault is not None:
        raise PdfRefused(Fault("/file", fault.value))


def _fault(content: bytes) -> PdfFault | None:
    if not content.startswith(b"%PDF-"):
        return PdfFault.NOT_PDF
    try:
        ended = subprocess.run(
            [PYTHON, "-m", "cabinet.pdf_check"],
            input=content, capture_output=True, env=_ENVIRONMENT, cwd=_HOUSE, timeout=WALL_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return PdfFault.TOO_COSTLY
    if ended.returncode != 0:
        return PdfFault.TOO_COSTLY
    told = json.loads(ended.stdout)
    return None if told is None else PdfFault(told)
