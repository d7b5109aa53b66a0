"""How a file comes to stand on a disk and goes again: whole or not at all, even when the power is cut."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR

from core.ids import new_id
from media.pieces import closed_to_others, pieces_of


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
    with _half(halves, pieces) as half:
        os.replace(half, path)
    sync_folder(path.parent)


def keep_all(halves: Path, given: Sequence[tuple[Path, bytes | Path]]) -> None:
    """The same for several files: each is whole or not at all, and each folder is written once.

    One that lies at a path on the same disk is kept by renaming it.
    """
    with ExitStack() as stack:
        whole = [(stack.enter_context(_given(halves, content)), path) for path, content in given]
        for half, path in whole:
            os.replace(half, path)
    for folder in {path.parent for path, _ in given}:
        sync_folder(folder)


@contextmanager
def _given(halves: Path, content: bytes | Path) -> Iterator[str]:
    if isinstance(content, bytes):
        with _half(halves, (content,)) as half:
            yield half
        return
    with content.open("rb") as file:
        if os.fstat(file.fileno()).st_dev != halves.stat().st_dev:
            with _half(halves, pieces_of(file)) as half:
                yield half
            return
        os.fsync(file.fileno())
    yield str(content)


@contextmanager
def _half(halves: Path, pieces: Iterable[bytes]) -> Iterator[str]:
    """A file of them that is on the disk already; forgotten where it was not given a name that stays."""
    name = f"{halves}/{new_id().hex}"
    try:
        with open(name, "xb", opener=closed_to_others) as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        yield name
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


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


def forget_older(folder: Path, before: float) -> None:
    """Remove from a folder what was last changed before this moment (seconds since 1970)."""
    for each in list(folder.iterdir()) if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            # The last change of the file or of its names: a second name of an old file is new by it.
            if each.lstat().st_ctime < before:
                remove(each)


def own_temporary_folder() -> Path:
    """A folder of this user's alone in the system's temporary one. Raises PermissionError where it is another's."""
    folder = Path(tempfile.gettempdir()) / f"enamel-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder of this user alone")
    return folder


def sync_folder(folder: Path) -> None:
    """A new name survives a power cut only when its folder was written too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
