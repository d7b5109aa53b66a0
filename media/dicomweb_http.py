"""Speaks WADO-RS to a clinic's archive over HTTPS: one instance a call, within a time and a size, where we may call.

The host is resolved by us, every address it leads to is judged, and exactly those are connected to: a name that leads
elsewhere a moment later gains nothing. No redirect is followed, no proxy of the environment is asked (it would resolve
the name itself), nothing is unpacked.
"""

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from core.errors import Fault
from core.guarded_resolver import GuardedResolver, HostRefused
from core.outside import host_of
from media.dicomweb import (
    LARGEST_INSTANCE,
    AddressRefused,
    ArchiveUnreachable,
    Instance,
    InstanceGone,
    Server,
    SignIn,
    Trouble,
    instance_address,
)

_SECONDS = 120.0
_CONNECT_SECONDS = 10.0
_AT_ONCE = 8
"""Of one process: what lies on its disk meanwhile is bounded."""
_PIECE = 256 * 1024
_DICOM = "application/dicom"
_RELATED = "multipart/related"
# As it is kept: without a wish of ours an archive would unpack it (PS3.18 §8.7.3.5.2).
_ACCEPT = f'{_RELATED}; type="{_DICOM}"; transfer-syntax=*, {_DICOM}; transfer-syntax=*; q=0.5'
_OK = 200
_LET_IN = frozenset({401, 403, 407})
_GONE = frozenset({404, 410})
_BUSY = frozenset({408, 425, 429})
_BROKEN = range(500, 600)


class HttpArchive:
    """The port over the network. Make it where the event loop runs; `close` it there."""

    def __init__(
        self, private_hosts: Collection[str] = (), seconds: float = _SECONDS, most_bytes: int = LARGEST_INSTANCE
    ) -> None:
        self._resolver = GuardedResolver(frozenset(host.lower() for host in private_hosts))
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._http: aiohttp.ClientSession | None = None

    async def check(self, address: str) -> None:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._resolver.resolve(host_of(address))
        except HostRefused:
            raise AddressRefused(Fault("/address", "not-public")) from None
        except (OSError, UnicodeError):
            raise AddressRefused(Fault("/address", "unknown-host")) from None

    async def fetch(self, server: Server, instance: Instance, path: Path) -> str:
        address = instance_address(server.address, instance)
        try:
            async with asyncio.timeout(self._seconds), self._turn:
                # A number as a host is not resolved by the session: it is judged here, as every host is.
                await self._resolver.resolve(host_of(address))
                async with self._session().get(address, headers=_headers(server), allow_redirects=False) as answer:
                    _judge(answer)
                    return await _written(_pieces(answer), path, self._most_bytes)
        except HostRefused:
            raise ArchiveUnreachable(Trouble.ADDRESS_REFUSED) from None
        except (_Odd, HttpProcessingError, aiohttp.ClientPayloadError, ValueError, AssertionError):
            raise ArchiveUnreachable(Trouble.ODD_ANSWER) from None
        except aiohttp.ClientConnectorDNSError as error:
            refused = isinstance(error.os_error, HostRefused)
            raise ArchiveUnreachable(Trouble.ADDRESS_REFUSED if refused else Trouble.UNREACHABLE) from None
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise ArchiveUnreachable(Trouble.UNREACHABLE) from None

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            connector = aiohttp.TCPConnector(resolver=self._resolver, use_dns_cache=False)
            timeout = aiohttp.ClientTimeout(total=self._seconds, connect=_CONNECT_SECONDS)
            self._http = aiohttp.ClientSession(
                connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._http

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()


class _Odd(Exception):
    """An answer that is no WADO-RS."""


def _headers(server: Server) -> dict[str, str]:
    headers = {"accept": _ACCEPT, "accept-encoding": "identity"}
    if server.sign_in is SignIn.BASIC:
        pair = base64.b64encode(f"{server.user_name}:{server.secret}".encode()).decode()
        return headers | {"authorization": f"Basic {pair}"}
    if server.sign_in is SignIn.BEARER:
        return headers | {"authorization": f"Bearer {server.secret}"}
    return headers


def _judge(answer: aiohttp.ClientResponse) -> None:
    if answer.status in _LET_IN:
        raise ArchiveUnreachable(Trouble.SIGN_IN_REFUSED)
    if answer.status in _GONE:
        raise InstanceGone
    if answer.status in _BUSY or answer.status in _BROKEN:
        raise ArchiveUnreachable(Trouble.UNREACHABLE)
    if answer.status != _OK or answer.headers.get("content-encoding", "identity") != "identity":
        raise _Odd


async def _pieces(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The bytes of the one instance, alone or as the one part of a multipart/related."""
    if answer.content_type == _DICOM:
        async for piece in answer.content.iter_chunked(_PIECE):
            yield piece
        return
    if answer.content_type != _RELATED:
        raise _Odd
    parts = aiohttp.MultipartReader(answer.headers, answer.content)
    part = await parts.next()
    if not isinstance(part, aiohttp.BodyPartReader) or not _is_dicom(part):
        raise _Odd
    while piece := await part.read_chunk(_PIECE):
        yield piece
    if await parts.next() is not None:
        raise _Odd


def _is_dicom(part: aiohttp.BodyPartReader) -> bool:
    kind = part.headers.get("content-type", "").partition(";")[0].strip().lower()
    unpacked = not {"content-encoding", "content-transfer-encoding"} & {name.lower() for name in part.headers}
    return kind == _DICOM and (unpacked or part.headers.get("content-transfer-encoding", "").lower() == "binary")


async def _written(pieces: AsyncIterator[bytes], path: Path, most_bytes: int) -> str:
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        async for piece in pieces:
            size += len(piece)
            if size > most_bytes:
                raise _Odd
            digest.update(piece)
            await asyncio.to_thread(file.write, piece)
    return digest.hexdigest()
