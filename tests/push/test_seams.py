"""Where the parts of reaching meet: words and replays, holds and turns, chats and guardians, ladders and leases."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from core.events import SYSTEM
from core.ids import new_id
from push.channel import Way
from push.commands import Answer, cancel_across, claim_tries, record_outcomes
from push.commands.addresses import link_messenger, start_messenger
from push.commands.dead_letters import replay
from push.commands.forgetting import forget_old_notices
from push.commands.line_outcomes import LineOutcome, take_line_outcomes
from push.commands.lines import note_check, switch_line
from push.commands.reports import take_reports
from push.commands.wording import add_message_template, note_said
from push.consent import ConsentChannel
from push.group import Group
from push.line import Line
from push.notice import NoticeKind, Purpose
from push.outcome import Outcome, Result
from push.queries.addresses import holders
from push.report import Report, Reported
from push.template import TemplateDraft
from tests.push.lines import gateway, make
from tests.push.phones import HOUR, MINUTE, NOON, SECOND, give_phone, notice
from tests.push.test_reaching import ACCEPTED, DEAD, PHONE, Clinic, reminder
from tests.world import World

REFUSED = Outcome(Result.BAD_MESSAGE, "too-long")
K, C = NoticeKind, ConsentChannel


@pytest.fixture
async def clinic(world: World) -> Clinic:
    """A patient with a phone of the app, a number and an address; a clinic with an SMS and a mail line."""
    made = Clinic(world)
    await give_phone(world.database, world.keys, world.here, PHONE)
    await made.change("update patient set email = 'anna@example.com' where id = :id", id=world.here.patient_id)
    await made.line(Way.SMS, Way.EMAIL)
    return made


async def again(clinic: Clinic, at: datetime = NOON) -> int:
    async with clinic.world.database.sweeping() as sweeping:
        return await replay(sweeping, "too-long", NOON - HOUR, None, at)


async def test_what_was_said_in_the_clinics_own_words_can_be_replayed(clinic: Clinic) -> None:
    draft = TemplateDraft.model_validate(
        {"kind": "reminding", "channel": Group.PUSH, "language": "it", "title": "", "text": "{{clinic_name}}"}
    )
    await clinic.say(Purpose.SERVICE, C.SMS, False)
    await clinic.say(Purpose.SERVICE, C.EMAIL, False)
    async with clinic.world.database.writing(clinic.here.scope) as writing:
        kept = await add_message_template(writing, clinic.here.clinic_id, draft, SYSTEM, NOON)
    await clinic.tell(reminder(clinic))
    (due,) = await clinic.round()
    async with clinic.world.database.sweeping() as sweeping:
        said = (due.clinic_id, due.delivery_id, due.patient_id, kept.template_id, 1, "a")
        await note_said(sweeping, [said])
    await clinic.write([due], REFUSED)
    assert await clinic.ways() == []
    assert await again(clinic) == 1
    assert await clinic.ways(NOON + MINUTE) == ["push"]


async def test_a_notice_that_somebody_was_to_call_about_is_let_go_of_after_years(clinic: Clinic) -> None:
    await clinic.rule(calls=True)
    await clinic.say(Purpose.SERVICE, C.CALL, True)
    await clinic.change("update patient set email = null where id = :id", id=clinic.here.patient_id)
    await clinic.tell(reminder(clinic))
    assert await clinic.ways(outcome=REFUSED) == ["push"]
    assert await clinic.ways(outcome=REFUSED) == ["sms"]
    assert await clinic.ways(NOON + MINUTE) == []
    assert await clinic.count("push.call_wanted") == 1
    async with clinic.world.database.sweeping() as sweeping:
        assert await forget_old_notices(sweeping, NOON + timedelta(days=800), 10) == 1
    assert await clinic.sql("select 1 from call_task union all select 1 from delivery") == []


async def test_a_replay_that_is_stopped_where_it_was_stopped_before_ends(clinic: Clinic) -> None:
    """By SMS the night comes in between, twice: that is known, and written down once."""
    night = {"zone": "UTC", "quiet_from": (NOON + MINUTE).time(), "quiet_to": (NOON + 2 * HOUR).time()}
    await clinic.prefer(**night)
    await clinic.tell(reminder(clinic, kind=K.FREED_TIME, expires_at=NOON + HOUR))
    assert await clinic.ways(outcome=REFUSED) == ["push"]
    assert await clinic.ways(NOON + 2 * MINUTE) == []
    assert await clinic.reasons() == [("sms", "closed-until-expiry")]
    assert await again(clinic) == 1
    await clinic.change("update contact_preference set quiet_from = null")
    assert await clinic.ways(NOON + 3 * MINUTE, outcome=REFUSED) == ["push"]
    await clinic.change("update contact_preference set quiet_from = :at", at=night["quiet_from"])
    assert await clinic.ways(NOON + 4 * MINUTE) == []
    assert await clinic.sql("select state from notice") == [("done",)]


async def test_what_failed_is_not_replayed_once_its_cause_is_cancelled(clinic: Clinic) -> None:
    cause = new_id()
    await clinic.say(Purpose.SERVICE, C.SMS, False)
    await clinic.say(Purpose.SERVICE, C.EMAIL, False)
    await clinic.tell(reminder(clinic, cause_id=cause))
    assert await clinic.ways(outcome=REFUSED) == ["push"]
    assert await clinic.ways() == []
    async with clinic.world.database.writing(clinic.here.scope) as writing:
        await cancel_across(writing, [(clinic.here.clinic_id, cause)], "visit-cancelled", NOON + MINUTE)
    assert await again(clinic, NOON + 2 * MINUTE) == 0


async def open_chat(clinic: Clinic, key: bytes) -> UUID | None:
    """The account here starts the clinic's bot with a start of its own, in its one chat."""
    here = clinic.here
    async with clinic.world.database.writing(here.scope) as writing:
        await start_messenger(writing, here.clinic_id, here.patient_id, here.account_id, Way.TELEGRAM, key, NOON)
    async with clinic.world.database.writing(here.scope) as writing:
        return await link_messenger(writing, here.clinic_id, Way.TELEGRAM, key, "77", None, NOON)


