"""Files in an S3 bucket. The bucket is private: links for people are ours (`media.links`)."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from media.disk import forget_older, own_temporary_folder
from media.pieces import PIECE, write_pieces
from media.s3_bucket import code_of
from media.s3_parts import S3Parts
from media.s3_signed import S3Signed
from media.storage import Given, Span, checked_key

_LOG = logging.getLogger("enamel.media")
_LEFT_STAYS = timedelta(days=1)
_RULE: Any = {
    "ID": "enamel-unfinished-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
}
_NO_RULES = frozenset({"AccessDenied", "NotImplemented", "MethodNotAllowed", "InvalidArgument", "MalformedXML"})
"""What a server says that has no such rules, or does not let us set them."""


class S3Storage(S3Parts, S3Signed):
    """One bucket that is Enamel's alone: uploads of others would be taken for ours and given up."""

    async def put(self, key: str, content: bytes, media_type: str) -> None:
        checked_key(key)
        await self._ask(
            lambda: self._client.put_object(
                Bucket=self.bucket, Key=key, Body=content, ContentType=media_type, **self._kept
            )
        )

    async def get(self, key: str, span: Span | None = None) -> bytes:
        checked_key(key)
        return await self._ask(lambda: self._read(key, span))

    async def put_file(self, key: str, path: Path, media_type: str) -> None:
        checked_key(key)
        kind = {"ContentType": media_type} | self._kept
        await self._ask(lambda: self._large.upload_file(str(path), self.bucket, key, ExtraArgs=kind))

    async def put_all(self, given: Sequence[Given]) -> None:
        # Each to its end, also where one fails: what is given away may be gone once this returns.
        for end in await asyncio.gather(*map(self._put_one, given), return_exceptions=True):
            if end is not None:
                raise end

    async def get_file(self, key: str, path: Path) -> str:
        checked_key(key)
        return await self._ask(lambda: self._fetch(key, path))

    async def size(self, key: str) -> int | None:
        checked_key(key)
        return await self._ask(lambda: self._size(key))

    async def copy(self, key: str, to: str) -> None:
        checked_key(key)
        checked_key(to)
        await self._ask(lambda: self._copy(key, to))

    async def keys_under(self, folder: str) -> list[str]:
        checked_key(folder)
        return await self._ask(lambda: self._listed(f"{folder}/"))

    async def erase_under(self, folder: str) -> None:
        checked_key(folder)
        await self._ask(lambda: self._erase_under(folder))

    async def _put_one(self, given: Given) -> None:
        if isinstance(given.content, Path):
            await self.put_file(given.key, given.content, given.media_type)
        else:
            await self.put(given.key, given.content, given.media_type)

    def workplace(self) -> Path:
        return own_temporary_folder()

    async def prepare(self, now: datetime) -> None:
        await asyncio.to_thread(forget_older, self.workplace(), (now - _LEFT_STAYS).timestamp())
        await self._ask(self._prepare)

    def _listed(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def _erase_under(self, folder: str) -> None:
        self._give_up_under(folder)  # first: one that is finished this moment is then erased as a file
        # One by one: DeleteObjects wants a checksum that older servers of other makers do not know.
        for key in [folder, *self._listed(f"{folder}/")]:
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def _read(self, key: str, span: Span | None) -> bytes:
        from botocore.exceptions import ClientError

        wanted = f"bytes={span.first}-{span.last}" if span else "bytes=0-"
        try:
            with closing(self._client.get_object(Bucket=self.bucket, Key=key, Range=wanted)["Body"]) as body:
                return body.read()
        except ClientError as error:
            if code_of(error) != "InvalidRange":
                raise
            return b""  # past the end: those of the span that exist are none

    def _fetch(self, key: str, path: Path) -> str:
        with closing(self._large.get_object(Bucket=self.bucket, Key=key)["Body"]) as body:
            return write_pieces(path, body.iter_chunks(PIECE))

    def _copy(self, key: str, to: str) -> None:
        from botocore.exceptions import ClientError

        given: Any = {"Bucket": self.bucket, "Key": key}
        try:
            copied = self._large.copy_object(Bucket=self.bucket, Key=to, CopySource=given, **self._kept)
        except ClientError as error:
            if code_of(error) != "NotImplemented":
                raise
        else:
            if copied.get("ServerSideEncryption", "") == self.encryption or not self.encryption:
                return
        self._send_again(key, to)

    def _send_again(self, key: str, to: str) -> None:
        """Through here after all, in pieces: Ceph 16 copies nothing that is encrypted, and encrypts no copy."""
        found = self._large.get_object(Bucket=self.bucket, Key=key)
        with closing(found["Body"]) as body:
            kind = {"ContentType": found["ContentType"]} | self._kept
            self._large.upload_fileobj(body, self.bucket, to, ExtraArgs=kind)

    def _size(self, key: str) -> int | None:
        from botocore.exceptions import ClientError

        try:
            return self._client.head_object(Bucket=self.bucket, Key=key)["ContentLength"]
        except ClientError as error:
            if code_of(error) not in {"404", "NoSuchKey"}:
                raise
            return None

    def _prepare(self) -> None:
        from botocore.exceptions import ClientError

        try:
            self._forget_unfinished_after_a_day()
        except ClientError as error:
            if code_of(error) not in _NO_RULES:
                raise
            _LOG.warning("the bucket takes no lifecycle rule: only the sweep ends unfinished uploads")

    def _forget_unfinished_after_a_day(self) -> None:
        rules = self._rules()
        if any(rule.get("ID") == _RULE["ID"] for rule in rules):
            return
        self._client.put_bucket_lifecycle_configuration(
            Bucket=self.bucket, LifecycleConfiguration={"Rules": [*rules, _RULE]}
        )

    def _rules(self) -> list[Any]:
        """Those that are set: ours goes beside them, for what is put replaces all."""
        from botocore.exceptions import ClientError

        try:
            return [*self._client.get_bucket_lifecycle_configuration(Bucket=self.bucket)["Rules"]]
        except ClientError as error:
            if code_of(error) != "NoSuchLifecycleConfiguration":
                raise
            return []
