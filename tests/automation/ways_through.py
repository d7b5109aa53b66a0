"""Ways through a journey as rows: who came in when, what was done, what was sent, what was charged."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from automation.journey.document import Journey
from automation.tables import Enrolment, JourneyRow, Timer, Touchpoint
from cabinet.tables.account import LedgerEntry
from core.ids import new_id
from push.tables import DeliveryRow, NoticeRow
from tests.automation.people import Person, add_people, synced
from tests.world import Party, World

NOON = datetime(2026, 7, 15, 10, 0, tzinfo=UTC)  # 12:00 in Rome
DAY = timedelta(days=1)
ROME = "Europe/Rome"

RECALL = Journey.model_validate(
    {
        "key": "recall", "name": "Recall", "purpose": "recall",
        "trigger": {"kind": "segment", "criteria": {
            "kind": "procedure_last", "procedure": "hygiene", "older_than_days": 180,
        }},
        "again_after_days": 150, "holdout_percent": 10, "goal": {"event": "appointment.booked", "within_days": 30},
        "steps": [
            {"id": "nudge", "kind": "message", "notice": "recall"},
            {"id": "think", "kind": "wait", "days": 4},
            {"id": "grown", "kind": "branch", "cases": [
                {"when": {"kind": "age_at_least", "years": 18}, "to": "done"},
            ]},
            {"id": "remind", "kind": "message", "notice": "recall"},
            {"id": "done", "kind": "exit", "outcome": "told"},
        ],
    }
)  # fmt: skip


@dataclass(frozen=True)
class Went:
    """One way. `done`: step, verdict, reason; `tries`: channel and columns of the delivery, of one message."""

    patient_id: UUID
    state: str = "active"
    step: str = "think"
    entered_at: datetime = NOON
    exit_reason: str | None = None
    outcome: str | None = None
    goal_at: datetime | None = None
    due_at: datetime | None = None
    done: Sequence[tuple[str, str, str]] = ()
    tries: Sequence[tuple[str, dict[str, Any]]] = ()
    id: UUID = field(default_factory=new_id)
    entry_no: int = 1


async def people(world: World, count: int, party: Party | None = None, **said: Any) -> list[UUID]:
    party, made = party or world.here, [Person(**said) for _ in range(count)]
    async with world.database.writing(party.scope) as writing:
        await add_people(writing, party.clinic_id, {ROME: party.branch_id}, made, NOON)
    return [each.id for each in made]


async def journey_of(world: World, party: Party, journey: Journey = RECALL, **said: Any) -> UUID:
    row = {
        "clinic_id": party.clinic_id, "id": new_id(), "key": journey.key, "version": journey.version,
        "definition": journey.definition(), "state": "active", "started_at": NOON, "made_at": NOON, "changed_at": NOON,
        **said,
    }  # fmt: skip
    async with world.database.writing(party.scope) as writing:
        await writing.execute(insert(JourneyRow), [row])
    return UUID(str(row["id"]))


async def put_ways(world: World, party: Party, journey_id: UUID, ways: Sequence[Went], key: str = "recall") -> None:
    rows: dict[Any, list[dict[str, Any]]] = {
        Enrolment: [], Timer: [], Touchpoint: [], NoticeRow: [], DeliveryRow: []
    }  # fmt: skip
    for way in ways:
        rows[Enrolment].append(_enrolment(party, journey_id, way, key))
        if way.due_at is not None:
            rows[Timer].append({"clinic_id": party.clinic_id, "enrolment_id": way.id, "due_at": way.due_at})
        rows[Touchpoint] += [
            {
                "clinic_id": party.clinic_id, "id": new_id(), "enrolment_id": way.id, "seq": seq, "step": step,
                "verdict": verdict, "reason": reason, "at": way.entered_at,
            }
            for seq, (step, verdict, reason) in enumerate(way.done)
        ]  # fmt: skip
        if way.tries:
            notice = notice_row(party, way.patient_id, way.entered_at, cause_id=way.id)
            rows[NoticeRow].append(notice)
            rows[DeliveryRow] += [delivery_row(party, notice["id"], channel, said) for channel, said in way.tries]
    async with world.database.sweeping() as writing:
        for table, said in rows.items():
            if said:
                await writing.execute(insert(table), said)


def _enrolment(party: Party, journey_id: UUID, way: Went, key: str) -> dict[str, Any]:
    return {
        "clinic_id": party.clinic_id, "id": way.id, "journey_id": journey_id, "journey_key": key,
        "patient_id": way.patient_id, "entry_no": way.entry_no, "state": way.state, "step": way.step,
        "step_since": way.entered_at, "seq": len(way.done), "entered_at": way.entered_at,
        "exited_at": None if way.state == "active" else way.entered_at + DAY, "exit_reason": way.exit_reason,
        "outcome": way.outcome, "goal_at": way.goal_at,
    }  # fmt: skip


def notice_row(party: Party, patient_id: UUID, at: datetime, **said: Any) -> dict[str, Any]:
    return {
        "clinic_id": party.clinic_id, "id": new_id(), "patient_id": patient_id, "kind": "recall", "purpose": "recall",
        "dedupe_key": str(new_id()), "not_before": at, "expires_at": at + 7 * DAY, "state": "begun", "created_at": at,
        "silent": False, "next_at": None, **said,
    }  # fmt: skip


def delivery_row(party: Party, notice_id: UUID, channel: str, said: dict[str, Any]) -> dict[str, Any]:
    return {
        "clinic_id": party.clinic_id, "id": new_id(), "notice_id": notice_id, "channel": channel,
        "address": str(new_id()), "state": "accepted", "attempt": 1, "next_at": NOON, "created_at": NOON,
        "reason": "", "accepted_at": None, "delivered_at": None, "opened_at": None, **said,
    }  # fmt: skip


async def charged(world: World, party: Party, patient_id: UUID, on: date, minor: int, **said: Any) -> None:
    row = {
        **synced(party.clinic_id, new_id(), NOON), "patient_id": patient_id, "kind": "charge", "effect_minor": minor,
        "currency": "EUR", "posted_on": on, **said,
    }  # fmt: skip
    async with world.database.sweeping() as writing:
        await writing.execute(insert(LedgerEntry), [row])
