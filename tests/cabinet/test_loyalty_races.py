"""Two hundred at once: a stock of ten gives ten, a coupon is redeemed once, a balance never goes below zero."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from cabinet.commands.cards import issue_card, use_card
from cabinet.commands.coupons import PickUp, expire_coupons, pick_up
from cabinet.commands.points import Accrual, accrue, expire_points, spend
from cabinet.commands.programme import set_programme
from cabinet.commands.promotions import draft_promotion, publish_promotion
from cabinet.commands.redemptions import Settling, redeem
from cabinet.commands.reversals import reverse_redemption
from cabinet.loyalty import Programme
from cabinet.prepaid_facts import CardTerms
from cabinet.promotion_facts import PromotionTerms, PromotionText, ReductionTerms
from clinic.commands import take_patients
from core.clock import now
from core.database import Database, Writing
from core.errors import Refusal
from core.events import SYSTEM
from core.ids import new_id
from core.money import Money
from tests.api.loyalty_desk import ledger_sums
from tests.world import World, patient_fact

AT_ONCE = 200
PRICE = Money(amount_minor=10_000, currency="EUR")
Act = Callable[[Writing], Awaitable[object]]


@pytest.fixture
async def wide(migrated: str) -> AsyncIterator[Database]:
    """Forty real connections, so that forty of them stand before the same row."""
    opened = Database(migrated, pool=40)
    yield opened
    await opened.close()


async def at_once(world: World, wide: Database, acts: Sequence[Act]) -> Counter[str]:
    """Everything at the same time, each in a transaction of its own; how each ended."""
    room = asyncio.Semaphore(40)

    async def run(act: Act) -> str:
        async with room:
            try:
                async with wide.writing(world.here.scope) as writing:
                    await act(writing)
            except Refusal as refusal:
                return refusal.slug
            return "done"

    return Counter(await asyncio.gather(*(run(act) for act in acts)))


async def crowd(world: World, number: int) -> list[UUID]:
    facts = [patient_fact(f"c{place}", "Carla", None) for place in range(number)]
    async with world.database.writing(world.here.scope) as writing:
        taken, _ = await take_patients(writing, world.here.clinic_id, "mis", list(enumerate(facts)), SYSTEM, now())
    return [each.id for each in taken]


async def offer(world: World, stock: int | None = None) -> UUID:
    terms = PromotionTerms(
        texts=[PromotionText(language="it", title="Dieci")], starts_on=date(2020, 1, 1), ends_on=date(2120, 1, 1),
        reduction=ReductionTerms(basis_points=1_000), with_coupon=True, stock=stock,
    )  # fmt: skip
    async with world.database.writing(world.here.scope) as writing:
        made = await draft_promotion(writing, world.here.clinic_id, terms, None, SYSTEM, now())
        await writing.flush()
        await publish_promotion(writing, world.here.clinic_id, made, SYSTEM, now())
    return made


async def count(world: World, statement: str) -> Any:
    async with world.database.sweeping() as sweeping:
        return (await sweeping.execute(text(statement))).scalar_one()


async def test_of_two_hundred_redemptions_of_a_stock_of_ten_ten_succeed(world: World, wide: Database) -> None:
    promotion_id, people = await offer(world, stock=10), await crowd(world, AT_ONCE)

    def settle(place: int, patient_id: UUID) -> Act:
        wish = Settling("desk", f"R-{place}", PRICE, patient_id, promotion_ids=(promotion_id,))
        return lambda writing: redeem(writing, world.keys.secrets, world.here.clinic_id, wish, SYSTEM, now())

    ends = await at_once(world, wide, [settle(*each) for each in enumerate(people)])
    assert ends == {"done": 10, "promotion-out-of-stock": AT_ONCE - 10}
    assert await count(world, "select picked from promotion") == 10
    assert await count(world, "select count(*) from coupon where state = 'redeemed'") == 10
    assert await count(world, "select count(*) from coupon") == 10
    assert await count(world, "select count(*) from redemption") == 10


async def test_of_two_hundred_redemptions_of_one_coupon_one_succeeds(world: World, wide: Database) -> None:
    promotion_id = await offer(world)
    pick = PickUp(world.here.clinic_id, world.here.patient_id, promotion_id)
    async with world.database.writing(world.here.scope) as writing:
        coupon = await pick_up(writing, world.keys.secrets, pick, SYSTEM, now())
    assert coupon.code is not None

    def settle(place: int) -> Act:
        wish = Settling("desk", f"R-{place}", PRICE, codes=(str(coupon.code),))
        return lambda writing: redeem(writing, world.keys.secrets, world.here.clinic_id, wish, SYSTEM, now())

    ends = await at_once(world, wide, [settle(place) for place in range(AT_ONCE)])
    assert ends == {"done": 1, "coupon-spent": AT_ONCE - 1}
    assert await count(world, "select count(*) from event where kind = 'coupon.redeemed'") == 1


async def test_two_hundred_taps_of_one_patient_are_one_coupon(world: World, wide: Database) -> None:
    pick = PickUp(world.here.clinic_id, world.here.patient_id, await offer(world, stock=10))
    acts: list[Act] = [lambda writing: pick_up(writing, world.keys.secrets, pick, SYSTEM, now())] * AT_ONCE
    assert await at_once(world, wide, acts) == {"done": AT_ONCE}
    assert await count(world, "select count(*) from coupon") == 1
    assert await count(world, "select picked from promotion") == 1


async def test_one_bill_is_settled_once_however_often_it_comes_at_once(world: World, wide: Database) -> None:
    promotion_id = await offer(world)
    wish = Settling("mis", "R-1", PRICE, world.here.patient_id, promotion_ids=(promotion_id,))
    acts: list[Act] = [
        lambda writing: redeem(writing, world.keys.secrets, world.here.clinic_id, wish, SYSTEM, now())
    ] * 50
    assert await at_once(world, wide, acts) == {"done": 50}
    assert await count(world, "select count(*) from redemption") == 1


async def test_a_bill_that_is_taken_back_while_its_coupon_is_wanted_leaves_it_on_one_bill(
    world: World, wide: Database
) -> None:
    promotion_id = await offer(world, stock=1)
    pick = PickUp(world.here.clinic_id, world.here.patient_id, promotion_id)
    async with world.database.writing(world.here.scope) as writing:
        code = str((await pick_up(writing, world.keys.secrets, pick, SYSTEM, now())).code)

    def settle(bill: str) -> Act:
        wish = Settling("desk", bill, PRICE, codes=(code,))
        return lambda writing: redeem(writing, world.keys.secrets, world.here.clinic_id, wish, SYSTEM, now())

    def reverse(bill: UUID) -> Act:
        return lambda writing: reverse_redemption(writing, world.here.clinic_id, bill, "Wrong", SYSTEM, now())

    await at_once(world, wide, [settle("R-0")])
    first = await count(world, "select id from redemption")
    acts = [settle(f"R-{place}") for place in range(1, 30)]
    ends = await at_once(world, wide, [*acts[:15], reverse(first), reverse(first), *acts[15:]])
    standing = await count(world, "select count(*) from redemption where reversed_at is null")
    redeemed = await count(world, "select count(*) from coupon where state = 'redeemed'")
    assert ends["done"] == 2 + standing
    assert redeemed == standing <= 1
    assert await count(world, "select picked from promotion") == 1


async def test_coupons_that_expire_while_they_are_redeemed_are_either_and_the_stock_agrees(
    world: World, wide: Database
) -> None:
    promotion_id, other, people = await offer(world, stock=40), await offer(world), await crowd(world, 40)
    codes = []
    async with world.database.writing(world.here.scope) as writing:
        for patient_id in people:
            pick = PickUp(world.here.clinic_id, patient_id, promotion_id)
            codes.append(str((await pick_up(writing, world.keys.secrets, pick, SYSTEM, now())).code))
    async with world.database.sweeping() as sweeping:
        expires = (await sweeping.execute(text("select expires_at from coupon limit 1"))).scalar_one()

    def settle(place: int) -> Act:
        wish = Settling("desk", f"R-{place}", PRICE, None, (codes[place],), (other,))
        before = expires - timedelta(seconds=1)  # the desk's clock is behind the worker's
        return lambda writing: redeem(writing, world.keys.secrets, world.here.clinic_id, wish, SYSTEM, before)

    async def expire() -> int:
        done = 0
        for _ in range(4):
            async with wide.sweeping() as sweeping:
                done += await expire_coupons(sweeping, expires, 5)
        return done

    ends, *expired = await asyncio.gather(
        at_once(world, wide, [settle(place) for place in range(40)]), expire(), expire()
    )
    assert set(ends) <= {"done", "coupon-spent"}
    assert ends["done"] + sum(expired) + await count(world, "select count(*) from coupon where state = 'picked'") == 40
    places = f"select picked from promotion where id = '{promotion_id}'"  # noqa: S608  an id of ours
    held = f"select count(*) from coupon where promotion_id = '{promotion_id}' and state <> 'expired'"  # noqa: S608
    assert await count(world, places) == await count(world, held)


async def funded(world: World, points: int, at: datetime) -> None:
    programme = Programme(worth=Money(amount_minor=100, currency="EUR"), life_days=1)
    async with world.database.writing(world.here.scope) as writing:
        await set_programme(writing, world.here.clinic_id, programme, SYSTEM, at)
        await accrue(writing, [Accrual(*_anna(world), str(new_id()), points)], SYSTEM, at)


def _anna(world: World) -> tuple[UUID, UUID]:
    return world.here.clinic_id, world.here.patient_id


async def test_of_two_hundred_spendings_as_many_succeed_as_the_balance_pays(world: World, wide: Database) -> None:
    await funded(world, 100, now())

    def spending() -> Act:
        cause = str(new_id())
        return lambda writing: spend(writing, *_anna(world), 7, cause, SYSTEM, now())

    ends = await at_once(world, wide, [spending() for _ in range(AT_ONCE)])
    assert ends == {"done": 14, "not-enough-points": AT_ONCE - 14}
    assert await ledger_sums(world) == [(2, 2, 2)]


async def test_one_cause_earns_once_from_two_hundred_tellers(world: World, wide: Database) -> None:
    await funded(world, 1, now())
    told = Accrual(*_anna(world), "visit:1", 10)
    acts: list[Act] = [lambda writing: accrue(writing, [told], SYSTEM, now())] * AT_ONCE
    await at_once(world, wide, acts)
    assert await ledger_sums(world) == [(11, 11, 11)]


async def test_points_that_expire_while_they_are_spent_are_either_and_never_both(world: World, wide: Database) -> None:
    at = now()
    await funded(world, 100, at)
    for clock_of_the_worker in (at, at.replace(year=at.year + 1)):

        def spending() -> Act:
            cause = str(new_id())
            return lambda writing: spend(writing, *_anna(world), 1, cause, SYSTEM, at)

        async def expiring(moment: datetime = clock_of_the_worker) -> None:
            async with wide.sweeping() as sweeping:
                await expire_points(sweeping, moment, 100)

        await asyncio.gather(at_once(world, wide, [spending() for _ in range(20)]), *(expiring() for _ in range(5)))
    [(balance, ledger, lots)] = await ledger_sums(world)
    assert balance == ledger == lots >= 0


async def test_the_last_session_of_a_card_goes_to_one(world: World, wide: Database) -> None:
    card_id = new_id()
    terms = CardTerms(title="Three", service="Hygiene", sessions=3)
    async with world.database.writing(world.here.scope) as writing:
        await issue_card(writing, *_anna(world), card_id, terms, SYSTEM, now())

    def using() -> Act:
        cause = str(new_id())
        return lambda writing: use_card(writing, world.here.clinic_id, card_id, cause, SYSTEM, now())

    ends = await at_once(world, wide, [using() for _ in range(100)])
    assert ends == {"done": 3, "card-not-usable": 97}
    assert await count(world, "select used from prepaid_card") == 3
    assert await count(world, "select sum(sessions) from card_use") == 3
