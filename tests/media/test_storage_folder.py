"""The folder twin: closed to others, and never half a file, whenever it is killed."""

import hashlib
import os
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import now
from core.errors import Unavailable
from core.ids import new_id
from media.folder import FolderStorage
from media.kinds import Variant
from media.storage import SMALLEST_PART, Given, Missing, Part, file_key, upload_key

KEY = file_key(new_id(), "0" * 64, Variant.ORIGINAL)
CONTENT = bytes(range(256)) * 40


def files_below(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


async def test_the_folder_is_closed_to_others_and_keeps_no_half_file(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "files"
    await FolderStorage(root).put(KEY, CONTENT, "image/jpeg")
    (file,) = files_below(root)
    assert file.relative_to(root).as_posix() == KEY
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    assert {oct(folder.stat().st_mode & 0o777) for folder in folders} == {"0o700"}


async def test_a_full_disk_is_said_to_be_unavailable_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    storage = FolderStorage(tmp_path)
    await storage.put(KEY, CONTENT, "image/jpeg")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/a/folder/of/the/clinic")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(Unavailable):
        await storage.put(KEY, b"new", "image/jpeg")
    assert [record.getMessage() for record in caplog.records] == ["the storage's folder refuses: ENOSPC"]
    assert await storage.get(KEY) == CONTENT
    assert [path.name for path in files_below(tmp_path)] == [Variant.ORIGINAL.value]


async def test_of_several_files_each_is_whole_and_nothing_half_stays_where_one_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, keys = FolderStorage(tmp_path), [f"{new_id()}/{name}" for name in ("first", "second", "third")]
    replace = os.replace

    def full(name: str, path: Path) -> None:
        if path.name == "second":
            raise OSError(28, "No space left on device")
        replace(name, path)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(Unavailable):
        await storage.put_all([Given(key, CONTENT, "image/webp") for key in keys])
    assert [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path)] == [keys[0]]


async def test_a_fetched_file_costs_no_copy_and_its_removal_leaves_the_kept_one(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path / "files")
    await storage.put(KEY, CONTENT, "image/jpeg")
    fetched = storage.workplace() / "fetched"
    await storage.get_file(KEY, fetched)
    assert fetched.stat().st_nlink == 2
    fetched.unlink()
    assert await storage.get(KEY) == CONTENT
    assert oct(storage.workplace().stat().st_mode & 0o777) == "0o700"


async def test_fetching_never_writes_into_the_kept_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetched file is a second name of the kept one: whoever wrote there would empty the original."""
    storage, to = FolderStorage(tmp_path / "files"), tmp_path / "fetched"
    await storage.put(KEY, CONTENT, "image/jpeg")

    def unread(_: Path) -> str:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr("media.folder.sha256_of", unread)
        with pytest.raises(Unavailable):
            await storage.get_file(KEY, to)
    assert await storage.get(KEY) == CONTENT
    with pytest.raises(Unavailable):
        await storage.get_file(KEY, to)
    assert await storage.get(KEY) == CONTENT


async def test_an_upload_is_closed_to_others_and_leaves_nothing_behind(tmp_path: Path) -> None:
    storage, key = FolderStorage(tmp_path / "files"), upload_key(new_id(), new_id())
    storage_id = await storage.begin(key, "image/jpeg")
    part = await storage.put_part(key, storage_id, 1, CONTENT)
    below = list((tmp_path / "files").rglob("*"))
    assert {oct(path.stat().st_mode & 0o777) for path in below if path.is_dir()} == {"0o700"}
    assert {oct(path.stat().st_mode & 0o777) for path in below if path.is_file()} == {"0o600"}
    assert await storage.keys_under(key.partition("/")[0]) == []
    await storage.finish(key, storage_id, [part])
    (file,) = files_below(tmp_path)
    assert file.relative_to(tmp_path / "files").as_posix() == key
    assert list((tmp_path / "files" / ".uploads").iterdir()) == []


async def test_a_disk_that_knows_no_second_names_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    storage, to = FolderStorage(tmp_path), f"{new_id()}/to"
    await storage.put(KEY, CONTENT, "image/jpeg")
    await storage.copy(KEY, to)
    assert await storage.get(to) == CONTENT
    assert await storage.get_file(KEY, tmp_path / "fetched") == hashlib.sha256(CONTENT).hexdigest()
    assert (tmp_path / "fetched").read_bytes() == CONTENT
    with pytest.raises(Missing):
        await storage.copy(f"{new_id()}/never", to)


async def test_a_part_that_comes_while_its_upload_is_given_up_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, key = FolderStorage(tmp_path), upload_key(new_id(), new_id())
    storage_id = await storage.begin(key, "image/jpeg")
    replace = os.replace

    def late(name: str, path: Path) -> None:
        storage._uploads.give_up(key, storage_id)
        replace(name, path)

    monkeypatch.setattr(os, "replace", late)
    with pytest.raises(Missing):
        await storage.put_part(key, storage_id, 1, CONTENT)
    assert files_below(tmp_path) == []


async def test_an_upload_whose_emptying_broke_off_is_found_and_given_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, key = FolderStorage(tmp_path), upload_key(new_id(), new_id())
    storage_id = await storage.begin(key, "image/jpeg")
    await storage.put_part(key, storage_id, 1, CONTENT)
    with monkeypatch.context() as broken:

        def unlink(*_: object, **__: object) -> None:
            raise OSError(5, "Input/output error")

        broken.setattr(Path, "unlink", unlink)
        with pytest.raises(Unavailable):
            await storage.give_up(key, storage_id)
    with pytest.raises(Missing):
        await storage.parts(key, storage_id)
    assert [each.storage_id for each in await storage.unfinished()] == [storage_id]
    await storage.erase_under(key.partition("/")[0])
    assert await storage.unfinished() == []
    assert files_below(tmp_path) == []


async def test_what_a_crash_left_half_written_is_forgotten_after_a_day(tmp_path: Path) -> None:
    storage, halves = FolderStorage(tmp_path), tmp_path / ".half"
    await storage.prepare(now())
    await storage.put(KEY, CONTENT, "image/jpeg")
    (halves / "made").mkdir()
    for left in (halves / "file", halves / "made" / "key"):
        left.write_bytes(CONTENT)
    await storage.prepare(now())
    assert len(list(halves.iterdir())) == 2
    await storage.prepare(now() + timedelta(hours=25))
    assert list(halves.iterdir()) == []
    assert await storage.get(KEY) == CONTENT


FINISHES = """
import asyncio, sys
from pathlib import Path
from media.folder import FolderStorage

async def finish(root: str, key: str, storage_id: str) -> None:
    storage = FolderStorage(Path(root))
    parts = await storage.parts(key, storage_id)
    print("now", flush=True)
    await storage.finish(key, storage_id, parts)

asyncio.run(finish(*sys.argv[1:]))
"""


async def test_finishing_that_is_killed_leaves_the_whole_file_or_none_and_can_be_ended(tmp_path: Path) -> None:
    storage, content = FolderStorage(tmp_path), os.urandom(SMALLEST_PART)
    seen = set()
    for _ in range(12):
        key = upload_key(new_id(), new_id())
        storage_id = await storage.begin(key, "application/dicom")
        parts = [await storage.put_part(key, storage_id, number, content) for number in (1, 2, 3)]
        _kill_while_finishing(tmp_path, key, storage_id)
        size = await storage.size(key)
        assert size in {None, 3 * SMALLEST_PART}
        seen.add(size)
        await _end(storage, key, storage_id, parts)
        assert await storage.get(key) == content * 3
        assert storage_id not in [each.storage_id for each in await storage.unfinished()]
    assert None in seen


def _kill_while_finishing(root: Path, key: str, storage_id: str) -> None:
    command = [sys.executable, "-c", FINISHES, str(root), key, storage_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(random.uniform(0, 0.03))  # noqa: S311  any moment will do
        child.kill()


async def _end(storage: FolderStorage, key: str, storage_id: str, parts: list[Part]) -> None:
    """What an honest caller does after a crash: finish once more; `Missing` says that it was done."""
    try:
        await storage.finish(key, storage_id, parts)
    except Missing:
        await storage.give_up(key, storage_id)
