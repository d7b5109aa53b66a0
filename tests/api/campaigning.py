"""Campaigns for tests: an audience, a campaign in each state, and the worker that moves it on."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text

from automation.campaign import CampaignDraft
from automation.commands.campaigns import (
    CampaignAct,
    fresh_act,
    launch_campaign,
    make_campaign,
    pause_campaign,
    set_campaign_policy,
)
from automation.queries.campaigns import CampaignPolicy
from cabinet.facts import ServiceKind
from cabinet.tables.chart import ProcedureRow
from clinic.tables import Appointment
from core.clock import now
from core.events import SYSTEM, Happening, record
from core.ids import new_id
from enamel.worker.campaigns import keep_campaigns
from tests.automation.people import Done, Person, add_people, synced
from tests.world import DAY, Party, World

CAMPAIGNS = "/v1/staff/campaigns"
OVERDUE = {"kind": "procedure_last", "procedure": "hygiene", "older_than_days": 180}
_AHEAD = {"kind": "appointment_ahead"}
_EVERYBODY = {"kind": "any", "items": [_AHEAD, {"kind": "not", "items": [_AHEAD]}]}
TWO = [{"key": "a", "percent": 50}, {"key": "b", "percent": 50}]


def said(**more: Any) -> dict[str, Any]:
    return {"name": "Hygiene in autumn", "criteria": OVERDUE, "kind": "organisational", **more}


async def audience(world: World, count: int, party: Party | None = None, language: str = "it") -> list[UUID]:
    """So many who were last at the hygienist 200 days ago."""
    here = party or world.here
    on = now().date() - timedelta(days=200)
    people = [Person(done=[Done(ServiceKind.HYGIENE, on)], language=language) for _ in range(count)]
    async with world.database.writing(here.scope) as writing:
        await add_people(writing, here.clinic_id, {"Europe/Rome": here.branch_id}, people, now())
    return [person.id for person in people]


async def drafted(world: World, **more: Any) -> str:
    answer = await world.post(CAMPAIGNS, world.here.staff, said(**more))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["campaign_id"])


async def launched(world: World, **more: Any) -> str:
    campaign_id = await drafted(world, **more)
    answer = await world.post(f"{CAMPAIGNS}/{campaign_id}/launch", world.here.staff, None)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "launched", answer.text
    return campaign_id


async def worked(world: World, at: datetime | None = None, at_once: int = 2_000) -> int:
    """The worker's rounds until there is nothing to do at this moment."""
    done = 0
    while did := await keep_campaigns(world.database, at or now(), at_once):
        done += did
    return done


async def running(world: World, **more: Any) -> str:
    campaign_id = await launched(world, **more)
    await worked(world)
    return campaign_id


async def shown(world: World, campaign_id: str) -> dict[str, Any]:
    answer = await world.get(f"{CAMPAIGNS}/{campaign_id}", world.here.staff)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def rows(world: World, statement: str, **values: Any) -> list[Any]:
    async with world.database.sweeping() as sweeping:
        return list((await sweeping.execute(text(statement), values)).all())


async def treated(world: World, patient_id: UUID) -> None:
    """The patient belongs to the audience too."""
    here, on = world.here, now().date() - timedelta(days=200)
    row = {"patient_id": patient_id, "kind": "hygiene", "performed_on": on, "entered_in_error": False}
    async with world.database.writing(here.scope) as writing:
        await writing.execute(insert(ProcedureRow), [{**synced(here.clinic_id, new_id(), now()), **row}])


async def books(world: World, patient_id: UUID) -> None:
    """The patient books a visit that lies ahead."""
    here, visit_id, at = world.here, new_id(), now()
    row = {
        "patient_id": patient_id, "branch_id": here.branch_id, "starts_at": at + 9 * DAY, "ends_at": at + 10 * DAY,
        "status": "booked", "service": "Hygiene",
    }  # fmt: skip
    told = Happening("appointment.booked", visit_id, patient_id)
    async with world.database.writing(here.scope) as writing:
        await writing.execute(insert(Appointment), [{**synced(here.clinic_id, visit_id, at), **row}])
        await record(writing, here.clinic_id, SYSTEM, [told], at)


async def change(world: World, statement: str, **values: Any) -> None:
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text(statement), values)


async def in_state(world: World, party: Party, state: str) -> UUID:
    """A campaign of a colleague of this clinic, as far as that."""
    staff_id, at = new_id(), now()
    async with world.database.writing(party.scope) as writing:
        act = fresh_act(party.clinic_id, staff_id, at)
        await make_campaign(writing, act, CampaignDraft.model_validate(said(criteria=_EVERYBODY)))
        if state != "draft":
            above = 0 if state == "asked" else 500
            await set_campaign_policy(writing, party.clinic_id, CampaignPolicy(confirm_above=above), SYSTEM, at)
            await writing.flush()
            await launch_campaign(writing, act)
            await writing.flush()
        if state == "paused":
            await pause_campaign(writing, CampaignAct(party.clinic_id, act.campaign_id, staff_id, at))
    return act.campaign_id
