"""One bucket of an S3 server, and how it is asked: through boto3, in threads, with what it refuses told apart."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import cached_property, partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from core.breaker import Breaker
from core.errors import Unavailable
from media.storage import Missing, PartsDiffer

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client

Encryption = Literal["", "AES256", "aws:kms"]
"""How the server encrypts what it keeps: as its bucket says, with its own keys, or with a key of its key service."""

_PAUSE = 5
_AT_ONCE = 16
_CONNECT_SECONDS = 5
# A server that makes one file of many parts, or copies one, may be silent until it is done.
_LARGE_SECONDS = 120
_TRIES = 2
_MISSING = frozenset({"NoSuchKey", "NoSuchUpload"})
_PARTS_DIFFER = frozenset({"InvalidPart", "InvalidPartOrder", "EntityTooSmall"})
T = TypeVar("T")


@dataclass(frozen=True)
class S3Bucket:
    """One bucket. Empty `endpoint` is AWS itself; empty keys are looked for where boto3 does (environment, role).

    It is asked in threads of its own: were they everybody's, a server that hangs would hold the passwords of those who
    sign in too.
    """

    bucket: str
    region: str = "us-east-1"
    endpoint: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    path_style: bool = False
    encryption: Encryption = ""
    kms_key: str = ""
    """The key of `aws:kms`; empty is the bucket's own."""
    answer_seconds: float = 10
    """For how long the server may be silent on a small matter; it is asked twice."""
    breaker: Breaker = field(default_factory=lambda: Breaker(_PAUSE), repr=False, compare=False)
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_AT_ONCE, "s3"), init=False, repr=False, compare=False
    )

    @property
    def _kept(self) -> Any:
        """What every request says by which the server begins to keep something (boto3's argument names)."""
        if not self.encryption:
            return {}
        return {"ServerSideEncryption": self.encryption} | ({"SSEKMSKeyId": self.kms_key} if self.kms_key else {})

    @property
    def _kept_headers(self) -> dict[str, str]:
        """The same as headers, for who asks the server without us."""
        names = {"ServerSideEncryption": "encryption", "SSEKMSKeyId": "encryption-aws-kms-key-id"}
        return {f"x-amz-server-side-{names[name]}": str(value) for name, value in self._kept.items()}

    async def _ask(self, question: Callable[[], T]) -> T:
        """Raises `Missing`, `PartsDiffer`, `Unavailable` for everything else that is refused or not answered.

        While the server does not answer nobody waits for it, nor for a thread.
        """
        if self.breaker.is_shut(monotonic()):
            raise Unavailable(retry_after_seconds=_PAUSE)
        asked = partial(copy_context().run, self._asked, partial(self._let_through, question))
        return await asyncio.get_running_loop().run_in_executor(self._threads, asked)

    async def _unsent(self, question: Callable[[], T]) -> T:
        """The same for what the server has no part in: it neither shows that it answers nor waits until it does."""
        return await asyncio.to_thread(self._asked, question)

    def _let_through(self, question: Callable[[], T]) -> T:
        from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

        # Once more: it may have fallen silent while this one waited for a thread.
        if not self.breaker.enter(monotonic()):
            raise Unavailable(retry_after_seconds=_PAUSE)
        try:
            said = question()
        except (ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError):
            self.breaker.failed(monotonic())
            raise
        except ClientError:
            self.breaker.answered()
            raise
        self.breaker.answered()
        return said

    def _asked(self, question: Callable[[], T]) -> T:
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return question()
        except ClientError as error:
            code = code_of(error)
            if code in _MISSING:
                raise Missing from None
            if code in _PARTS_DIFFER:
                raise PartsDiffer from None
            raise Unavailable(retry_after_seconds=_PAUSE) from error
        except (BotoCoreError, S3UploadFailedError) as error:
            raise Unavailable(retry_after_seconds=_PAUSE) from error

    @cached_property
    def _client(self) -> "S3Client":
        """For what is answered at once, and for bytes of which some come all the time."""
        return self._made(self.answer_seconds)

    @cached_property
    def _large(self) -> "S3Client":
        """For whole files: sent, fetched, copied, put together."""
        return self._made(_LARGE_SECONDS)

    def _made(self, read_seconds: float) -> "S3Client":
        import boto3
        from botocore.config import Config

        settings = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=read_seconds,
            max_pool_connections=32,
            retries={"total_max_attempts": _TRIES, "mode": "standard"},
            signature_version="s3v4",  # for signed addresses boto3 would still choose version 2 in old regions
            # The SHA-256 of every body is signed, and every server compares it: also those that know no checksums.
            s3={"addressing_style": "path" if self.path_style else "auto", "payload_signing_enabled": True},
            # Older servers of other makers refuse boto3's own trailing checksums.
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


def code_of(error: "ClientError") -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
