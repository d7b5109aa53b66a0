"""Files that come in parts: every storage behaves alike, whatever comes again, breaks off or is over."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.clock import now
from core.errors import Unavailable
from core.ids import new_id
from media.s3 import S3Storage
from media.storage import MOST_PARTS, SMALLEST_PART, Missing, Part, PartsDiffer, Storage, Unfinished, upload_key

FIRST, SECOND, LAST = os.urandom(SMALLEST_PART), os.urandom(SMALLEST_PART + 1), b"the end"
Over = tuple[type[Exception], ...]


@pytest.fixture
def over(request: pytest.FixtureRequest) -> Over:
    """What a part is told that comes into an upload that is over, or never was."""
    # moto 5.2.5 fails with 500 where S3 answers NoSuchUpload; to the other questions it answers as S3 does.
    return (Missing, Unavailable) if "moto" in request.node.callspec.id.split("-") else (Missing,)


@pytest.fixture
def key() -> str:
    return upload_key(new_id(), new_id())


async def begun(storage: Storage, key: str, *contents: bytes) -> tuple[str, list[Part]]:
    storage_id = await storage.begin(key, "application/dicom")
    numbered = enumerate(contents, start=1)
    return storage_id, [await storage.put_part(key, storage_id, number, content) for number, content in numbered]


async def test_parts_become_one_file_in_order(storage: Storage, key: str, tmp_path: Path) -> None:
    storage_id, parts = await begun(storage, key, FIRST, SECOND, LAST)
    assert await storage.size(key) is None
    await storage.finish(key, storage_id, parts[::-1])
    assert await storage.get_file(key, tmp_path / "whole") == hashlib.sha256(FIRST + SECOND + LAST).hexdigest()
    assert await storage.size(key) == len(FIRST + SECOND + LAST)


async def test_parts_come_in_any_order_and_at_once(storage: Storage, key: str) -> None:
    storage_id = await storage.begin(key, "application/dicom")
    sent = [(3, LAST), (1, FIRST), (2, SECOND)]
    await asyncio.gather(*(storage.put_part(key, storage_id, number, content) for number, content in sent))
    await storage.finish(key, storage_id, await storage.parts(key, storage_id))
    assert await storage.get(key) == FIRST + SECOND + LAST


async def test_after_a_break_the_storage_tells_what_has_come(storage: Storage, key: str) -> None:
    storage_id, (first,) = await begun(storage, key, FIRST)
    third = await storage.put_part(key, storage_id, 3, LAST)
    assert await storage.parts(key, storage_id) == [first, third]
    assert [(part.number, part.size_bytes) for part in (first, third)] == [(1, len(FIRST)), (3, len(LAST))]
    second = await storage.put_part(key, storage_id, 2, SECOND)
    await storage.finish(key, storage_id, [first, second, third])
    assert await storage.get(key) == FIRST + SECOND + LAST


async def test_a_part_that_comes_again_replaces_the_first(storage: Storage, key: str) -> None:
    storage_id, (hurt, last) = await begun(storage, key, SECOND, LAST)
    mended = await storage.put_part(key, storage_id, 1, FIRST)
    assert await storage.parts(key, storage_id) == [mended, last]
    with pytest.raises(PartsDiffer):
        await storage.finish(key, storage_id, [hurt, last])
    await storage.finish(key, storage_id, [mended, last])
    assert await storage.get(key) == FIRST + LAST


async def test_only_the_parts_that_came_are_made_one(storage: Storage, key: str) -> None:
    storage_id, parts = await begun(storage, key, FIRST, LAST)
    missing = [*parts, Part(3, 1, "0" * 32)]
    other = [replace(parts[0], tag="0" * 32), parts[1]]
    for named in ([], parts[:1], parts[1:], missing, other, [*parts, parts[0]]):
        with pytest.raises(PartsDiffer):
            await storage.finish(key, storage_id, named)
    assert await storage.size(key) is None
    await storage.finish(key, storage_id, parts)
    assert await storage.get(key) == FIRST + LAST


async def test_an_upload_without_parts_is_no_file(storage: Storage, key: str) -> None:
    storage_id, _ = await begun(storage, key)
    assert await storage.parts(key, storage_id) == []
    with pytest.raises(PartsDiffer):
        await storage.finish(key, storage_id, [])
    assert await storage.size(key) is None


async def test_a_small_part_before_the_last_is_refused_until_it_is_mended(storage: Storage, key: str) -> None:
    storage_id, (small, last) = await begun(storage, key, FIRST[:-1], LAST)
    with pytest.raises(PartsDiffer):
        await storage.finish(key, storage_id, [small, last])
    mended = await storage.put_part(key, storage_id, 1, FIRST)
    await storage.finish(key, storage_id, [mended, last])
    assert await storage.size(key) == len(FIRST + LAST)


async def test_an_upload_that_was_finished_is_over(storage: Storage, key: str, over: Over) -> None:
    storage_id, parts = await begun(storage, key, LAST)
    await storage.finish(key, storage_id, parts)
    with pytest.raises(Missing):
        await storage.finish(key, storage_id, parts)
    with pytest.raises(over):
        await storage.put_part(key, storage_id, 1, FIRST)
    with pytest.raises(Missing):
        await storage.parts(key, storage_id)
    await storage.give_up(key, storage_id)
    assert await storage.get(key) == LAST


async def test_an_upload_that_was_given_up_is_over_and_leaves_nothing(storage: Storage, key: str, over: Over) -> None:
    storage_id, parts = await begun(storage, key, LAST)
    for _ in range(2):
        await storage.give_up(key, storage_id)
    with pytest.raises(over):
        await storage.put_part(key, storage_id, 1, LAST)
    with pytest.raises(Missing):
        await storage.parts(key, storage_id)
    with pytest.raises(Missing):
        await storage.finish(key, storage_id, parts)
    assert await storage.size(key) is None
    assert storage_id not in [each.storage_id for each in await storage.unfinished()]


@pytest.mark.parametrize("never", ["never", "../../etc", "2~" + "x" * 30, "0192f0c1-2d3e-7abc-8def-0123456789ab"])
async def test_an_upload_that_never_was_is_missing(storage: Storage, key: str, never: str, over: Over) -> None:
    with pytest.raises(over):
        await storage.put_part(key, never, 1, LAST)
    with pytest.raises(Missing):
        await storage.parts(key, never)
    with pytest.raises(Missing):
        await storage.finish(key, never, [Part(1, 7, "0" * 32)])
    await storage.give_up(key, never)


@pytest.mark.parametrize("number", [0, -1, MOST_PARTS + 1])
async def test_a_part_has_a_number_that_every_storage_takes(storage: Storage, key: str, number: int) -> None:
    storage_id, _ = await begun(storage, key)
    with pytest.raises(ValueError, match="not the number of a part"):
        await storage.put_part(key, storage_id, number, LAST)
    last = await storage.put_part(key, storage_id, MOST_PARTS, LAST)
    await storage.finish(key, storage_id, [last])
    assert await storage.get(key) == LAST


async def test_two_uploads_to_one_key_do_not_meet(storage: Storage, key: str) -> None:
    one, parts = await begun(storage, key, b"one")
    two, others = await begun(storage, key, b"two")
    await storage.finish(key, one, parts)
    assert await storage.get(key) == b"one"
    await storage.finish(key, two, others)
    assert await storage.get(key) == b"two"


async def test_the_unfinished_are_listed_with_their_beginning(storage: Storage, key: str) -> None:
    storage_id, parts = await begun(storage, key, LAST)
    (mine,) = [each for each in await storage.unfinished() if each.storage_id == storage_id]
    # moto says 2010 of each.
    assert mine == Unfinished(key, storage_id, mine.begun_at)
    assert mine.begun_at == datetime(2010, 11, 10, 20, 48, 33, tzinfo=UTC) or abs(mine.begun_at - now()) < timedelta(
        minutes=1
    )
    await storage.finish(key, storage_id, parts)
    assert storage_id not in [each.storage_id for each in await storage.unfinished()]


async def test_what_was_begun_below_an_erased_folder_is_given_up_and_its_neighbours_stay(storage: Storage) -> None:
    clinic, neighbour = str(new_id()), str(new_id())
    keys = [f"{clinic}/uploads/1", f"{clinic}/uploads/1/deeper", f"{clinic}/uploads/11", f"{neighbour}/uploads/1"]
    ids = {key: (await begun(storage, key, LAST))[0] for key in keys}
    await storage.erase_under(f"{clinic}/uploads/1")
    assert {each.key for each in await storage.unfinished()} & set(keys) == set(keys[2:])
    with pytest.raises(Missing):
        await storage.parts(keys[0], ids[keys[0]])
    await storage.erase_under(clinic)
    assert {each.key for each in await storage.unfinished()} & set(keys) == {keys[3]}
    assert len(await storage.parts(keys[3], ids[keys[3]])) == 1


async def test_a_bucket_forgets_unfinished_uploads_and_keeps_the_rules_it_had(s3: S3Storage) -> None:
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 7}}
    rules: dict[str, object] = {"Rules": [theirs]}
    s3._client.put_bucket_lifecycle_configuration(Bucket=s3.bucket, LifecycleConfiguration=rules)  # type: ignore[arg-type]
    for _ in range(2):
        await s3.prepare(now())
    kept = s3._client.get_bucket_lifecycle_configuration(Bucket=s3.bucket)["Rules"]
    assert sorted(rule["ID"] for rule in kept) == ["enamel-unfinished-uploads", "theirs"]
    (ours,) = [rule for rule in kept if rule["ID"] != "theirs"]
    assert ours["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert ours["Status"] == "Enabled"
    s3._client.delete_bucket_lifecycle(Bucket=s3.bucket)
    await s3.prepare(now())
    assert len(s3._client.get_bucket_lifecycle_configuration(Bucket=s3.bucket)["Rules"]) == 1


@asynccontextmanager
async def answering(status: str, code: str) -> AsyncIterator[S3Storage]:
    """A server that has one answer to everything."""
    body = f"<Error><Code>{code}</Code></Error>".encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield S3Storage("enamel-media", "us-east-1", f"http://127.0.0.1:{port}", "key", "secret", path_style=True)


async def test_a_bucket_that_takes_no_rule_is_named_in_the_log_and_serves_on(caplog: pytest.LogCaptureFixture) -> None:
    async with answering("403 Forbidden", "AccessDenied") as storage:
        await storage.prepare(now())
    assert "takes no lifecycle rule" in caplog.text


async def test_a_bucket_that_does_not_answer_is_unavailable_and_not_without_rules() -> None:
    async with answering("503 Slow Down", "SlowDown") as storage:
        with pytest.raises(Unavailable):
            await storage.prepare(now())