async def test_a_chat_of_a_carer_hears_nothing_once_they_may_not(clinic: Clinic) -> None:
    await clinic.line(Way.TELEGRAM)
    here = clinic.here
    await clinic.say(Purpose.SERVICE, C.PUSH, False)
    as_carer = "update access set relation = 'carer', scopes = '{chat}' where account_id = :id"
    await clinic.change(as_carer, id=here.account_id)
    assert await open_chat(clinic, b"t") == here.patient_id
    assert await clinic.sql("select giver, granted from consent where channel = 'messenger'") == [("carer", True)]
    await clinic.prefer(channel_order=["messenger"])
    await clinic.tell(reminder(clinic))
    assert await clinic.ways() == ["messenger"]
    async with clinic.world.database.writing(here.scope) as writing:
        assert await holders(writing, here.clinic_id, Way.TELEGRAM, "77", NOON) == [here.patient_id]
    await clinic.change("update access set revoked_at = now() where account_id = :id", id=here.account_id)
    await clinic.tell(reminder(clinic))
    assert "messenger" not in await clinic.ways(NOON + MINUTE)
    async with clinic.world.database.writing(here.scope) as writing:
        assert await holders(writing, here.clinic_id, Way.TELEGRAM, "77", NOON) == []
    assert await open_chat(clinic, b"again") is None


async def test_who_opens_the_chat_again_after_blocking_it_is_written_to_again_and_once(clinic: Clinic) -> None:
    await clinic.line(Way.TELEGRAM)
    here = clinic.here
    await clinic.prefer(channel_order=["messenger"])
    assert await open_chat(clinic, b"first") == here.patient_id
    async with clinic.world.database.writing(here.scope) as writing:
        gone = Report("", Reported.ADDRESS_DEAD, NOON, "blocked", "77")
        await take_reports(writing, here.clinic_id, new_id(), Way.TELEGRAM, [gone], NOON)
    assert await open_chat(clinic, b"second") == here.patient_id
    await clinic.tell(reminder(clinic))
    assert await clinic.ways() == ["messenger"]


