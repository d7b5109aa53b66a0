"""Resolves names for calls to addresses that somebody outside told us, and refuses those that lead inside.

Every address a name leads to is judged, and exactly those are connected to: a name that leads elsewhere a moment later
gains nothing. A number as a host is not resolved by aiohttp's session: whoever calls judges it with `resolve` first.
"""

import asyncio
import socket
from collections.abc import Collection
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from core.outside import may_be_called


class HostRefused(OSError):
    """The host leads to an address that may not be called."""


class GuardedResolver(AbstractResolver):
    """Resolves names with the system's resolver and refuses those that lead where nobody may call."""

    def __init__(self, private_hosts: Collection[str]) -> None:
        self._private_hosts = private_hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        numbers = [str(place[0]) for *_, place in found]
        if not may_be_called(host, numbers, self._private_hosts):
            raise HostRefused
        return [_result(host, port, *each) for each in found]

    async def close(self) -> None:
        """Nothing is held open."""


def _result(host: str, port: int, family: int, _: int, proto: int, __: str, place: Any) -> ResolveResult:
    flags = int(socket.AI_NUMERICHOST)
    return {"hostname": host, "host": str(place[0]), "port": port, "family": family, "proto": proto, "flags": flags}
