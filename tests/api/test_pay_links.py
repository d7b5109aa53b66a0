"""A pay link: whoever holds it pays one amount, once, and learns nothing but who asks and how much."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from tests.api.paying import MINE, Till, a_till
from tests.api.test_account import entry, money, push
from tests.world import HOST, World


@pytest.fixture
async def till(world: World) -> AsyncIterator[Till]:
    async with a_till(world) as made:
        yield made


async def make(till: Till, **body: Any) -> Any:
    path = f"/v1/staff/patients/{till.world.here.patient_id}/pay-links"
    return await till.world.post(path, till.world.here.staff, body)


async def made(till: Till, **body: Any) -> tuple[str, str]:
    """The path of a new link, and its id."""
    answer = await make(till, **body)
    assert answer.status_code == 201, answer.text
    url: str = answer.json()["url"]
    assert url.startswith(HOST + "/v1/pay/")
    return url.removeprefix(HOST), answer.json()["link_id"]


async def state(till: Till, path: str) -> str:
    answer = await till.world.http.get(path)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["state"])


async def test_a_link_shows_who_asks_and_how_much_and_nothing_else(till: Till) -> None:
    await till.owe(10_000, text="Impianto")
    path, _ = await made(till)
    shown = await till.world.http.get(path)
    assert shown.json() == {
        "clinic_name": "Rome Dental", "amount": money(10_000), "state": "open",
        "expires_at": shown.json()["expires_at"],
    }  # fmt: skip
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["referrer-policy"] == "no-referrer"


async def test_it_is_paid_without_signing_in_and_then_it_is_over(till: Till) -> None:
    await till.owe()
    path, _ = await made(till)
    first = await till.world.http.post(path)
    assert first.status_code == 201, first.text
    assert (await till.world.http.post(path)).json() == first.json()
    [session] = till.peer.sessions.values()
    assert first.json()["page"] == session["url"]
    await till.tell("checkout.session.completed", till.peer.pay(session["id"]))
    assert await state(till, path) == "paid"
    again = await till.world.http.post(path)
    assert (again.status_code, again.json()["code"]) == (410, "pay-link-over")
    assert (await till.balance())["pending"] == 10_000
    assert await till.events() == ["pay_link.made", "payment.opened", "payment.succeeded"]


async def test_forty_who_hold_it_at_once_begin_one_payment(till: Till) -> None:
    await till.owe()
    path, _ = await made(till)
    answers = await asyncio.gather(*(till.world.http.post(path) for _ in range(40)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["page"] for each in answers}) == 1
    assert len(till.peer.sessions) == 1


async def test_the_app_and_a_link_never_take_the_same_debt_twice(till: Till) -> None:
    await till.owe()
    path, _ = await made(till)
    mine = await till.started()
    assert (await till.world.http.post(path)).json()["page"] == mine["page"]
    await till.paid(mine)
    assert (await till.world.http.post(path)).json()["code"] == "pay-link-over"
    second, _ = await made_of_another_charge(till)
    half, _ = await made(till, amount=money(2_000))
    assert (await till.world.http.post(second)).status_code == 201
    assert (await till.world.http.post(half)).json()["code"] == "payment-open"


async def made_of_another_charge(till: Till) -> tuple[str, str]:
    await till.owe(5_000, "second")
    return await made(till)


async def test_paid_at_the_desk_meanwhile_there_is_nothing_to_pay(till: Till) -> None:
    await till.owe()
    path, _ = await made(till)
    await push(till.world, "ledger", entry("cash", "payment", 4_000))
    refused = await till.world.http.post(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing-to-pay")
    assert till.peer.sessions == {}


async def test_its_amount_is_at_most_what_is_owed(till: Till) -> None:
    assert (await make(till)).json()["code"] == "nothing-to-pay"
    await till.owe(10_000)
    refused = await make(till, amount=money(10_001))
    assert (refused.status_code, refused.json()["code"]) == (422, "more-than-owed")
    for amount, pointer, code in (
        (money(0), "/amount/amount_minor", "not-positive"),
        (money(-5), "/amount/amount_minor", "not-positive"),
        (money(5_000, "CNY"), "/amount/currency", "mixed-currencies"),
    ):
        refused = await make(till, amount=amount)
        told = refused.json()
        assert (refused.status_code, told["code"]) == (422, "invalid-input"), amount
        assert told["errors"] == [{"pointer": pointer, "code": code}]
    path, _ = await made(till, amount=money(2_500))
    assert (await till.world.http.get(path)).json()["amount"] == money(2_500)
    await till.world.http.post(path)
    [session] = till.peer.sessions.values()
    assert session["amount_total"] == 2_500


async def test_a_withdrawn_and_an_old_link_open_nothing(till: Till) -> None:
    await till.owe()
    (withdrawn, link_id), (old, _) = await made(till), await made(till)
    path = f"/v1/staff/patients/{till.world.here.patient_id}/pay-links/{link_id}"
    for _ in range(2):
        assert (await till.world.http.delete(path, headers=till.world.here.staff)).status_code == 204
    assert (await till.world.http.delete(path, headers=till.world.there.staff)).status_code == 404
    assert await state(till, withdrawn) == "withdrawn"
    async with till.world.database.writing(till.world.here.scope) as writing:
        await writing.execute(text("update pay_link set expires_at = now() where withdrawn_at is null"))
    assert await state(till, old) == "expired"
    for over in (withdrawn, old):
        assert (await till.world.http.post(over)).json()["code"] == "pay-link-over"


async def test_a_page_that_ran_out_is_followed_by_another_of_the_same_link(till: Till) -> None:
    await till.owe()
    path, _ = await made(till)
    first = (await till.world.http.post(path)).json()["page"]
    [session] = till.peer.sessions.values()
    session |= {"status": "expired", "url": None}
    await till.tell("checkout.session.expired", session)
    second = (await till.world.http.post(path)).json()["page"]
    assert second != first
    assert len([each for each in till.peer.sessions.values() if each["status"] == "open"]) == 1


async def test_a_token_is_kept_as_a_keyed_hash_and_another_opens_nothing(till: Till) -> None:
    await till.owe()
    path, _ = await made(till)
    token = path.rsplit("/", 1)[1]
    async with till.world.database.reading(till.world.here.scope) as reading:
        [kept] = (await reading.execute(text("select token_hash from pay_link"))).scalars()
    assert len(kept) == 32
    assert token.encode() not in kept
    other = token[:-1] + ("A" if token[-1] != "A" else "E")
    elsewhere = token[:5] + ("A" if token[5] != "A" else "B") + token[6:]
    for wrong in (other, elsewhere):
        assert (await till.world.http.get(f"/v1/pay/{wrong}")).status_code == 404
        assert (await till.world.http.post(f"/v1/pay/{wrong}")).status_code == 404
    assert (await till.world.http.get("/v1/pay/short")).status_code == 422
    assert (await till.world.get(f"{MINE}", till.world.here.patient)).json()["items"] == []


async def test_who_may_only_read_finances_makes_no_links(till: Till) -> None:
    await till.owe()
    async with till.world.database.writing(till.world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = '{finance.read}'"))
    assert (await make(till)).status_code == 403
    async with till.world.database.writing(till.world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = '{finance.ask}'"))
    assert (await make(till)).status_code == 201
