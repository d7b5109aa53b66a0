"""`/v1/me/lock-screen`: what may stand on a patient's lock screen, and in SMS and messengers."""

from typing import Annotated

from fastapi import Response

from api.patient.record import RecordRoutes
from api.transaction import PatientReads, PatientWrites, record_reads, record_writes
from clinic.household import AccessScope
from push.commands.wording import show_on_lock_screen
from push.queries.wording import LockScreen, lock_screen_of

routes = RecordRoutes("devices")


@routes.get("/lock-screen", summary="What my lock screen may show", operation_id="getMyLockScreen")
async def shown(call: Annotated[PatientReads, record_reads(AccessScope.CHAT)]) -> LockScreen:
    """`generic` until somebody says otherwise."""
    return await lock_screen_of(call.reading, call.clinic_id, call.patient_id)


@routes.put("/lock-screen", status_code=204, summary="Say what my lock screen may show", operation_id="setMyLockScreen")
async def show(call: Annotated[PatientWrites, record_writes(AccessScope.SIGN)], body: LockScreen) -> Response:
    """It holds at once, also for what is queued. With `when` whoever sees the phone may read when the visit is; what it
    is for, prices and plans stand nowhere but in the app.
    """
    await show_on_lock_screen(call.writing, call.clinic_id, call.patient_id, body.mode, call.actor, call.now)
    return Response(status_code=204)