async def test_a_turn_that_came_in_the_night_is_asked_for_anew_in_the_morning(clinic: Clinic) -> None:
    """Else all whose turns came in the night would leave at once when it ends."""
    await make(clinic.world.database, clinic.here, gateway("https://sms.example", "a slow one", rate_per_minute=6))
    await clinic.change("update line set enabled = false where way = 'sms' and name <> 'a slow one'")
    await clinic.say(Purpose.SERVICE, C.PUSH, False)
    await clinic.tell(*(reminder(clinic) for _ in range(10)))
    assert len(await clinic.round()) == 1
    assert await clinic.sql("select reason, count(*) from delivery where state = 'due' group by 1") == [("paced", 9)]
    await clinic.prefer(zone="UTC", quiet_from=(NOON + 5 * SECOND).time(), quiet_to=(NOON + HOUR).time())
    assert await clinic.round(NOON + 10 * MINUTE) == []
    assert len(await clinic.round(NOON + HOUR)) == 1


async def test_where_all_addresses_die_at_once_none_is_given_up_any_more(clinic: Clinic) -> None:
    await clinic.say(Purpose.SERVICE, C.PUSH, False)
    line_id = (await clinic.sql("select id from line where way = 'sms'"))[0][0]
    async with clinic.world.database.sweeping() as sweeping:
        await take_line_outcomes(sweeping, [LineOutcome(line_id, DEAD) for _ in range(50)], NOON)
    await clinic.tell(reminder(clinic))
    assert await clinic.ways(outcome=DEAD) == ["sms"]
    assert await clinic.sql("select open_reason from line where way = 'sms'") == [("mass-death",)]
    assert await clinic.sql("select address from dead_address") == []


async def a_line_of_phones(clinic: Clinic) -> Line:
    """Of the build of the patient's phone; nothing is sent through it here."""
    line = await make(clinic.world.database, clinic.here, gateway("https://sms.example", "it.example.clinic"))
    await clinic.change("update line set way = 'fcm', provider = 'fcm' where id = :id", id=line.line_id)
    return line


async def test_phones_of_a_line_that_is_switched_off_wait_and_go_by_no_other(clinic: Clinic) -> None:
    line = await a_line_of_phones(clinic)
    async with clinic.world.database.writing(clinic.here.scope) as writing:
        await switch_line(writing, clinic.here.clinic_id, line.line_id, 1, SYSTEM, NOON, enabled=False)
    await clinic.tell(reminder(clinic))
    assert await clinic.round() == []
    assert await clinic.sql("select state, line_id from delivery") == [("due", line.line_id)]
    assert [due.channel for due in await clinic.round(NOON + HOUR)] == [C.SMS]


async def test_what_waits_for_a_line_goes_at_once_when_the_line_is_proven(clinic: Clinic) -> None:
    line = await a_line_of_phones(clinic)
    until = NOON + HOUR / 2
    await clinic.change("update line set open_until = :at, open_reason = 'config' where way = 'fcm'", at=until)
    await clinic.tell(reminder(clinic))
    assert await clinic.round() == []
    assert await clinic.sql("select reason, next_at from delivery") == [("line-rests", until)]
    async with clinic.world.database.writing(clinic.here.scope) as writing:
        assert await note_check(writing, line, ACCEPTED, NOON + MINUTE)
    assert [due.channel for due in await clinic.round(NOON + MINUTE)] == [C.PUSH]


async def an_offer(clinic: Clinic) -> None:
    for channel in (C.PUSH, C.EMAIL):
        await clinic.say(Purpose.MARKETING, channel, True)
    rungs = [{"channel": "push", "minutes": 1}, {"channel": "email", "minutes": 1}]
    await clinic.rule(ladders=[{"kind": "offer", "rungs": rungs}])
    offer = notice(clinic.here, kind=K.OFFER, purpose=Purpose.MARKETING, expires_at=NOON + 48 * HOUR)
    await clinic.tell(offer)


async def test_an_offer_in_the_hands_of_a_worker_goes_no_other_way_meanwhile(clinic: Clinic) -> None:
    await an_offer(clinic)
    assert await clinic.ways(outcome=Outcome(Result.NOT_SENT, "no-connection")) == ["push"]
    (held,) = await clinic.round(NOON + 30 * SECOND)
    assert held.channel is C.PUSH
    assert await clinic.round(NOON + 61 * SECOND) == []
    await clinic.write([held], ACCEPTED, NOON + 62 * SECOND)
    assert await clinic.round(NOON + 10 * MINUTE) == []


