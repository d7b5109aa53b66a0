"""Systems of a clinic that are told of journeys' steps, and what they were told."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from pydantic import Field
from sqlalchemy import func, select
from sqlmodel import col

from automation.tables import WebhookCall, WebhookEndpoint
from automation.webhook import WebhookState
from core.database import Reading
from core.moments import Moment
from core.values import Int32, Value

MOST_ENDPOINTS = 20


class WebhookEndpointView(Value):
    """Where a system of the clinic's hears. No secret is told."""

    endpoint_id: UUID
    name: str = Field(examples=["Call centre"])
    address: str = Field(examples=["https://crm.example/enamel"])
    version: Int32
    failures: Int32 = Field(description="In a row; 0: the last call was answered.")
    rest_until: Moment | None = Field(description="Nobody calls it before.")
    due: Int32 = Field(description="What it has still to be told.")
    dead: Int32 = Field(description="What it was never told; `retryWebhookCalls` tries these again.")


class WebhookCallView(Value):
    call_id: UUID = Field(description="Its `webhook-id`.")
    enrolment_id: UUID
    seq: Int32
    patient_id: UUID
    journey: str = Field(examples=["hygiene-recall"])
    step: str = Field(examples=["tell-crm"])
    at: Moment
    state: WebhookState
    tries: Int32
    reason: str = Field(description="Why the last try failed; a stable code.", examples=["refused"])
    status: Int32 | None = Field(description="What the last try was answered.", examples=[503])
    next_at: Moment | None
    ended_at: Moment | None


async def webhook_endpoints(
    reading: Reading, clinic_id: UUID, endpoint_id: UUID | None = None
) -> list[WebhookEndpointView]:  # fmt: skip
    """Those that have not been ended, in the order in which they were made; two statements."""
    live = [col(WebhookEndpoint.clinic_id) == clinic_id, col(WebhookEndpoint.ended_at).is_(None)]
    if endpoint_id is not None:
        live.append(col(WebhookEndpoint.id) == endpoint_id)
    found = select(WebhookEndpoint).where(*live).order_by(col(WebhookEndpoint.id))
    rows = (await reading.execute(found.execution_options(populate_existing=True))).scalars().all()
    counts = await _counts(reading, clinic_id, [row.id for row in rows])
    return [
        WebhookEndpointView(
            endpoint_id=row.id, name=row.name, address=row.address, version=row.version, failures=row.failures,
            rest_until=row.rest_until, due=counts.get((row.id, WebhookState.DUE.value), 0),
            dead=counts.get((row.id, WebhookState.DEAD.value), 0),
        )
        for row in rows
    ]  # fmt: skip


async def _counts(reading: Reading, clinic_id: UUID, ids: Collection[UUID]) -> dict[tuple[UUID, str], int]:
    columns = (col(WebhookCall.endpoint_id), col(WebhookCall.state))
    of = (col(WebhookCall.clinic_id) == clinic_id, col(WebhookCall.endpoint_id) == func.any(list(ids)))
    open_ones = (*of, col(WebhookCall.state) != WebhookState.DONE.value)
    rows = await reading.execute(select(*columns, func.count()).where(*open_ones).group_by(*columns))
    return {(endpoint_id, state): count for endpoint_id, state, count in rows}


async def webhook_calls(
    reading: Reading, clinic_id: UUID, endpoint_id: UUID, state: WebhookState | None,
    *, after: tuple[datetime, UUID] | None, limit: int,
) -> list[WebhookCallView]:  # fmt: skip
    """What this one was told, or is to be, newest first."""
    statement = select(WebhookCall).where(
        col(WebhookCall.clinic_id) == clinic_id, col(WebhookCall.endpoint_id) == endpoint_id
    )
    if state is not None:
        statement = statement.where(col(WebhookCall.state) == state.value)
    if after is not None:
        statement = statement.where(col(WebhookCall.id) < after[1])
    rows = await reading.execute(statement.order_by(col(WebhookCall.id).desc()).limit(limit))
    return [_view(row) for row in rows.scalars()]


def _view(row: WebhookCall) -> WebhookCallView:
    state = WebhookState(row.state)
    return WebhookCallView(
        call_id=row.id, enrolment_id=row.enrolment_id, seq=row.seq, patient_id=row.patient_id, journey=row.journey,
        step=row.step, at=row.at, state=state, tries=row.tries, reason=row.reason, status=row.status,
        next_at=row.next_at if state is WebhookState.DUE else None, ended_at=row.ended_at,
    )  # fmt: skip
