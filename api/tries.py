"""Calls that bear a code: the try is counted and committed before the code is looked at."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from api.ports import Ports
from cabinet.commands.tries import CodeUnknown, forgive_try, take_code_try
from core.clock import now
from core.database import Scope, Writing
from core.events import Actor

Answer = TypeVar("Answer")


async def with_codes(
    ports: Ports,
    scope: Scope,
    codes: int,
    admit: Callable[[Writing], Awaitable[Actor]],
    act: Callable[[Writing, Actor, datetime], Awaitable[Answer]],
) -> Answer:
    """Do `act` as the actor whom `admit` lets in; an unknown code leaves its tries counted, nothing else does.

    Transactions of their own, because what a refusal rolls back would not stay counted. Raises `TooManyCodes`.
    """
    assert scope.clinic_id is not None
    async with ports.database.writing(scope) as writing:
        actor = await admit(writing)
        if codes:
            await take_code_try(writing, scope.clinic_id, actor, codes, now())
    try:
        async with ports.database.writing(scope) as writing:
            await admit(writing)
            return await act(writing, actor, now())
    except CodeUnknown:
        codes = 0  # this is what guessing looks like: it stays counted
        raise
    finally:
        if codes:
            async with ports.database.writing(scope) as writing:
                await forgive_try(writing, actor, codes)
