"""Says where a clinic's systems hear of journeys' steps, and what they are to be told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from automation.commands.given import Came, standing_of
from automation.effect import Effect, Key, Refused
from automation.queries.webhooks import MOST_ENDPOINTS, WebhookEndpointView, webhook_endpoints
from automation.tables import WebhookCall, WebhookEndpoint
from automation.webhook import Failure, WebhookState
from core.database import Reading, Writing
from core.errors import Conflict, NotFound, Stale
from core.events import Actor, Happening, record
from core.ids import new_id
from push.commands.batch import NUMBERS, UNTRACKED, UUIDS, batch, keys, same_key


class TooManyWebhooks(Conflict):
    slug = "too-many-webhooks"


@dataclass(frozen=True, slots=True)
class WebhookWish:
    """Whom a step tells; journey and step by their keys."""

    endpoint_id: UUID
    journey: str
    step: str


async def call_webhooks(writing: Writing, wanted: Sequence[tuple[Effect, WebhookWish]], now: datetime) -> Came:
    """Puts calls into the outbox, each once for (enrolment, seq); the worker makes them. Five statements."""
    standing, came = await standing_of(writing, wanted)
    live = await _held(writing, {(effect.clinic_id, wish.endpoint_id) for effect, wish in standing})
    able = [(effect, wish) for effect, wish in standing if (effect.clinic_id, wish.endpoint_id) in live]
    came |= {effect.key: Refused.ENDPOINT_GONE for effect, _ in standing}
    once = {effect.key: _row(effect, wish, now) for effect, wish in able}
    if once:
        rows = [once[key] for key in sorted(once, key=lambda key: (key[0].int, key[1].int, key[2]))]
        fresh = insert(WebhookCall).on_conflict_do_nothing().execution_options(render_nulls=True)
        await writing.execute(fresh, rows)
    return came | await _calls(writing, list(once))


async def _held(writing: Writing, named: set[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Those that hear still, and go on doing so until the commit."""
    if not named:
        return set()
    names = keys(named)
    live = (
        select(col(WebhookEndpoint.clinic_id), col(WebhookEndpoint.id))
        .join_from(names, WebhookEndpoint, same_key(WebhookEndpoint, names))
        .where(col(WebhookEndpoint.ended_at).is_(None))
        .order_by(col(WebhookEndpoint.clinic_id), col(WebhookEndpoint.id))
        .with_for_update(of=WebhookEndpoint, read=True)
    )
    return {(row[0], row[1]) for row in await writing.execute(live)}


def _row(effect: Effect, wish: WebhookWish, now: datetime) -> dict[str, Any]:
    return {
        "clinic_id": effect.clinic_id, "id": new_id(), "endpoint_id": wish.endpoint_id,
        "enrolment_id": effect.enrolment_id, "seq": effect.seq, "patient_id": effect.patient_id,
        "journey": wish.journey, "step": wish.step, "at": now, "state": WebhookState.DUE.value, "next_at": now,
    }  # fmt: skip


async def _calls(reading: Reading, named: Sequence[Key]) -> Came:
    if not named:
        return {}
    names = batch({"clinic_id": UUIDS, "enrolment_id": UUIDS, "seq": NUMBERS}, named)
    same = and_(
        col(WebhookCall.clinic_id) == names.c.clinic_id, col(WebhookCall.enrolment_id) == names.c.enrolment_id,
        col(WebhookCall.seq) == names.c.seq,
    )  # fmt: skip
    columns = (col(WebhookCall.clinic_id), col(WebhookCall.enrolment_id), col(WebhookCall.seq), col(WebhookCall.id))
    found = await reading.execute(select(*columns).join_from(names, WebhookCall, same))
    return {(clinic_id, enrolment_id, seq): call_id for clinic_id, enrolment_id, seq, call_id in found}


