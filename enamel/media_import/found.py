"""Which files an archive's folder holds, and which of them are none to take: links that lead out, what is hidden."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

HIDDEN = "hidden"
LEADS_OUT = "link-out-of-folder"
LINKED_FOLDER = "link-to-folder"
UNREADABLE = "unreadable"
TAKEN_LETTERS = 40


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the archive: its path from the folder on, where it lies, its size; or why it is none to take."""

    name: PurePosixPath
    path: Path
    size_bytes: int = 0
    refused: str | None = None

    @property
    def external_id(self) -> str:
        """How the picture is named: the path may say somebody's name, so it is hashed.

        SHA-256 of the path from the archive's folder on, parted by slashes, in UTF-8; its first 40 hex digits.
        """
        return hashlib.sha256(str(self.name).encode(errors="surrogateescape")).hexdigest()[:TAKEN_LETTERS]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a folder holds, not looked at yet; `name`: from the archive's folder on."""

    name: PurePosixPath
    path: Path
    is_folder: bool


def files_in(folder: Path) -> Iterator[Found]:
    """Every file below `folder`, in the order of names. Folders behind links are not walked into."""
    root = folder.resolve()
    # The last is the next. No recursion: a path of 4,096 bytes has room for more folders than Python has frames.
    waiting = [_Entry(PurePosixPath(), root, is_folder=True)]
    while waiting:
        entry = waiting.pop()
        if entry.path != root and entry.path.name.startswith("."):
            yield Found(entry.name, entry.path, refused=HIDDEN)
        elif not entry.is_folder:
            yield _file(root, entry.path, entry.name)
        else:
            try:
                waiting += reversed(_below(entry))
            except OSError:
                yield Found(entry.name, entry.path, refused=UNREADABLE)


def _below(folder: _Entry) -> list[_Entry]:
    entries = sorted(os.scandir(folder.path), key=lambda entry: entry.name)
    return [
        _Entry(folder.name / each.name, Path(each.path), is_folder=each.is_dir(follow_symlinks=False))
        for each in entries
    ]


def _file(root: Path, path: Path, name: PurePosixPath) -> Found:
    """A link within the archive is the file it leads to, under one more name."""
    try:
        target = path.resolve(strict=True)
        if not target.is_relative_to(root):
            return Found(name, path, refused=LEADS_OUT)
        seen = target.stat()
    except (OSError, RuntimeError):
        return Found(name, path, refused=UNREADABLE)
    if stat.S_ISDIR(seen.st_mode):
        return Found(name, path, refused=LINKED_FOLDER)
    # A pipe would be waited for without an end.
    return Found(name, target, seen.st_size, None if stat.S_ISREG(seen.st_mode) else UNREADABLE)
