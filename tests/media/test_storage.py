"""Every storage behaves alike: the folder twin, moto's S3 and Ceph's own S3 server."""

import asyncio
import hashlib
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import now
from core.errors import Unavailable
from core.ids import new_id
from media.kinds import Variant
from media.s3 import S3Storage
from media.storage import Given, Missing, Span, Storage, checked_key, file_key

KEY = file_key(new_id(), "0" * 64, Variant.ORIGINAL)
CONTENT = bytes(range(256)) * 40


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


async def test_several_are_kept_together_beside_and_over_others(storage: Storage) -> None:
    await storage.put(KEY, b"old", "image/jpeg")
    given = [Given(KEY, CONTENT, "image/jpeg"), Given(f"{new_id()}/other", b"new", "image/webp")]
    await storage.put_all(given)
    assert [await storage.get(each.key) for each in given] == [CONTENT, b"new"]


async def test_a_file_that_is_given_away_is_kept(storage: Storage, tmp_path: Path) -> None:
    for place in (storage.workplace(), tmp_path):
        given = Given(f"{new_id()}/given", place / new_id().hex, "image/jpeg")
        assert isinstance(given.content, Path)
        given.content.write_bytes(CONTENT)
        await storage.put_all([given, Given(f"{new_id()}/beside", b"new", "image/webp")])
        assert await storage.get(given.key) == CONTENT
        given.content.unlink(missing_ok=True)


async def test_what_a_crash_left_at_work_is_forgotten_after_a_day(storage: Storage) -> None:
    left = storage.workplace() / new_id().hex
    left.mkdir(mode=0o700)
    (left / "picture").write_bytes(CONTENT)
    await storage.prepare(now())
    assert left.exists()
    await storage.prepare(now() + timedelta(days=1, minutes=1))
    assert not left.exists()


async def test_an_empty_file_is_a_file(storage: Storage) -> None:
    await storage.put(KEY, b"", "image/webp")
    assert await storage.get(KEY) == b""


async def test_what_was_never_kept_is_missing(storage: Storage) -> None:
    with pytest.raises(Missing):
        await storage.get(file_key(new_id(), "1" * 64, Variant.ORIGINAL))
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
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.size(key)
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.copy(KEY, key)
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.begin(key, "image/jpeg")
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.erase_under(key)


async def test_a_server_that_is_not_there_is_said_to_be_unavailable() -> None:
    storage = S3Storage("enamel-media", "us-east-1", "http://127.0.0.1:9", "key", "secret", path_style=True)
    with pytest.raises(Unavailable):
        await storage.get(KEY)


async def test_a_wrong_secret_is_unavailable_and_not_missing(radosgw: S3Storage) -> None:
    wrong = S3Storage(radosgw.bucket, "us-east-1", radosgw.endpoint, radosgw.access_key, "wrong", path_style=True)
    with pytest.raises(Unavailable):
        await wrong.get(KEY)


async def test_a_file_that_the_way_hurt_is_refused_by_the_server(radosgw: S3Storage) -> None:
    careful = S3Storage(radosgw.bucket, "us-east-1", radosgw.endpoint, radosgw.access_key, radosgw.secret_key, True)
    key = f"{new_id()}/hurt"

    def hurt(request: Any, **_: object) -> None:
        request.body = CONTENT[::-1]

    careful._client.meta.events.register("before-send.s3", hurt)
    with pytest.raises(Unavailable):
        await careful.put(key, CONTENT, "image/jpeg")
    storage_id = await radosgw.begin(key, "image/jpeg")
    with pytest.raises(Unavailable):
        await careful.put_part(key, storage_id, 1, CONTENT)
    assert await radosgw.size(key) is None
    assert await radosgw.parts(key, storage_id) == []


async def test_an_answer_that_breaks_off_is_no_file(tmp_path: Path) -> None:
    async def broken(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + b"x" * 10)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(broken, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        storage = S3Storage("enamel-media", "us-east-1", f"http://127.0.0.1:{port}", "key", "secret", path_style=True)
        with pytest.raises(Unavailable):
            await storage.get(KEY)
        with pytest.raises(Unavailable):
            await storage.get_file(KEY, tmp_path / "half")


def test_the_secret_is_not_shown() -> None:
    assert "hush" not in repr(S3Storage("bucket", secret_key="hush", access_key="hush too"))


async def test_a_file_of_any_size_is_kept_from_disk(storage: Storage, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_bytes(CONTENT * 100)
    await storage.put_file(KEY, given, "application/zip")
    assert await storage.get(KEY) == CONTENT * 100


async def test_a_file_is_fetched_to_disk_with_its_sha256(storage: Storage, tmp_path: Path) -> None:
    content = os.urandom(3 * 1024**2 + 7)
    await storage.put(KEY, content, "application/dicom")
    fetched = tmp_path / "fetched"
    assert await storage.get_file(KEY, fetched) == hashlib.sha256(content).hexdigest()
    assert fetched.read_bytes() == content
    assert oct(fetched.stat().st_mode & 0o777) == "0o600"


async def test_nothing_is_fetched_where_nothing_is(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(Missing):
        await storage.get_file(f"{new_id()}/never", tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


async def test_a_size_is_told_and_none_where_nothing_is(storage: Storage) -> None:
    key = f"{new_id()}/file"
    assert await storage.size(key) is None
    await storage.put(key, CONTENT, "image/jpeg")
    assert await storage.size(key) == len(CONTENT)
    assert await storage.size(key.partition("/")[0]) is None
    await storage.put(key, b"", "image/jpeg")
    assert await storage.size(key) == 0


async def test_a_copy_stays_when_the_first_is_replaced_or_erased(storage: Storage) -> None:
    key, to = f"{new_id()}/uploads/1", f"{new_id()}/files/2"
    await storage.put(key, CONTENT, "image/jpeg")
    for _ in range(2):
        await storage.copy(key, to)
    assert await storage.get(to) == CONTENT
    await storage.put(key, b"other", "image/jpeg")
    assert await storage.get(to) == CONTENT
    await storage.copy(key, to)
    assert await storage.get(to) == b"other"
    await storage.erase_under(key)
    assert await storage.get(to) == b"other"


async def test_what_is_missing_cannot_be_copied(storage: Storage) -> None:
    to = f"{new_id()}/to"
    with pytest.raises(Missing):
        await storage.copy(f"{new_id()}/never", to)
    assert await storage.size(to) is None


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
