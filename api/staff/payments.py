"""`/v1/staff/patients/{patient_id}/payments` and `…/pay-links`: what came in through us, and asking for it by link."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.patient.payments import PaymentPage
from api.payments import provider_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from cabinet.commands.pay_links import make_pay_link, withdraw_pay_link
from cabinet.queries.payments import payments
from clinic.queries import patient_card
from core.errors import NotFound
from core.moments import Moment
from core.money import Money
from core.values import Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff/patients/{patient_id}", tags=["payments"], route_class=StrictRoute)

_Writes = Annotated[StaffWrites, staff_writes(Permission.ASK_PAYMENT)]


class PayLinkRequest(Value):
    """Asks for what is owed now, in whole or for a plan; or for a part of it."""

    plan_id: UUID | None = None
    amount: Money | None = None


class PayLinkMade(Value):
    """To be sent by text, messenger or chat; the address is shown this once."""

    link_id: UUID
    url: str = Field(examples=["https://clinic.example/v1/pay/AZRk3Y0mfAGSu6bqJmQ2pgF4m1nVYh0r8dJxq5k2uBo"])
    amount: Money
    expires_at: Moment


@router.get("/payments", summary="A patient's payments", operation_id="listPatientFinancePayments")
async def list_all(
    ports: PortsHere,
    call: Annotated[StaffReads, staff_reads(Permission.READ_FINANCE)],
    patient_id: UUID,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> PaymentPage:
    """Payments made or begun in the app or by link, newest first."""
    if await patient_card(call.reading, patient_id) is None:
        raise NotFound
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "payments", patient_id), cursor, limit,
        lambda place, most: payments(call.reading, patient_id, after=id_of(place), limit=most),
        lambda one: [str(one.payment_id)],
    )  # fmt: skip
    return PaymentPage(items=items, next_cursor=following)


@router.post("/pay-links", status_code=201, summary="Make a pay link", operation_id="makePayLink")
async def make(ports: PortsHere, call: _Writes, patient_id: UUID, body: PayLinkRequest) -> PayLinkMade:
    """A link (14 days) by which anybody who holds it can pay this amount, once, without signing in."""
    provider_of(ports)  # no link that nobody could pay
    link_id, token, amount, expires_at = await make_pay_link(
        call.writing, ports.keys.secrets, call.clinic_id, patient_id, body.plan_id, body.amount, call.actor, call.now
    )
    return PayLinkMade(link_id=link_id, url=f"{ports.public_url}/v1/pay/{token}", amount=amount, expires_at=expires_at)


@router.delete("/pay-links/{link_id}", status_code=204, summary="Withdraw a pay link", operation_id="withdrawPayLink")
async def withdraw(call: _Writes, patient_id: UUID, link_id: UUID) -> None:
    """It opens nothing any more. A payment that was begun by it goes on."""
    await withdraw_pay_link(call.writing, call.clinic_id, patient_id, link_id, call.actor, call.now)
