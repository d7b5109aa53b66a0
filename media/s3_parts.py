"""Files that come in parts, in an S3 bucket: its own multipart uploads."""

from collections.abc import Sequence

from media.s3_bucket import S3Bucket, code_of
from media.storage import Part, Unfinished, check_parts, checked_key, checked_number


class S3Parts(S3Bucket):
    """The methods of `Storage` for uploads."""

    async def begin(self, key: str, media_type: str) -> str:
        checked_key(key)
        begun = await self._ask(
            lambda: self._client.create_multipart_upload(
                Bucket=self.bucket, Key=key, ContentType=media_type, **self._kept
            )
        )
        return begun["UploadId"]

    async def put_part(self, key: str, storage_id: str, number: int, content: bytes) -> Part:
        checked_key(key)
        checked_number(number)
        kept = await self._ask(
            lambda: self._client.upload_part(
                Bucket=self.bucket, Key=key, UploadId=storage_id, PartNumber=number, Body=content
            )
        )
        return Part(number, len(content), _tag(kept["ETag"]))

    async def parts(self, key: str, storage_id: str) -> list[Part]:
        checked_key(key)
        return await self._ask(lambda: self._parts(key, storage_id))

    async def finish(self, key: str, storage_id: str, parts: Sequence[Part]) -> None:
        checked_key(key)
        await self._ask(lambda: self._finish(key, storage_id, parts))

    async def give_up(self, key: str, storage_id: str) -> None:
        checked_key(key)
        await self._ask(lambda: self._give_up(key, storage_id))

    async def unfinished(self) -> list[Unfinished]:
        return await self._ask(lambda: self._unfinished(""))

    def _parts(self, key: str, storage_id: str) -> list[Part]:
        pages = self._client.get_paginator("list_parts").paginate(Bucket=self.bucket, Key=key, UploadId=storage_id)
        found = [each for page in pages for each in page.get("Parts", [])]
        return [Part(each["PartNumber"], each["Size"], _tag(each["ETag"])) for each in found]

    def _finish(self, key: str, storage_id: str, parts: Sequence[Part]) -> None:
        # Asked first because some servers say yes to an upload that is over, and all leave out what is not named.
        check_parts(self._parts(key, storage_id), parts)
        in_order = sorted(parts, key=lambda part: part.number)
        self._large.complete_multipart_upload(
            Bucket=self.bucket,
            Key=key,
            UploadId=storage_id,
            MultipartUpload={"Parts": [{"PartNumber": part.number, "ETag": f'"{part.tag}"'} for part in in_order]},
        )

    def _give_up(self, key: str, storage_id: str) -> None:
        from botocore.exceptions import ClientError

        try:
            self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=storage_id)
        except ClientError as error:
            if code_of(error) != "NoSuchUpload":
                raise

    def _unfinished(self, prefix: str) -> list[Unfinished]:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix)
        found = [each for page in pages for each in page.get("Uploads", [])]
        return [Unfinished(each["Key"], each["UploadId"], each["Initiated"]) for each in found]

    def _give_up_under(self, folder: str) -> None:
        for each in self._unfinished(folder):
            if each.key == folder or each.key.startswith(f"{folder}/"):
                self._give_up(each.key, each.storage_id)


def _tag(etag: str) -> str:
    return etag.strip('"')
