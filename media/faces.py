"""Finds a picture that is something else as well: a program, a page, a script, an archive or a PDF hides in it.

Looked through is what shows nothing (comments, EXIF, XMP, profiles, texts) and what follows the end of the picture, by
signatures long enough that an honest film behind a phone's photo does not have them by chance. Coded pixels are not
looked through: nothing runs them, previews are made anew, and a copy goes out under a fixed type that no browser may
guess at. What has no signature (a film, a second picture, zeros) is honest, and cut from the copy (`media.copies`).
"""

import re

_ARCHIVE_TAIL = 66_000  # where readers of ZIP look for its last record (APPNOTE 4.3.16: 22 bytes and a comment)
_PDF_HEAD = 1024  # where readers of PDF look for its first line
_LONGEST_PREAMBLE = 128

_HIDDEN = (
    re.compile(rb"<(?:script|html|iframe|!doctype|body|object|embed|\?php)[\s>/:\x20-\x7e]", re.I),
    re.compile(rb"<(?:svg[\s>]|\?=[\x20-\x7e]{8}|%@\s*(?:page|language))", re.I),
    re.compile(rb"PK(?:\x03\x04[\x00-\x3f]\x00|\x05\x06\0\0\0\0)"),
    re.compile(rb"%PDF-\d|%!PS-Adobe"),
    re.compile(rb"\x7fELF[\x01\x02][\x01\x02]\x01"),
    re.compile(rb"Rar!\x1a\x07[\x00\x01]|7z\xbc\xaf\x27\x1c\x00|MSCF\0\0\0\0|\xfd7zXZ\0\0"),
    re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),  # the container of old Office files, and of MSI
    re.compile(rb"This program (?:cannot|must) be run|__HALT_COMPILER|\{\\rtf1|#!/(?:usr/)?bin/", re.I),
    re.compile(rb"(?:javascript|vbscript):[\x20-\x7e]{4}|\bon(?:error|load)\s*=\s*[\x20-\x7e]{4}", re.I),
)  # fmt: skip
_STARTS = re.compile(
    rb"[\0 \t\r\n]*(?:MZ\x90\0|#!\s*/|\x1f\x8b\x08|BZh[1-9]1AY&SY|\xca\xfe\xba\xbe|[\xce\xcf]\xfa\xed\xfe|dex\n)"
)
_PROGRAM = re.compile(rb"MZ")
_MOST_PROGRAMS = 100_000
"""A film of a gigabyte has a sixth of that by chance."""


def has_second_face(said: list[bytes], tail: bytes) -> bool:
    """Whether one of the pieces that show nothing, or what follows the picture, is something of its own."""
    return any(_is_something(piece) for piece in (*said, tail) if piece)


def is_archive_or_paper(content: bytes) -> bool:
    """Whether readers of ZIP or PDF would take the whole file for theirs, wherever in it their marks lie."""
    return content.find(b"PK\x05\x06\0\0\0\0", max(0, len(content) - _ARCHIVE_TAIL)) >= 0 or (
        content.find(b"%PDF-", 0, _PDF_HEAD) >= 0
    )


def is_program(preamble: bytes) -> bool:
    """Whether the free bytes before a DICOM file (PS3.10 §7.1) are the beginning of something else.

    Two letters are enough there: the rest of a Windows program may lie anywhere behind them.
    """
    return preamble.startswith(b"MZ") or _is_something(preamble[:_LONGEST_PREAMBLE])


def _is_something(piece: bytes) -> bool:
    if _STARTS.match(piece):
        return True
    narrow = piece.replace(b"\0", b"")  # a page in UTF-16
    pages = any(page.search(narrow) for page in _HIDDEN[:2])
    return pages or any(hidden.search(piece) for hidden in _HIDDEN) or _holds_program(piece)


def _holds_program(piece: bytes) -> bool:
    """A Windows program anywhere: `MZ`, and sixty bytes on the way to `PE` (Microsoft PE format, MS-DOS stub); or so
    many beginnings of one that nobody looks through them."""
    for number, found in enumerate(_PROGRAM.finditer(piece)):
        if number >= _MOST_PROGRAMS:
            return True
        start = found.start()
        header = start + int.from_bytes(piece[start + 60 : start + 64], "little")
        if len(piece) >= start + 64 and piece[header : header + 4] == b"PE\0\0":
            return True
    return False
