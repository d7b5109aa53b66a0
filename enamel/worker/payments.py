"""Asks the provider about payments of which nothing was heard: a notice can be lost, money cannot.

Crash safety: a claim leases some open payments (one commit), each is asked about with no transaction open, and what
was answered is written down (one commit each). Killed anywhere, the lease ends and another worker asks again; the
same answer written twice changes nothing.
"""

import asyncio
from contextlib import suppress
from datetime import datetime

from cabinet.commands.payments import Look, looked, payments_to_look_at
from cabinet.payment import PaymentStatus, Told
from cabinet.payment_provider import PaymentProvider, PaymentUnknown
from core.database import Database
from core.errors import Refusal

AT_ONCE = 20
PAUSE_SECONDS = 30.0


async def look_after_payments(database: Database, provider: PaymentProvider | None, now: datetime) -> int:
    """One round; how many payments were due to be asked about (0: none)."""
    if provider is None:
        return 0
    async with database.sweeping() as sweeping:
        looks = await payments_to_look_at(sweeping, now, AT_ONCE)
    await asyncio.gather(*(_look(database, provider, look, now) for look in looks))
    return len(looks)


async def _look(database: Database, provider: PaymentProvider, look: Look, now: datetime) -> None:
    try:
        told = await _told(provider, look, now)
    except Refusal:
        return  # asked again when the lease ends
    async with database.sweeping() as sweeping:
        await looked(sweeping, look, told, now)


async def _told(provider: PaymentProvider, look: Look, now: datetime) -> Told:
    """A payment that never had a page, or one of another provider or account, cannot be asked about: it runs out.

    Money that is told of afterwards weighs more.
    """
    if look.provider_id is not None and look.provider == provider.name:
        with suppress(PaymentUnknown):
            return await provider.retrieve(look.provider_id)
    return Told(PaymentStatus.EXPIRED if look.expires_at <= now else PaymentStatus.CREATED)
