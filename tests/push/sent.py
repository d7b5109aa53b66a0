"""Messages that have left by one of a clinic's lines."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import text

from core.clock import now
from core.ids import new_id
from push.channel import Way
from push.commands import enqueue_across
from push.mail_line import MailLine
from push.notice import Notice, NoticeKind, Purpose
from tests.world import Party, World

SECRET = "s" * 40
MAIL = MailLine(
    host="smtp.relay.example", from_address="hello@clinic.example", bounce_domain="bounces.clinic.example",
    token_key=SecretStr("k" * 40),
)  # fmt: skip


async def send(
    world: World, party: Party, way: Way, line_id: UUID, provider_id: str, *, address: str = "",
    state: str = "accepted", **more: Any,
) -> UUID:  # fmt: skip
    """A notice that went out; the id of the notice."""
    at = now()
    facts: dict[str, Any] = {
        "patient_id": party.patient_id, "kind": NoticeKind.VISIT, "purpose": Purpose.SERVICE,
        "dedupe_key": str(new_id()), "not_before": at, "expires_at": at + timedelta(hours=4),
    }  # fmt: skip
    async with world.database.writing(party.scope) as writing:
        told = [(party.clinic_id, Notice(**{**facts, **more}))]
        (notice_id,) = (await enqueue_across(writing, told, at)).values()
    await deliver(world, party, notice_id, way, line_id, provider_id, address=address, state=state)
    return notice_id


async def deliver(
    world: World, party: Party, notice_id: UUID, way: Way, line_id: UUID, provider_id: str, *, address: str = "",
    state: str = "accepted",
) -> None:  # fmt: skip
    """What the worker writes down of a send."""
    statement = text(
        "insert into delivery (clinic_id, id, notice_id, channel, way, line_id, address, state, attempt, next_at,"
        " provider_id, reason, created_at) values (:clinic, :id, :notice, :channel, :way, :line, :address, :state, 1,"
        " now(), :provider, '', now())"
    )
    channel = {Way.SMS: "sms", Way.EMAIL: "email"}.get(way, "messenger")
    async with world.database.sweeping() as sweeping:
        values = {
            "clinic": party.clinic_id, "id": new_id(), "notice": notice_id, "channel": channel, "way": way.value,
            "line": line_id, "address": address, "state": state, "provider": provider_id,
        }  # fmt: skip
        await sweeping.execute(statement, values)


async def standing(world: World, notice_id: UUID) -> tuple[str, str, bool, bool]:
    """State and reason of its delivery, whether it arrived, whether it was opened."""
    statement = text(
        "select state, reason, delivered_at is not null, opened_at is not null from delivery where notice_id = :notice"
    )
    async with world.database.sweeping() as sweeping:
        return tuple((await sweeping.execute(statement, {"notice": notice_id})).one())


async def events(world: World, like: str = "push.%") -> list[str]:
    statement = text("select kind from event where kind like :like order by kind")
    async with world.database.sweeping() as sweeping:
        return list((await sweeping.execute(statement, {"like": like})).scalars())


async def consents(world: World, patient_id: UUID) -> list[tuple[str, str, bool, str | None]]:
    statement = text(
        "select purpose, channel, granted, how from consent where patient_id = :patient order by at, purpose"
    )
    async with world.database.sweeping() as sweeping:
        return [tuple(row) for row in await sweeping.execute(statement, {"patient": patient_id})]
