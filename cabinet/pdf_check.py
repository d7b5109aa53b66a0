"""Looks into a PDF that somebody sent: whether it is one, and whether it would do anything but be read.

Run as a program, in a process of its own with limits (`cabinet.pdf_gate` starts it): a hostile file may be built to
cost memory or time. Every object is looked at, also those that no page leads to.
"""

import json
import resource
import sys
from enum import StrEnum
from io import BytesIO
from typing import Any

LARGEST_PDF = 10 * 1024 * 1024
MOST_OBJECTS = 50_000
DEEPEST = 50
_MEMORY = 1024**3
_CPU_SECONDS = 10

# Keys and values that make a reader run, open, send or unpack something (ISO 32000-2 §12.6, §7.11.4, §12.7.8, §13).
_ACTIVE_KEYS = frozenset({"/JS", "/JavaScript", "/AA", "/EmbeddedFiles", "/EmbeddedFile", "/XFA", "/RichMedia", "/EF"})
_ACTIVE_ACTIONS = frozenset(
    {
        "/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/GoToR", "/GoToE", "/Rendition", "/Movie", "/Sound",
        "/RichMediaExecute", "/ResetForm", "/Hide", "/SetOCGState", "/Trans", "/GoTo3DView", "/Thread",
    }
)  # fmt: skip
# Where a link may lead. A reader hands the rest to something else: javascript, file, data, another program.
_LINK_KEYS = frozenset({"/URI", "/Base"})
_LINKS = frozenset({"http", "https", "mailto", "tel"})
_ACTIVE_ANNOTATIONS = frozenset({"/FileAttachment", "/RichMedia", "/Screen", "/Movie", "/Sound", "/3D"})


class PdfFault(StrEnum):
    """Why a file is not taken."""

    NOT_PDF = "not-a-pdf"
    BROKEN = "broken-pdf"
    ENCRYPTED = "encrypted-pdf"
    ACTIVE = "active-content"
    """Scripts, actions, attachments or media: a paper needs none of them."""
    TOO_COSTLY = "too-costly"


def pdf_fault(content: bytes) -> PdfFault | None:
    """What is wrong with a PDF; None for one that can only be read."""
    from pyhanko.pdf_utils.reader import PdfFileReader

    if not content.startswith(b"%PDF-"):
        return PdfFault.NOT_PDF
    try:
        reader = PdfFileReader(BytesIO(content))
        if reader.encrypted:
            return PdfFault.ENCRYPTED
        return _looked_through(reader)
    except MemoryError:
        return PdfFault.TOO_COSTLY
    except Exception:  # noqa: BLE001  a broken file breaks its reader in any way it likes
        return PdfFault.BROKEN


def _looked_through(reader: Any) -> PdfFault | None:
    if int(reader.root["/Pages"]["/Count"]) < 1:
        return PdfFault.BROKEN
    seen = 0
    for revision in range(reader.xrefs.total_revisions):
        references = reader.xrefs.explicit_refs_in_revision(revision)
        seen += len(references)
        if seen > MOST_OBJECTS:
            return PdfFault.TOO_COSTLY
        if any(_is_active(reader.get_object(reference, revision=revision)) for reference in references):
            return PdfFault.ACTIVE
    return None


def _is_active(thing: Any, deep: int = 0) -> bool:
    """Whether a direct object, or one inside it, acts. References are looked at where they point."""
    if deep > DEEPEST:
        return True
    if isinstance(thing, list):
        return any(_is_active(thing.raw_get(place), deep + 1) for place in range(len(thing)))  # type: ignore[attr-defined]
    if not isinstance(thing, dict):
        return False
    if {str(key) for key in thing} & _ACTIVE_KEYS or any(
        _leads_astray(thing[key]) for key in _LINK_KEYS & thing.keys()
    ):
        return True
    kinds = {str(thing.raw_get(key)) for key in ("/S", "/Subtype") if key in thing}  # type: ignore[attr-defined]
    if kinds & (_ACTIVE_ACTIONS | _ACTIVE_ANNOTATIONS):
        return True
    return any(_is_active(thing.raw_get(key), deep + 1) for key in thing)  # type: ignore[attr-defined]


def _leads_astray(target: Any) -> bool:
    """Whether a reader would do more with a link than open a page; blanks and breaks do not hide its scheme."""
    text = target.decode("latin-1") if isinstance(target, bytes) else target
    if not isinstance(text, str):
        return False
    scheme, colon, _ = "".join(each for each in text if each.isprintable() and each != " ").partition(":")
    return bool(colon) and not {"/", "?", "#"} & set(scheme) and scheme.lower() not in _LINKS


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold a patient's paper
    sys.stdout.write(json.dumps(pdf_fault(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
