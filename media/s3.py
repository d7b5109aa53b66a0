"""Files in an S3 bucket, through boto3 in threads. The bucket is private: links are ours (`media.links`)."""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from core.errors import Unavailable
from media.storage import Missing, Span, checked_key

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client

_PAUSE = 5
T = TypeVar("T")


@dataclass(frozen=True)
class S3Storage:
    """One bucket. Empty `endpoint` is AWS itself; empty keys are looked for where boto3 does (environment, role)."""

    bucket: str
    region: str = "us-east-1"
    endpoint: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    path_style: bool = False

    async def put(self, key: str, content: bytes, media_type: str) -> None:
        checked_key(key)
        digest = hashlib.sha256(content).digest()
        await self._ask(
            lambda: self._client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=media_type,
                ChecksumSHA256=base64.b64encode(digest).decode(),
            )
        )

    async def get(self, key: str, span: Span | None = None) -> bytes:
        checked_key(key)
        return await self._ask(lambda: self._read(key, span))

    async def put_file(self, key: str, path: Path, media_type: str) -> None:
        checked_key(key)
        kind = {"ContentType": media_type}
        await self._ask(lambda: self._client.upload_file(str(path), self.bucket, key, ExtraArgs=kind))

    async def keys_under(self, folder: str) -> list[str]:
        checked_key(folder)
        return await self._ask(lambda: self._listed(f"{folder}/"))

    async def erase_under(self, folder: str) -> None:
        checked_key(folder)
        await self._ask(lambda: self._erase([folder, *self._listed(f"{folder}/")]))

    def _listed(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def _erase(self, keys: list[str]) -> None:
        # One by one: DeleteObjects wants a checksum that older servers of other makers do not know.
        for key in keys:
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def _read(self, key: str, span: Span | None) -> bytes:
        from botocore.exceptions import ClientError

        wanted = f"bytes={span.first}-{span.last}" if span else "bytes=0-"
        try:
            with self._client.get_object(Bucket=self.bucket, Key=key, Range=wanted)["Body"] as body:
                return body.read()
        except ClientError as error:
            match _code(error):
                case "NoSuchKey":
                    raise Missing from None
                case "InvalidRange":
                    return b""  # past the end: those of the span that exist are none
            raise

    async def _ask(self, question: Callable[[], T]) -> T:
        return await asyncio.to_thread(self._asked, question)

    def _asked(self, question: Callable[[], T]) -> T:
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return question()
        except (BotoCoreError, ClientError, S3UploadFailedError) as error:
            raise Unavailable(retry_after_seconds=_PAUSE) from error

    @cached_property
    def _client(self) -> "S3Client":
        import boto3
        from botocore.config import Config

        settings = Config(
            connect_timeout=5,
            read_timeout=30,
            max_pool_connections=32,
            retries={"total_max_attempts": 3, "mode": "standard"},
            s3={"addressing_style": "path" if self.path_style else "auto"},
            # Only the SHA-256 that we send: older servers of other makers refuse boto3's own trailing checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        # A session of our own: boto3's default one is shared and may not be made in two threads at once.
        return boto3.session.Session().client(
            "s3",
            region_name=self.region,
            endpoint_url=self.endpoint or None,
            aws_access_key_id=self.access_key or None,
            aws_secret_access_key=self.secret_key or None,
            config=settings,
        )


def _code(error: "ClientError") -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
