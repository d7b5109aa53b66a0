"""Claims against what forbids them, each order forced: who comes second waits, passes by, or finds it done."""

import asyncpg

from core.ids import new_id
from push.commands import Due, cancel_across, claim_notices
from push.consent import ConsentChannel
from push.notice import Notice, NoticeKind, Purpose
from push.outcome import Outcome, Result
from tests.enamel.journey_points import Point
from tests.push.phones import HOUR, MINUTE, NOON, notice
from tests.push.test_reaching import LEASE, Clinic, clinic
from tests.racing import second_passes, second_waits

__all__ = ["clinic"]

NOT_SENT = Outcome(Result.NOT_SENT, "no-connection")
JUDGED = Point("judged, before it is written down", "delivery", "insert")
TAKEN_BACK = Point("taken back", "notice", "update", "new.state = 'cancelled'")
SAID_NO = Point("a no, before its commit", "consent", "insert", "not new.granted")


def offer(clinic: Clinic) -> Notice:
    more = {"kind": NoticeKind.OFFER, "purpose": Purpose.MARKETING, "cause_id": new_id()}
    return notice(clinic.here, expires_at=NOON + 40 * HOUR, **more)


async def claimed(clinic: Clinic, limit: int = 10) -> list[Due]:
    async with clinic.world.database.sweeping() as sweeping:
        return await claim_notices(sweeping, NOON, limit, LEASE)


async def taken_back(clinic: Clinic, told: Notice) -> int:
    assert told.cause_id is not None
    async with clinic.world.database.writing(clinic.here.scope) as writing:
        return await cancel_across(writing, [(clinic.here.clinic_id, told.cause_id)], "booked", NOON)


async def agreed(clinic: Clinic) -> None:
    await clinic.say(Purpose.MARKETING, ConsentChannel.PUSH, True)


async def test_an_exit_waits_for_the_claim_and_what_that_could_not_send_is_not_tried_again(
    clinic: Clinic, owner: asyncpg.Connection
) -> None:
    await agreed(clinic)
    told = offer(clinic)
    await clinic.tell(told)
    due, ended = await second_waits(owner, JUDGED, lambda: claimed(clinic), lambda: taken_back(clinic, told))
    assert (len(due), ended) == (1, 1)
    await clinic.write(due, NOT_SENT)
    assert await clinic.round(NOON + HOUR) == []
    assert await clinic.sql("select state, reason from notice") == [("cancelled", "booked")]
    assert await clinic.sql("select sent_at from contact_ring") == [([],)], "its place is free again"


async def test_a_claim_passes_by_what_is_being_taken_back(clinic: Clinic, owner: asyncpg.Connection) -> None:
    await agreed(clinic)
    told = offer(clinic)
    await clinic.tell(told)
    ended, due = await second_passes(owner, TAKEN_BACK, lambda: taken_back(clinic, told), lambda: claimed(clinic))
    assert (ended, due) == (1, [])
    assert await clinic.round(NOON + HOUR) == []


async def test_a_no_said_while_a_message_is_claimed_counts_from_the_next_try(
    clinic: Clinic, owner: asyncpg.Connection
) -> None:
    """It waits for nothing: whoever says no is not kept waiting by a worker."""
    await agreed(clinic)
    await clinic.tell(offer(clinic))
    due, _ = await second_passes(
        owner, JUDGED, lambda: claimed(clinic), lambda: clinic.say(Purpose.MARKETING, ConsentChannel.PUSH, False)
    )
    assert len(due) == 1, "it was judged before"
    await clinic.write(due, NOT_SENT)
    assert await clinic.round(NOON + HOUR) == []
    assert ("push", "no-consent") in await clinic.reasons()


async def test_a_claim_goes_by_the_last_word_that_is_committed(clinic: Clinic, owner: asyncpg.Connection) -> None:
    await agreed(clinic)
    await clinic.tell(offer(clinic))
    say = clinic.say
    _, due = await second_passes(
        owner, SAID_NO, lambda: say(Purpose.MARKETING, ConsentChannel.PUSH, False), lambda: claimed(clinic)
    )
    assert len(due) == 1
    await clinic.tell(offer(clinic))
    assert await clinic.round(NOON + MINUTE / 2) == []


async def test_of_two_for_the_last_place_under_a_cap_the_second_waits_and_is_held(
    clinic: Clinic, owner: asyncpg.Connection
) -> None:
    await clinic.rule(caps=[{"purpose": "marketing", "channel": None, "most": 2, "days": 1}])
    await agreed(clinic)
    await clinic.tell(offer(clinic))
    assert len(await claimed(clinic)) == 1, "from now on there is a ring"
    await clinic.tell(offer(clinic), offer(clinic))
    first, second = await second_waits(owner, JUDGED, lambda: claimed(clinic, 1), lambda: claimed(clinic, 1))
    assert (len(first), second) == (1, [])
    assert await clinic.sql("select sent_at from contact_ring") == [([NOON, NOON],)]
    assert await clinic.sql("select count(*) from delivery") == [(2,)]
