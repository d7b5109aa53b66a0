"""`/health`: whether this process lives, and whether it can work. Says nothing else."""

from fastapi import APIRouter
from starlette.responses import JSONResponse

from api.ports import PortsHere
from core.errors import Unavailable

router = APIRouter(prefix="/health", include_in_schema=False)


@router.get("/live")
async def live() -> JSONResponse:
    return JSONResponse({"status": "ok"})


@router.get("/ready")
async def ready(ports: PortsHere) -> JSONResponse:
    """Ready means: PostgreSQL answers."""
    try:
        await ports.database.trip("select 'ok'")
    except Exception:  # noqa: BLE001  any failure is the same answer: do not send me requests
        raise Unavailable(retry_after_seconds=1) from None
    return JSONResponse({"status": "ok"})
