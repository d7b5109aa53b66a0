"""`/v1/staff/webhook-endpoints`: a clinic's own systems that are told of journeys' steps, and what they were told."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field, StringConstraints

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.ports import Ports, PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from automation.commands.webhooks import change_webhook, end_webhook, make_webhook, retry_calls
from automation.queries.webhooks import (
    MOST_ENDPOINTS,
    WebhookCallView,
    WebhookEndpointView,
    webhook_calls,
    webhook_endpoints,
)
from automation.webhook import WebhookState, secret_text, webhook_key
from core.errors import Fault, Invalid, NotFound
from core.outside import LONGEST_ADDRESS, outside_fault
from core.values import Int32, ShortText, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff/webhook-endpoints", tags=["webhooks"], route_class=StrictRoute)

Manages = Annotated[StaffWrites, staff_writes(Permission.MANAGE_CHANNELS)]
Reads = Annotated[StaffReads, staff_reads(Permission.MANAGE_CHANNELS)]
_EXAMPLE: dict[str, Any] = {"name": "Call centre", "address": "https://crm.example/enamel"}


class WebhookToMake(Value):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: ShortText
    address: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ADDRESS)] = Field(
        description="https, a host and a path, and nothing else."
    )


class WebhookToChange(WebhookToMake):
    model_config = ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE, "version": 1}]})

    version: Annotated[Int32, Field(ge=1, description="Which the change was made from.", examples=[1])]


class WebhookMade(Value):
    endpoint: WebhookEndpointView
    secret: str = Field(description="What calls are signed with; told this once.")


class WebhookEndpoints(Value):
    items: list[WebhookEndpointView] = Field(max_length=MOST_ENDPOINTS)


class WebhookCalls(Value):
    items: list[WebhookCallView] = Field(max_length=200)
    next_cursor: str | None


class WebhookCallsRetried(Value):
    calls: Int32


@router.get("", summary="Webhooks", operation_id="listWebhooks")
async def listed(call: Reads) -> WebhookEndpoints:
    """The systems that may be told of journeys' steps. No secret is told."""
    return WebhookEndpoints(items=await webhook_endpoints(call.reading, call.clinic_id))


@router.post("", status_code=201, summary="Make a webhook", operation_id="makeWebhook")
async def make(ports: PortsHere, call: Manages, body: WebhookToMake) -> WebhookMade:
    """Its secret is its alone. For another secret, make it once more and end this one."""
    _check(ports, body.address)
    made = await make_webhook(call.writing, call.clinic_id, body.name, body.address, call.actor, call.now)
    key = webhook_key(ports.keys.secrets.keyed_hash, call.clinic_id, made.endpoint_id)
    return WebhookMade(endpoint=made, secret=secret_text(key))


@router.put("/{endpoint_id}", summary="Change a webhook", operation_id="changeWebhook")
async def change(ports: PortsHere, call: Manages, endpoint_id: UUID, body: WebhookToChange) -> WebhookEndpointView:
    """Its name and address; its secret stays. What it has still to be told goes to the new address, at once."""
    _check(ports, body.address)
    told = (endpoint_id, body.version, body.name, body.address)
    return await change_webhook(call.writing, call.clinic_id, *told, call.actor, call.now)


@router.delete("/{endpoint_id}", status_code=204, summary="End a webhook", operation_id="endWebhook")
async def end(call: Manages, endpoint_id: UUID) -> Response:
    """It is told nothing more, nor what it was still to be told. Steps that name it are skipped."""
    await end_webhook(call.writing, call.clinic_id, endpoint_id, call.actor, call.now)
    return Response(status_code=204)


@router.get("/{endpoint_id}/calls", summary="Calls of a webhook", operation_id="listWebhookCalls")
async def of_endpoint(
    ports: PortsHere,
    call: Reads,
    endpoint_id: UUID,
    state: Annotated[WebhookState | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> WebhookCalls:
    """Newest first, for a month; those that were never heard for three."""
    if not await webhook_endpoints(call.reading, call.clinic_id, endpoint_id):
        raise NotFound
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, f"webhook calls {state or ''}", endpoint_id), cursor, limit,
        lambda place, most: webhook_calls(
            call.reading, call.clinic_id, endpoint_id, state, after=moment_and_id(place), limit=most
        ),
        lambda each: [each.at.isoformat(), str(each.call_id)],
    )  # fmt: skip
    return WebhookCalls(items=items, next_cursor=following)


@router.post("/{endpoint_id}/retries", summary="Try a webhook's calls again", operation_id="retryWebhookCalls")
async def retry(call: Manages, endpoint_id: UUID) -> WebhookCallsRetried:
    """What was given up is due again, under the same `webhook-id`."""
    return WebhookCallsRetried(calls=await retry_calls(call.writing, call.clinic_id, endpoint_id, call.actor, call.now))


def _check(ports: Ports, address: str) -> None:
    if fault := outside_fault(address, ports.webhook_private_hosts):
        raise Invalid(Fault("/address", fault))
