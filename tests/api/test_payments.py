"""A patient pays in the app: one page, one charge, and the books and we agree in the end."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.clock import now
from core.ids import new_id
from enamel.worker.payments import look_after_payments
from tests.api.paying import MINE, Till, a_till
from tests.api.test_account import entry, plan, push
from tests.cabinet.stripe_peer import Answer, charge_of
from tests.world import World


@pytest.fixture
async def till(world: World) -> AsyncIterator[Till]:
    async with a_till(world) as made:
        yield made


async def test_what_is_paid_is_pending_until_the_clinics_books_say_it_and_never_counted_twice(till: Till) -> None:
    await till.owe(10_000)
    payment = await till.started()
    assert (payment["amount"], payment["status"]) == ({"amount_minor": 10_000, "currency": "EUR"}, "pending")
    assert payment["page"] == till.session(payment)["url"]
    assert (await till.balance())["payable"] == 10_000
    await till.paid(payment)
    seen = await till.payment(payment)
    assert (seen["status"], seen["page"]) == ("succeeded", None)
    balance = await till.balance()
    assert (balance["owed"], balance["pending"], balance["payable"]) == (10_000, 10_000, 0)
    await push(till.world, "ledger", entry("y", "payment", 10_000, reference=payment["payment_id"]))
    balance = await till.balance()
    assert (balance["owed"], balance["pending"], balance["payable"]) == (0, 0, 0)
    assert await till.events() == ["payment.opened", "payment.succeeded"]


async def test_books_may_name_the_provider_s_id_instead_of_ours(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    await till.paid(payment)
    booked = entry("y", "deposit", 10_000, reference=till.session(payment)["id"])
    await push(till.world, "ledger", booked)
    assert (await till.balance())["pending"] == 0
    await push(till.world, "ledger", {**booked, "version": 2, "voided": True})
    assert (await till.balance())["pending"] == 10_000


async def test_the_page_says_who_asks_and_how_much_and_nothing_of_the_patient(till: Till) -> None:
    await till.owe(text="Estrazione")
    session = till.session(await till.started())
    assert (session["amount_total"], session["currency"]) == (10_000, "eur")
    assert set(session["metadata"]) == {"clinic_id", "payment_id"}
    assert "Estrazione" not in str(session)
    assert "Anna" not in str(session)


async def test_nothing_owed_is_nothing_to_pay(till: Till) -> None:
    assert (await till.start()).json()["code"] == "nothing-to-pay"
    await till.owe()
    await till.paid(await till.started())
    assert (await till.start()).json()["code"] == "nothing-to-pay"


async def test_an_unknown_plan_is_not_found_and_one_without_a_debt_is_nothing_to_pay(till: Till) -> None:
    world = till.world
    await till.owe()
    done = await push(world, "plans", plan("p1"), plan("of-boris", patient="boris"))
    mine, of_boris = (row["id"] for row in done["rows"])
    link = f"/v1/staff/patients/{world.here.patient_id}/pay-links"
    for unknown in (str(new_id()), of_boris):
        assert (await till.start(plan_id=unknown)).status_code == 404
        assert (await world.post(link, world.here.staff, {"plan_id": unknown})).status_code == 404
    assert (await till.start(plan_id=mine)).json()["code"] == "nothing-to-pay"


async def test_a_plan_is_paid_by_itself_and_never_more_than_is_owed_in_whole(till: Till) -> None:
    await push(till.world, "plans", plan("p1"), plan("p2"))
    await till.owe(8_000, "c1", plan="p1")
    await till.owe(5_000, "c2", plan="p2")
    await push(till.world, "ledger", entry("d", "deposit", 6_000))
    account = (await till.world.get("/v1/me/account", till.world.here.patient)).json()
    by_owed = {each["owed"]["amount_minor"]: each["plan_id"] for each in account["plans"]}
    payment = await till.started(plan_id=by_owed[8_000])
    assert (payment["amount"]["amount_minor"], payment["plan_id"]) == (7_000, by_owed[8_000])
    await till.paid(payment)
    account = (await till.world.get("/v1/me/account", till.world.here.patient)).json()
    [of_plan] = [each for each in account["plans"] if each["plan_id"] == by_owed[8_000]]
    assert (of_plan["pending"]["amount_minor"], of_plan["payable"]["amount_minor"]) == (7_000, 1_000)


async def test_asked_again_it_is_the_same_payment_and_another_one_waits(till: Till) -> None:
    await push(till.world, "plans", plan("p1"))
    await till.owe(8_000, "c1", plan="p1")
    await till.owe(5_000, "c2")
    first = await till.started()
    assert await till.started() == first
    plan_id = (await till.world.get("/v1/me/account", till.world.here.patient)).json()["plans"][0]["plan_id"]
    assert (await till.start(plan_id=plan_id)).json()["code"] == "payment-open"
    path = f"{MINE}/{first['payment_id']}"
    called_off = await till.world.http.delete(path, headers=till.world.here.patient)
    assert (called_off.status_code, called_off.json()["status"]) == (200, "cancelled")
    assert till.session(first)["status"] == "expired"
    assert (await till.started(plan_id=plan_id))["amount"]["amount_minor"] == 8_000
    assert await till.events() == ["payment.opened", "payment.cancelled", "payment.opened"]


async def test_what_was_paid_cannot_be_called_off(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    till.peer.pay(till.session(payment)["id"])  # and its notice is lost
    path = f"{MINE}/{payment['payment_id']}"
    assert (await till.world.http.delete(path, headers=till.world.here.patient)).json()["status"] == "succeeded"
    assert (await till.world.http.delete(path, headers=till.world.here.patient)).json()["status"] == "succeeded"
    assert await till.events() == ["payment.opened", "payment.succeeded"]


async def test_fifty_taps_at_once_are_one_payment_and_one_page(till: Till) -> None:
    await till.owe()
    answers = await asyncio.gather(*(till.start() for _ in range(50)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["payment_id"] for each in answers}) == 1
    assert len(till.peer.sessions) == 1
    assert await till.events() == ["payment.opened"]


async def test_a_lost_answer_is_asked_for_again_and_the_page_is_the_same(till: Till) -> None:
    await till.owe()
    till.peer.script.append(Answer(lost=True))
    lost = await till.start()
    assert (lost.status_code, lost.json()["code"]) == (503, "payments-unreachable")
    payment = await till.started()
    assert len(till.peer.sessions) == 1
    await till.paid(payment)
    assert len(till.peer.charges) == 1


@pytest.mark.parametrize(("status", "code", "answered"), [
    (429, "payments-unreachable", 503), (409, "payments-unreachable", 503),
    (500, "payments-broken", 503), (402, "payment-refused", 409), (401, "payment-refused", 409),
])  # fmt: skip
async def test_a_provider_that_refuses_or_fails_leaves_the_way_open(
    till: Till, status: int, code: str, answered: int
) -> None:
    await till.owe()
    till.peer.script.append(Answer(status))
    failed = await till.start()
    assert (failed.status_code, failed.json()["code"]) == (answered, code)
    payment = await till.started()
    await till.paid(payment)
    assert (await till.balance())["payable"] == 0


async def test_a_page_that_is_there_is_not_asked_for_again_whatever_the_provider_would_say(till: Till) -> None:
    await till.owe()
    first = await till.started()
    till.peer.script.append(Answer(500))
    assert await till.started() == first
    assert till.peer.calls == ["create"]
    assert [each["status"] for each in till.peer.sessions.values()] == ["open"]


async def test_a_tap_that_fails_leaves_the_page_alone_that_another_tap_got(till: Till) -> None:
    await till.owe()
    till.peer.arrivals_open.clear()
    taps = [asyncio.create_task(till.start()) for _ in range(2)]
    async with asyncio.timeout(20):
        await till.peer.arrived(len(taps))
    till.peer.script.extend([Answer(), Answer(500)])
    till.peer.arrivals_open.set()
    answers = await asyncio.gather(*taps)
    codes = sorted(each.status_code for each in answers)
    payment = await till.started()
    assert payment["page"]
    open_pages = [each for each in till.peer.sessions.values() if each["status"] == "open"]
    assert len(open_pages) == 1, f"{codes}: one debt, one page on which it can be paid"
    assert till.session(payment) == open_pages[0]


async def test_a_clinic_that_is_renamed_asks_for_the_same_page(till: Till) -> None:
    await till.owe()
    till.peer.script.append(Answer(lost=True))
    assert (await till.start()).status_code == 503
    async with till.world.database.writing(till.world.here.scope) as writing:
        await writing.execute(text("update clinic set name = 'Renamed'"))
    await till.started()
    assert len(till.peer.sessions) == 1


async def test_a_bank_that_says_no_days_later_is_heard_even_when_its_notice_is_lost(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    till.peer.bank_refuses(till.session(payment)["id"])
    provider, database = till.world.ports.payments, till.world.database
    assert await look_after_payments(database, provider, now() + timedelta(minutes=6)) == 1
    assert (await till.payment(payment))["status"] == "failed"
    assert (await till.started())["payment_id"] != payment["payment_id"]


async def test_a_failure_to_close_a_page_is_not_kept_for_the_next_try(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    path = f"{MINE}/{payment['payment_id']}"
    till.peer.expiring.append(Answer(500))
    assert (await till.world.http.delete(path, headers=till.world.here.patient)).status_code == 503
    assert (await till.world.http.delete(path, headers=till.world.here.patient)).json()["status"] == "cancelled"


@pytest.mark.parametrize(("minor", "status"), [(5_124, 409), (5_120, 201)])
async def test_of_a_currency_with_three_decimals_the_provider_takes_no_odd_thousandths(
    till: Till, minor: int, status: int
) -> None:
    await till.owe(amount={"amount_minor": minor, "currency": "KWD"})
    assert (await till.start()).status_code == status


async def test_a_refund_shows_until_the_books_say_it(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    await till.paid(payment)
    await push(till.world, "ledger", entry("y", "payment", 10_000, reference=payment["payment_id"]))
    await till.tell("charge.refunded", charge_of(till.session(payment), 4_000))
    seen = await till.payment(payment)
    assert (seen["status"], seen["refunded"]["amount_minor"]) == ("refunded", 4_000)
    assert (await till.balance())["pending"] == -4_000
    assert (await till.start()).json()["code"] == "nothing-to-pay"
    await push(till.world, "ledger", entry("r", "refund", 4_000, reference=payment["payment_id"]))
    balance = await till.balance()
    assert (balance["pending"], balance["owed"]) == (0, 4_000)
    assert await till.events() == ["payment.opened", "payment.succeeded", "payment.refunded"]


async def test_the_clinics_system_is_told_what_it_has_still_to_book(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    await till.paid(payment)

    async def to_book(who: dict[str, str]) -> list[str]:
        answer = await till.world.get("/v1/partner/payments", who)
        assert answer.status_code == 200, answer.text
        return [each["payment_id"] for each in answer.json()["items"]]

    assert await to_book(till.world.here.partner) == [payment["payment_id"]]
    assert await to_book(till.world.there.partner) == []
    await push(till.world, "ledger", entry("y", "payment", 10_000, reference=payment["payment_id"]))
    assert await to_book(till.world.here.partner) == []


async def test_a_payment_that_is_booked_in_parts_is_pending_until_the_last_of_them(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    await till.paid(payment)
    books, of_it = {"amount_minor": 10_000, "currency": "USD"}, {"reference": payment["payment_id"]}
    await push(till.world, "ledger", entry("dollars", "payment", 0, amount=books, **of_it))
    await push(till.world, "ledger", entry("y1", "payment", 4_000, **of_it))
    answer = await till.world.get("/v1/me/account", till.world.here.patient)
    [euros] = [each for each in answer.json()["balances"] if each["owed"]["currency"] == "EUR"]
    assert [euros[name]["amount_minor"] for name in ("owed", "pending", "payable")] == [6_000, 10_000, 0]
    assert (await till.start()).json()["code"] == "nothing-to-pay"
    to_book = await till.world.get("/v1/partner/payments", till.world.here.partner)
    assert [each["not_booked"]["amount_minor"] for each in to_book.json()["items"]] == [6_000]
    await push(till.world, "ledger", entry("y2", "deposit", 6_000, **of_it))
    assert (await till.world.get("/v1/partner/payments", till.world.here.partner)).json()["items"] == []
    await push(till.world, "ledger", entry("y2", "deposit", 6_000, version=2, voided=True, **of_it))
    assert len((await till.world.get("/v1/partner/payments", till.world.here.partner)).json()["items"]) == 1


async def test_a_payment_that_the_provider_does_not_know_runs_out_and_stops_nobody(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    [session] = till.peer.sessions.values()
    till.peer.sessions.clear()  # the key is another account's now
    provider, database = till.world.ports.payments, till.world.database
    path = f"{MINE}/{payment['payment_id']}"
    soon = await till.world.http.delete(path, headers=till.world.here.patient)
    assert (soon.status_code, soon.json()["code"]) == (409, "payment-unknown"), "it may still be paid over there"
    assert await look_after_payments(database, provider, now() + timedelta(hours=1)) == 1
    assert (await till.payment(payment))["status"] == "pending"
    assert await look_after_payments(database, provider, now() + timedelta(hours=24)) == 1
    assert (await till.payment(payment))["status"] == "expired"
    assert (await till.started())["payment_id"] != payment["payment_id"]
    await till.tell("checkout.session.completed", {**session, "status": "complete", "payment_status": "paid"})
    assert (await till.payment(payment))["status"] == "succeeded", "money that came in is never untold"


async def test_a_payment_that_the_provider_does_not_know_is_called_off_once_its_page_is_over(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    till.peer.sessions.clear()
    async with till.world.database.sweeping() as sweeping:
        await sweeping.execute(text("update payment_intent set expires_at = now() - interval '1 minute'"))
    path = f"{MINE}/{payment['payment_id']}"
    assert (await till.world.http.delete(path, headers=till.world.here.patient)).json()["status"] == "cancelled"


async def test_a_notice_that_never_came_is_asked_for(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    till.peer.pay(till.session(payment)["id"])
    provider, database = till.world.ports.payments, till.world.database
    assert await look_after_payments(database, provider, now()) == 0
    later = now() + timedelta(minutes=6)
    assert await look_after_payments(database, provider, later) == 1
    assert (await till.payment(payment))["status"] == "succeeded"
    assert await look_after_payments(database, provider, later) == 0
    assert await till.events() == ["payment.opened", "payment.succeeded"]


async def test_a_provider_that_is_down_is_asked_again_later_and_a_page_nobody_got_runs_out(till: Till) -> None:
    await till.owe()
    till.peer.script.append(Answer(429))
    assert (await till.start()).status_code == 503
    provider, database = till.world.ports.payments, till.world.database
    assert await look_after_payments(database, provider, now() + timedelta(hours=1)) == 1
    assert await till.events() == ["payment.opened"]
    assert await look_after_payments(database, provider, now() + timedelta(hours=24)) == 1
    assert await till.events() == ["payment.opened", "payment.expired"]
    assert "retrieve" not in till.peer.calls


async def test_two_workers_never_look_at_the_same_payment(till: Till) -> None:
    await till.owe()
    await till.started()
    later = now() + timedelta(minutes=6)
    rounds = [look_after_payments(till.world.database, till.world.ports.payments, later) for _ in range(4)]
    assert sum(await asyncio.gather(*rounds)) == 1


async def test_somebody_elses_payment_is_not_there(till: Till) -> None:
    await till.owe()
    payment = await till.started()
    path = f"{MINE}/{payment['payment_id']}"
    assert (await till.world.get(path, till.world.there.patient)).status_code == 404
    assert (await till.world.http.delete(path, headers=till.world.there.patient)).status_code == 404
    assert till.session(payment)["status"] == "open"


async def test_without_a_provider_nothing_is_taken_and_no_link_is_made(world: World) -> None:
    await push(world, "ledger", entry("c", "charge", 10_000))
    object.__setattr__(world.ports, "payments", None)
    refused = await world.post(MINE, world.here.patient, {})
    assert (refused.status_code, refused.json()["code"]) == (409, "payments-not-taken")
    link = await world.post(f"/v1/staff/patients/{world.here.patient_id}/pay-links", world.here.staff, {})
    assert link.json()["code"] == "payments-not-taken"
    assert (await world.http.post("/v1/hooks/payments", content=b"{}")).status_code == 401


async def test_the_plain_twin_is_paid_by_one_post(world: World) -> None:
    await push(world, "ledger", entry("c", "charge", 10_000))
    payment = (await world.post(MINE, world.here.patient, {})).json()
    assert (await world.http.post(payment["page"])).status_code == 204
    assert (await world.http.post(payment["page"])).status_code == 204
    assert (await world.get(f"{MINE}/{payment['payment_id']}", world.here.patient)).json()["status"] == "succeeded"
    assert (await world.http.post(f"/v1/hooks/printed-payments/{new_id()}")).status_code == 404
    async with world.database.reading(world.here.scope) as reading:
        told = text("select count(*) from event where kind = 'payment.succeeded'")
        assert (await reading.execute(told)).scalar_one() == 1
