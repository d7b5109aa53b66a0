"""Messages and the lines they go by: who waits, who goes another way, and that nobody is reached twice for it."""

from collections import Counter
from datetime import timedelta

from sqlalchemy import text

from push.channel import Way
from push.commands.outcomes import Answer, record_outcomes
from push.consent import ConsentChannel
from push.notice import NoticeKind, Purpose
from push.outcome import Outcome, Result
from push.switchboard import Switchboard
from tests.push.fcm_peer import FcmPeer
from tests.push.lines import SEAL, fcm, make
from tests.push.phones import HOUR, MINUTE, NOON, SECOND, notice
from tests.push.test_reaching import ACCEPTED, Clinic, clinic, reminder

__all__ = ["clinic"]

NOT_SENT = Outcome(Result.NOT_SENT, "no-connection")
DEAD = Outcome(Result.DEAD, "unregistered")
C, K = ConsentChannel, NoticeKind


async def test_a_phone_whose_line_rests_is_told_when_it_does_not_and_by_no_other(clinic: Clinic, peer: FcmPeer) -> None:
    """Not by the operator's own credentials either: another project knows none of its tokens."""
    line = await make(clinic.world.database, clinic.here, fcm(peer))
    await clinic.change("update line set open_until = :until, open_reason = 'config'", until=NOON + 5 * MINUTE)
    await clinic.tell(notice(clinic.here, kind=K.CHAT, purpose=Purpose.CHAT, expires_at=NOON + HOUR))
    assert await clinic.round() == []
    ((state, reason, attempt),) = await clinic.sql("select state, reason, attempt from delivery")
    assert (state, reason, attempt) == ("due", "line-rests", 0)
    assert await clinic.round(NOON + 4 * MINUTE) == []
    (due,) = await clinic.round(NOON + 5 * MINUTE)
    assert due.line is not None
    assert (due.line.line_id, due.attempt) == (line.line_id, 1)


async def test_a_half_open_line_is_tried_with_one_message_and_the_others_wait(clinic: Clinic) -> None:
    await clinic.say(Purpose.SERVICE, C.PUSH, False)
    await clinic.say(Purpose.SERVICE, C.EMAIL, False)
    await clinic.change("update line set open_until = :until, open_reason = 'config'", until=NOON)
    await clinic.tell(*(reminder(clinic) for _ in range(10)))
    (probe,) = await clinic.round(NOON + SECOND)
    assert await clinic.round(NOON + 2 * SECOND) == []
    await clinic.write([probe], ACCEPTED, NOON + 2 * SECOND)
    assert await clinic.count("line.closed") == 1
    assert len(await clinic.round(NOON + 3 * MINUTE)) == 9


async def test_a_campaign_takes_its_turns_once_and_a_reminder_goes_between(clinic: Clinic) -> None:
    await clinic.change("update line set rate_per_minute = 60, tokens = 10")
    for channel in (C.PUSH, C.EMAIL):
        await clinic.say(Purpose.MARKETING, channel, False)
        await clinic.say(Purpose.SERVICE, channel, False)
    await clinic.say(Purpose.MARKETING, C.SMS, True)
    await clinic.rule(caps=[])
    ends = NOON + 24 * HOUR
    await clinic.tell(
        *(notice(clinic.here, kind=K.OFFER, purpose=Purpose.MARKETING, expires_at=ends) for _ in range(50))
    )
    at, sent = NOON, Counter[str]()
    first = await clinic.round(at)
    await clinic.write(first, ACCEPTED, at)
    assert len(first) == 8
    reasons = await clinic.sql("select reason, count(*) from delivery where state = 'due' group by reason")
    assert [tuple(row) for row in reasons] == [("paced", 42)]
    sent["offer"] += len(first)
    await clinic.tell(reminder(clinic))
    for _ in range(60):
        at += SECOND
        due = await clinic.round(at)
        assert len(due) <= 2
        sent.update(each.message.kind.value for each in due)
        await clinic.write(due, ACCEPTED, at)
        if at == NOON + SECOND:
            assert sent["reminding"] == 1
    assert sent == {"offer": 50, "reminding": 1}
    assert set(await clinic.sql("select attempt from delivery where channel = 'sms'")) == {(1,)}


async def test_what_waits_on_one_way_is_not_sent_once_the_next_is_tried(clinic: Clinic) -> None:
    await clinic.say(Purpose.SERVICE, C.PUSH, False)
    await clinic.tell(reminder(clinic, expires_at=NOON + 20 * HOUR))
    (text_message,) = await clinic.round()
    await clinic.write([text_message], NOT_SENT)
    await clinic.change("update line set paused_until = :until where way = 'sms'", until=NOON + 10 * HOUR)
    at = NOON + 4 * HOUR
    (mail,) = await clinic.round(at)
    assert mail.way is Way.EMAIL
    await clinic.write([mail], ACCEPTED, at)
    assert await clinic.round(NOON + 11 * HOUR) == []
    ended = await clinic.sql("select channel, state, reason from delivery where channel in ('sms', 'email')")
    assert {tuple(row) for row in ended} == {("sms", "suppressed", "overtaken"), ("email", "accepted", "")}


async def test_where_a_project_is_another_no_phone_is_given_up(clinic: Clinic, peer: FcmPeer) -> None:
    await make(clinic.world.database, clinic.here, fcm(peer))
    for number in range(60):
        await clinic.tell(notice(clinic.here, kind=K.CHAT, purpose=Purpose.CHAT, dedupe_key=f"m {number}"))
    due = await clinic.round()
    assert len(due) == 60
    async with clinic.world.database.sweeping() as sweeping:
        answers = [Answer(each, DEAD) for each in due]
        assert await record_outcomes(sweeping, answers, NOON, lambda: 0.5) == 60
    assert await clinic.sql("select 1 from device where dead_at is not null") == []
    assert await clinic.sql("select open_reason from line where way = 'fcm'") == [("mass-death",)]


async def test_one_dead_phone_of_a_line_is_given_up(clinic: Clinic, peer: FcmPeer) -> None:
    await make(clinic.world.database, clinic.here, fcm(peer))
    await clinic.tell(notice(clinic.here, kind=K.CHAT, purpose=Purpose.CHAT))
    await clinic.write(await clinic.round(), DEAD)
    assert len(await clinic.sql("select 1 from device where dead_at is not null")) == 1


async def test_a_phone_of_a_way_that_nobody_has_a_line_for_waits_under_a_code(clinic: Clinic) -> None:
    await clinic.change("update device set way = 'apns'")
    await clinic.tell(notice(clinic.here, kind=K.CHAT, purpose=Purpose.CHAT))
    (due,) = await clinic.round()
    assert (due.way, due.line) == (Way.APNS, None)
    board = Switchboard(SEAL.opened, (), {})
    outcome = await board.channel(due.line, due.way).send(due.target, due.message, timedelta(seconds=1))
    assert outcome == Outcome(Result.CONFIG, "no-line")
    await board.close()
    async with clinic.world.database.sweeping() as sweeping:
        assert (await sweeping.execute(text("select count(*) from line_minute"))).scalar_one() == 0