async def test_a_try_that_was_in_hand_while_the_next_way_began_is_not_repeated(clinic: Clinic) -> None:
    await clinic.tell(reminder(clinic))
    unsent = Outcome(Result.NOT_SENT, "no-connection")
    assert await clinic.ways(outcome=unsent) == ["push"]
    (held,) = await clinic.round(NOON + 59 * MINUTE + 30 * SECOND)
    assert await clinic.ways(NOON + HOUR) == ["sms"]
    await clinic.write([held], unsent, NOON + HOUR)
    assert await clinic.ways(NOON + HOUR + 10 * MINUTE) == []
    assert await clinic.sql("select reason from delivery where channel = 'push'") == [("overtaken",)]


async def test_a_try_of_a_notice_in_other_hands_is_not_held(clinic: Clinic) -> None:
    """Or whoever begins the next way would pass it by, and both would be sent."""
    await clinic.tell(reminder(clinic))
    assert await clinic.ways(outcome=Outcome(Result.NOT_SENT, "no-connection")) == ["push"]
    lock = "select 1 from notice for update"
    database = clinic.world.database
    async with database.sweeping() as beginning, database.sweeping() as going_on, database.sweeping() as third:
        await beginning.execute(text(lock))
        assert await claim_tries(going_on, NOON + MINUTE, 10, MINUTE) == []
        await third.execute(text("select 1 from delivery for update nowait"))


async def test_reports_and_outcomes_of_the_same_people_at_once_end_without_a_deadlock(clinic: Clinic) -> None:
    """Posts of a provider, the worker that joins late ones and those that record, each in an order of its own."""
    await clinic.line(Way.TELEGRAM)
    await clinic.say(Purpose.SERVICE, C.PUSH, False)
    here, database = clinic.here, clinic.world.database
    line_id = (await clinic.sql("select id from line where way = 'sms'"))[0][0]
    await clinic.rule(caps=[{"purpose": "service", "channel": None, "most": 50, "days": 1}])
    for number in range(8):
        await clinic.tell(*(reminder(clinic) for _ in range(6)))
        due = await clinic.round()
        sent = [f"SM{each.delivery_id}" for each in due]
        for each, name in zip(due, sent, strict=True):
            await clinic.change(
                "update delivery set provider_id = :name where id = :id", name=name, id=each.delivery_id
            )
        told = [Report(name, kind, NOON, "x") for name in sent for kind in (Reported.STOPPED, Reported.COMPLAINT)]
        told += [Report("", Reported.ADDRESS_DEAD, NOON - number * SECOND, "x", str(here.phone))]

        async def post(reports: list[Report]) -> int:
            async with database.writing(here.scope) as writing:
                return await take_reports(writing, here.clinic_id, line_id, Way.SMS, reports, NOON)

        await asyncio.gather(post(told), post(told[::-1]), clinic.write(due[::-1], DEAD), clinic.write(due[:3], DEAD))
        await clinic.change("update notice set next_at = null")
        await clinic.change("delete from dead_address")
        await clinic.change("delete from line_minute")
        await clinic.change("update line set open_until = null, open_reason = ''")


async def test_a_gateway_that_names_a_message_oddly_loses_nobodys_answers(clinic: Clinic) -> None:
    """Of its own shape and place anybody's gateway may be; what it answers is written with what the others answered."""
    await clinic.say(Purpose.SERVICE, C.PUSH, False)
    odd = ("a\x00b", "\ud800", "x" * 9_000, "")
    await clinic.tell(*(reminder(clinic) for _ in odd), reminder(clinic))
    due = await clinic.round()
    answers = [Answer(each, Outcome(Result.ACCEPTED, provider_id=name)) for each, name in zip(due, odd, strict=False)]
    async with clinic.world.database.sweeping() as sweeping:
        assert await record_outcomes(sweeping, [*answers, Answer(due[-1], ACCEPTED)], NOON, lambda: 0.5) == 5
    found = await clinic.sql("select provider_id from delivery where state = 'accepted' order by 1")
    assert found == [("it has it",), (None,), (None,), (None,), (None,)]


async def test_a_phone_whose_token_is_no_subscription_stops_nobody(clinic: Clinic) -> None:
    await a_line_of_phones(clinic)
    await clinic.change("update line set way = 'webpush', provider = 'webpush' where way = 'fcm'")
    await clinic.change("update device set way = 'webpush'")
    await clinic.tell(reminder(clinic))
    assert await clinic.ways(outcome=DEAD) == ["push"]
    assert await clinic.ways() == ["sms"]
