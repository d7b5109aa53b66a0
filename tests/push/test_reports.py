"""What providers report, over a real database: once, in any order, before and after we know of the message."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from core.clock import now
from core.ids import new_id
from push.channel import Way
from push.commands.reports import join_reports, take_reports
from push.notice import Purpose
from push.outcome import DeliveryState
from push.receipt import Standing, after
from push.report import Report, Reported
from tests.push.sent import consents, deliver, events, send, standing
from tests.world import World

AT = datetime(2026, 6, 16, 10, tzinfo=UTC)
TOLD = st.tuples(st.sampled_from(Reported), st.integers(0, 50))


@given(told=st.lists(TOLD, max_size=5), state=st.sampled_from([DeliveryState.ACCEPTED, DeliveryState.UNKNOWN]))
def test_the_order_of_reports_makes_no_difference_to_whether_it_arrived(
    told: list[tuple[Reported, int]], state: DeliveryState
) -> None:
    ends = set()
    for order in itertools.permutations(told):
        standing = Standing(state)
        for reported, seconds in order:
            standing = after(standing, reported, "", AT + timedelta(seconds=seconds))
        ends.add((standing.state, standing.delivered_at, standing.opened_at))
    assert len(ends) == 1


@given(reported=st.sampled_from(Reported), first=st.sampled_from(Reported))
def test_the_same_report_again_changes_nothing(reported: Reported, first: Reported) -> None:
    once = after(after(Standing(DeliveryState.ACCEPTED), first, "x", AT), reported, "y", AT)
    assert after(once, reported, "y", AT + timedelta(seconds=9)) == once


async def take(world: World, line_id: UUID, *reports: Report, way: Way = Way.SMS) -> int:
    async with world.database.writing(world.here.scope) as writing:
        return await take_reports(writing, world.here.clinic_id, line_id, way, reports, now())


def report(provider_id: str, reported: Reported, code: str = "", address: str = "") -> Report:
    return Report(provider_id, reported, now(), code, address)


async def test_a_receipt_counts_once_however_often_it_is_told(world: World) -> None:
    line = new_id()
    notice = await send(world, world.here, Way.SMS, line, "SM1")
    told = report("SM1", Reported.DELIVERED)
    assert await take(world, line, told, told) == 2  # one row
    assert await take(world, line, told) == 0
    assert await standing(world, notice) == ("accepted", "", True, False)
    assert await events(world) == ["push.delivered"]


async def test_what_was_told_before_we_knew_of_the_message_is_joined_later(world: World) -> None:
    line = new_id()
    assert await take(world, line, report("SM9", Reported.DELIVERED)) == 1
    assert await events(world) == []
    notice = await send(world, world.here, Way.SMS, line, "SM9")
    async with world.database.sweeping() as sweeping:
        assert await join_reports(sweeping, now(), 10) == 1
    assert (await standing(world, notice))[2]
    async with world.database.sweeping() as sweeping:
        assert await join_reports(sweeping, now(), 10) == 0


async def test_another_line_and_another_clinic_say_nothing_of_our_messages(world: World) -> None:
    line = new_id()
    notice = await send(world, world.here, Way.SMS, line, "SM1")
    await take(world, new_id(), report("SM1", Reported.ADDRESS_DEAD))
    async with world.database.writing(world.there.scope) as writing:
        told = [report("SM1", Reported.ADDRESS_DEAD)]
        await take_reports(writing, world.there.clinic_id, line, Way.SMS, told, now())
    assert await standing(world, notice) == ("accepted", "", False, False)


@pytest.mark.parametrize(("reported", "state"), [(Reported.UNDELIVERED, "failed"), (Reported.ADDRESS_DEAD, "dead")])
async def test_what_never_arrives_is_failed_and_told_to_the_ladder(
    world: World, reported: Reported, state: str
) -> None:
    line = new_id()
    notice = await send(world, world.here, Way.SMS, line, "SM1", address=world.here.phone)
    await take(world, line, report("SM1", reported, "30005"))
    assert await standing(world, notice) == (state, "30005", False, False)
    assert await events(world) == ["push.failed"]
    async with world.database.sweeping() as sweeping:
        dead = (await sweeping.execute(text("select address from dead_address"))).scalars().all()
    assert dead == ([world.here.phone] if reported is Reported.ADDRESS_DEAD else [])
    await take(world, line, report("SM1", Reported.DELIVERED))  # the network thought better of it
    assert (await standing(world, notice))[0] == "accepted"


async def test_a_receipt_proves_what_a_lost_answer_left_open(world: World) -> None:
    line = new_id()
    notice = await send(world, world.here, Way.SMS, line, "SM1", state="unknown")
    await take(world, line, report("SM1", Reported.OPENED))
    assert await standing(world, notice) == ("accepted", "receipt", True, True)
    assert await events(world) == ["push.accepted", "push.delivered", "push.opened"]


async def test_a_complaint_ends_marketing_on_that_channel_and_nothing_else(world: World) -> None:
    line = new_id()
    async with world.database.sweeping() as sweeping:
        granted = text(
            "insert into consent (clinic_id, id, patient_id, purpose, channel, granted, actor_kind, at) values"
            " (:clinic, :id, :patient, 'marketing', 'email', true, 'patient', now() - interval '1 day')"
        )
        ids = {"clinic": world.here.clinic_id, "id": new_id(), "patient": world.here.patient_id}
        await sweeping.execute(granted, ids)
    await send(world, world.here, Way.EMAIL, line, "mail-1", purpose=Purpose.MARKETING)
    await take(world, line, report("mail-1", Reported.COMPLAINT), way=Way.EMAIL)
    said = await consents(world, world.here.patient_id)
    assert said[1:] == [("marketing", "email", False, "provider")]


async def test_a_number_that_its_network_bars_gets_nothing_more(world: World) -> None:
    line = new_id()
    await send(world, world.here, Way.SMS, line, "SM1")
    await take(world, line, report("SM1", Reported.STOPPED, "21610"))
    assert ("service", "sms", False, "provider") in await consents(world, world.here.patient_id)


async def test_a_hundred_reports_at_once_have_each_effect_once(world: World) -> None:
    line = new_id()
    notices = [await send(world, world.here, Way.SMS, line, f"SM{n}") for n in range(20)]
    told = [report(f"SM{n}", each) for n in range(20) for each in (Reported.OPENED, Reported.DELIVERED)]
    await asyncio.gather(*(take(world, line, one) for one in told * 3))
    assert {await standing(world, each) for each in notices} == {("accepted", "", True, True)}
    assert sorted(await events(world)) == ["push.delivered"] * 20 + ["push.opened"] * 20


async def test_a_report_and_the_record_of_the_send_may_cross(world: World) -> None:
    line = new_id()
    notice = await send(world, world.here, Way.SMS, line, "first")

    async def late() -> None:
        await deliver(world, world.here, notice, Way.SMS, line, "SM1", address="late")

    await asyncio.gather(take(world, line, report("SM1", Reported.DELIVERED)), late())
    async with world.database.sweeping() as sweeping:
        await join_reports(sweeping, now(), 10)
    async with world.database.sweeping() as sweeping:
        arrived = text("select count(*) from delivery where delivered_at is not null")
        assert (await sweeping.execute(arrived)).scalar_one() == 1
