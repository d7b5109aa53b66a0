"""Changing what was said: by whom, for how long, once, and dense in the log whoever races."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.commands import (
    OWN,
    Author,
    Enclosed,
    IdReused,
    MessageDeleted,
    MessageNotYours,
    MessageSettled,
    Sent,
    Speaker,
    Target,
    delete,
    edit,
    mark,
    note,
    post_message,
    react,
    send,
)
from chat.conversation import Side, Via
from chat.log import STAFF, Card, EventKind, FilledField, FilledForm, PostedMessage, Thread
from chat.queries import LogHead, events_after, log_head, messages_before
from chat.reaction import is_emoji
from clinic.commands import grant_access
from core.clock import now
from core.errors import Invalid, NotAllowed, NotFound
from core.ids import new_id
from identity.commands import SessionEnded
from tests.chat.speaking import change_row, desk_of, patient_of, rows, say, two_nodes
from tests.world import World

SHARED_LOG = "select kind, data from chat_event where log = 's' order by rev"
DAY = timedelta(hours=24)


def to_anna(world: World) -> Target:
    return Target(patient_id=world.here.patient_id)


async def stay_signed_in(world: World) -> None:
    await change_row(
        world, "update session set idle_until = idle_until + interval '1 year', ends_at = ends_at + interval '1 year'"
    )


async def head_of(world: World, conversation_id: UUID) -> LogHead:
    async with world.database.reading(world.here.scope) as reading:
        head = await log_head(reading, world.here.clinic_id, conversation_id)
    assert head is not None
    return head


async def thread_now(world: World, conversation_id: UUID) -> list[PostedMessage]:
    head = await head_of(world, conversation_id)
    async with world.database.reading(world.here.scope) as reading:
        page = await messages_before(reading, head, 2**31 - 1, 100)
    return [event.message for event in page.events if event.message is not None]


async def test_an_edit_a_reaction_and_a_deletion_stand_in_message_and_log(world: World) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    said = await say(world, anna, "Vengo alle tre")
    edited = await edit(world.database, anna, OWN, new_id(), 1, "Vengo alle quattro", now())
    liked = await react(world.database, desk, to_anna(world), new_id(), 1, "👍", now())
    (message,) = await thread_now(world, said.event.conversation_id)
    assert (message.body, message.edited_at is not None, message.client_id) == (
        "Vengo alle quattro", True, said.event.message and said.event.message.client_id,
    )  # fmt: skip
    assert [(line.side, line.emoji) for line in message.reactions] == [(Side.CLINIC, "👍")]
    gone = await delete(world.database, anna, OWN, new_id(), 1, now())
    (message,) = await thread_now(world, said.event.conversation_id)
    assert (message.body, message.deleted, message.reactions) == ("", True, [])
    assert [kind for kind, _ in await rows(world, SHARED_LOG)] == ["msg", "edit", "react", "del"]
    head = await head_of(world, said.event.conversation_id)
    async with world.database.reading(world.here.scope) as reading:
        page = await events_after(reading, head, 2, 10)
    assert page.events == [liked.event, gone.event]
    assert edited.event.rev == 2


async def test_one_sign_a_person_which_can_be_changed_and_taken_back(world: World) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    conversation = (await say(world, anna, "Grazie")).event.conversation_id
    for speaker, emoji in ((anna, "❤️"), (desk, "👍"), (anna, "🎉"), (desk, "")):
        await react(world.database, speaker, Target(conversation), new_id(), 1, emoji, now())
    (message,) = await thread_now(world, conversation)
    assert [(line.person_id, line.emoji) for line in message.reactions] == [(anna.account_id, "🎉")]


ENGLAND, KISS = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "👩🏻\u200d❤\ufe0f\u200d💋\u200d👩🏽"
PICTURES = ["👍", "❤️", "👩\u200d⚕\ufe0f", "🇮🇹", "1\ufe0f\u20e3", "‼️", "👍🏽", ENGLAND, KISS]
NO_PICTURES = ["", "ok", "a👍", "12", "1\ufe0f\u20e31\ufe0f\u20e3", "\u200d", "\ufe0f", " ", "\x00", "👍" * 17, "好"]
NOT_ONE = ["👍👍", "+", "©©", "🇮", "👍\u200d", "👍\n"]


@pytest.mark.parametrize("emoji", PICTURES)
def test_a_picture_is_a_reaction(emoji: str) -> None:
    assert is_emoji(emoji)


@pytest.mark.parametrize("words", NO_PICTURES + NOT_ONE)
async def test_words_are_no_reaction(world: World, words: str) -> None:
    assert not is_emoji(words)
    if words:
        await say(world, patient_of(world, world.here), "Ciao")
        with pytest.raises(Invalid):
            await react(world.database, patient_of(world, world.here), OWN, new_id(), 1, words, now())


@given(text=st.text(st.characters(categories=["L", "N", "Cc", "Zs"]), min_size=1, max_size=16))
def test_nothing_that_can_be_read_is_a_reaction(text: str) -> None:
    assert not is_emoji(text)


async def test_only_the_author_changes_a_message_for_a_day(world: World) -> None:
    await stay_signed_in(world)
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    await change_row(world, "update staff set permissions = array_remove(permissions, 'clinic.manage')")
    at = now()
    await say(world, anna, "Di Anna")
    await say(world, desk, "Dello studio", to_anna(world))
    thread = Thread(world.here.clinic_id, world.here.patient_id)
    async with world.database.writing(world.here.scope) as writing:
        await post_message(writing, thread, Author(Side.AUTOMATION, new_id()), new_id(), "Del percorso", None, at)
    for speaker, seq in ((anna, 2), (anna, 3), (desk, 1), (desk, 3)):
        with pytest.raises(MessageNotYours):
            await edit(world.database, speaker, to_anna(world), new_id(), seq, "Altro", at)
        with pytest.raises(MessageNotYours):
            await delete(world.database, speaker, to_anna(world), new_id(), seq, at)
    late = at + DAY + timedelta(minutes=1)
    with pytest.raises(MessageSettled):
        await edit(world.database, anna, OWN, new_id(), 1, "Tardi", late)
    with pytest.raises(MessageSettled):
        await delete(world.database, anna, OWN, new_id(), 1, late)
    await react(world.database, desk, to_anna(world), new_id(), 1, "👍", late)
    await edit(world.database, anna, OWN, new_id(), 1, "In tempo", at + DAY - timedelta(minutes=1))
    for unknown in (0, 4):
        with pytest.raises(NotFound):
            await edit(world.database, anna, OWN, new_id(), unknown, "?", at)


async def test_a_manager_takes_back_what_the_clinic_said_and_nothing_of_a_patients(world: World) -> None:
    await stay_signed_in(world)
    anna, owner = patient_of(world, world.here), desk_of(world, world.here)
    await say(world, anna, "Di Anna")
    thread = Thread(world.here.clinic_id, world.here.patient_id)
    async with world.database.writing(world.here.scope) as writing:
        await post_message(writing, thread, Author(Side.BOT, new_id()), new_id(), "Del bot", None, now())
    await delete(world.database, owner, to_anna(world), new_id(), 2, now() + 3 * DAY)
    with pytest.raises(MessageNotYours):
        await delete(world.database, owner, to_anna(world), new_id(), 1, now())
    with pytest.raises(MessageNotYours):
        await edit(world.database, owner, to_anna(world), new_id(), 1, "Altro", now())


async def test_nothing_is_done_to_what_was_deleted(world: World) -> None:
    anna = patient_of(world, world.here)
    await say(world, anna, "Ciao")
    await delete(world.database, anna, OWN, new_id(), 1, now())
    for again in (
        edit(world.database, anna, OWN, new_id(), 1, "Ciao ciao", now()),
        delete(world.database, anna, OWN, new_id(), 1, now()),
        react(world.database, anna, OWN, new_id(), 1, "👍", now()),
    ):
        with pytest.raises(MessageDeleted):
            await again
    assert await rows(world, "select last_rev, n_deleted from conversation") == [(2, 1)]


async def test_every_deed_is_kept_once_for_ever_under_its_id(world: World) -> None:
    """Repeated after an edit, after a deletion and after eight days; and an id names one deed, whatever its kind."""
    await stay_signed_in(world)
    anna, desk, week = patient_of(world, world.here), desk_of(world, world.here), timedelta(days=8)
    names = [new_id() for _ in range(4)]
    target = to_anna(world)
    deeds: list[Callable[[UUID, datetime], Awaitable[Sent]]] = [
        lambda name, at: send(world.database, anna, OWN, name, "Ciao", at),
        lambda name, at: edit(world.database, anna, OWN, name, 1, "Salve", at),
        lambda name, at: react(world.database, anna, OWN, name, 1, "👍", at),
        lambda name, at: delete(world.database, anna, OWN, name, 1, at),
    ]
    first = [await deed(name, now()) for deed, name in zip(deeds, names, strict=True)]
    state = await rows(world, "select last_seq, last_rev, n_deleted from conversation")
    again = [await deed(name, now() + week) for deed, name in zip(deeds, names, strict=True)]
    assert [each.dup for each in first + again] == [False] * 4 + [True] * 4
    assert [(each.event.rev, each.seq, each.event.at) for each in again] == [
        (each.event.rev, each.seq, each.event.at) for each in first
    ]
    assert await rows(world, "select last_seq, last_rev, n_deleted from conversation") == state
    for place, deed in enumerate(deeds):
        with pytest.raises(IdReused):
            await deed(names[place - 1], now())
    noted = [await note(world.database, desk, target, names[0], "Chiamare", now() + ago) for ago in (week, 2 * week)]
    assert [each.dup for each in noted] == [False, True]


async def test_a_late_repeat_of_a_reaction_does_not_undo_a_later_one(world: World) -> None:
    anna, first = patient_of(world, world.here), new_id()
    conversation = (await say(world, anna, "Ciao")).event.conversation_id
    await react(world.database, anna, OWN, new_id(), 1, "👍", now())
    await react(world.database, anna, OWN, first, 1, "👍", now())
    await react(world.database, anna, OWN, new_id(), 1, "❤️", now())
    await react(world.database, anna, OWN, first, 1, "👍", now())
    (message,) = await thread_now(world, conversation)
    assert [line.emoji for line in message.reactions] == ["❤️"]


async def test_racing_changes_of_one_message_over_two_nodes_leave_one_order(world: World, migrated: str) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    conversation = (await say(world, anna, "0")).event.conversation_id
    gone = new_id()
    async with two_nodes(world, migrated) as nodes:
        tried = await asyncio.gather(
            *(edit(nodes[n % 2], anna, OWN, new_id(), 1, str(n), now()) for n in range(20)),
            *(react(nodes[n % 2], desk, Target(conversation), new_id(), 1, "👍", now()) for n in range(20)),
            *(delete(nodes[n % 2], anna, OWN, gone, 1, now()) for n in range(10)),
            *(say(world, desk, f"d{n}", Target(conversation)) for n in range(5)),
            return_exceptions=True,
        )
    assert {type(each) for each in tried} <= {Sent, MessageDeleted}
    assert sum(isinstance(each, Sent) and not each.dup for each in tried[40:50]) == 1
    revs = [each[0] for each in await rows(world, "select rev from chat_event where log = 's' order by rev")]
    kept = [each for each in tried if isinstance(each, Sent) and not each.dup]
    assert revs == list(range(1, len(revs) + 1))
    assert sorted(each.event.rev for each in kept) == revs[1:]
    assert (await thread_now(world, conversation))[0].deleted
    kinds = [kind for kind, data in await rows(world, SHARED_LOG) if data["seq"] == 1]
    assert kinds[-1] == "del"


async def test_one_id_for_edits_of_two_conversations_names_one_of_them(world: World, migrated: str) -> None:
    desk, name = desk_of(world, world.here), new_id()
    targets = [to_anna(world), Target(patient_id=world.here.other_patient_id)]
    for target in targets:
        await say(world, desk, "Salve", target)
    async with two_nodes(world, migrated) as nodes:
        tried = await asyncio.gather(
            *(edit(nodes[n % 2], desk, targets[n // 2 % 2], name, 1, "Buongiorno", now()) for n in range(20)),
            return_exceptions=True,
        )
    assert {type(each) for each in tried} == {Sent, IdReused}
    assert sorted(await rows(world, "select last_rev from conversation")) == [(1,), (2,)]
    assert sorted(await rows(world, "select body from message")) == [("Buongiorno",), ("Salve",)]


async def test_a_note_stands_in_a_log_of_its_own(world: World) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    before = await note(world.database, desk, to_anna(world), new_id(), "Allergica al lattice", now())
    await say(world, anna, "Ciao")
    after = await note(world.database, desk, to_anna(world), new_id(), "Richiamare", now())
    await mark(world.database, desk, to_anna(world), 1, 1, now())
    assert await rows(world, "select rev from chat_event where log = 's' order by rev") == [(1,), (2,)]
    head = await head_of(world, before.event.conversation_id)
    async with world.database.reading(world.here.scope) as reading:
        shared = await events_after(reading, head, 0, 50)
        staff = await events_after(reading, head, 0, 50, STAFF)
    assert [event.kind for event in shared.events] == [EventKind.MESSAGE, EventKind.MARK]
    assert [event for event in staff.events if event.kind is EventKind.NOTE] == [before.event, after.event]
    assert [event.rev for event in staff.events] == list(range(1, staff.rev + 1))
    with pytest.raises(NotAllowed):
        await note(world.database, anna, OWN, new_id(), "?", now())


async def test_a_message_carries_what_it_was_given(world: World) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    form = FilledForm(starter="pain", answers=[FilledField(key="tooth", value="36")])
    card = Card(kind="plan", id=new_id(), title="Impianto", fallback="Il suo piano: Impianto")
    name = new_id()
    asked = await send(world.database, anna, OWN, name, "Dolore: 36", now(), enclosed=Enclosed(form=form))
    shown = await send(world.database, desk, to_anna(world), new_id(), "", now(), enclosed=Enclosed(card=card, re=1))
    thread = Thread(world.here.clinic_id, world.here.patient_id)
    async with world.database.writing(world.here.scope) as writing:
        account = anna.account_id
        texted = await post_message(
            writing,
            thread,
            Author(Side.PATIENT, account),
            new_id(),
            "Ok",
            None,
            now(),
            via=Via.SMS,
            enclosed=Enclosed(re=2),
        )
    head = await head_of(world, asked.event.conversation_id)
    async with world.database.reading(world.here.scope) as reading:
        page = await events_after(reading, head, 0, 10)
        back = await messages_before(reading, head, 100, 10)
    told = [event for event in page.events if event.message is not None]
    assert told == [asked.event, shown.event, texted.event] == back.events
    assert [event.kind for event in told] == [EventKind.FORM, EventKind.MESSAGE, EventKind.MESSAGE]
    # The server's own words under a form may read differently when it is sent again.
    assert (await send(world.database, anna, OWN, name, "Pain: 36", now(), enclosed=Enclosed(form=form))).dup
    for seq, speaker in ((1, anna), (2, desk)):
        with pytest.raises(MessageSettled):
            await edit(world.database, speaker, to_anna(world), new_id(), seq, "Altro", now())


@pytest.mark.parametrize("re", [0, -1, 2, 99])
async def test_what_answers_a_message_that_there_is_not_is_refused_and_leaves_no_hole(world: World, re: int) -> None:
    anna = patient_of(world, world.here)
    await say(world, anna, "Ciao")
    with pytest.raises(NotFound):
        await send(world.database, anna, OWN, new_id(), "E?", now(), enclosed=Enclosed(re=re))
    assert await rows(world, "select last_seq, last_rev, n_patient from conversation") == [(1, 1, 1)]


async def test_nothing_is_nothing_to_say(world: World) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    await say(world, anna, "Ciao")
    for silent in (
        send(world.database, anna, OWN, new_id(), "", now()),
        edit(world.database, anna, OWN, new_id(), 1, "", now()),
        note(world.database, desk, to_anna(world), new_id(), "", now()),
    ):
        with pytest.raises(Invalid):
            await silent


async def test_a_guardian_changes_only_their_own_words(world: World) -> None:
    """Anna's account may write for Boris; Boris's own words stay Boris's."""
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    boris = Target(patient_id=world.here.other_patient_id)
    async with world.database.writing(world.here.scope) as writing:
        await grant_access(
            writing, world.here.clinic_id, world.here.account_id, world.here.other_patient_id, "carer", now()
        )
        thread = Thread(world.here.clinic_id, world.here.other_patient_id)
        await post_message(
            writing, thread, Author(Side.PATIENT, new_id()), new_id(), "Di Boris", None, now(), via=Via.SMS
        )
    with pytest.raises(MessageNotYours):
        await edit(world.database, anna, boris, new_id(), 1, "Altro", now())
    await say(world, anna, "Di Anna", boris)
    await edit(world.database, anna, boris, new_id(), 2, "Di Anna, davvero", now())
    stranger = Speaker(Side.CLINIC, world.there.clinic_id, desk.account_id, desk.session_id)
    for theirs in (stranger, patient_of(world, world.there)):
        with pytest.raises((NotFound, SessionEnded)):
            await edit(world.database, theirs, boris, new_id(), 1, "Altro", now())


async def test_a_mark_of_a_device_in_front_is_kept_apart(world: World) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    for _ in range(3):
        await say(world, desk, "Salve", to_anna(world))
    fronts = "select delivered, read, front from mark"
    assert (await mark(world.database, anna, OWN, 2, 0, now(), front=False)).event is not None
    assert await rows(world, fronts) == [(2, 0, 0)]
    assert (await mark(world.database, anna, OWN, 2, 0, now(), front=True)).event is None
    assert await rows(world, fronts) == [(2, 0, 2)]
    await mark(world.database, anna, OWN, 3, 3, now(), front=False)
    await mark(world.database, anna, OWN, 1, 1, now(), front=True)
    assert await rows(world, fronts) == [(3, 3, 2)]
