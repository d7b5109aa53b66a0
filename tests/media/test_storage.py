"""Every storage behaves alike: the folder twin, moto's S3 and Ceph's own S3 server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from core.errors import Unavailable
from core.ids import new_id
from media.folder import FolderStorage
from media.kinds import Variant
from media.s3 import S3Storage
from media.storage import Missing, Span, Storage, checked_key, picture_key
from tests.media.radosgw import Radosgw, why_not

KEY = picture_key(new_id(), new_id(), "0" * 64, Variant.ORIGINAL)
CONTENT = bytes(range(256)) * 40


def bucket(endpoint: str, access_key: str, secret_key: str) -> S3Storage:
    storage = S3Storage("enamel-media", "us-east-1", endpoint, access_key, secret_key, path_style=True)
    storage._client.create_bucket(Bucket=storage.bucket)
    return storage


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Storage]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield bucket(f"http://{host}:{port}", "key", "secret")
    server.stop()


@pytest.fixture(scope="session")
def radosgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Storage]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Radosgw.started(tmp_path_factory.mktemp("ceph")) as server:
        yield bucket(server.endpoint, server.access_key, server.secret_key)


@pytest.fixture(params=["folder", "moto", "radosgw"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return FolderStorage(tmp_path / "files")
    made: S3Storage = request.getfixturevalue(request.param)
    return made


async def test_what_is_kept_is_given_back(storage: Storage) -> None:
    await storage.put(KEY, CONTENT, "image/jpeg")
    assert await storage.get(KEY) == CONTENT


async def test_a_piece_is_given_by_its_first_and_last_byte(storage: Storage) -> None:
    await storage.put(KEY, CONTENT, "image/jpeg")
    assert await storage.get(KEY, Span(3, 5)) == b"\x03\x04\x05"
    assert await storage.get(KEY, Span(0, 0)) == b"\x00"
    end = len(CONTENT)
    assert await storage.get(KEY, Span(end - 1, end + 99)) == b"\xff"
    assert await storage.get(KEY, Span(end, end + 99)) == b""


async def test_keeping_again_replaces(storage: Storage) -> None:
    await storage.put(KEY, CONTENT, "image/jpeg")
    await storage.put(KEY, b"other", "image/webp")
    assert await storage.get(KEY) == b"other"


async def test_an_empty_file_is_a_file(storage: Storage) -> None:
    await storage.put(KEY, b"", "image/webp")
    assert await storage.get(KEY) == b""


async def test_what_was_never_kept_is_missing(storage: Storage) -> None:
    with pytest.raises(Missing):
        await storage.get(picture_key(new_id(), new_id(), "1" * 64, Variant.ORIGINAL))
    with pytest.raises(Missing):
        await storage.get(f"{new_id()}/never", Span(0, 9))


async def test_the_head_of_a_key_is_no_key(storage: Storage) -> None:
    await storage.put(KEY, CONTENT, "image/jpeg")
    with pytest.raises(Missing):
        await storage.get(KEY.rpartition("/")[0])


HOSTILE = [
    "",
    "/",
    "..",
    "../x",
    "a/../b",
    "/etc/passwd",
    "a//b",
    "a/",
    ".hidden",
    "a\0b",
    "a\\b",
    "a\nb",
    "é",
    "A",
    "a" * 129,
]


@pytest.mark.parametrize("key", HOSTILE)
async def test_a_key_that_is_none_of_ours_touches_nothing(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="not a storage key"):
        checked_key(key)
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.put(key, b"x", "image/jpeg")
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.get(key)


def files_below(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


async def test_the_folder_is_closed_to_others_and_keeps_no_half_file(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "files"
    await FolderStorage(root).put(KEY, CONTENT, "image/jpeg")
    (file,) = files_below(root)
    assert file.relative_to(root).as_posix() == KEY
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    folders = [folder for folder in file.parents if folder.is_relative_to(root)]
    assert {oct(folder.stat().st_mode & 0o777) for folder in folders} == {"0o700"}


async def test_a_put_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = FolderStorage(tmp_path)
    await storage.put(KEY, CONTENT, "image/jpeg")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        await storage.put(KEY, b"new", "image/jpeg")
    assert await storage.get(KEY) == CONTENT
    assert [path.name for path in files_below(tmp_path)] == [Variant.ORIGINAL.value]


async def test_a_server_that_is_not_there_is_said_to_be_unavailable() -> None:
    storage = S3Storage("enamel-media", "us-east-1", "http://127.0.0.1:9", "key", "secret", path_style=True)
    with pytest.raises(Unavailable):
        await storage.get(KEY)


async def test_a_wrong_secret_is_unavailable_and_not_missing(radosgw: S3Storage) -> None:
    wrong = S3Storage(radosgw.bucket, "us-east-1", radosgw.endpoint, radosgw.access_key, "wrong", path_style=True)
    with pytest.raises(Unavailable):
        await wrong.get(KEY)


def test_the_secret_is_not_shown() -> None:
    assert "hush" not in repr(S3Storage("bucket", secret_key="hush", access_key="hush too"))


async def test_a_file_of_any_size_is_kept_from_disk(storage: Storage, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_bytes(CONTENT * 100)
    await storage.put_file(KEY, given, "application/zip")
    assert await storage.get(KEY) == CONTENT * 100


async def test_what_lies_below_a_folder_is_listed_and_erased_and_its_neighbours_stay(storage: Storage) -> None:
    mine, neighbour = f"{new_id()}/{new_id()}", str(new_id())
    keys = [f"{mine}/a/original", f"{mine}/b", f"{mine}-not/c", f"{neighbour}/{new_id()}/d"]
    for key in keys:
        await storage.put(key, CONTENT, "image/jpeg")
    assert sorted(await storage.keys_under(mine)) == keys[:2]
    for _ in range(2):
        await storage.erase_under(mine)
    assert await storage.keys_under(mine) == []
    for key in keys[2:]:
        assert await storage.get(key) == CONTENT
    await storage.erase_under(keys[2])
    with pytest.raises(Missing):
        await storage.get(keys[2])
    assert await storage.keys_under(str(new_id())) == []
