"""Notices of the payment provider: believed for their signature alone, and each effect happens once."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from cabinet.commands.payments import opened
from cabinet.queries.payments import Debt
from cabinet.stripe_payments import StripePayments
from cabinet.webhook_signature import signed
from clinic.commands import take_patients
from core.clock import now
from core.database import Scope
from core.events import SYSTEM
from core.ids import new_id
from core.money import Money
from tests.api.paying import HOOK, Till, a_till
from tests.cabinet.stripe_peer import WEBHOOK_SECRET, charge_of, intent_of
from tests.world import World, patient_fact

EUR = Money(amount_minor=10_000, currency="EUR")


@pytest.fixture
async def till(world: World) -> AsyncIterator[Till]:
    async with a_till(world) as made:
        yield made


async def test_a_notice_is_believed_for_its_signature_alone(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    session = {**till.session(payment), "status": "complete", "payment_status": "paid"}
    raw, headers = till.peer.event("checkout.session.completed", session)
    old, early = now() - timedelta(seconds=301), now() + timedelta(seconds=302)
    refused = {
        "unsigned": (raw, ""),
        "wrong key": (raw, signed("whsec_of_somebody", raw, now())),
        "old": (raw, signed(WEBHOOK_SECRET, raw, old)),
        "from the future": (raw, signed(WEBHOOK_SECRET, raw, early)),
        "altered": (raw.replace(b"10000", b"10001"), headers["stripe-signature"]),
        "moment altered": (raw, headers["stripe-signature"].replace("t=1", "t=2")),
        "no secret": (raw, signed("", raw, now())),
        "garbage": (raw, "v1"),
    }
    for reason, (body, signature) in refused.items():
        answer = await till.world.http.post(HOOK, content=body, headers={"stripe-signature": signature})
        assert (answer.status_code, answer.json()["code"]) == (401, "signature-refused"), reason
    assert (await till.world.http.post(HOOK, content=raw)).status_code == 401
    twice = [("stripe-signature", headers["stripe-signature"])] * 2
    assert (await till.world.http.post(HOOK, content=raw, headers=twice)).status_code == 401
    assert (await till.payment(payment))["status"] == "pending"
    for _ in range(3):  # replayed in time: taken, with no effect
        assert (await till.world.http.post(HOOK, content=raw, headers=headers)).status_code == 204
    assert await till.events() == ["payment.opened", "payment.succeeded"]


@pytest.mark.parametrize(
    "thing",
    [
        {}, {"metadata": {}}, {"metadata": {"clinic_id": "x", "payment_id": "y"}}, {"metadata": []},
        {"amount_total": "10000"}, {"amount_total": 1.5}, {"amount_total": True}, {"currency": None},
        {"metadata": {"clinic_id": str(new_id()), "payment_id": str(new_id())}},
    ],
)  # fmt: skip
async def test_what_speaks_of_no_payment_of_ours_is_taken_without_effect(till: Till, thing: dict[str, Any]) -> None:
    await till.owe()
    payment = await till.started()
    whole = {**till.session(payment), "payment_status": "paid", **thing} if thing else {}
    assert (await till.tell("checkout.session.completed", whole)).status_code == 204
    assert (await till.payment(payment))["status"] == "pending"


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"\xff", b'{"data": 1}', b'{"type": {}, "data": {"object": 3}}'])
async def test_a_signed_body_that_is_no_event_is_taken_without_effect(till: Till, raw: bytes) -> None:
    headers = {"stripe-signature": signed(WEBHOOK_SECRET, raw, now())}
    assert (await till.world.http.post(HOOK, content=raw, headers=headers)).status_code == 204


async def test_another_amount_than_was_asked_for_is_not_taken(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    session = {**till.session(payment), "payment_status": "paid", "amount_total": 1}
    told = await till.tell("checkout.session.completed", session)
    assert (told.status_code, told.json()["code"]) == (422, "payment-differs")
    assert (await till.payment(payment))["status"] == "pending"


async def test_a_notice_that_names_another_clinic_finds_no_payment_there(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    metadata = {"clinic_id": str(till.world.there.clinic_id), "payment_id": payment["payment_id"]}
    session = {**till.session(payment), "payment_status": "paid", "metadata": metadata}
    assert (await till.tell("checkout.session.completed", session)).status_code == 204
    assert (await till.payment(payment))["status"] == "pending"


async def test_a_bank_that_takes_its_time_is_pending_until_it_says_yes_or_no(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    session = {**till.session(payment), "status": "complete", "payment_status": "unpaid"}
    await till.tell("checkout.session.completed", session)
    assert (await till.payment(payment))["status"] == "pending"
    await till.tell("checkout.session.async_payment_failed", session)
    assert (await till.payment(payment))["status"] == "failed"
    await till.tell("checkout.session.async_payment_succeeded", session)  # and then it did
    assert (await till.payment(payment))["status"] == "succeeded"


@pytest.mark.timeout(400)  # some three thousand calls
async def test_a_thousand_notices_in_one_to_five_copies_in_any_order_have_each_effect_once(till: Till) -> None:
    """250 payments; of each four notices: completed, succeeded, refunded in part, expired (a lie told late)."""
    chance = random.Random(72)  # noqa: S311  the same heap each time
    here = till.world.here
    sessions = [_session(here.clinic_id, payment_id) for payment_id in await _payments(till.world, 250)]
    notices = [
        notice
        for session in sessions
        for notice in (
            ("checkout.session.completed", session), ("payment_intent.succeeded", intent_of(session)),
            ("charge.refunded", charge_of(session, 4_000)), ("checkout.session.expired", session),
        )
    ]  # fmt: skip
    assert len(notices) == 1_000
    heap = [notice for notice in notices for _ in range(chance.randint(1, 5))]
    chance.shuffle(heap)
    lanes = [heap[lane::8] for lane in range(8)]

    async def run(lane: list[tuple[str, dict[str, Any]]]) -> set[int]:
        return {(await till.tell(*notice)).status_code for notice in lane}

    assert set.union(*await asyncio.gather(*(run(lane) for lane in lanes))) == {204}
    async with till.world.database.reading(here.scope) as reading:
        states = await reading.execute(
            text("select status, refunded_minor, count(*) from payment_intent group by 1, 2")
        )
        assert [tuple(row) for row in states] == [("refunded", 4_000, 250)]
        once = await reading.execute(
            text("select kind, count(*), count(distinct subject_id) from event where kind ~ '^payment[.]' group by 1")
        )
        found = {row[0]: (row[1], row[2]) for row in once}
    assert found["payment.succeeded"] == (250, 250)
    assert found["payment.refunded"] == (250, 250)
    # A page can be told to have run out only before the money was told of.
    assert found.get("payment.expired", (0, 0))[0] == found.get("payment.expired", (0, 0))[1]


async def _payments(world: World, many: int) -> list[UUID]:
    """Payments of as many patients, each with a page."""
    here, at, provider = world.here, now(), StripePayments("", "", "")
    facts = [patient_fact(f"payer-{number}", "Paola", None) for number in range(many)]
    async with world.database.writing(Scope(here.clinic_id)) as writing:
        taken, _ = await take_patients(writing, here.clinic_id, "mis", list(enumerate(facts)), SYSTEM, at)
        return [await opened(writing, here.clinic_id, each.id, Debt(EUR, None), provider, SYSTEM, at) for each in taken]


def _session(clinic_id: UUID, payment_id: UUID) -> dict[str, Any]:
    names = {"clinic_id": str(clinic_id), "payment_id": str(payment_id)}
    session = {"id": f"cs_{payment_id}", "object": "checkout.session", "status": "complete", "payment_status": "paid"}
    return json.loads(json.dumps({**session, "amount_total": 10_000, "currency": "eur", "metadata": names}))  # type: ignore[no-any-return]
