"""`/v1/auth/partner/token`: a clinic's own system exchanges its client credentials (RFC 6749 §4.4)."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form
from pydantic import Field

from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import NobodysWriting
from core.clock import now
from core.values import Int32, Value
from identity.commands import admit_partner

router = APIRouter(tags=["sign in"], route_class=StrictRoute)


class PartnerToken(Value):
    """RFC 6749 §5.1."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105  RFC 6750's word, no secret
    expires_in: Int32 = Field(description="Seconds.")


@router.post("/v1/auth/partner/token", summary="Partner token", operation_id="issuePartnerToken")
async def issue_token(
    ports: PortsHere,
    writing: NobodysWriting,
    grant_type: Annotated[Literal["client_credentials"], Form()],
    client_id: Annotated[UUID, Form()],
    client_secret: Annotated[str, Form(min_length=1, max_length=200)],
) -> PartnerToken:
    """An access token of 30 minutes for the clinic the app was made for."""
    assert grant_type == "client_credentials"  # the only grant there is; anything else was refused as invalid
    token, life = await admit_partner(writing, ports.keys, client_id, client_secret, now())
    return PartnerToken(access_token=token, expires_in=life)
