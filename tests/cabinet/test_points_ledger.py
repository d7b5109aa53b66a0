"""Whatever happens to points, in whatever order: the ledger adds up to the balance, and to what the lots hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cabinet.account_facts import LedgerFact
from cabinet.commands.account import take_ledger
from cabinet.commands.paid_points import accrue_payments, judge_anew
from cabinet.commands.points import (
    Accrual,
    NotEnoughPoints,
    accrue,
    expire_points,
    spend,
    take_back,
    unspend,
)
from cabinet.commands.programme import set_programme
from cabinet.loyalty import Programme, balance_of
from cabinet.queries.points import open_lots
from clinic.commands import take_patients
from core.clock import now
from core.database import Writing
from core.events import SYSTEM
from core.ids import new_id
from core.money import Money
from tests.api.loyalty_desk import ledger_sums
from tests.world import World, patient_fact

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROGRAMME = Programme(worth=Money(amount_minor=100, currency="EUR"), life_days=3)
CAUSES = st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("accrue"), CAUSES, st.integers(1, 30)),
        st.tuples(st.just("spend"), CAUSES, st.integers(1, 30)),
        st.tuples(st.just("unspend"), CAUSES, st.just(0)),
        st.tuples(st.just("take back"), CAUSES, st.integers(1, 40)),
        st.tuples(st.just("days"), st.just(0), st.integers(1, 2)),
        st.tuples(st.just("expire"), st.just(0), st.just(0)),
    ),
    max_size=12,
)


async def one_step(
    world: World, patient_id: UUID, step: tuple[str, int, int], at: datetime, spent: set[int]
) -> datetime:
    what, _, number = step
    clinic_id = world.here.clinic_id
    if what == "days":
        return at + timedelta(days=number)
    if what == "expire":
        async with world.database.sweeping() as sweeping:
            await expire_points(sweeping, at, 100)
        return at
    try:
        async with world.database.writing(world.here.scope) as writing:
            await _act(writing, clinic_id, patient_id, step, at, spent)
    except NotEnoughPoints:
        pass
    return at


async def _act(
    writing: Writing, clinic_id: UUID, patient_id: UUID, step: tuple[str, int, int], at: datetime, spent: set[int]
) -> None:
    what, number, points = step
    cause = f"{patient_id}:{number}"
    if what == "accrue":
        await accrue(writing, [Accrual(clinic_id, patient_id, cause, points)], SYSTEM, at)
    elif what == "take back":
        await take_back(writing, Accrual(clinic_id, patient_id, cause, points), f"un{new_id()}", SYSTEM, at)
    elif what == "spend" and number not in spent:
        await spend(writing, clinic_id, patient_id, points, f"bill:{cause}", SYSTEM, at)
        spent.add(number)
    elif what == "unspend" and number in spent:
        await unspend(writing, clinic_id, patient_id, f"bill:{cause}", SYSTEM, at)
        spent.remove(number)
        spent.add(number + 100)  # a bill is taken back once


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_the_ledger_adds_up_after_every_step(world: World, steps: list[tuple[str, int, int]]) -> None:
    here, at = world.here, BEGIN
    fact = patient_fact(str(new_id()), "Carla", None)
    async with world.database.writing(here.scope) as writing:
        taken, _ = await take_patients(writing, here.clinic_id, "mis", [(0, fact)], SYSTEM, at)
        await set_programme(writing, here.clinic_id, PROGRAMME, SYSTEM, at)
    done: set[int] = set()
    for step in steps:
        if step[0] in ("spend", "unspend") and step[1] + 100 in done:
            continue
        at = await one_step(world, taken[0].id, step, at, done)
        for balance, ledger, lots in await ledger_sums(world):
            assert balance == ledger == lots >= 0
    async with world.database.reading(here.scope) as reading:
        left = await open_lots(reading, here.clinic_id, taken[0].id)
    async with world.database.sweeping() as sweeping:
        await expire_points(sweeping, at, 100)
    async with world.database.reading(here.scope) as reading:
        after = await open_lots(reading, here.clinic_id, taken[0].id)
    assert sum(lot.left for lot in after) == balance_of(left, at), "only what was over expires"


BOOKS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["payment", "deposit", "refund"]), st.integers(0, 3), st.integers(1, 20_000)),
        st.tuples(st.just("void"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("spend all"), st.just(0), st.just(0)),
        st.tuples(st.just("earn"), st.just(0), st.integers(1, 30)),
    ),
    max_size=8,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=BOOKS)
@example(steps=[("payment", 0, 10_000), ("spend all", 0, 0), ("void", 0, 0), ("earn", 0, 7)])
@example(steps=[("payment", 0, 10_000), ("spend all", 0, 0), ("void", 0, 0), ("payment", 0, 10_000)])
@example(steps=[("payment", 0, 10_000), ("refund", 1, 10_000), ("void", 0, 0), ("void", 1, 0)])
async def test_whatever_becomes_of_the_books_each_entry_is_judged_once(
    world: World, steps: list[tuple[str, int, int]]
) -> None:
    """What was earned by other means goes only with an entry that changes, and never in a later round."""
    here, at, name = world.here, now(), str(new_id())
    async with world.database.writing(here.scope) as writing:
        taken, _ = await take_patients(
            writing, here.clinic_id, "mis", [(0, patient_fact(name, "Carla", None))], SYSTEM, at
        )
        await set_programme(writing, here.clinic_id, replace(PROGRAMME, basis_points=500, life_days=365), SYSTEM, at)
    told: dict[int, dict[str, Any]] = {}
    for version, (what, number, minor) in enumerate(steps, start=1):
        async with world.database.writing(here.scope) as writing:
            if what == "earn":
                await accrue(writing, [Accrual(here.clinic_id, taken[0].id, str(new_id()), minor)], SYSTEM, at)
            elif what == "spend all":
                left = sum(lot.left for lot in await open_lots(writing, here.clinic_id, taken[0].id))
                await spend(writing, here.clinic_id, taken[0].id, left, str(new_id()), SYSTEM, at)
            elif what != "void" or number in told:
                # An entry stays what it was: its amount changes, or it is voided.
                row = {"kind": what, "external_id": f"{name}-{number}", "patient": name, **told.get(number, {})}
                euros = {"amount": {"amount_minor": minor, "currency": "EUR"}, "posted_on": at.date()}
                told[number] = row | ({"voided": True} if what == "void" else euros | {"voided": False})
                fact = LedgerFact.model_validate(told[number] | {"version": version})
                _, faults = await take_ledger(writing, here.clinic_id, "mis", [(0, fact)], SYSTEM, at)
                assert not faults
        before = await _round(world, at)
        assert await _round(world, at) == before
        for balance, ledger, lots in before:
            assert balance == ledger == lots >= 0
    standing = [row for row in told.values() if not row["voided"]]
    paid = sum(row["amount"]["amount_minor"] for row in standing if row["kind"] != "refund")
    by_hand = sum(points for what, _, points in steps if what == "earn")
    async with world.database.reading(here.scope) as reading:
        points = sum(lot.left for lot in await open_lots(reading, here.clinic_id, taken[0].id))
    assert (points - by_hand) * 100 * 20 <= paid, "never more points than the money that stands has earned"


async def _round(world: World, at: datetime) -> list[tuple[int, int, int]]:
    for step in (accrue_payments, judge_anew):
        async with world.database.sweeping() as sweeping:
            await step(sweeping, at, 100)
    return await ledger_sums(world)
