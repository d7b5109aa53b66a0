"""`/v1/me/payments`: pay what is owed, on the provider's page; see what became of it; call it off."""

from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

from fastapi import Request
from pydantic import Field

from api.caller import PatientClaims
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.patient.record import RecordRoutes
from api.payments import at_provider, call_off, provider_of
from api.ports import PortsHere
from api.transaction import PatientReads, record_reads, record_writes
from cabinet.commands.payments import open_payment
from cabinet.queries.payments import Payment, payment, payments, provider_id_of
from clinic.household import AccessScope
from core.errors import NotFound
from core.values import Value

routes = RecordRoutes("payments")

_Reads = Annotated[PatientReads, record_reads(AccessScope.PAY)]
# The same door as `record_writes`, but closed before the provider is called.
_opened_record = asynccontextmanager(record_writes(AccessScope.PAY).dependency)


class PaymentRequest(Value):
    """What to pay: what is owed for one plan, or in whole. The amount is what the account says is `payable`."""

    plan_id: UUID | None = None


class PaymentPage(Value):
    items: list[Payment] = Field(max_length=200)
    next_cursor: str | None


@routes.post("/payments", status_code=201, summary="Pay my account", operation_id="startMyPayment")
async def start(ports: PortsHere, claims: PatientClaims, request: Request, body: PaymentRequest) -> Payment:
    """Begin to pay: open `page` in a browser. Asked again, it answers with the payment that is open already.

    One payment at a time: another one (`payment-open`) is finished or called off first.
    """
    provider = provider_of(ports)
    async with _opened_record(ports, claims, request) as call:
        payment_id = await open_payment(
            call.writing, call.clinic_id, call.patient_id, body.plan_id, provider, call.actor, call.now
        )
    return await at_provider(ports, claims.clinic_id, payment_id, call.now)


@routes.get("/payments", summary="My payments", operation_id="listMyPayments")
async def list_all(ports: PortsHere, call: _Reads, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> PaymentPage:
    """Payments made or begun in the app or by link, newest first."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "payments", call.patient_id), cursor, limit,
        lambda place, most: payments(call.reading, call.patient_id, after=id_of(place), limit=most),
        lambda one: [str(one.payment_id)],
    )  # fmt: skip
    return PaymentPage(items=items, next_cursor=following)


@routes.get("/payments/{payment_id}", summary="My payment", operation_id="getMyPayment")
async def get(call: _Reads, payment_id: UUID) -> Payment:
    """What became of a payment: ask after the browser came back."""
    found = await payment(call.reading, call.patient_id, payment_id)
    if found is None:
        raise NotFound
    return found


@routes.delete("/payments/{payment_id}", summary="Call off my payment", operation_id="cancelMyPayment")
async def cancel(ports: PortsHere, claims: PatientClaims, request: Request, payment_id: UUID) -> Payment:
    """Close the page. If the money came in first, the answer says `succeeded`."""
    async with _opened_record(ports, claims, request) as call:
        found = await payment(call.writing, call.patient_id, payment_id)
        provider_id = await provider_id_of(call.writing, payment_id)
    if found is None:
        raise NotFound
    return await call_off(ports, claims.clinic_id, found, provider_id, call.actor, call.now)
