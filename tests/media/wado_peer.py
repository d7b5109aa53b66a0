"""A picture archive, played by a real HTTP server that speaks WADO-RS: well, badly, slowly, or as an attacker would."""

import asyncio
import base64
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web

from media.dicomweb import Instance

Speak = Callable[[web.Request, bytes], Coroutine[Any, Any, web.StreamResponse]]
BOUNDARY = "a boundary"
PASSWORD = "s3cret"
TOKEN = "a.token"


class WadoPeer:
    """`kept`: bytes by instance uid; `speak` gives the answer for them; `calls`: what was asked."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.calls: list[web.Request] = []
        self.speak: Speak = related
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/dicom-web/studies/{study}/series/{series}/instances/{instance}", self._give)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/dicom-web"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _give(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(request)
        content = self.kept.get(request.match_info["instance"])
        return web.Response(status=404) if content is None else await self.speak(request, content)


def instance(number: int = 1, frame: int | None = None) -> Instance:
    return Instance("1.2.3", "1.2.3.4", f"1.2.3.4.{number}", frame)


def one_part(content: bytes, kind: str = "application/dicom", more: str = "") -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: {kind}\r\n{more}\r\n".encode()
    return head + content + b"\r\n"


def wrapped(body: bytes, *, closed: bool = True, kind: str = "multipart/related") -> web.Response:
    end = f"--{BOUNDARY}--\r\n".encode() if closed else b""
    headers = {"content-type": f'{kind}; type="application/dicom"; boundary="{BOUNDARY}"'}
    return web.Response(body=body + end, headers=headers)


async def related(_: web.Request, content: bytes) -> web.StreamResponse:
    return wrapped(one_part(content))


async def related_with_length(_: web.Request, content: bytes) -> web.StreamResponse:
    return wrapped(one_part(content, more=f"Content-Length: {len(content)}\r\n"))


async def related_with_names(_: web.Request, content: bytes) -> web.StreamResponse:
    more = "Content-Location: /somewhere/else\r\nContent-Transfer-Encoding: binary\r\n"
    return wrapped(b"words before\r\n" + one_part(content, "Application/DICOM; transfer-syntax=1.2.840", more))


async def plain(_: web.Request, content: bytes) -> web.StreamResponse:
    return web.Response(body=content, content_type="application/dicom")


async def in_drops(request: web.Request, content: bytes) -> web.StreamResponse:
    """A few bytes at a time: the boundary is torn in every place."""
    answer = wrapped(one_part(content))
    body = answer.body
    assert isinstance(body, bytes)
    slow = web.StreamResponse(headers={"content-type": answer.headers["content-type"]})
    await slow.prepare(request)
    for start in range(0, len(body), 997):
        await slow.write(body[start : start + 997])
        await asyncio.sleep(0)
    return slow


async def with_password(request: web.Request, content: bytes) -> web.StreamResponse:
    wanted = base64.b64encode(f"enamel:{PASSWORD}".encode()).decode()
    is_right = request.headers.get("authorization") == f"Basic {wanted}"
    return await related(request, content) if is_right else web.Response(status=401)


async def with_token(request: web.Request, content: bytes) -> web.StreamResponse:
    is_right = request.headers.get("authorization") == f"Bearer {TOKEN}"
    return await related(request, content) if is_right else web.Response(status=403)


async def a_page(_: web.Request, content: bytes) -> web.StreamResponse:
    return web.Response(body=content, content_type="text/html")


async def a_page_inside(_: web.Request, content: bytes) -> web.StreamResponse:
    return wrapped(one_part(content, "text/html"))


async def two_instances(_: web.Request, content: bytes) -> web.StreamResponse:
    return wrapped(one_part(content) + one_part(content))


async def no_end(_: web.Request, content: bytes) -> web.StreamResponse:
    return wrapped(one_part(content), closed=False)


async def nothing_inside(_: web.Request, content: bytes) -> web.StreamResponse:  # noqa: ARG001
    return wrapped(b"")


async def nested(_: web.Request, content: bytes) -> web.StreamResponse:
    return wrapped(one_part(content, 'multipart/related; boundary="inner"'))


async def part_says_less(_: web.Request, content: bytes) -> web.StreamResponse:
    return wrapped(one_part(content, more="Content-Length: 10\r\n"))


async def part_says_more(_: web.Request, content: bytes) -> web.StreamResponse:
    return wrapped(one_part(content, more=f"Content-Length: {len(content) + 10_000}\r\n"))


async def says_more(request: web.Request, content: bytes) -> web.StreamResponse:
    """A length that never comes, then the end of the connection."""
    headers = {"content-length": str(len(content) + 1000), "content-type": "application/dicom"}
    answer = web.StreamResponse(headers=headers)
    await answer.prepare(request)
    await answer.write(content)
    assert request.transport is not None
    request.transport.close()
    return answer


async def without_end(request: web.Request, content: bytes) -> web.StreamResponse:
    """More and more of it, and no length was said."""
    answer = web.StreamResponse(headers={"content-type": "application/dicom"})
    await answer.prepare(request)
    while True:
        await answer.write(content)


async def packed(_: web.Request, content: bytes) -> web.StreamResponse:
    answer = web.Response(body=content, content_type="application/dicom")
    answer.headers["content-encoding"] = "gzip"
    return answer


async def slow(request: web.Request, content: bytes) -> web.StreamResponse:
    await asyncio.sleep(30)
    return await related(request, content)


def elsewhere(address: str) -> Speak:
    async def redirect(_: web.Request, content: bytes) -> web.StreamResponse:  # noqa: ARG001
        return web.Response(status=307, headers={"location": address})

    return redirect


def status(code: int) -> Speak:
    async def answer(_: web.Request, content: bytes) -> web.StreamResponse:  # noqa: ARG001
        return web.Response(status=code, headers={"www-authenticate": "Basic"})

    return answer
