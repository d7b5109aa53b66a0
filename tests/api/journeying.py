"""Journeys of a clinic over HTTP: drafts, what runs, and somebody who is on it."""

from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import insert

from automation.tables import Enrolment, Timer
from core.clock import now
from core.ids import new_id
from tests.world import Party, World

_COUNT = count()


def recall(key: str, **more: Any) -> dict[str, Any]:
    criteria = {"kind": "procedure_last", "procedure": "hygiene", "older_than_days": 180}
    steps = [
        {"id": "nudge", "kind": "message", "notice": "recall"},
        {"id": "think", "kind": "wait", "days": 4},
        {"id": "done", "kind": "exit"},
    ]
    told = {"key": key, "name": "Recall", "purpose": "recall", "trigger": {"kind": "segment", "criteria": criteria}}
    return {**told, "steps": steps, **more}


async def draft(world: World, party: Party, **more: Any) -> dict[str, Any]:
    """A new one of a key of its own."""
    body = {"journey": recall(f"recall-{next(_COUNT)}", **more)}
    answer = await world.post("/v1/staff/journey-drafts", party.staff, body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def running(world: World, party: Party, **more: Any) -> dict[str, Any]:
    made = await draft(world, party, **more)
    path = f"/v1/staff/journeys/{made['journey_id']}/publish"
    answer = await world.post(path, party.staff, {"digest": made["digest"]})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def enrolment(world: World, party: Party) -> str:
    """The party's patient waits on the second step of a journey."""
    journey, row_id, at = await running(world, party), new_id(), now()
    row = {
        "clinic_id": party.clinic_id, "id": row_id, "journey_id": journey["journey_id"], "journey_key": journey["key"],
        "patient_id": party.patient_id, "entry_no": 1, "state": "active", "step": "think", "step_since": at,
        "waiting": True, "seq": 2, "entered_at": at,
    }  # fmt: skip
    async with world.database.writing(party.scope) as writing:
        await writing.execute(insert(Enrolment).values(row))
        due = {"clinic_id": party.clinic_id, "enrolment_id": row_id, "due_at": at + timedelta(days=4)}
        await writing.execute(insert(Timer).values(due))
    return str(row_id)
