"""Cases: opened by messages, taken by one, put off, closed, re-opened; what time does to them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from chat.case import CaseState
from chat.commands import OWN, Author, Target, post_message, send
from chat.commands.cases import (
    CaseNotClosed,
    CaseScored,
    CaseTaken,
    NoLiveCase,
    assign,
    close,
    hand_over,
    label,
    open_case,
    score,
    snooze,
    sort_case,
    take,
)
from chat.commands.desk import set_desk, set_rota
from chat.commands.inbound import Arrived, SenderAmbiguous, take_message
from chat.conversation import Side, Via
from chat.desk_facts import AwayText, DeskSettings, RotaMember, Topic
from chat.log import CaseChange, ConversationEvent, EventKind, Log, Thread
from chat.queries import events_after, log_head
from chat.queries.cases import CaseView, cases_of
from chat.queries.desk import desks_of, rota_of
from chat.queries.search import found_messages, places_found
from clinic.commands import admit_staff
from core.clock import now
from core.database import NOBODY
from core.errors import Invalid, NotFound
from core.events import SYSTEM, Actor, ActorKind
from core.ids import new_id
from enamel.worker.desk import keep_desk, keep_pace, keep_words
from identity.commands import make_staff_account
from identity.permissions import PRESETS
from tests.chat.speaking import change_row, desk_of, patient_of
from tests.conftest import Queries
from tests.enamel.test_worker_killed import somebody_waits
from tests.world import DAY, PASSWORD, Party, World

MINUTE = timedelta(minutes=1)
MONDAY = datetime.fromisoformat("2030-06-17T10:00:00+02:00")  # in Rome, and the branch opens from nine to eight


async def asks(world: World, body: str = "Posso venire?") -> UUID:
    sent = await send(world.database, patient_of(world, world.here), OWN, new_id(), body, now())
    return sent.event.conversation_id


async def answers(world: World, body: str = "Certo") -> UUID:
    anna = Target(patient_id=world.here.patient_id)
    sent = await send(world.database, desk_of(world, world.here), anna, new_id(), body, now())
    return sent.event.conversation_id


async def says(world: World, side: Side, at: datetime, patient_id: UUID | None = None, body: str = "x") -> UUID:
    """At a moment of our choice, past the sessions that may have ended by then."""
    thread = Thread(world.here.clinic_id, patient_id or world.here.patient_id)
    async with world.database.writing(world.here.scope) as writing:
        sent = await post_message(writing, thread, Author(side, new_id()), new_id(), body, None, at)
    return sent.event.conversation_id


async def case_of(world: World, conversation_id: UUID) -> CaseView:
    async with world.database.reading(world.here.scope) as reading:
        return (await cases_of(reading, world.here.clinic_id, conversation_id))[0]


def me(world: World) -> Actor:
    return Actor(ActorKind.STAFF, world.here.staff_id)


async def do(world: World, command: Any, conversation_id: UUID, *values: Any, at: datetime | None = None) -> Any:
    async with world.database.writing(world.here.scope) as writing:
        return await command(writing, world.here.clinic_id, conversation_id, *values, me(world), at or now())


async def colleague(world: World, name: str, preset: str = "reception") -> UUID:
    async with world.database.writing(NOBODY) as writing:
        account = await make_staff_account(writing, f"{new_id()}@rome.example", PASSWORD, now())
    async with world.database.writing(world.here.scope) as writing:
        return await admit_staff(writing, world.here.clinic_id, account, name, PRESETS[preset])


async def desk_works(world: World, **settings: Any) -> None:
    at = MONDAY - 30 * DAY if "escalate_minutes" in settings else now()
    async with world.database.writing(world.here.scope) as writing:
        await set_desk(writing, world.here.clinic_id, DeskSettings(**settings), SYSTEM, at)


async def rota(world: World, *members: RotaMember) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await set_rota(writing, world.here.clinic_id, members, SYSTEM, now())


async def log_of(world: World, conversation_id: UUID, log: Log) -> list[ConversationEvent]:
    async with world.database.reading(world.here.scope) as reading:
        head = await log_head(reading, world.here.clinic_id, conversation_id)
        assert head is not None
        return (await events_after(reading, head, 0, 100, log)).events


async def crowd(world: World, count: int) -> list[UUID]:
    """More patients of the clinic."""
    made = []
    async with world.database.writing(world.here.scope) as writing:
        for number in range(count):
            copied = text(
                "insert into patient (clinic_id, id, source, external_id, source_version, content_hash, changed_at,"
                " branch_id, given_name, family_name, birth_date, language) select clinic_id, :id, source, :name,"
                " 1, '', changed_at, branch_id, :name, 'Neri', birth_date, 'it' from patient where id = :anna"
            )
            made.append(new_id())
            await writing.execute(copied, {"id": made[-1], "name": f"c{number}", "anna": world.here.patient_id})
    return made


# --- What messages do ---


async def test_a_message_opens_a_case_and_an_answer_ends_the_wait(world: World) -> None:
    thread = await asks(world)
    case = await case_of(world, thread)
    assert (case.state, case.assignee_id, case.branch_id) == (CaseState.OPEN, None, world.here.branch_id)
    assert case.waiting_since == case.opened_at
    await asks(world, "?")
    assert (await case_of(world, thread)).waiting_since == case.waiting_since, "the first unanswered one counts"
    await answers(world)
    case = await case_of(world, thread)
    assert (case.waiting_since, case.first_reply_at is not None) == (None, True)
    await asks(world, "Grazie")
    again = await case_of(world, thread)
    assert again.waiting_since is not None
    assert (again.case_id, again.first_reply_at) == (case.case_id, case.first_reply_at)


async def test_a_message_of_a_living_case_changes_it_by_one_statement_and_no_event(
    world: World, at_most: Queries
) -> None:
    thread = await asks(world)
    with at_most(1):
        await answers(world)
    assert [event.kind for event in await log_of(world, thread, Log.SHARED)] == ["msg", "msg"]
    assert [event.kind for event in await log_of(world, thread, Log.STAFF)] == ["state"]


async def test_first_messages_of_both_sides_at_once_make_one_case(world: World) -> None:
    await asyncio.gather(*(asks(world, str(number)) for number in range(5)), *(answers(world) for _ in range(5)))
    thread = await asks(world)
    async with world.database.reading(world.here.scope) as reading:
        assert len(await cases_of(reading, world.here.clinic_id, thread)) == 1


async def test_what_the_clinic_or_its_machinery_says_first_opens_no_case(world: World) -> None:
    thread = await answers(world)
    await says(world, Side.AUTOMATION, now())
    async with world.database.reading(world.here.scope) as reading:
        assert await cases_of(reading, world.here.clinic_id, thread) == []
    with pytest.raises(NoLiveCase):
        await do(world, take, thread, world.here.staff_id)
    opened = await do(world, open_case, thread)
    assert (opened.state, opened.waiting_since) == (CaseState.OPEN, None)


async def test_a_reminder_is_no_answer(world: World) -> None:
    thread = await asks(world)
    await says(world, Side.AUTOMATION, now())
    await says(world, Side.SYSTEM, now())
    assert (await case_of(world, thread)).waiting_since is not None


# --- Taking ---


async def test_of_many_who_take_a_case_at_once_one_has_it_and_the_others_are_told_who(world: World) -> None:
    thread, people = await asks(world), [await colleague(world, f"Rita {number}") for number in range(8)]

    async def takes(staff_id: UUID) -> CaseView:
        async with world.database.writing(world.here.scope) as writing:
            return await take(writing, world.here.clinic_id, thread, staff_id, Actor(ActorKind.STAFF, staff_id), now())

    done = await asyncio.gather(*(takes(staff_id) for staff_id in people), return_exceptions=True)
    won = [each for each in done if isinstance(each, CaseView)]
    lost = [each for each in done if isinstance(each, CaseTaken)]
    assert (len(won), len(lost)) == (1, 7)
    assert {each.staff_id for each in lost} == {won[0].assignee_id}
    assert won[0].assignee_name is not None
    assert {each.name for each in lost} == {won[0].assignee_name}
    events = await log_of(world, thread, Log.STAFF)
    assert [event.kind for event in events] == ["state", "assign"]
    assert events[-1].case is not None
    assert (events[-1].case.assignee_id, events[-1].case.by_id) == (won[0].assignee_id, won[0].assignee_id)


async def test_taking_ones_own_again_and_giving_on(world: World) -> None:
    thread, rita = await asks(world), await colleague(world, "Rita")
    mine = await do(world, take, thread, world.here.staff_id)
    assert (mine.state, mine.assignee_name) == (CaseState.ASSIGNED, "Olga")
    assert await do(world, take, thread, world.here.staff_id) == mine
    given = await do(world, assign, thread, rita)
    assert (given.assignee_id, given.assignee_name) == (rita, "Rita")
    free = await do(world, assign, thread, None)
    assert (free.state, free.assignee_id) == (CaseState.OPEN, None)
    marketer = await colleague(world, "Max", "marketer")
    for nobody in (marketer, world.there.staff_id, new_id()):
        with pytest.raises(Invalid):
            await do(world, assign, thread, nobody)
    await do(world, assign, thread, rita)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set left_at = now() where id = :rita"), {"rita": rita})
    with pytest.raises(Invalid):  # also where it is theirs already
        await do(world, assign, thread, rita)


# --- Putting off, closing, opening again ---


async def test_a_snoozed_case_wakes_at_its_time(world: World, at_most: Queries) -> None:
    thread, at = await asks(world), now()
    await do(world, take, thread, world.here.staff_id)
    put_off = await do(world, snooze, thread, at + DAY)
    assert (put_off.state, put_off.snoozed_until) == (CaseState.SNOOZED, at + DAY)
    assert await keep_desk(world.database, at + DAY - MINUTE) == 0
    assert sum(await asyncio.gather(*(keep_desk(world.database, at + DAY) for _ in range(3)))) == 1
    awake = await case_of(world, thread)
    assert (awake.state, awake.assignee_id, awake.snoozed_until) == (CaseState.ASSIGNED, world.here.staff_id, None)
    assert [event.kind for event in await log_of(world, thread, Log.STAFF)] == ["state", "assign", "state", "state"]
    with at_most(9):
        assert await keep_desk(world.database, at + DAY) == 0


async def test_a_snoozed_case_wakes_with_the_patients_next_message_and_not_with_ours(world: World) -> None:
    thread = await asks(world)
    await do(world, snooze, thread, now() + DAY)
    await answers(world)
    assert (await case_of(world, thread)).state is CaseState.SNOOZED
    await asks(world, "Ancora io")
    awake = await case_of(world, thread)
    assert (awake.state, awake.snoozed_until, awake.waiting_since is not None) == (CaseState.OPEN, None, True)
    for until in (now(), now() - DAY, now() + 400 * DAY):
        with pytest.raises(Invalid):
            await do(world, snooze, thread, until)


async def test_a_closed_case_is_the_same_case_for_a_week_and_then_a_new_one(world: World) -> None:
    thread = await says(world, Side.PATIENT, MONDAY)
    first = await do(world, take, thread, world.here.staff_id, at=MONDAY)
    closed = await do(world, close, thread, at=MONDAY)
    assert (closed.state, closed.closed_at, closed.waiting_since) == (CaseState.CLOSED, MONDAY, None)
    assert await do(world, close, thread, at=MONDAY + MINUTE) == closed
    with pytest.raises(NoLiveCase):
        await do(world, snooze, thread, MONDAY + DAY, at=MONDAY)
    await says(world, Side.PATIENT, MONDAY + 6 * DAY)
    again = await case_of(world, thread)
    assert (again.case_id, again.state, again.assignee_id) == (first.case_id, CaseState.ASSIGNED, world.here.staff_id)
    await do(world, close, thread, at=MONDAY + 7 * DAY)
    await says(world, Side.PATIENT, MONDAY + 14 * DAY)
    other = await case_of(world, thread)
    assert other.case_id != first.case_id
    assert (other.state, other.assignee_id) == (CaseState.OPEN, None)
    shown = [event.state for event in await log_of(world, thread, Log.SHARED) if event.state]
    assert [each.open for each in shown] == [False, True, False]


async def test_who_left_does_not_get_a_re_opened_case(world: World) -> None:
    thread, rita = await asks(world), await colleague(world, "Rita")
    await do(world, assign, thread, rita)
    await do(world, close, thread)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set left_at = now() where id = :rita"), {"rita": rita})
    await asks(world, "Ancora")
    again = await case_of(world, thread)
    assert (again.state, again.assignee_id) == (CaseState.OPEN, None)


async def test_the_staffs_log_counts_without_holes_beside_messages(world: World) -> None:
    thread = await asks(world)
    await asyncio.gather(
        *(asks(world, str(number)) for number in range(5)),
        *(do(world, sort_case, thread, number % 3 + 1, "", None) for number in range(5)),
        do(world, take, thread, world.here.staff_id),
    )
    await do(world, close, thread)
    for log in Log:
        events = await log_of(world, thread, log)
        assert [event.rev for event in events] == list(range(1, len(events) + 1))
        assert {event.log for event in events} == {log}


# --- Sorting ---


async def test_what_changes_nothing_is_told_nobody(world: World) -> None:
    """Whoever sends the same again after a lost answer."""
    thread, until = await asks(world), now() + DAY
    await desk_works(world, escalate_minutes=30)
    for command, values in (
        (take, [world.here.staff_id]), (snooze, [until]), (open_case, []), (sort_case, [2, "", None]),
        (assign, [None]), (close, []),
    ):  # fmt: skip
        await do(world, command, thread, *values)
        told = len(await log_of(world, thread, Log.STAFF))
        await do(world, command, thread, *values)
        assert len(await log_of(world, thread, Log.STAFF)) == told, command


async def test_a_case_keeps_a_topic_that_the_desk_has_no_more(world: World) -> None:
    thread = await asks(world)
    await desk_works(world, topics=[Topic(key="pain", names=[])])
    await do(world, sort_case, thread, 1, "pain", None)
    await desk_works(world)
    kept = await do(world, sort_case, thread, 2, "pain", None)
    assert (kept.priority, kept.topic) == (2, "pain")
    await do(world, sort_case, thread, 2, "", None)
    with pytest.raises(Invalid):
        await do(world, sort_case, thread, 2, "pain", None)


async def test_labels_and_topics_are_the_desks(world: World) -> None:
    topic = Topic(key="pain", names=[], branch_id=world.here.branch_id)
    await desk_works(world, labels=["vip", "срочно"], topics=[topic])
    thread = await asks(world)
    assert (await do(world, label, thread, ["vip", "срочно", "vip"])).labels == ["vip", "срочно"]
    sorted_case = await do(world, sort_case, thread, 2, "pain", None)
    assert (sorted_case.priority, sorted_case.topic, sorted_case.branch_id) == (2, "pain", world.here.branch_id)
    for command, *values in ((label, ["other"]), (sort_case, 1, "price", None), (sort_case, 1, "", new_id())):
        with pytest.raises(Invalid):
            await do(world, command, thread, *values)
    await desk_works(world, labels=["vip"])
    assert (await do(world, label, thread, ["срочно"])).labels == ["срочно"], "what it has may stay"
    events = await log_of(world, thread, Log.STAFF)
    assert isinstance(events[-1].case, CaseChange)
    assert events[-1].case.labels == ["срочно"]
    before = len(events)
    await do(world, label, thread, ["срочно"])
    assert len(await log_of(world, thread, Log.STAFF)) == before, "what changes nothing is told nobody"


# --- How it was ---


async def test_a_case_is_scored_once_after_it_was_closed_by_its_patient(world: World) -> None:
    thread = await asks(world)
    await answers(world)
    case = await case_of(world, thread)
    actor = Actor(ActorKind.PATIENT, world.here.account_id)

    async def says_so(points: int, words: str = "", patient_id: UUID = world.here.patient_id) -> None:
        async with world.database.writing(world.here.scope) as writing:
            await score(writing, world.here.clinic_id, patient_id, case.case_id, points, words, actor, now())

    with pytest.raises(CaseNotClosed):
        await says_so(5)
    await do(world, close, thread)
    asked = [event.state for event in await log_of(world, thread, Log.SHARED)][-1]
    assert asked is not None
    assert (asked.case_id, asked.ask_score) == (case.case_id, True)
    with pytest.raises(NotFound):
        await says_so(5, patient_id=world.here.other_patient_id)
    done = await asyncio.gather(*(says_so(points) for points in (1, 2, 3, 4, 5)), return_exceptions=True)
    assert sum(each is None for each in done) == 1
    assert sum(isinstance(each, CaseScored) for each in done) == 4
    kept = (await case_of(world, thread)).score
    assert kept is not None
    await says_so(kept)
    assert [event.kind for event in await log_of(world, thread, Log.STAFF)].count(EventKind.CSAT) == 1
    await asks(world, "Ancora")
    await do(world, close, thread)
    last = [event.state for event in await log_of(world, thread, Log.SHARED)][-1]
    assert last is not None
    assert not last.ask_score, "once per case, also where it was opened again"


# --- The bot's part ---


async def test_a_case_begins_with_the_bot_until_it_hands_over_or_somebody_answers(world: World) -> None:
    await desk_works(world)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update chat_desk set bot = 'rules'"))
    thread = await asks(world)
    assert (await case_of(world, thread)).state is CaseState.BOT
    await says(world, Side.BOT, now())
    case = await case_of(world, thread)
    assert (case.waiting_since, case.first_reply_at) == (None, None)
    await asks(world, "Una persona, per favore")
    assert await do(world, hand_over, thread)
    assert not await do(world, hand_over, thread)
    assert (await case_of(world, thread)).state is CaseState.OPEN
    await do(world, close, thread)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update chat_case set closed_at = closed_at - interval '8 days'"))
    await asks(world, "Buongiorno")
    assert (await case_of(world, thread)).state is CaseState.BOT
    await answers(world)
    assert (await case_of(world, thread)).state is CaseState.OPEN


# --- Escalation ---


async def test_what_nobody_answers_in_working_time_is_raised_once_and_open_to_all(world: World) -> None:
    await desk_works(world, escalate_minutes=30)
    evening = MONDAY.replace(hour=19, minute=45)
    thread = await says(world, Side.PATIENT, evening)
    await do(world, take, thread, world.here.staff_id, at=evening)
    morning = (MONDAY + DAY).replace(hour=9, minute=15)
    await keep_desk(world.database, evening + MINUTE)
    for quiet in (evening + 31 * MINUTE, evening + timedelta(hours=12), morning - MINUTE):
        assert await keep_desk(world.database, quiet) == 0
    assert sum(await asyncio.gather(*(keep_desk(world.database, morning) for _ in range(3)))) == 1
    case = await case_of(world, thread)
    assert (case.state, case.assignee_id, case.priority, case.escalated_at) == (CaseState.OPEN, None, 3, morning)
    assert await keep_desk(world.database, morning + DAY) == 0
    raised = (await log_of(world, thread, Log.STAFF))[-1].case
    assert raised is not None
    assert raised.escalated
    await says(world, Side.CLINIC, morning + MINUTE)
    assert (await case_of(world, thread)).escalated_at is None
    await says(world, Side.PATIENT, morning + 2 * MINUTE)
    await keep_desk(world.database, morning + 3 * MINUTE)
    assert await keep_desk(world.database, morning + 32 * MINUTE) == 1, "another wait"


async def test_an_answer_in_time_and_a_closed_case_are_not_raised(world: World) -> None:
    await desk_works(world, escalate_minutes=30)
    await says(world, Side.PATIENT, MONDAY)
    other = await says(world, Side.PATIENT, MONDAY, world.here.other_patient_id)
    await keep_desk(world.database, MONDAY + MINUTE)
    await says(world, Side.CLINIC, MONDAY + 29 * MINUTE)
    await do(world, close, other, at=MONDAY + 29 * MINUTE)
    assert await keep_desk(world.database, MONDAY + DAY) == 0


async def test_an_old_case_opened_again_is_raised_and_given_to_whom_the_desk_says(world: World) -> None:
    rita = await colleague(world, "Rita")
    await desk_works(world, escalate_minutes=30, escalate_to=rita)
    thread = await says(world, Side.PATIENT, MONDAY - 20 * DAY)
    await do(world, close, thread, at=MONDAY - 5 * DAY)
    await says(world, Side.PATIENT, MONDAY)
    await keep_desk(world.database, MONDAY + MINUTE)
    assert await keep_desk(world.database, MONDAY + 30 * MINUTE) == 1
    case = await case_of(world, thread)
    assert (case.state, case.assignee_id) == (CaseState.ASSIGNED, rita)


async def test_who_waits_already_waits_by_the_desks_new_time(world: World) -> None:
    await desk_works(world, escalate_minutes=600)
    thread = await says(world, Side.PATIENT, MONDAY)
    await keep_desk(world.database, MONDAY)
    async with world.database.writing(world.here.scope) as writing:
        await set_desk(writing, world.here.clinic_id, DeskSettings(escalate_minutes=10), SYSTEM, MONDAY + 5 * MINUTE)
    await keep_desk(world.database, MONDAY + 6 * MINUTE)
    await keep_desk(world.database, MONDAY + 10 * MINUTE)
    assert (await case_of(world, thread)).escalated_at == MONDAY + 10 * MINUTE


# --- Rotation ---


async def test_open_cases_go_round_and_nobody_gets_two_more_than_another(world: World) -> None:
    people = [await colleague(world, f"Rita {number}") for number in range(3)]
    away, gone = await colleague(world, "Ines"), await colleague(world, "Ugo")
    await desk_works(world, assigning="rotation")
    members = [RotaMember(staff_id=each) for each in (*people, gone)]
    await rota(world, *members, RotaMember(staff_id=away, paused=True))
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set left_at = now() where id = :gone"), {"gone": gone})
    patients = await crowd(world, 20)
    for each in patients[:10]:
        await says(world, Side.PATIENT, now(), each)
    later = now() + MINUTE
    assert sum(await asyncio.gather(*(keep_desk(world.database, later) for _ in range(4)))) == 10
    for each in patients[10:]:
        await says(world, Side.PATIENT, now(), each)
    assert await keep_desk(world.database, later) == 10
    async with world.database.reading(world.here.scope) as reading:
        rows = await reading.execute(text("select assignee_id, count(*) from chat_case group by 1"))
        got = {row[0]: row[1] for row in rows}
    assert set(got) == set(people)
    assert sorted(got.values()) == [6, 7, 7]
    assert await keep_desk(world.database, later) == 0


async def test_who_comes_back_from_a_pause_has_waited_longer_than_who_stayed(world: World) -> None:
    """The morning's people were given many, long ago; the evening's few, just now."""
    late, early = sorted([await colleague(world, name) for name in ("Vera", "Mara")])
    await desk_works(world, assigning="rotation")
    await rota(world, RotaMember(staff_id=late), RotaMember(staff_id=early, paused=True))
    await change_row(world, "update chat_rota set turn = 100 where staff_id = :early", early=early)
    patients = await crowd(world, 4)
    for each in patients[:2]:
        await says(world, Side.PATIENT, now(), each)
    assert await keep_desk(world.database, now() + MINUTE) == 2
    await rota(world, RotaMember(staff_id=late), RotaMember(staff_id=early))
    threads = [await says(world, Side.PATIENT, now(), each) for each in patients[2:]]
    assert await keep_desk(world.database, now() + MINUTE) == 2
    assert [(await case_of(world, each)).assignee_id for each in threads] == [early, late]


async def test_of_two_rotas_set_at_once_one_stands_whole(world: World) -> None:
    members = [RotaMember(staff_id=await colleague(world, name)) for name in ("Rita", "Ugo")]
    for _ in range(5):
        await rota(world)
        await asyncio.gather(*(rota(world, member) for member in members))
        async with world.database.reading(world.here.scope) as reading:
            assert await rota_of(reading, world.here.clinic_id) in ([members[0]], [members[1]])


async def test_a_rota_set_in_the_middle_of_a_round_waits_for_it_and_not_it_for_the_rota(world: World) -> None:
    first, last = sorted([await colleague(world, name) for name in ("Rita", "Ugo")])
    await rota(world, RotaMember(staff_id=first), RotaMember(staff_id=last))
    taken = text("select turn from chat_rota where staff_id = :one for no key update")
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(taken, {"one": first})
        setting = asyncio.create_task(rota(world, RotaMember(staff_id=first)))
        await somebody_waits(world.database)
        await writing.execute(taken, {"one": last})
    await setting


async def test_a_rota_keeps_to_branch_and_topic_and_by_hand_nothing_goes_round(world: World) -> None:
    rita, ugo = await colleague(world, "Rita"), await colleague(world, "Ugo")
    await desk_works(world, topics=[Topic(key="price", names=[])])
    await rota(
        world, RotaMember(staff_id=rita, topics=["price"]), RotaMember(staff_id=ugo, branch_ids=[world.here.branch_id])
    )
    patients = await crowd(world, 4)
    threads = [await says(world, Side.PATIENT, now(), each) for each in patients]
    assert await keep_desk(world.database, now()) == 0
    await rota(world, RotaMember(staff_id=rita, topics=["price"]))
    await desk_works(world, assigning="rotation", topics=[Topic(key="price", names=[])])
    await do(world, sort_case, threads[0], 0, "price", None)
    assert await keep_desk(world.database, now()) == 1
    assert [(await case_of(world, each)).assignee_id for each in threads] == [rita, None, None, None]


# --- Away ---


async def test_an_away_text_is_sent_once_in_each_closed_period_in_the_patients_language(world: World) -> None:
    texts = [AwayText(language="en", text="Closed"), AwayText(language="it", text="Siamo chiusi")]
    await desk_works(world, away=texts)
    night = MONDAY.replace(hour=22)
    await says(world, Side.PATIENT, MONDAY)
    assert await keep_desk(world.database, MONDAY + MINUTE) == 0
    thread = await says(world, Side.PATIENT, night)
    assert sum(await asyncio.gather(*(keep_desk(world.database, night) for _ in range(3)))) == 1
    await says(world, Side.PATIENT, night + timedelta(hours=4))
    await do(world, close, thread, at=night + timedelta(hours=5))
    await says(world, Side.PATIENT, night + timedelta(hours=6))
    assert await keep_desk(world.database, night + timedelta(hours=6)) == 0
    assert await keep_desk(world.database, night + timedelta(hours=12)) == 0, "open"
    assert await keep_desk(world.database, night + DAY) == 1
    said = [event.message for event in await log_of(world, thread, Log.SHARED) if event.message]
    assert [each.body for each in said if each.side is Side.SYSTEM] == ["Siamo chiusi", "Siamo chiusi"]
    assert (await case_of(world, thread)).waiting_since is not None, "it is no answer"


@pytest.mark.parametrize("number", [1, 12])
async def test_as_many_statements_for_many_as_for_one(world: World, at_most: Queries, number: int) -> None:
    rita, night = await colleague(world, "Rita"), MONDAY.replace(hour=22)
    await desk_works(
        world, escalate_minutes=1, assigning="rotation", away=[AwayText(language="en", text="Closed")],
    )  # fmt: skip
    await rota(world, RotaMember(staff_id=rita))
    for each in await crowd(world, number):
        await says(world, Side.PATIENT, night, each)
    with at_most(25):
        assert await keep_desk(world.database, night) == 3 * number


# --- What patients are told ---


async def test_the_desk_tells_when_it_opens_and_how_soon_it_usually_answers(world: World) -> None:
    thread = Thread(world.here.clinic_id, world.here.patient_id)
    for each in await crowd(world, 5):
        await says(world, Side.PATIENT, MONDAY.replace(hour=19, minute=55), each)
        await says(world, Side.CLINIC, (MONDAY + DAY).replace(hour=9, minute=7), each)
    after = MONDAY + DAY
    assert await keep_pace(world.database, after) == 5
    assert await keep_pace(world.database, after) == 0
    await desk_works(world, weekdays=[0, 1, 2, 3, 4])
    friday = MONDAY.replace(day=21, hour=21)
    async with world.database.reading(world.here.scope) as reading:
        by_day = (await desks_of(reading, [thread], MONDAY))[thread]
        by_night = (await desks_of(reading, [thread], friday))[thread]
    assert (by_day.open, by_day.opens_at, by_day.replies) == (True, None, "minutes")
    assert (by_night.open, by_night.opens_at) == (False, MONDAY.replace(day=24, hour=9))
    assert await keep_pace(world.database, MONDAY + 40 * DAY) == 0
    async with world.database.reading(world.here.scope) as reading:
        assert (await desks_of(reading, [thread], MONDAY))[thread].replies == "unknown"


# --- Other channels ---


async def arrives(world: World, **told: Any) -> Any:
    arrived = Arrived(**{"via": Via.SMS, "external_id": "m-1", "address": None, "patient": None, "body": "Ciao"} | told)
    async with world.database.writing(world.here.scope) as writing:
        return await take_message(writing, world.here.clinic_id, world.here.app_id, "mis", arrived, now())


async def test_a_message_of_another_channel_stands_in_the_one_thread_once(world: World) -> None:
    thread = await asks(world)
    first = await arrives(world, address=world.here.phone)
    copies = await asyncio.gather(*(arrives(world, address=world.here.phone) for _ in range(5)))
    assert {(each.seq, each.dup) for each in copies} == {(first.seq, True)}
    assert first.event.conversation_id == thread
    assert not (await arrives(world, via=Via.WHATSAPP, address=world.here.phone)).dup
    said = [event.message for event in await log_of(world, thread, Log.SHARED) if event.message]
    assert [(each.via, each.side) for each in said] == [(via, "patient") for via in ("app", "sms", "whatsapp")]


async def test_an_address_is_known_once_it_came_with_its_patient(world: World) -> None:
    mail = "boris@example.org"
    with pytest.raises(NotFound):
        await arrives(world, via=Via.EMAIL, address=mail)
    named = await arrives(world, via=Via.EMAIL, address=mail, patient="boris")
    later = await arrives(world, via=Via.EMAIL, address=mail, external_id="m-2")
    assert later.thread == named.thread == Thread(world.here.clinic_id, world.here.other_patient_id)
    with pytest.raises(NotFound):
        await arrives(world, via=Via.SMS, address=mail, external_id="m-3")


async def test_a_phone_that_a_family_shares_needs_a_name(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update patient set phone = :phone"), {"phone": world.here.phone})
    with pytest.raises(SenderAmbiguous):
        await arrives(world, address=world.here.phone)
    assert not (await arrives(world, address=world.here.phone, patient="anna")).dup
    assert (
        await arrives(world, address=world.here.phone, external_id="m-2")
    ).thread.patient_id == world.here.patient_id


# --- Search ---


async def finds(world: World, words: str, party: Party | None = None) -> list[str]:
    party = party or world.here
    async with world.database.sweeping() as sweeping:
        places = await places_found(sweeping, party.clinic_id, party.staff_id, words, after=None, limit=50)
    async with world.database.reading(party.scope) as reading:
        return [each.excerpt for each in await found_messages(reading, party.clinic_id, party.staff_id, words, places)]


async def speaks(world: World, language: str) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update clinic set language = :language"), {"language": language})


@pytest.mark.parametrize(
    ("language", "body", "asked", "missed"),
    [
        ("it", "Ho un DENTE rotto, posso prenotare?", ["denti", "rotti", "prenotato", "dente rotto"], ["dente sano"]),
        ("ru", "У меня болят зубы, хочу записаться", ["зуб", "БОЛЯТ", "зубами"], ["пломба", "зуб пломба"]),
        ("en", "My crowns are broken", ["crown", "Crowns", "broken crown"], ["root"]),
        ("zh", "我牙痛，想预约洗牙。", ["牙痛", "预约", "洗牙", "牙", "痛 预约"], ["牙洗", "痛想", "根管"]),
        ("it", "Parla 中文吗？ Grazie", ["中文", "grazie"], ["文中"]),
    ],
)
async def test_messages_are_found_in_the_clinics_language(
    world: World, language: str, body: str, asked: list[str], missed: list[str]
) -> None:
    await speaks(world, language)
    await asks(world, body)
    assert await keep_words(world.database) == 1
    assert {words: len(await finds(world, words)) for words in asked} == dict.fromkeys(asked, 1)
    assert {words: len(await finds(world, words)) for words in missed} == dict.fromkeys(missed, 0)
    assert await finds(world, asked[0], world.there) == []
    for nothing in ("", "' & !", "@", f"@{world.here.clinic_id}", "a:* | b"):
        assert await finds(world, nothing) == []


async def test_words_follow_a_message_and_a_second_worker_does_nothing_twice(world: World) -> None:
    for number in range(12):
        await asks(world, f"messaggio numero{number}")
    done = await asyncio.gather(*(keep_words(world.database, 5) for _ in range(3)))
    while (more := await keep_words(world.database, 5)) > 0:
        done.append(more)
    assert sum(done) == 12
    assert len(await finds(world, "messaggi")) == 12
    assert await keep_words(world.database) == 0


async def test_a_number_of_another_clinic_finds_no_message(world: World) -> None:
    await asks(world, "segreto")
    await keep_words(world.database)
    async with world.database.sweeping() as sweeping:
        places = await places_found(sweeping, world.here.clinic_id, world.here.staff_id, "segreto", after=None, limit=5)
    assert len(places) == 1
    async with world.database.reading(world.there.scope) as reading:
        assert await found_messages(reading, world.there.clinic_id, world.there.staff_id, "segreto", places) == []
        assert await found_messages(reading, world.here.clinic_id, world.here.staff_id, "segreto", places) == []
