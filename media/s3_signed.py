"""Addresses that let others send to an S3 bucket, or fetch from it, one thing for a while (SigV4 in the query)."""

import base64
from typing import Any

from media.s3_bucket import S3Bucket
from media.storage import Signed, checked_key, checked_name, checked_number


class S3Signed(S3Bucket):
    """The methods of `Storage` for signed addresses.

    In a thread, though nothing is sent: the first makes the client, and a role's keys may have to be fetched anew.
    """

    async def signed_part(self, key: str, storage_id: str, number: int, size_bytes: int, seconds: int) -> Signed:
        part = {"UploadId": storage_id, "PartNumber": checked_number(number), "ContentLength": size_bytes}
        url = await self._url("upload_part", key, part, seconds)
        return Signed(url, {"content-length": str(size_bytes)})

    async def signed_put(self, key: str, media_type: str, size_bytes: int, sha256: str, seconds: int) -> Signed:
        digest = base64.b64encode(bytes.fromhex(sha256)).decode()
        file = {"ContentType": media_type, "ContentLength": size_bytes, "ChecksumSHA256": digest}
        url = await self._url("put_object", key, file | self._kept, seconds)
        headers = {"content-type": media_type, "content-length": str(size_bytes), "x-amz-checksum-sha256": digest}
        return Signed(url, headers | self._kept_headers)

    async def signed_post(self, key: str, media_type: str, size_bytes: int, seconds: int) -> Signed:
        checked_key(key)
        fields = {"Content-Type": media_type} | self._kept_headers
        conditions = [{name: value} for name, value in fields.items()]
        size = ["content-length-range", size_bytes, size_bytes]
        made = await self._unsent(
            lambda: self._client.generate_presigned_post(
                self.bucket, key, Fields=dict(fields), Conditions=[*conditions, size], ExpiresIn=seconds
            )
        )
        return Signed(made["url"], fields=made["fields"])

    async def signed_get(self, key: str, media_type: str, file_name: str, seconds: int) -> Signed:
        answer = {
            "ResponseContentType": media_type,
            "ResponseContentDisposition": f'attachment; filename="{checked_name(file_name)}"',
            "ResponseCacheControl": "private, no-store",
        }
        return Signed(await self._url("get_object", key, answer, seconds))

    async def _url(self, operation: str, key: str, more: dict[str, Any], seconds: int) -> str:
        given = {"Bucket": self.bucket, "Key": checked_key(key)} | more
        return await self._unsent(
            lambda: self._client.generate_presigned_url(operation, Params=given, ExpiresIn=seconds)
        )
