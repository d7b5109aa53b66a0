"""What journeys ask of push: tell these patients, take back what was not yet sent."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from automation.journey import ExitReason
from core.database import Sweeping
from push.commands import cancel, enqueue
from push.notice import Notice


async def tell(sweeping: Sweeping, wanted: Iterable[tuple[UUID, Notice]], now: datetime) -> dict[str, UUID]:
    """Give push its messages, once for each clinic; the id of each by its dedupe key. Takes (clinic, notice)."""
    by_clinic: dict[UUID, list[Notice]] = defaultdict(list)
    for clinic_id, notice in wanted:
        by_clinic[clinic_id].append(notice)
    ids: dict[str, UUID] = {}
    for clinic_id, notices in by_clinic.items():
        ids |= await enqueue(sweeping, clinic_id, notices, now)
    return ids


async def take_back(sweeping: Sweeping, left: Iterable[tuple[UUID, UUID, ExitReason]], now: datetime) -> None:
    """Cancel what waits for who left a journey. Takes (clinic, enrolment, why)."""
    by_clinic: dict[tuple[UUID, ExitReason], list[UUID]] = defaultdict(list)
    for clinic_id, enrolment_id, reason in left:
        by_clinic[clinic_id, reason].append(enrolment_id)
    for (clinic_id, reason), enrolments in by_clinic.items():
        await cancel(sweeping, clinic_id, enrolments, reason.value, now)
