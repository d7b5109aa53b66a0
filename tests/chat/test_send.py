"""Sending: kept once, numbered without holes, by who may and to nobody else."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chat.commands import (
    OWN,
    Author,
    IdReused,
    Sent,
    Speaker,
    Target,
    mark,
    post_message,
    send,
)
from chat.conversation import Side
from chat.log import EventKind, Thread
from chat.queries import events_after, inbox, log_head, state_of
from clinic.commands import NoRecordLinked, grant_access
from core.clock import now
from core.errors import NotAllowed, NotFound
from core.ids import new_id
from identity.commands import SessionEnded, end_session
from tests.chat.speaking import desk_of, patient_of, rows, say
from tests.conftest import Queries
from tests.world import World


async def test_a_message_is_one_statement_and_stands_in_table_log_and_events(world: World, at_most: Queries) -> None:
    with at_most(1):
        sent = await say(world, patient_of(world, world.here), "Posso venire?")
    assert (sent.seq, sent.event.rev, sent.dup) == (1, 1, False)
    assert await rows(world, "select seq, side, body from message") == [(1, "patient", "Posso venire?")]
    assert await rows(world, "select log, rev, kind, data from chat_event where log = 's'") == [
        ("s", 1, "msg", {"seq": 1})
    ]
    events = await rows(world, "select patient_id, actor_kind, facts from event where kind = 'message.posted'")
    assert events == [(world.here.patient_id, "patient", {"seq": 1, "side": "patient"})]


async def test_fifty_copies_of_one_message_are_one_message(world: World) -> None:
    anna, name = patient_of(world, world.here), new_id()
    sent = await asyncio.gather(*(say(world, anna, "Ciao", client_id=name) for _ in range(50)))
    assert sum(not each.dup for each in sent) == 1
    assert {(each.seq, each.event.rev, each.event.at) for each in sent} == {(1, 1, sent[0].event.at)}
    assert await rows(world, "select last_seq, last_rev, n_patient, n_clinic from conversation") == [(1, 1, 1, 0)]
    assert await rows(world, "select count(*) from chat_event where log = 's'") == [(1,)]


async def test_both_sides_at_once_make_one_conversation_with_numbers_without_holes(world: World) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    to_anna = Target(patient_id=world.here.patient_id)
    sent = await asyncio.gather(
        *(say(world, anna, f"a{number}") for number in range(20)),
        *(say(world, desk, f"d{number}", to_anna) for number in range(20)),
    )
    assert sorted(each.seq for each in sent) == list(range(1, 41))
    assert sorted(each.event.rev for each in sent) == list(range(1, 41))
    assert len({each.event.conversation_id for each in sent}) == 1
    numbered = await rows(
        world, "select seq, rev, xid::text::bigint from message join chat_event using (rev) order by seq"
    )
    assert [row[0] for row in numbered] == [row[1] for row in numbered]
    ordinals = await rows(
        world, "select side, array_agg(ordinal order by seq) from message group by side order by side"
    )
    assert ordinals == [("clinic", list(range(1, 21))), ("patient", list(range(1, 21)))]


async def test_an_id_names_one_message_for_ever(world: World) -> None:
    anna, desk, name = patient_of(world, world.here), desk_of(world, world.here), new_id()
    await say(world, anna, "Ciao", client_id=name)
    with pytest.raises(IdReused):
        await say(world, anna, "Addio", client_id=name)
    boris = Target(patient_id=world.here.other_patient_id)
    await say(world, desk, "Salve", boris, name)  # an id is its sender's: another's is another
    with pytest.raises(IdReused):
        await say(world, desk, "Salve", Target(patient_id=world.here.patient_id), name)
    late = await send(world.database, anna, OWN, name, "Ciao", now() + timedelta(days=8))
    assert (late.dup, late.seq) == (True, 1)


async def test_racing_copies_to_two_conversations_leave_no_hole(world: World) -> None:
    desk, name = desk_of(world, world.here), new_id()
    targets = [Target(patient_id=world.here.patient_id), Target(patient_id=world.here.other_patient_id)]
    tried = await asyncio.gather(
        *(say(world, desk, "Salve", targets[number % 2], name) for number in range(20)), return_exceptions=True
    )
    assert {type(each) for each in tried} == {Sent, IdReused}
    states = await rows(world, "select last_seq, last_rev, n_clinic from conversation order by last_seq desc")
    assert states[0] == (1, 1, 1)
    assert all(state == (0, 0, 0) for state in states[1:])
    async with world.database.reading(world.here.scope) as reading:
        assert len(await inbox(reading, world.here.clinic_id, after=None, limit=10)) == 1


async def test_nobody_writes_where_they_may_not(world: World) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    theirs = (await say(world, patient_of(world, world.there), "Salve")).event.conversation_id
    boris = await say(world, desk, "Buongiorno", Target(patient_id=world.here.other_patient_id))
    for stranger in (
        Target(theirs),
        Target(patient_id=world.there.patient_id),
        Target(boris.event.conversation_id),
        Target(patient_id=world.here.other_patient_id),
        Target(new_id()),
        Target(patient_id=new_id()),
    ):
        with pytest.raises(NotFound):
            await say(world, anna, "?", stranger)
        with pytest.raises(NotFound):
            await mark(world.database, anna, stranger, 1, 1, now())
    for stranger in (Target(theirs), Target(patient_id=world.there.patient_id), Target(new_id()), OWN):
        with pytest.raises(NotFound):
            await say(world, desk, "?", stranger)


async def test_a_guardian_writes_for_a_ward_until_the_access_ends(world: World) -> None:
    anna, boris = patient_of(world, world.here), Target(patient_id=world.here.other_patient_id)
    async with world.database.writing(world.here.scope) as writing:
        await grant_access(
            writing, world.here.clinic_id, world.here.account_id, world.here.other_patient_id, "carer", now()
        )
    sent = await say(world, anna, "Boris ha male", boris)
    assert sent.thread.patient_id == world.here.other_patient_id
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update access set ends_at = now() - interval '1 second' where relation = 'carer'"))
    with pytest.raises(NotFound):
        await say(world, anna, "Ancora", boris)


async def test_a_signed_out_device_and_a_dismissed_operator_are_silent_at_once(world: World) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    to_anna = Target(patient_id=world.here.patient_id)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = array_remove(permissions, 'chat.reply')"))
        await end_session(writing, anna.account_id, anna.session_id, now())
    with pytest.raises(SessionEnded):
        await say(world, anna, "Ciao")
    with pytest.raises(NotAllowed):
        await say(world, desk, "Salve", to_anna)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set left_at = now()"))
    with pytest.raises(SessionEnded):
        await say(world, desk, "Salve", to_anna)
    assert await rows(world, "select count(*) from message") == [(0,)]


@pytest.mark.parametrize(
    "ended",
    [
        "update session set revoked_at = now()",
        "update session set idle_until = now() - interval '1 second'",
        "update session set ends_at = now() - interval '1 second'",
    ],
)
async def test_a_session_is_over_in_each_of_its_three_ways(world: World, ended: str) -> None:
    anna = patient_of(world, world.here)
    await say(world, anna, "Ciao")
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text(ended))
    with pytest.raises(SessionEnded):
        await say(world, anna, "Ancora io")
    with pytest.raises(SessionEnded):
        await mark(world.database, anna, OWN, 1, 1, now())


async def test_a_token_of_one_clinic_opens_nothing_in_another(world: World) -> None:
    anna = patient_of(world, world.here)
    elsewhere = Speaker(Side.PATIENT, world.there.clinic_id, anna.account_id, anna.session_id)
    with pytest.raises(SessionEnded):
        await say(world, elsewhere, "Ciao")


async def test_an_account_without_a_record_is_told_to_link_one(world: World) -> None:
    anna = patient_of(world, world.here)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update access set revoked_at = now()"))
    with pytest.raises(NoRecordLinked):
        await say(world, anna, "Ciao")


async def test_marks_only_move_forward_and_take_a_number_only_when_they_do(world: World, at_most: Queries) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    to_anna = Target(patient_id=world.here.patient_id)
    for body in ("uno", "due", "tre"):
        await say(world, desk, body, to_anna)
    await say(world, anna, "quattro")
    with at_most(1):
        first = await mark(world.database, anna, OWN, 2, 2, now())
    assert first.event is not None
    assert (first.event.rev, first.event.kind) == (5, EventKind.MARK)
    for again in ((2, 2), (1, 0), (0, 1)):
        assert (await mark(world.database, anna, OWN, *again, now())).event is None
    async with world.database.reading(world.here.scope) as reading:
        state = await state_of(reading, world.here.patient_id, anna.account_id)
        assert (state.unread, state.rev, state.last_seq) == (1, 5, 4)
        assert [line.unread for line in await inbox(reading, world.here.clinic_id, after=None, limit=5)] == [1]
    far = await mark(world.database, desk, to_anna, 0, 99, now())
    assert far.event is not None
    assert far.event.mark is not None
    assert (far.event.mark.delivered, far.event.mark.read) == (4, 4)
    async with world.database.reading(world.here.scope) as reading:
        assert [line.unread for line in await inbox(reading, world.here.clinic_id, after=None, limit=5)] == [0]


async def test_a_first_mark_of_nothing_is_not_written(world: World) -> None:
    anna = patient_of(world, world.here)
    await say(world, anna, "Ciao")
    assert (await mark(world.database, anna, OWN, 0, 0, now())).event is None
    assert await rows(world, "select count(*) from mark") == [(0,)]


async def test_unread_by_ordinals_is_what_counting_would_say(world: World) -> None:
    """Every mark a reader can have, on both sides of one conversation that changes its direction often."""
    anna, desk, to_anna = (
        patient_of(world, world.here),
        desk_of(world, world.here),
        Target(patient_id=world.here.patient_id),
    )
    from_patient = [letter == "p" for letter in "pccpcpppccpc"]
    for of_patient in from_patient:
        await (say(world, anna, "?") if of_patient else say(world, desk, "!", to_anna))
    for read in range(len(from_patient) + 1):
        await mark(world.database, anna, OWN, read, read, now())
        await mark(world.database, desk, to_anna, read, read, now())
        async with world.database.reading(world.here.scope) as reading:
            state = await state_of(reading, world.here.patient_id, anna.account_id)
            (line,) = await inbox(reading, world.here.clinic_id, after=None, limit=5)
        past = from_patient[read:]
        assert (state.unread, line.unread) == (past.count(False), past.count(True))


async def test_the_log_holds_messages_and_marks_in_order_of_their_numbers(world: World) -> None:
    anna = patient_of(world, world.here)
    sent = await say(world, anna, "Ciao")
    moved = await mark(world.database, desk_of(world, world.here), Target(sent.event.conversation_id), 1, 1, now())
    again = await say(world, anna, "E?")
    async with world.database.reading(world.here.scope) as reading:
        head = await log_head(reading, world.here.clinic_id, sent.event.conversation_id)
        assert head is not None
        page = await events_after(reading, head, 0, 50)
    assert page.events == [sent.event, moved.event, again.event]


async def test_the_machinery_posts_in_its_own_transaction(world: World) -> None:
    thread, journey, step = Thread(world.here.clinic_id, world.here.patient_id), new_id(), new_id()
    for _ in range(2):
        async with world.database.writing(world.here.scope) as writing:
            posted = await post_message(
                writing, thread, Author(Side.AUTOMATION, journey), step, "È ora del controllo", journey, now()
            )
    assert (posted.dup, posted.seq) == (True, 1)
    events = await rows(world, "select actor_kind, actor_id, cause_id from event where kind = 'message.posted'")
    assert events == [("automation", journey, journey)]


async def test_the_machinery_of_one_clinic_posts_nothing_in_another(world: World) -> None:
    theirs = Thread(world.there.clinic_id, world.there.patient_id)
    with pytest.raises(DBAPIError, match="row-level security"):
        async with world.database.writing(world.here.scope) as writing:
            await post_message(writing, theirs, Author(Side.AUTOMATION, new_id()), new_id(), "Salve", None, now())
