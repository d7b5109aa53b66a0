"""Waiting for news without a socket: no transaction is held while nothing happens."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request

from chat.hub import Hub
from chat.listener import Listener
from core.errors import TooMany

Found = TypeVar("Found")


class TooManyWaiting(TooMany):
    """As many requests of this account wait for news already as may."""

    slug = "too-many-waiting"


async def polled(
    request: Request, hub: Hub, listener: Listener, wait: float, look: Callable[[], Awaitable[tuple[float, Found]]]
) -> Found:
    """What `look` finds, at once if it is news, else as soon as the listener hears some, else when `wait` is over.

    `look` says for how many seconds at most its finding may be held back: 0 where it is news. One too many is told its
    news all the same, and raises `TooManyWaiting` where there are none: if it took the place of another that asks again
    at once, they would chase each other without end.
    """
    clock, news = asyncio.get_running_loop().time, asyncio.Event()
    listener.news, listener.polls = news.set, True
    if has_place := wait > 0 and hub.has_place(listener):
        hub.join(listener)
    until, is_woken = clock() + wait, True
    try:
        while is_woken:
            news.clear()
            while listener.take() is not None:
                pass  # looked up instead; it may also have been told before
            patience, found = await look()
            until = min(until, clock() + patience)
            if clock() >= until or listener.ended is not None:
                return found
            if not has_place:
                raise TooManyWaiting(retry_after_seconds=wait)
            is_woken = await _is_woken(news, request, until - clock())
    finally:
        hub.leave(listener)
    return (await look())[1]


async def _is_woken(news: asyncio.Event, request: Request, seconds: float) -> bool:
    """Whether there are news in time. A caller that has hung up waits no more: a phone that changes its network would
    fill all its places.
    """
    leaving, waking = asyncio.create_task(_hung_up(request)), asyncio.create_task(news.wait())
    try:
        await asyncio.wait((leaving, waking), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return waking.done() and not leaving.done()
    finally:
        leaving.cancel()
        waking.cancel()


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
