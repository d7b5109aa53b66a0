"""Passwords: argon2id, and the one file where passlib (installed as libpass) may appear."""

import asyncio

from passlib.hash import argon2

# OWASP's floor: 19 MiB, two passes: 18 ms here. 64 MiB times many sign-ins would be a memory attack.
_ARGON2ID = argon2.using(type="ID", memory_cost=19 * 1024, time_cost=2, parallelism=1)  # type: ignore[no-untyped-call]  # libpass has no types here
_AT_ONCE = asyncio.Semaphore(2)
SHORTEST = 12

# Verified against when the account is unknown, so that the answer takes the same time.
_NOBODYS_HASH: str = _ARGON2ID.hash("nobody has this password")


async def hashed(password: str) -> str:
    async with _AT_ONCE:
        return await asyncio.to_thread(_ARGON2ID.hash, password)


async def matches(password: str, stored: str | None) -> bool:
    """Whether `password` is the one `stored` was made from; equally slow when nothing is stored."""
    async with _AT_ONCE:
        verdict = await asyncio.to_thread(_ARGON2ID.verify, password, stored or _NOBODYS_HASH)
    return bool(verdict) and stored is not None
