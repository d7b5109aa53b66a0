"""Signed addresses: they let through what they were made for, and nothing else.

Only Ceph's server is asked for refusals: moto checks no signature, no expiry and no policy, and answers 200 to all of
them. What is let through is asked of both.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from core.ids import new_id
from media.folder import FolderStorage
from media.s3 import S3Storage
from media.storage import SMALLEST_PART, PartsDiffer, Signed, upload_key

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()
JPEG = "image/jpeg"
REFUSED = {400, 403}


@pytest.fixture
def key() -> str:
    return upload_key(new_id(), new_id())


async def put(signed: Signed, content: bytes, headers: Mapping[str, str] | None = None, **other: str) -> httpx.Response:
    """As a client of ours does it; a length that was signed is left to what is really sent."""
    sent = {**(signed.headers if headers is None else headers)}
    sent.pop("content-length", None)
    async with httpx.AsyncClient() as client:
        return await client.request(
            other.get("method", "PUT"), other.get("url", signed.url), content=content, headers=sent
        )


async def post(signed: Signed, content: bytes, **changed: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(signed.url, data={**signed.fields, **changed}, files={"file": ("name", content)})


async def fetched(url: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.request(method, url)


def signed_headers(signed: Signed) -> set[str]:
    return set(parse_qs(urlsplit(signed.url).query)["X-Amz-SignedHeaders"][0].split(";"))


async def test_a_whole_file_is_put(s3: S3Storage, key: str) -> None:
    signed = await s3.signed_put(key, JPEG, len(CONTENT), SHA256, 60)
    assert (await put(signed, CONTENT)).status_code == 200
    assert await s3.get(key) == CONTENT
    assert s3._client.head_object(Bucket=s3.bucket, Key=key)["ContentType"] == JPEG


async def test_every_header_that_must_be_sent_is_signed_and_told(s3: S3Storage, key: str) -> None:
    signed = await s3.signed_put(key, JPEG, len(CONTENT), SHA256, 60)
    assert signed_headers(signed) == {"host", *signed.headers}
    assert set(signed.headers) == {"content-type", "content-length", "x-amz-checksum-sha256"}
    part = await s3.signed_part(key, "upload", 1, 7, 60)
    assert signed_headers(part) == {"host", *part.headers}
    assert part.headers == {"content-length": "7"}


async def test_a_put_of_another_length_type_or_sha256_is_refused(radosgw: S3Storage, key: str) -> None:
    signed = await radosgw.signed_put(key, JPEG, len(CONTENT), SHA256, 60)
    for content in (CONTENT + b"x", CONTENT[:-1], b""):
        assert (await put(signed, content)).status_code in REFUSED
    for header, value in (("content-type", "text/html"), ("x-amz-checksum-sha256", "A" * 43 + "=")):
        assert (await put(signed, CONTENT, {**signed.headers, header: value})).status_code in REFUSED
    for header in ("content-type", "x-amz-checksum-sha256"):
        left = {name: value for name, value in signed.headers.items() if name != header}
        assert (await put(signed, CONTENT, left)).status_code in REFUSED
    assert await radosgw.size(key) is None


async def test_an_address_for_one_key_and_method_is_refused_for_others(radosgw: S3Storage, key: str) -> None:
    signed = await radosgw.signed_put(key, JPEG, len(CONTENT), SHA256, 60)
    other = upload_key(new_id(), new_id())
    assert (await put(signed, CONTENT, url=signed.url.replace(key, other))).status_code in REFUSED
    for method in ("GET", "DELETE", "POST"):
        assert (await put(signed, CONTENT, method=method)).status_code in REFUSED | {405}
    assert await radosgw.size(key) is None
    assert await radosgw.size(other) is None


async def test_an_address_that_has_expired_is_refused_even_when_it_says_otherwise(radosgw: S3Storage, key: str) -> None:
    signed = await radosgw.signed_put(key, JPEG, len(CONTENT), SHA256, 1)
    time.sleep(2.5)  # noqa: ASYNC251  the server's clock has to go on
    assert (await put(signed, CONTENT)).status_code == 403
    longer = signed.url.replace("X-Amz-Expires=1&", "X-Amz-Expires=600&")
    assert longer != signed.url
    assert (await put(signed, CONTENT, url=longer)).status_code == 403
    assert await radosgw.size(key) is None


async def test_a_whole_file_is_posted_from_a_form(s3: S3Storage, key: str) -> None:
    signed = await s3.signed_post(key, JPEG, len(CONTENT), 60)
    assert (await post(signed, CONTENT)).status_code == 204
    assert await s3.get(key) == CONTENT
    assert s3._client.head_object(Bucket=s3.bucket, Key=key)["ContentType"] == JPEG


async def test_a_post_of_another_size_type_or_key_is_refused(radosgw: S3Storage, key: str) -> None:
    signed = await radosgw.signed_post(key, JPEG, len(CONTENT), 60)
    for content in (CONTENT + b"x", CONTENT[:-1]):
        assert (await post(signed, content)).status_code in REFUSED
    other = upload_key(new_id(), new_id())
    for field, value in (("Content-Type", "text/html"), ("key", other), ("acl", "public-read"), ("policy", "e30=")):
        assert (await post(signed, CONTENT, **{field: value})).status_code in REFUSED
    assert await radosgw.size(key) is None
    assert await radosgw.size(other) is None


async def test_a_post_that_has_expired_is_refused(radosgw: S3Storage, key: str) -> None:
    signed = await radosgw.signed_post(key, JPEG, len(CONTENT), 1)
    time.sleep(2.5)  # noqa: ASYNC251  the server's clock has to go on
    assert (await post(signed, CONTENT)).status_code in REFUSED
    assert await radosgw.size(key) is None


@dataclass(frozen=True)
class Begun:
    storage: S3Storage
    key: str
    storage_id: str

    async def signed(self, number: int, size: int) -> Signed:
        return await self.storage.signed_part(self.key, self.storage_id, number, size, 60)


async def test_parts_are_put_and_finished_by_what_the_storage_holds(s3: S3Storage, key: str) -> None:
    begun = Begun(s3, key, await s3.begin(key, JPEG))
    first, last = CONTENT[:1] * SMALLEST_PART, CONTENT
    for number, content in ((2, last), (1, first)):
        assert (await put(await begun.signed(number, len(content)), content)).status_code == 200
    parts = await s3.parts(key, begun.storage_id)
    assert [part.size_bytes for part in parts] == [len(first), len(last)]
    await s3.finish(key, begun.storage_id, parts)
    assert await s3.get(key) == first + last


async def test_a_part_of_another_length_number_or_upload_is_refused(radosgw: S3Storage, key: str) -> None:
    begun = Begun(radosgw, key, await radosgw.begin(key, JPEG))
    other = await radosgw.begin(key, JPEG)
    signed = await begun.signed(1, len(CONTENT))
    for content in (CONTENT + b"x", CONTENT[:-1]):
        assert (await put(signed, content)).status_code in REFUSED
    for was, changed in (("partNumber=1", "partNumber=2"), (begun.storage_id.replace("~", "%7E"), other)):
        url = signed.url.replace(was, changed)
        if url == signed.url:
            url = signed.url.replace(begun.storage_id, other)
        assert url != signed.url
        assert (await put(signed, CONTENT, url=url)).status_code in REFUSED
    assert await radosgw.parts(key, begun.storage_id) == []
    assert await radosgw.parts(key, other) == []


async def test_a_part_is_refused_once_its_upload_is_over(radosgw: S3Storage, key: str) -> None:
    begun = Begun(radosgw, key, await radosgw.begin(key, JPEG))
    signed = await begun.signed(1, len(CONTENT))
    await radosgw.give_up(key, begun.storage_id)
    assert (await put(signed, CONTENT)).status_code == 404
    assert await radosgw.size(key) is None


async def test_a_part_replaced_behind_our_back_is_not_made_part_of_the_file(radosgw: S3Storage, key: str) -> None:
    begun = Begun(radosgw, key, await radosgw.begin(key, JPEG))
    signed = await begun.signed(1, len(CONTENT))
    await put(signed, CONTENT)
    parts = await radosgw.parts(key, begun.storage_id)
    await put(signed, CONTENT[::-1])
    with pytest.raises(PartsDiffer):
        await radosgw.finish(key, begun.storage_id, parts)


async def test_a_file_is_fetched_as_an_attachment_of_its_type_and_name(s3: S3Storage, key: str) -> None:
    await s3.put(key, CONTENT, "application/octet-stream")
    answer = await fetched((await s3.signed_get(key, JPEG, "tooth 36.jpg", 60)).url)
    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["content-type"].startswith(JPEG)
    assert answer.headers["content-disposition"] == 'attachment; filename="tooth 36.jpg"'


async def test_a_fetch_that_was_changed_is_refused(radosgw: S3Storage, key: str) -> None:
    await radosgw.put(key, CONTENT, JPEG)
    url = (await radosgw.signed_get(key, JPEG, "tooth.jpg", 60)).url
    assert (await fetched(url)).headers["cache-control"] == "private, no-store"
    changes = [("image%2Fjpeg", "text%2Fhtml"), ("attachment", "inline"), ("tooth.jpg", "tooth.exe"), (key, key[:-1])]
    for was, changed in changes:
        assert was in url
        assert (await fetched(url.replace(was, changed))).status_code in REFUSED
    assert (await fetched(url.partition("?")[0])).status_code in REFUSED
    for method in ("PUT", "DELETE"):
        assert (await fetched(url, method)).status_code in REFUSED
    assert await radosgw.get(key) == CONTENT


@pytest.mark.parametrize("name", ["", ".hidden", 'a"b', "a\r\nb", "a/b", "a;b", "é", "a" * 101])
async def test_a_name_that_could_change_the_header_is_none_of_ours(key: str, name: str) -> None:
    storage = S3Storage("bucket", access_key="key", secret_key="secret")
    with pytest.raises(ValueError, match="not a file name of ours"):
        await storage.signed_get(key, JPEG, name, 60)


async def test_no_address_is_made_for_a_key_that_is_none_of_ours() -> None:
    storage = S3Storage("bucket", access_key="key", secret_key="secret")
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.signed_put("../x", JPEG, 1, SHA256, 60)
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.signed_post("../x", JPEG, 1, 60)
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.signed_get("../x", JPEG, "x.jpg", 60)
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.signed_part("../x", "upload", 1, 1, 60)


async def test_a_folder_has_no_door_of_its_own(tmp_path: Path, key: str) -> None:
    folder = FolderStorage(tmp_path)
    assert await folder.signed_put(key, JPEG, 1, SHA256, 60) is None
    assert await folder.signed_post(key, JPEG, 1, 60) is None
    assert await folder.signed_part(key, "upload", 1, 1, 60) is None
    assert await folder.signed_get(key, JPEG, "x.jpg", 60) is None