async def make_webhook(
    writing: Writing, clinic_id: UUID, name: str, address: str, actor: Actor, now: datetime
) -> WebhookEndpointView:
    """Raises `TooManyWebhooks`. The address was checked by who calls."""
    live = (col(WebhookEndpoint.clinic_id) == clinic_id, col(WebhookEndpoint.ended_at).is_(None))
    counted = select(func.count()).select_from(WebhookEndpoint).where(*live)
    if (await writing.execute(counted)).scalar_one() >= MOST_ENDPOINTS:
        raise TooManyWebhooks
    endpoint_id = new_id()
    row = {"clinic_id": clinic_id, "id": endpoint_id, "name": name, "address": address, "version": 1, "made_at": now}
    await writing.execute(insert(WebhookEndpoint).values(row))
    await record(writing, clinic_id, actor, [Happening("webhook.made", endpoint_id)], now)
    return (await webhook_endpoints(writing, clinic_id, endpoint_id))[0]


async def change_webhook(
    writing: Writing, clinic_id: UUID, endpoint_id: UUID, version: int, name: str, address: str, actor: Actor,
    now: datetime,
) -> WebhookEndpointView:  # fmt: skip
    """Its name and address anew, and it is called at once. Raises `NotFound`, `Stale`."""
    if not await webhook_endpoints(writing, clinic_id, endpoint_id):
        raise NotFound
    mine = (*_live(clinic_id, endpoint_id), col(WebhookEndpoint.version) == version)
    news = {
        "name": name,
        "address": address,
        "version": col(WebhookEndpoint.version) + 1,
        "failures": 0,
        "rest_until": None,
    }
    changed = update(WebhookEndpoint).where(*mine).values(news).returning(col(WebhookEndpoint.id))
    if (await writing.execute(changed, execution_options=UNTRACKED)).scalar_one_or_none() is None:
        raise Stale
    await record(writing, clinic_id, actor, [Happening("webhook.changed", endpoint_id)], now)
    return (await webhook_endpoints(writing, clinic_id, endpoint_id))[0]


async def end_webhook(writing: Writing, clinic_id: UUID, endpoint_id: UUID, actor: Actor, now: datetime) -> None:
    """It is told nothing more, nor what it was still to be told. Raises `NotFound`."""
    over = update(WebhookEndpoint).where(*_live(clinic_id, endpoint_id)).values(ended_at=now)
    done = await writing.execute(over.returning(col(WebhookEndpoint.id)), execution_options=UNTRACKED)
    if done.scalar_one_or_none() is None:
        raise NotFound
    dead = {"state": WebhookState.DEAD.value, "reason": Failure.ENDPOINT_GONE.value, "ended_at": now}
    due = (*_of(clinic_id, endpoint_id), col(WebhookCall.state) == WebhookState.DUE.value)
    await writing.execute(update(WebhookCall).where(*due).values(dead), execution_options=UNTRACKED)
    await record(writing, clinic_id, actor, [Happening("webhook.ended", endpoint_id)], now)


async def retry_calls(writing: Writing, clinic_id: UUID, endpoint_id: UUID, actor: Actor, now: datetime) -> int:
    """What was given up is due again, with all its tries; how many. Raises `NotFound`."""
    live = update(WebhookEndpoint).where(*_live(clinic_id, endpoint_id)).values(failures=0, rest_until=None)
    found = await writing.execute(live.returning(col(WebhookEndpoint.id)), execution_options=UNTRACKED)
    if found.scalar_one_or_none() is None:
        raise NotFound
    dead = (*_of(clinic_id, endpoint_id), col(WebhookCall.state) == WebhookState.DEAD.value)
    news = {"state": WebhookState.DUE.value, "tries": 0, "next_at": now, "ended_at": None}
    again = update(WebhookCall).where(*dead).values(news).returning(col(WebhookCall.id))
    number = len((await writing.execute(again, execution_options=UNTRACKED)).all())
    await record(writing, clinic_id, actor, [Happening("webhook.retried", endpoint_id, facts={"calls": number})], now)
    return number


def _live(clinic_id: UUID, endpoint_id: UUID) -> tuple[ColumnElement[bool], ...]:
    named = (col(WebhookEndpoint.clinic_id) == clinic_id, col(WebhookEndpoint.id) == endpoint_id)
    return (*named, col(WebhookEndpoint.ended_at).is_(None))


def _of(clinic_id: UUID, endpoint_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return col(WebhookCall.clinic_id) == clinic_id, col(WebhookCall.endpoint_id) == endpoint_id
