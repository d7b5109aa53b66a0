"""The way of a payment between us and its provider: never a transaction over the call."""

from datetime import datetime
from uuid import UUID

from api.ports import Ports
from cabinet.commands.payments import note_page, note_told, note_unmade
from cabinet.payment import OPEN, PaymentStatus, Told
from cabinet.payment_provider import PaymentProvider, PaymentRefused, PaymentsBroken, PaymentUnknown
from cabinet.queries.payments import Payment, order_of
from core.database import Scope
from core.errors import Conflict, NotFound
from core.events import Actor


class PaymentsNotTaken(Conflict):
    """This installation has no payment provider."""

    slug = "payments-not-taken"


def provider_of(ports: Ports) -> PaymentProvider:
    """Raises `PaymentsNotTaken`."""
    if ports.payments is None:
        raise PaymentsNotTaken
    return ports.payments


async def at_provider(ports: Ports, clinic_id: UUID, payment_id: UUID, now: datetime) -> Payment:
    """Ask for the page of a payment that stands in its row, and write it down; one that has a page is not asked for.

    May be called any number of times: the provider makes one page. Raises what the provider raises.
    """
    provider, scope = provider_of(ports), Scope(clinic_id)
    async with ports.database.reading(scope) as reading:
        found = await order_of(reading, clinic_id, payment_id)
    if found is None:
        raise NotFound
    standing, order = found
    if standing.page is not None or standing.status not in OPEN:
        return standing
    try:
        page = await provider.create(order)
    except (PaymentRefused, PaymentsBroken):
        async with ports.database.writing(scope) as writing:
            standing = await note_unmade(writing, clinic_id, payment_id, now)
        if standing.page is None:
            raise
        return standing  # another tap was luckier
    async with ports.database.writing(scope) as writing:
        noted = await note_page(writing, payment_id, page)
    if noted.status not in OPEN:
        await provider.cancel(page.provider_id)  # called off meanwhile
    return noted


async def call_off(
    ports: Ports, clinic_id: UUID, payment: Payment, provider_id: str | None, actor: Actor, now: datetime
) -> Payment:
    """Close the page of a payment. What was paid already stays paid, and is said.

    One that the provider does not know is over once its page is: till then it may still be paid in another account.
    """
    if payment.status not in OPEN:
        return payment
    told = Told(PaymentStatus.CANCELLED)
    if provider_id is not None:
        try:
            told = await provider_of(ports).cancel(provider_id)
        except PaymentUnknown:
            if payment.expires_at > now:
                raise
    async with ports.database.writing(Scope(clinic_id)) as writing:
        return await note_told(writing, clinic_id, payment.payment_id, told, actor, now)
