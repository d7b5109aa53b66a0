"""Looks of staff at a conversation, which is opened and then followed: one trace an hour for whoever keeps at it."""

from datetime import timedelta
from uuid import UUID

from api.transaction import StaffWrites
from clinic.queries.privacy import was_read

_ONE_LOOK = timedelta(hours=1)


async def note_look_at_chat(call: StaffWrites, patient_id: UUID) -> None:
    """That what is said with this patient was looked at; what follows within an hour is the same look."""
    since = call.now - _ONE_LOOK
    if not await was_read(call.writing, call.clinic_id, patient_id, "chat", call.staff.staff_id, since):
        await call.note_read("chat", patient_id)
