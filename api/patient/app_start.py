"""`/v1/app-builds/{build}`: what an app needs before anybody signs in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from api.ports import PortsHere
from api.strict import StrictRoute
from chat.conversation import a_minute
from core.clock import now
from core.database import Scope
from core.errors import NotFound, TooMany
from push.app_build import BuildName
from push.queries.builds import BuildStart, build_start

router = APIRouter(tags=["devices"], route_class=StrictRoute)

# A waiting room's phones share an address.
_PACE = a_minute(120)


@router.get("/v1/app-builds/{build}", summary="What the app starts with", operation_id="getAppStart")
async def start(
    ports: PortsHere,
    request: Request,
    build: Annotated[BuildName, Path(description="The app's package or bundle id.", examples=["it.example.clinic"])],
    clinic_id: Annotated[UUID, Query(description="The clinic this app is for.")],
) -> BuildStart:
    """Name, colours, where links may lead, from which version on it is served, and the key for browsers."""
    at = now()
    if wait := ports.starts.take(request.client.host if request.client else "", _PACE, at.timestamp()):
        raise TooMany(retry_after_seconds=wait)
    async with ports.database.reading(Scope(clinic_id, guarded=True)) as reading:
        found = await build_start(reading, build)
    if found is None:
        raise NotFound
    return found
