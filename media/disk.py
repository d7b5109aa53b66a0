"""How a file comes to stand on a disk and goes again: whole or not at all, even when the power is cut."""

import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from core.ids import new_id
from media.pieces import pieces_of


def make_folders(folder: Path) -> None:
    """Make what is missing of it, closed to others."""
    if folder.is_dir():
        return
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        sync_folder(each.parent)


def keep(path: Path, halves: Path, pieces: Iterable[bytes]) -> None:
    """Make a file of mode 600 of them, or leave what was there; `halves` is where it lies until it is whole.

    Both folders must be there, on one disk. What a crash leaves, it leaves in `halves`.
    """
    handle, name = tempfile.mkstemp(dir=halves)  # mode 600 from the first moment
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    sync_folder(path.parent)


def keep_same(path: Path, halves: Path, given: Path) -> None:
    """Keep the bytes of another file of ours: by a second name where the disk knows such, else by copying.

    A second name is enough, because a kept file is only ever replaced and never written into.
    """
    name = halves / new_id().hex
    try:
        os.link(given, name)
    except OSError:
        with given.open("rb") as source:
            keep(path, halves, pieces_of(source))
        return
    try:
        os.replace(name, path)
    finally:
        name.unlink(missing_ok=True)  # renaming one name of a file onto another of it leaves both (POSIX)
    sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; nothing there is fine, now or all of a sudden."""
    while path.is_dir():
        with suppress(FileNotFoundError):
            shutil.rmtree(path)
    with suppress(NotADirectoryError):
        path.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """A new name survives a power cut only when its folder was written too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
