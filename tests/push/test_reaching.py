"""One notice over many ways, on a real database: never twice for one reason, never where it is not wanted."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from core.events import SYSTEM
from core.ids import new_id
from enamel.worker.push import deliver_due
from push.channel import Channel, Way
from push.commands import (
    Answer,
    Due,
    Receipt,
    ReceiptEvent,
    cancel_across,
    claim_notices,
    claim_tries,
    confirm,
    record_outcomes,
    set_consent,
)
from push.commands.dead_letters import replay
from push.consent import ConsentChannel
from push.kinds import Lane
from push.notice import Notice, NoticeKind, Purpose
from push.outcome import Outcome, Result
from push.queries.dead_letters import dead_letters
from push.tables import ContactPolicyRow, ContactPreferenceRow
from tests.push.lines import Kept, make_usual
from tests.push.phones import HOUR, MINUTE, NOON, give_phone, notice, tell
from tests.push.test_outbox import worker_statements
from tests.world import World

LEASE = MINUTE
PHONE = "token-of-anna"
ACCEPTED = Outcome(Result.ACCEPTED, provider_id="it has it")
DEAD = Outcome(Result.DEAD, "unregistered")
K, C = NoticeKind, ConsentChannel


class Clinic:
    """The patient here, and the lines that reach them."""

    def __init__(self, world: World) -> None:
        self.world, self.here = world, world.here

    async def round(self, at: datetime = NOON, limit: int = 100, lanes: Sequence[Lane] = tuple(Lane)) -> list[Due]:
        due: list[Due] = []
        for claim in (claim_tries, claim_notices):
            async with self.world.database.sweeping() as sweeping:
                due += await claim(sweeping, at, limit, LEASE, lanes=lanes)
        return due

    async def ways(self, at: datetime = NOON, outcome: Outcome = ACCEPTED) -> list[str]:
        """The channels of one round, each answered with `outcome`."""
        due = await self.round(at)
        await self.write(due, outcome, at)
        return sorted(each.channel.value for each in due)

    async def write(self, due: Sequence[Due], outcome: Outcome, at: datetime = NOON) -> int:
        async with self.world.database.sweeping() as sweeping:
            answers = [Answer(each, outcome) for each in due]
            return await record_outcomes(sweeping, answers, at, lambda: 0.5)

    async def line(self, *ways: Way) -> None:
        await make_usual(self.world.database, self.here, *ways)

    async def tell(self, *notices: Notice) -> list[Any]:
        return await tell(self.world.database, self.here, *notices)

    async def say(self, purpose: Purpose, channel: ConsentChannel, granted: bool) -> None:
        async with self.world.database.writing(self.here.scope) as writing:
            whose = (self.here.clinic_id, self.here.patient_id)
            await set_consent(writing, *whose, purpose, granted, SYSTEM, NOON, channel=channel)

    async def prefer(self, **wishes: Any) -> None:
        await self._add(
            ContactPreferenceRow(
                clinic_id=self.here.clinic_id, patient_id=self.here.patient_id, changed_at=NOON, **wishes
            )
        )

    async def rule(self, **rules: Any) -> None:
        await self._add(ContactPolicyRow(clinic_id=self.here.clinic_id, changed_at=NOON, **rules))

    async def _add(self, row: Any) -> None:
        async with self.world.database.writing(self.here.scope) as writing:
            writing.add(row)

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        async with self.world.database.sweeping() as sweeping:
            return list((await sweeping.execute(text(statement), values)).all())

    async def change(self, statement: str, **values: Any) -> None:
        async with self.world.database.sweeping() as sweeping:
            await sweeping.execute(text(statement), values)

    async def reasons(self) -> list[tuple[str, str]]:
        """Every reason of why something was not sent, with its channel, as events."""
        rows = await self.sql(
            "select facts ->> 'channel', facts ->> 'reason' from event where kind = 'push.suppressed' order by id"
        )
        return [(channel, reason) for channel, reason in rows]

    async def count(self, kind: str) -> int:
        return int((await self.sql("select count(*) from event where kind = :kind", kind=kind))[0][0])


@pytest.fixture
async def clinic(world: World) -> Clinic:
    """A patient with a phone of the app, a number and an address; a clinic with an SMS and a mail line."""
    made = Clinic(world)
    await give_phone(world.database, world.keys, world.here, PHONE)
    await made.change("update patient set email = 'anna@example.com' where id = :id", id=world.here.patient_id)
    await made.line(Way.SMS, Way.EMAIL)
    return made


def reminder(clinic: Clinic, **more: Any) -> Notice:
    return notice(clinic.here, **{"kind": K.REMINDING, "expires_at": NOON + 24 * HOUR, **more})


async def test_the_next_way_is_tried_when_the_first_one_has_had_its_time(clinic: Clinic) -> None:
    await clinic.tell(reminder(clinic))
    assert await clinic.ways() == ["push"]
    assert await clinic.ways(NOON + 59 * MINUTE) == []
    assert await clinic.ways(NOON + HOUR) == ["sms"]
    assert await clinic.ways(NOON + 5 * HOUR) == ["email"]
    assert await clinic.ways(NOON + 20 * HOUR) == []
    assert await clinic.count("push.accepted") == 3
    assert await clinic.count("push.unreached") == 0


async def test_what_has_arrived_is_told_no_other_way(clinic: Clinic) -> None:
    (notice_id,) = await clinic.tell(reminder(clinic))
    assert await clinic.ways() == ["push"]
    await clinic.change("update delivery set delivered_at = now() where notice_id = :id", id=notice_id)
    assert await clinic.ways(NOON + HOUR) == []
    assert await clinic.sql("select state, next_at from notice") == [("done", None)]


async def test_what_was_opened_in_the_inbox_is_told_no_other_way(clinic: Clinic) -> None:
    await clinic.tell(reminder(clinic))
    assert await clinic.ways() == ["push"]
    await clinic.change("update notice set opened_at = now()")
    assert await clinic.ways(NOON + HOUR) == []


async def test_a_way_that_fails_gives_way_at_once(clinic: Clinic) -> None:
    await clinic.tell(reminder(clinic))
    assert await clinic.ways(outcome=DEAD) == ["push"]
    assert await clinic.ways(outcome=Outcome(Result.BAD_MESSAGE, "refused")) == ["sms"]
    assert await clinic.ways(NOON + MINUTE) == ["email"]


async def test_a_way_without_an_address_or_a_yes_is_passed_with_its_reason_once(clinic: Clinic) -> None:
    await clinic.line(Way.TELEGRAM)
    await clinic.change("update patient set phone = null where id = :id", id=clinic.here.patient_id)
    await clinic.say(Purpose.SERVICE, C.PUSH, False)
    await clinic.say(Purpose.SERVICE, C.EMAIL, False)
    await clinic.tell(reminder(clinic))
    assert await clinic.ways() == []
    assert sorted(await clinic.reasons()) == [
        ("email", "no-consent"), ("messenger", "no-consent"), ("push", "no-consent"), ("sms", "no-address"),
    ]  # fmt: skip
    assert await clinic.count("push.unreached") == 1
    assert await clinic.ways(NOON + 5 * HOUR) == []
    assert len(await clinic.reasons()) == 4


async def test_a_dead_address_is_not_written_to_again_until_the_record_names_another(clinic: Clinic) -> None:
    await clinic.say(Purpose.SERVICE, C.PUSH, False)
    await clinic.tell(reminder(clinic))
    assert await clinic.ways(outcome=DEAD) == ["sms"]
    await clinic.tell(reminder(clinic))
    assert await clinic.ways(NOON + MINUTE) == ["email", "email"]
    assert ("sms", "no-address") in await clinic.reasons()
    await clinic.change("update patient set phone = '+390255509999' where id = :id", id=clinic.here.patient_id)
    await clinic.tell(reminder(clinic))
    assert await clinic.ways(NOON + 2 * MINUTE) == ["sms"]


async def test_a_try_follows_no_number_that_has_become_somebody_elses(clinic: Clinic) -> None:
    await clinic.say(Purpose.SERVICE, C.PUSH, False)
    await clinic.tell(reminder(clinic))
    assert await clinic.ways(outcome=Outcome(Result.NOT_SENT, "refused")) == ["sms"]
    await clinic.change("update patient set phone = '+390255509999' where id = :id", id=clinic.here.patient_id)
    assert await clinic.ways(NOON + MINUTE) == ["email"]
    assert await clinic.reasons() == [("push", "no-consent"), ("sms", "address-gone")]


async def test_an_opt_out_counts_while_the_message_is_on_the_ladder(clinic: Clinic) -> None:
    await clinic.tell(reminder(clinic))
    assert await clinic.ways() == ["push"]
    await clinic.say(Purpose.SERVICE, C.SMS, False)
    assert await clinic.ways(NOON + HOUR) == ["email"]
    assert await clinic.reasons() == [("sms", "no-consent")]


async def test_who_answers_hears_no_more_and_finds_it_in_the_inbox(clinic: Clinic) -> None:
    cause = new_id()
    await clinic.tell(reminder(clinic, kind=K.CONFIRMING, cause_id=cause))
    assert await clinic.ways() == ["push"]
    async with clinic.world.database.writing(clinic.here.scope) as writing:
        assert await cancel_across(writing, [(clinic.here.clinic_id, cause)], "confirmed", NOON) == 1
    assert await clinic.ways(NOON + 2 * HOUR) == []
    assert await clinic.sql("select state, reason from notice") == [("done", "confirmed")]


async def test_exit_wins_over_the_next_way(clinic: Clinic) -> None:
    cause = new_id()
    await clinic.tell(reminder(clinic, cause_id=cause))
    assert await clinic.ways(outcome=DEAD) == ["push"]
    async with clinic.world.database.writing(clinic.here.scope) as writing:
        await cancel_across(writing, [(clinic.here.clinic_id, cause)], "cancelled", NOON)
        assert await clinic.round() == []  # it does not wait for the other's commit
    assert await clinic.ways(NOON + HOUR) == []
    assert await clinic.sql("select state from notice") == [("cancelled",)]


async def test_nothing_is_said_after_the_visit_has_begun(clinic: Clinic) -> None:
    await clinic.tell(reminder(clinic, expires_at=NOON + 30 * MINUTE))
    assert await clinic.ways() == ["push"]
    assert await clinic.sql("select next_at from notice") == [(None,)]
    assert await clinic.ways(NOON + HOUR) == []


async def test_the_patients_order_and_never_stand_above_the_kind(clinic: Clinic) -> None:
    await clinic.prefer(channel_order=["email"], never=["push"])
    await clinic.tell(reminder(clinic))
    assert await clinic.ways() == ["email"]
    assert await clinic.ways(NOON + 13 * HOUR) == ["sms"]
    assert await clinic.reasons() == [("push", "unwanted-way")]


async def test_quiet_hours_are_the_patients_own_and_of_their_zone(clinic: Clinic) -> None:
    await clinic.prefer(zone="Asia/Shanghai", quiet_from=time(18), quiet_to=time(9))
    await clinic.tell(notice(clinic.here, kind=K.PLAN))
    assert await clinic.ways() == []  # six in the evening there
    (at,) = (await clinic.sql("select next_at from notice"))[0]
    assert NOON + 15 * HOUR <= at < NOON + 15 * HOUR + 10 * MINUTE  # nine in the morning there, spread
    assert await clinic.ways(at) == ["push"]


async def test_a_clinics_quiet_hours_hold_for_who_said_nothing(clinic: Clinic) -> None:
    await clinic.rule(quiet_from=time(11), quiet_to=time(15))
    await clinic.tell(reminder(clinic))
    assert await clinic.ways() == []
    assert await clinic.ways(NOON + 3 * HOUR) == ["push"]


async def test_a_reminder_is_drawn_forward_out_of_the_night(clinic: Clinic) -> None:
    await clinic.prefer(quiet_from=time(21), quiet_to=time(9))
    wanted = NOON + 20 * HOUR  # eight in the morning, for a visit at half past
    await clinic.tell(reminder(clinic, not_before=wanted, expires_at=wanted + 30 * MINUTE))
    assert await clinic.ways() == []
    assert await clinic.ways(NOON + 8 * HOUR + 44 * MINUTE) == []
    assert await clinic.ways(NOON + 8 * HOUR + 45 * MINUTE) == ["push"]
    assert (await clinic.sql("select not_before from notice"))[0][0] == NOON + 8 * HOUR + 45 * MINUTE


async def test_a_muted_patient_hears_only_of_visits_and_the_chat(clinic: Clinic) -> None:
    await clinic.prefer(mute_until=NOON + 3 * HOUR)
    await clinic.tell(
        reminder(clinic), notice(clinic.here, kind=K.CHAT, purpose=Purpose.CHAT), notice(clinic.here, kind=K.FILE)
    )
    due = await clinic.round()
    assert sorted(each.message.kind.value for each in due) == ["chat", "reminding"]


async def test_caps_count_over_everything_and_hold_who_is_over(clinic: Clinic) -> None:
    await clinic.rule(caps=[{"purpose": "marketing", "channel": None, "most": 2, "days": 1}])
    await clinic.say(Purpose.MARKETING, C.PUSH, True)
    offers = [
        notice(clinic.here, kind=K.OFFER, purpose=Purpose.MARKETING, expires_at=NOON + 50 * HOUR) for _ in range(3)
    ]
    await clinic.tell(*offers)
    assert await clinic.ways() == ["push", "push"]
    assert await clinic.ways(NOON + 23 * HOUR) == []
    assert await clinic.ways(NOON + 24 * HOUR) == ["push"]


async def test_who_is_over_the_cap_until_the_end_is_told_nothing_and_it_is_recorded(clinic: Clinic) -> None:
    await clinic.rule(caps=[{"purpose": "marketing", "channel": None, "most": 1, "days": 7}])
    await clinic.say(Purpose.MARKETING, C.PUSH, True)
    await clinic.tell(*(notice(clinic.here, kind=K.OFFER, purpose=Purpose.MARKETING) for _ in range(2)))
    assert await clinic.ways() == ["push"]
    assert await clinic.reasons() == [("push", "capped")]


async def test_what_never_left_gives_its_place_back(clinic: Clinic) -> None:
    await clinic.rule(caps=[{"purpose": "marketing", "channel": None, "most": 1, "days": 7}])
    await clinic.say(Purpose.MARKETING, C.PUSH, True)
    offer = {"kind": K.OFFER, "purpose": Purpose.MARKETING}
    cause = new_id()
    await clinic.tell(notice(clinic.here, **offer))
    assert await clinic.ways(outcome=Outcome(Result.BAD_MESSAGE, "too-long")) == ["push"]
    await clinic.tell(notice(clinic.here, **offer, cause_id=cause))
    due = await clinic.round(NOON + MINUTE)
    assert len(due) == 1
    await clinic.write(due, Outcome(Result.NOT_SENT, "no-route"), NOON + MINUTE)
    async with clinic.world.database.writing(clinic.here.scope) as writing:
        await cancel_across(writing, [(clinic.here.clinic_id, cause)], "left", NOON + MINUTE)
    await clinic.tell(notice(clinic.here, **offer))
    assert await clinic.ways(NOON + 2 * MINUTE) == ["push"]


async def test_two_workers_never_share_a_place_under_a_cap(clinic: Clinic) -> None:
    await clinic.rule(caps=[{"purpose": "marketing", "channel": None, "most": 3, "days": 7}])
    await clinic.say(Purpose.MARKETING, C.PUSH, True)
    await clinic.tell(*(notice(clinic.here, kind=K.OFFER, purpose=Purpose.MARKETING) for _ in range(24)))
    rounds = await asyncio.gather(*(clinic.round(limit=4) for _ in range(6)))
    assert sum(len(each) for each in rounds) == 3
    assert len((await clinic.sql("select sent_at from contact_ring"))[0][0]) == 3


async def test_marketing_that_may_have_gone_out_is_not_told_another_way(clinic: Clinic) -> None:
    for channel in (C.PUSH, C.EMAIL):
        await clinic.say(Purpose.MARKETING, channel, True)
    await clinic.tell(notice(clinic.here, kind=K.OFFER, purpose=Purpose.MARKETING, expires_at=NOON + 90 * HOUR))
    assert await clinic.ways(outcome=Outcome(Result.AMBIGUOUS, "timeout")) == ["push"]
    assert await clinic.ways(NOON + 30 * HOUR) == []
    assert await clinic.sql("select state, next_at from notice") == [("done", None)]


async def test_a_line_that_asks_for_patience_rests_and_the_others_go_on(clinic: Clinic) -> None:
    await clinic.say(Purpose.SERVICE, C.PUSH, False)
    await clinic.tell(reminder(clinic), reminder(clinic))
    (first, second) = await clinic.round()
    await clinic.write([first], Outcome(Result.THROTTLED, "busy", retry_after=timedelta(minutes=10)))
    await clinic.write([second], ACCEPTED)
    await clinic.tell(reminder(clinic))
    assert await clinic.ways(NOON + MINUTE) == ["email"]  # and by SMS when its line can
    assert await clinic.ways(NOON + 11 * MINUTE) == ["sms"]


async def test_where_every_line_rests_a_notice_waits_and_does_not_end(clinic: Clinic) -> None:
    for channel in (C.PUSH, C.EMAIL):
        await clinic.say(Purpose.SERVICE, channel, False)
    await clinic.change("update line set paused_until = :until", until=NOON + 5 * MINUTE)
    await clinic.tell(reminder(clinic))
    assert await clinic.ways() == []
    assert await clinic.ways(NOON + 4 * MINUTE) == []
    assert await clinic.ways(NOON + 5 * MINUTE) == ["sms"]


async def test_one_recipient_who_is_greylisted_rests_no_line(clinic: Clinic) -> None:
    await clinic.say(Purpose.SERVICE, C.PUSH, False)
    await clinic.tell(reminder(clinic))
    assert await clinic.ways(outcome=Outcome(Result.THROTTLED, "greylisted")) == ["sms"]
    assert await clinic.sql("select 1 from line where paused_until is not null") == []


async def test_when_nothing_else_reached_them_somebody_calls_once(clinic: Clinic) -> None:
    await clinic.rule(calls=True)
    await clinic.say(Purpose.SERVICE, C.CALL, True)
    cause = new_id()
    await clinic.tell(reminder(clinic, kind=K.CONFIRMING, cause_id=cause))
    assert await clinic.ways(outcome=DEAD) == ["push"]
    assert await clinic.ways(outcome=DEAD) == ["sms"]
    assert await clinic.ways(NOON + MINUTE) == []
    assert await clinic.sql("select state, kind from call_task") == [("open", "confirming")]
    assert await clinic.count("push.call_wanted") == 1
    assert await clinic.sql("select state from notice") == [("done",)]


async def test_bulk_is_claimed_apart_from_what_is_urgent(clinic: Clinic) -> None:
    await clinic.say(Purpose.MARKETING, C.PUSH, True)
    earlier = NOON - HOUR
    offers = [notice(clinic.here, kind=K.OFFER, purpose=Purpose.MARKETING, not_before=earlier) for _ in range(3)]
    await clinic.tell(*offers, reminder(clinic))
    (due,) = await clinic.round(limit=1, lanes=[Lane.URGENT])
    assert due.message.kind is K.REMINDING
    assert {each.lane for each in await clinic.round(lanes=[Lane.BULK])} == {Lane.BULK}
    assert await clinic.round(lanes=[Lane.USUAL]) == []


async def test_a_receipt_of_the_phone_ends_the_ladder(clinic: Clinic) -> None:
    (notice_id,) = await clinic.tell(reminder(clinic))
    (due,) = await clinic.round()
    await clinic.write([due], ACCEPTED)
    assert due.session_id is not None
    assert due.account_id is not None
    async with clinic.world.database.writing(clinic.here.scope) as writing:
        told = [Receipt(notice_id=notice_id, event=ReceiptEvent.DELIVERED)]
        who = (clinic.here.clinic_id, due.account_id, due.session_id)
        assert await confirm(writing, *who, told, SYSTEM, NOON + MINUTE) == 1
    assert await clinic.ways(NOON + HOUR) == []


async def test_dead_letters_are_counted_by_their_reason_and_go_out_again_under_the_same_id(clinic: Clinic) -> None:
    refused, since = Outcome(Result.BAD_MESSAGE, "too-long"), NOON - HOUR
    (notice_id,) = await clinic.tell(notice(clinic.here, kind=K.CHAT, purpose=Purpose.CHAT))
    assert await clinic.ways(outcome=refused) == ["push"]
    async with clinic.world.database.sweeping() as sweeping:
        (letters,) = await dead_letters(sweeping, since, None)
        assert (letters.channel, letters.reason, letters.messages) == ("push", "too-long", 1)
        assert await replay(sweeping, "another-reason", since, None, NOON) == 0
        assert await replay(sweeping, "too-long", since, clinic.world.there.clinic_id, NOON) == 0
        assert await replay(sweeping, "too-long", since, clinic.here.clinic_id, NOON) == 1
    (due,) = await clinic.round(NOON + MINUTE)
    assert due.message.notice_id == notice_id
    await clinic.write([due], ACCEPTED)
    async with clinic.world.database.sweeping() as sweeping:
        assert await dead_letters(sweeping, since, None) == []
        assert await replay(sweeping, "too-long", since, None, NOON) == 0


async def test_what_reached_them_another_way_or_is_over_is_not_replayed(clinic: Clinic) -> None:
    refused, since = Outcome(Result.BAD_MESSAGE, "too-long"), NOON - HOUR
    await clinic.tell(reminder(clinic), notice(clinic.here, kind=K.CHAT, purpose=Purpose.CHAT, expires_at=NOON + HOUR))
    assert await clinic.ways(outcome=refused) == ["push", "push"]
    assert await clinic.ways() == ["sms"]
    async with clinic.world.database.sweeping() as sweeping:
        assert await replay(sweeping, "too-long", since, None, NOON + HOUR) == 0


async def test_statements_do_not_grow_with_the_messages_on_any_way(clinic: Clinic) -> None:
    await clinic.rule(caps=[{"purpose": "service", "channel": None, "most": 50, "days": 1}])
    await clinic.say(Purpose.SERVICE, C.PUSH, False)
    await clinic.tell(*(reminder(clinic) for _ in range(40)))
    with worker_statements(clinic.world.database, 14):
        due = await clinic.round()
    assert len(due) == 40
    with worker_statements(clinic.world.database, 12):
        await clinic.write(due, DEAD)
    with worker_statements(clinic.world.database, 15):
        assert len(await clinic.round()) == 40


async def test_a_line_that_is_wrong_stops_nobody_else_and_counts_as_not_sent(clinic: Clinic, tmp_path: Path) -> None:
    """The first finds no adapter; the second goes out."""
    ids = await clinic.tell(*(notice(clinic.here, kind=K.CHAT, purpose=Purpose.CHAT) for _ in range(2)))
    kept = Kept(tmp_path / "sent.jsonl")

    def channel_of(due: Due) -> Channel:
        if due.notice_id == ids[0]:
            raise LookupError("no credentials")
        return kept

    assert await deliver_due(clinic.world.database, channel_of, lease=LEASE, now=lambda: NOON, jitter=lambda: 0.5) == 2
    ended = await clinic.sql("select notice_id, state, reason, maybe_arrived from delivery")
    assert set(ended) == {(ids[0], "due", "no-channel", False), (ids[1], "accepted", "", True)}


async def test_an_offer_for_which_no_words_can_be_had_is_not_sent_and_not_lost(clinic: Clinic, tmp_path: Path) -> None:
    await clinic.say(Purpose.MARKETING, C.PUSH, True)
    await clinic.tell(notice(clinic.here, kind=K.OFFER, purpose=Purpose.MARKETING, expires_at=NOON + 24 * HOUR))
    kept = Kept(tmp_path / "sent.jsonl")

    async def words(_: Sequence[Due]) -> list[Due]:
        raise OSError("the database is away for a moment")

    once = partial(deliver_due, clinic.world.database, lambda _: kept, lease=LEASE, jitter=lambda: 0.5)
    assert await once(now=lambda: NOON, words=words) == 1
    assert await clinic.sql("select state, reason, maybe_arrived from delivery") == [("due", "no-words", False)]
    assert await once(now=lambda: NOON + MINUTE) == 1
    assert await clinic.sql("select state from delivery") == [("accepted",)]


async def test_an_exit_that_races_the_claims_is_never_followed_by_a_claim(clinic: Clinic) -> None:
    causes = [new_id() for _ in range(40)]
    await clinic.tell(*(reminder(clinic, cause_id=cause) for cause in causes))
    left: set[Any] = set()

    async def leave(cause: Any) -> None:
        async with clinic.world.database.writing(clinic.here.scope) as writing:
            await cancel_across(writing, [(clinic.here.clinic_id, cause)], "left", NOON)
        left.add(cause)

    async def claims() -> None:
        for _ in range(8):
            gone = set(left)
            due = await clinic.round(limit=5)
            assert not {each.cause_id for each in due} & gone

    await asyncio.gather(claims(), claims(), *(leave(cause) for cause in causes))
    assert await clinic.round(NOON + 2 * HOUR) == []
