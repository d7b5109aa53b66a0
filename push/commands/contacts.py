"""Writes down how people are reached: a clinic's rules, and a patient's wishes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from core.database import Writing
from core.events import Actor, Happening, record
from push.queries.contacts import ContactPolicy, ContactPreferences, QuietSpan
from push.tables import ContactPolicyRow, ContactPreferenceRow


async def set_contact_preferences(
    writing: Writing, clinic_id: UUID, patient_id: UUID, wishes: ContactPreferences, actor: Actor, now: datetime
) -> None:
    """All of them at once. They count at once, also for what is queued already."""
    news = {
        "zone": wishes.zone, **_quiet(wishes.quiet), "mute_until": wishes.mute_until, "changed_at": now,
        "channel_order": [each.value for each in wishes.channel_order], "never": [each.value for each in wishes.never],
    }  # fmt: skip
    key = {"clinic_id": clinic_id, "patient_id": patient_id}
    fresh = insert(ContactPreferenceRow).values({**key, **news})
    await writing.execute(fresh.on_conflict_do_update(index_elements=list(key), set_=news))
    said = Happening("contact_preferences.changed", patient_id, patient_id)
    await record(writing, clinic_id, actor, [said], now)


async def set_contact_policy(
    writing: Writing, clinic_id: UUID, rules: ContactPolicy, actor: Actor, now: datetime
) -> None:
    """All rules at once; they count from the next claim on."""
    news = {
        "caps": [each.model_dump(mode="json") for each in rules.caps],
        "ladders": [each.model_dump(mode="json") for each in rules.ladders],
        **_quiet(rules.quiet), "closed_on": rules.closed_on, "calls": rules.calls, "changed_at": now,
    }  # fmt: skip
    fresh = insert(ContactPolicyRow).values({"clinic_id": clinic_id, **news})
    await writing.execute(fresh.on_conflict_do_update(index_elements=["clinic_id"], set_=news))
    await record(writing, clinic_id, actor, [Happening("contact_policy.changed", clinic_id)], now)


def _quiet(span: QuietSpan | None) -> dict[str, Any]:
    starts, ends = span.times if span else (None, None)
    return {"quiet_from": starts, "quiet_to": ends}
