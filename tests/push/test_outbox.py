"""The outbox on a real database: nothing doubled, nothing lost, exit wins over send."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text

from clinic.commands import grant_access
from clinic.hours import Hours
from core.database import Database
from core.events import SYSTEM
from core.ids import new_id
from enamel.worker.push import deliver_due, only
from identity.commands import end_session
from push.commands import (
    Answer,
    Due,
    cancel_across,
    claim,
    enqueue_across,
    record_outcomes,
    register_device,
    set_consent,
    unbind_devices,
)
from push.notice import Notice, NoticeKind, Purpose
from push.outcome import DeliveryState, Outcome, Result
from push.printed import Printed, PrintedPushes
from tests.push.phones import HOUR, MINUTE, NOON, app, deliveries, give_phone, notice, sign_in, tell
from tests.world import Party, World

LEASE = MINUTE
PHONE = "token-of-anna"
ACCEPTED = Outcome(Result.ACCEPTED)


async def take(world: World, at: datetime = NOON, limit: int = 100) -> list[Due]:
    async with world.database.sweeping() as sweeping:
        return await claim(sweeping, at, limit, LEASE)


async def write(world: World, due: Sequence[Due], outcome: Outcome, at: datetime = NOON) -> int:
    async with world.database.sweeping() as sweeping:
        return await record_outcomes(sweeping, [Answer(each, outcome) for each in due], at, lambda: 0.5)


async def take_back(world: World, cause_id: UUID, at: datetime = NOON) -> int:
    async with world.database.writing(world.here.scope) as writing:
        return await cancel_across(writing, [(world.here.clinic_id, cause_id)], "booked", at)


async def states(world: World, party: Party | None = None) -> list[tuple[DeliveryState, str]]:
    party = party or world.here
    return [(each.state, each.reason) for each in await deliveries(world.database, party.patient_id)]


async def happened(database: Database, kind: str) -> int:
    async with database.sweeping() as sweeping:
        counted = await sweeping.execute(text("select count(*) from event where kind = :kind"), {"kind": kind})
        return int(counted.scalar_one())


@pytest.fixture
async def world(world: World) -> World:
    """The world, where the patient here has one phone."""
    await give_phone(world.database, world.keys, world.here, PHONE)
    return world


async def test_the_same_key_is_the_same_notice_for_ever(world: World) -> None:
    twice = notice(world.here, dedupe_key="reminder")
    first = await tell(world.database, world.here, twice, twice)
    assert first[0] == first[1] == (await tell(world.database, world.here, twice, notice(world.here)))[0]
    assert [each.target.token for each in await take(world)] == [PHONE, PHONE]


async def test_a_key_belongs_to_one_clinic(world: World) -> None:
    here = await tell(world.database, world.here, notice(world.here, dedupe_key="reminder"))
    there = await tell(world.database, world.there, notice(world.there, dedupe_key="reminder"))
    assert here != there


async def test_it_reaches_every_phone_of_everybody_who_may_open_the_record(world: World) -> None:
    here, database = world.here, world.database
    guardian, session = await sign_in(database, world.keys, here, "+390255500001")
    stranger, other_session = await sign_in(database, world.keys, here, "+390255500002")
    async with database.writing(here.scope) as writing:
        await grant_access(writing, here.clinic_id, guardian, here.patient_id, "carer", NOON)
        await register_device(writing, here.clinic_id, guardian, session, app("token-of-mother"), NOON)
        await register_device(writing, here.clinic_id, stranger, other_session, app("token-of-stranger"), NOON)
    await give_phone(database, world.keys, world.there, "token-elsewhere")
    await tell(database, here, notice(here))
    assert {each.target.token for each in await take(world)} == {PHONE, "token-of-mother"}


async def test_a_phone_that_was_signed_out_gets_nothing(world: World) -> None:
    here, database = world.here, world.database
    account, session = await sign_in(database, world.keys, here, here.phone)
    async with database.writing(here.scope) as writing:
        await register_device(writing, here.clinic_id, account, session, app(PHONE), NOON)
        assert await end_session(writing, account, session, NOON)
    await tell(database, here, notice(here))
    assert await take(world) == []
    assert await states(world) == [(DeliveryState.NO_DEVICE, "no-device")]


@pytest.mark.parametrize("ending", ["idle_until", "ends_at"])
async def test_a_phone_whose_sign_in_has_run_out_gets_nothing(world: World, ending: str) -> None:
    async with world.database.sweeping() as sweeping:
        over = f"update session set {ending} = :at where id in (select session_id from device)"  # noqa: S608  two names of ours
        await sweeping.execute(text(over), {"at": NOON})
    await tell(world.database, world.here, notice(world.here))
    assert await take(world) == []
    assert await states(world) == [(DeliveryState.NO_DEVICE, "no-device")]


async def test_an_unbound_phone_gets_nothing(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        assert await unbind_devices(writing, world.here.clinic_id, world.here.account_id, None, NOON) == 1
    await tell(world.database, world.here, notice(world.here))
    assert await take(world) == []


async def test_workers_at_the_same_time_never_send_one_row_twice(world: World, tmp_path: Path) -> None:
    await tell(world.database, world.here, *(notice(world.here) for _ in range(60)))
    pushes = PrintedPushes(Printed(tmp_path / "printed.jsonl"))
    rounds = [
        deliver_due(world.database, only(pushes), lease=LEASE, now=lambda: NOON, jitter=lambda: 0.5) for _ in range(4)
    ]
    assert sum(await asyncio.gather(*rounds)) == 60
    assert len(world.texts("push")) == 60
    assert {state for state, _ in await states(world)} == {DeliveryState.ACCEPTED}
    assert await happened(world.database, "push.accepted") == 60


async def test_what_was_cancelled_before_the_claim_is_never_sent(world: World) -> None:
    cause = new_id()
    await tell(world.database, world.here, notice(world.here, cause_id=cause), notice(world.here))
    assert await take_back(world, cause) == 1
    assert len(await take(world)) == 1
    assert await happened(world.database, "push.suppressed") == 1
    assert await take_back(world, cause) == 0


async def test_what_was_cancelled_on_its_way_is_not_repeated(world: World) -> None:
    cause = new_id()
    await tell(world.database, world.here, notice(world.here, cause_id=cause))
    due = await take(world)
    assert await take_back(world, cause) == 1
    assert await write(world, due, Outcome(Result.NOT_SENT, "no-connection")) == 1
    assert await take(world, NOON + HOUR) == []
    assert await states(world) == [(DeliveryState.SUPPRESSED, "cancelled")]


async def test_a_try_that_waits_is_cancelled_too(world: World) -> None:
    cause = new_id()
    await tell(world.database, world.here, notice(world.here, cause_id=cause))
    await write(world, await take(world), Outcome(Result.AMBIGUOUS, "unavailable"))
    assert await take_back(world, cause) == 1
    assert await take(world, NOON + HOUR) == []
    assert await states(world) == [(DeliveryState.SUPPRESSED, "booked")]


async def test_a_claim_passes_by_what_is_being_cancelled_and_a_cancel_waits_for_a_claim(world: World) -> None:
    cause = new_id()
    await tell(world.database, world.here, notice(world.here, cause_id=cause))
    async with world.database.writing(world.here.scope) as writing:
        await cancel_across(writing, [(world.here.clinic_id, cause)], "booked", NOON)
        assert await take(world) == []  # it does not wait for the other's commit
        await writing.rollback()
    async with world.database.sweeping() as sweeping:
        assert len(await claim(sweeping, NOON, 10, LEASE)) == 1
        cancelling = asyncio.create_task(take_back(world, cause))
        done, _ = await asyncio.wait([cancelling], timeout=0.2)
        assert not done
    assert await cancelling == 1


async def test_outside_working_hours_it_is_held_until_they_open(world: World) -> None:
    hours = Hours("Europe/Rome", time(9), time(20), frozenset({0}))
    await tell(world.database, world.here, notice(world.here, hours=hours))
    assert await take(world) == []
    assert await take(world, NOON + 20 * HOUR) == []  # Monday, eight in the morning in Rome
    assert len(await take(world, NOON + 21 * HOUR)) == 1


async def test_what_goes_out_before_closing_is_kept_by_no_provider_beyond_it(world: World) -> None:
    hours = Hours("Europe/Rome", time(9), time(20))
    closing = NOON + 8 * HOUR
    await tell(world.database, world.here, notice(world.here, hours=hours))
    (due,) = await take(world, closing - MINUTE)
    assert (due.message.expires_at, due.message.life) == (closing, MINUTE)
    await write(world, [due], Outcome(Result.NOT_SENT, "no-connection", retry_after=2 * MINUTE), closing - MINUTE)
    assert await take(world, closing + HOUR) == []
    (again,) = await take(world, closing + 13 * HOUR)  # nine in the morning
    assert again.message.expires_at == NOON + 24 * HOUR


async def test_what_expired_is_not_sent_and_says_so(world: World) -> None:
    await tell(world.database, world.here, notice(world.here, expires_at=NOON + HOUR))
    assert await take(world, NOON + HOUR) == []
    assert await states(world) == [(DeliveryState.EXPIRED, "expired")]
    assert await happened(world.database, "push.suppressed") == 1


async def test_nothing_goes_out_before_its_time(world: World) -> None:
    await tell(world.database, world.here, notice(world.here, not_before=NOON + HOUR))
    assert await take(world, NOON + HOUR - MINUTE) == []
    assert len(await take(world, NOON + HOUR)) == 1


@pytest.mark.parametrize(
    ("purpose", "words", "sent"),
    [
        (Purpose.RECALL, [], True),
        (Purpose.RECALL, [False], False),
        (Purpose.MARKETING, [], False),
        (Purpose.MARKETING, [True], True),
        (Purpose.MARKETING, [True, False], False),
    ],
)
async def test_the_patients_last_word_decides(world: World, purpose: Purpose, words: list[bool], sent: bool) -> None:
    here = world.here
    for minute, word in enumerate(words):
        async with world.database.writing(here.scope) as writing:
            at = NOON + minute * MINUTE
            await set_consent(writing, here.clinic_id, here.patient_id, purpose, word, SYSTEM, at)
    await tell(world.database, here, notice(here, purpose=purpose, kind=NoticeKind.OFFER))
    assert bool(await take(world)) is sent


async def test_a_late_answer_of_a_lease_that_was_lost_changes_nothing(world: World) -> None:
    await tell(world.database, world.here, notice(world.here))
    first = await take(world)
    second = await take(world, NOON + LEASE)
    assert [each.attempt for each in (*first, *second)] == [1, 2]
    assert await write(world, first, Outcome(Result.DEAD, "unregistered")) == 0
    assert await write(world, second, ACCEPTED) == 1
    assert await write(world, second, Outcome(Result.BAD_MESSAGE, "late")) == 0
    assert await states(world) == [(DeliveryState.ACCEPTED, "")]


async def test_a_repeat_keeps_the_notices_id(world: World) -> None:
    (notice_id,) = await tell(world.database, world.here, notice(world.here))
    first, second = await take(world), await take(world, NOON + LEASE)
    assert {each.message.notice_id for each in (*first, *second)} == {notice_id}


async def test_marketing_whose_worker_died_is_written_down_as_unknown(world: World) -> None:
    here = world.here
    async with world.database.writing(here.scope) as writing:
        await set_consent(writing, here.clinic_id, here.patient_id, Purpose.MARKETING, True, SYSTEM, NOON)
    await tell(world.database, here, notice(here, purpose=Purpose.MARKETING))
    assert len(await take(world)) == 1
    assert await take(world, NOON + LEASE) == []
    assert await states(world) == [(DeliveryState.UNKNOWN, "lease-lost")]


async def test_a_dead_phone_is_given_up_unless_it_was_seen_since(world: World) -> None:
    await tell(world.database, world.here, notice(world.here))
    due = await take(world, NOON + MINUTE)
    await give_phone(world.database, world.keys, world.here, PHONE, NOON + 2 * MINUTE)
    await write(world, due, Outcome(Result.DEAD, "unregistered"), NOON + 3 * MINUTE)
    await tell(world.database, world.here, notice(world.here))
    again = await take(world, NOON + 4 * MINUTE)
    assert len(again) == 1
    await write(world, again, Outcome(Result.DEAD, "unregistered"), NOON + 5 * MINUTE)
    await tell(world.database, world.here, notice(world.here))
    assert await take(world, NOON + 6 * MINUTE) == []


async def test_a_phone_that_was_seen_after_its_provider_missed_it_is_kept(world: World) -> None:
    """Apple says since when it does not know a token; the app may have shown itself between that and our send."""
    for since, kept in ((NOON - MINUTE, 1), (NOON + MINUTE, 0)):
        await tell(world.database, world.here, notice(world.here))
        due = await take(world, NOON + 2 * MINUTE)
        await write(world, due, Outcome(Result.DEAD, "unregistered", dead_since=since), NOON + 3 * MINUTE)
        await tell(world.database, world.here, notice(world.here))
        left = await take(world, NOON + 4 * MINUTE)
        assert len(left) == kept
        await write(world, left, Outcome(Result.ACCEPTED), NOON + 5 * MINUTE)


async def test_phones_are_given_up_in_one_order(world: World) -> None:
    """Whatever the order of the answers: who waits for the first phone holds none of the later ones."""
    for token in ("token-of-annas-tablet", PHONE):  # the first phone's row now lies behind the other one's
        await give_phone(world.database, world.keys, world.here, token)
    await tell(world.database, world.here, notice(world.here))
    due = sorted(await take(world), key=lambda each: str(each.device_id))
    lock = text("select id from device where id = :id for update nowait")
    async with world.database.sweeping() as holding:
        await holding.execute(lock, {"id": due[0].device_id})
        burying = asyncio.create_task(write(world, due[::-1], Outcome(Result.DEAD, "unregistered")))
        done, _ = await asyncio.wait([burying], timeout=0.3)
        assert not done
        async with world.database.sweeping() as other:
            await other.execute(lock, {"id": due[1].device_id})
    assert await burying == 2
    await tell(world.database, world.here, notice(world.here))
    assert await take(world) == []


async def test_a_repeat_does_not_follow_a_phone_to_another_person(world: World) -> None:
    here = world.here
    await tell(world.database, here, notice(here))
    await write(world, await take(world), Outcome(Result.AMBIGUOUS, "unavailable"))
    stranger, session = await sign_in(world.database, world.keys, here, "+390255500002")
    async with world.database.writing(here.scope) as writing:
        await register_device(writing, here.clinic_id, stranger, session, app(PHONE), NOON)
    assert await take(world, NOON + HOUR) == []
    assert await states(world) == [(DeliveryState.SUPPRESSED, "device-gone")]


async def test_statements_do_not_grow_with_the_messages(world: World) -> None:
    await tell(world.database, world.here, *(notice(world.here) for _ in range(50)))
    with worker_statements(world.database, 6):
        due = await take(world)
    assert len(due) == 50
    with worker_statements(world.database, 4):
        assert await write(world, due, Outcome(Result.AMBIGUOUS, "unavailable")) == 50
    with worker_statements(world.database, 4):
        again = await take(world, NOON + HOUR)
    with worker_statements(world.database, 4):
        assert await write(world, again, ACCEPTED, NOON + HOUR) == 50


async def test_statements_do_not_grow_with_the_clinics(world: World, at_most: Callable[[int], Any]) -> None:
    parties, causes = (world.here, world.there), [new_id() for _ in range(3)]
    told = [
        (party.clinic_id, notice(party, dedupe_key=str(number), cause_id=cause))
        for party in parties
        for number, cause in enumerate(causes)
    ]
    async with world.database.sweeping() as sweeping:
        with at_most(2):
            ids = await enqueue_across(sweeping, told, NOON)
        assert ids.keys() == {(clinic_id, each.dedupe_key) for clinic_id, each in told}
        assert len(set(ids.values())) == 6
        assert await enqueue_across(sweeping, told[::-1], NOON) == ids
        over = [(world.here.clinic_id, cause) for cause in causes[:2]] + [(world.there.clinic_id, causes[0])]
        with at_most(4):
            assert await cancel_across(sweeping, over, "booked", NOON) == 3
        standing = await sweeping.execute(text("select id from notice where state = 'due'"))
        kept = [(world.here, "2"), (world.there, "1"), (world.there, "2")]
        assert set(standing.scalars()) == {ids[party.clinic_id, key] for party, key in kept}


def test_a_notice_that_could_never_go_out_is_refused_at_once() -> None:
    times = {"not_before": NOON, "expires_at": NOON + timedelta(hours=1)}
    facts = {"patient_id": new_id(), "kind": NoticeKind.NOTE, "purpose": Purpose.SERVICE, "dedupe_key": "x"}
    with pytest.raises(ValueError, match="expires"):
        Notice(**{**facts, **times, "expires_at": NOON})  # type: ignore[arg-type]  # one dict for all of them
    with pytest.raises(ValueError, match="never open"):
        Notice(**facts, **times, hours=Hours("Europe/Rome", time(9), time(9)))  # type: ignore[arg-type]  # the same
    with pytest.raises(ValueError, match="path"):
        Notice(**facts, **times, link="https://elsewhere.example")  # type: ignore[arg-type]  # the same


@contextmanager
def worker_statements(database: Database, most: int) -> Iterator[None]:
    """Like `at_most`, for the worker's connections."""
    seen: list[str] = []

    def note(_c: object, _cur: object, statement: str, *_: object) -> None:
        if "set_config('enamel.clinic_id'" not in statement:
            seen.append(statement)

    engine = database._worker.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(seen) <= most, f"{len(seen)} statements, at most {most} allowed:\n" + "\n".join(seen)
