"""The log tells the whole truth: what one holds and what the log adds is what one would read afresh.

And what is unread is what counting would say, whatever was sent, read and deleted in which order.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from chat.commands import Author, Speaker, Target, delete, edit, mark, note, post_message, react
from chat.conversation import Side
from chat.log import SHARED, STAFF, ConversationEvent, EventKind, MovedMark, Thread
from chat.queries import badge_of, events_after, inbox, log_head, messages_before, state_of
from clinic.commands import grant_access
from core.clock import now
from core.database import NOBODY, Reading
from core.errors import Refusal
from core.ids import new_id
from identity.commands import Device, account_of_phone, open_session
from identity.sign_in import Audience
from tests.chat.speaking import desk_of, patient_of, say
from tests.world import World

ALL = 2**31 - 1
WHO = ("anna", "boris", "desk")
Action = tuple[str, str, int]
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["say", "say", "say", "bot", "edit", "del", "react", "unreact", "mark", "note"]),
        st.sampled_from(WHO),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=14,
)


@dataclass
class Held:
    """What a device that follows a log holds."""

    rev: int = 0
    messages: dict[int, dict[str, Any]] = field(default_factory=dict)
    marks: dict[str, tuple[int, int]] = field(default_factory=dict)

    def apply(self, event: ConversationEvent) -> None:
        assert event.rev == self.rev + 1
        self.rev = event.rev
        if event.message is not None:
            said = event.message.model_dump(exclude={"reactions", "edited_at"})
            self.messages[event.message.seq] = {**said, "reactions": {}}
        if event.edited is not None:
            self.messages[event.edited.seq]["body"] = event.edited.body
        if event.deleted is not None:
            empty = {"body": "", "deleted": True, "media": [], "card": None, "form": None, "reactions": {}}
            self.messages[event.deleted.seq].update(empty)
        if event.reaction is not None:
            people = self.messages[event.reaction.seq]["reactions"]
            people[event.reaction.person_id] = event.reaction.emoji
            if not event.reaction.emoji:
                del people[event.reaction.person_id]
        if event.mark is not None:
            self.note(event.mark)

    def note(self, moved: MovedMark) -> None:
        far = self.marks.get(moved.side, (0, 0))
        self.marks[moved.side] = (max(far[0], moved.delivered), max(far[1], moved.read))


@dataclass
class Scene:
    """One conversation, about Boris: Anna is his guardian and writes on her account, he on his own."""

    world: World
    speakers: dict[str, Speaker]
    target: Target
    thread: Thread

    async def do(self, action: Action) -> None:
        """What is refused (another's message, one that is not there) changes nothing."""
        what, who, seq = action
        database, desk, speaker = self.world.database, self.speakers["desk"], self.speakers[who]
        name, target, at = new_id(), self.target, now()
        doing: dict[str, Callable[[], Awaitable[object]]] = {
            "say": lambda: say(self.world, speaker, f"{who} {seq}", target),
            "bot": self.bot,
            "edit": lambda: edit(database, speaker, target, name, seq, f"edited {seq}", at),
            "del": lambda: delete(database, speaker, target, name, seq, at),
            "react": lambda: react(database, speaker, target, name, seq, "👍", at),
            "unreact": lambda: react(database, speaker, target, name, seq, "", at),
            "mark": lambda: mark(database, speaker, target, seq, seq // 2, at),
            "note": lambda: note(database, desk, target, name, f"note {seq}", at),
        }
        with suppress(Refusal):
            await doing[what]()

    async def bot(self) -> None:
        async with self.world.database.writing(self.world.here.scope) as writing:
            await post_message(writing, self.thread, Author(Side.BOT, new_id()), new_id(), "bot", None, now())

    async def fresh(self, reading: Reading) -> tuple[Held, int, list[ConversationEvent]]:
        """What a device reads that starts over; the staff's revision; the staff's notes."""
        boris = self.world.here.other_patient_id
        state = await state_of(reading, boris, self.speakers["boris"].account_id)
        held = Held(rev=state.rev)
        if state.conversation_id is None:
            return held, 0, []
        head = await log_head(reading, self.world.here.clinic_id, state.conversation_id)
        assert head is not None
        for event in (await messages_before(reading, head, ALL, 200)).events:
            assert event.message is not None
            people = {line.person_id: line.emoji for line in event.message.reactions}
            said = event.message.model_dump(exclude={"reactions", "edited_at"})
            held.messages[event.message.seq] = {**said, "reactions": people}
        for moved in state.marks:
            held.note(moved)
        staff = (await events_after(reading, head, 0, 200, STAFF)).events
        assert [event.rev for event in staff] == list(range(1, head.srev + 1))
        return held, head.srev, [event for event in staff if event.kind is EventKind.NOTE]

    async def since(self, reading: Reading, rev: int) -> list[ConversationEvent]:
        state = await state_of(reading, self.world.here.other_patient_id, self.speakers["boris"].account_id)
        if state.conversation_id is None:
            return []
        head = await log_head(reading, self.world.here.clinic_id, state.conversation_id)
        assert head is not None
        return (await events_after(reading, head, rev, 200, SHARED)).events


@pytest.fixture
async def scene(world: World) -> Scene:
    """Boris gets an account of his own beside Anna's, who is his guardian."""
    here, boris = world.here, world.here.other_patient_id
    async with world.database.writing(NOBODY) as writing:
        account = await account_of_phone(writing, "+390255509999", now())
    async with world.database.writing(here.scope) as writing:
        await grant_access(writing, here.clinic_id, here.account_id, boris, "carer", now())
        await grant_access(writing, here.clinic_id, account, boris, "self", now())
        device = Device("phone-of-boris-0123456789")
        session = await open_session(writing, world.keys, Audience.PATIENT, account, here.clinic_id, device, now())
    claims = world.keys.tokens.verify(session.access_token, Audience.PATIENT, now())
    own = Speaker(Side.PATIENT, here.clinic_id, account, claims.session_id)
    speakers = {"anna": patient_of(world, here), "boris": own, "desk": desk_of(world, here)}
    return Scene(world, speakers, Target(patient_id=boris), Thread(here.clinic_id, boris))


CHAT_TABLES = ("reaction", "message", "chat_note", "chat_event", "mark", "chat_case", "conversation")


async def begin_anew(owner: asyncpg.Connection) -> None:
    await owner.execute(";".join(f"delete from {table}" for table in CHAT_TABLES))  # noqa: S608


MANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@MANY
@given(actions=ACTIONS)
async def test_what_is_held_and_what_the_log_adds_is_what_is_read_afresh(
    scene: Scene, owner: asyncpg.Connection, actions: list[Action]
) -> None:
    world = scene.world
    await begin_anew(owner)
    live, notes = Held(), 0
    for action in actions:
        async with world.database.reading(world.here.scope) as reading:
            before, staff_rev, _ = await scene.fresh(reading)
        await scene.do(action)
        async with world.database.reading(world.here.scope) as reading:
            added = await scene.since(reading, before.rev)
            after, staff_rev_after, noted = await scene.fresh(reading)
        for event in added:
            before.apply(event)
            live.apply(event)
        assert before == live == after
        notes += action[0] == "note"
        assert len(noted) == notes
        assert action[0] != "note" or (added == [] and staff_rev_after == staff_rev + 1)


@MANY
@given(actions=ACTIONS, also=st.lists(st.integers(1, 3), max_size=3))
async def test_unread_and_badge_are_what_counting_would_say(
    scene: Scene, owner: asyncpg.Connection, actions: list[Action], also: list[int]
) -> None:
    world, anna = scene.world, scene.world.here.patient_id
    await begin_anew(owner)
    own = Scene(world, scene.speakers, Target(patient_id=anna), Thread(world.here.clinic_id, anna))
    for action in actions:
        await scene.do(action)
    for seq in also:
        await own.do(("bot", "desk", seq))
        await own.do(("del", "desk", seq))
    async with world.database.reading(world.here.scope) as reading:
        for patient_id, who in ((anna, "anna"), (world.here.other_patient_id, "anna"), (scene.thread[1], "boris")):
            account = scene.speakers[who].account_id
            state = await state_of(reading, patient_id, account)
            assert state.unread == await counted(reading, "<> 'patient'", [patient_id], account)
        for who, patients in (("anna", [anna, scene.thread.patient_id]), ("boris", [scene.thread.patient_id])):
            account = scene.speakers[who].account_id
            badge = await badge_of(reading, patients, account)
            assert badge == await counted(reading, "<> 'patient'", patients, account)
        for line in await inbox(reading, world.here.clinic_id, after=None, limit=5):
            assert line.unread == await counted(reading, "= 'patient'", [line.patient_id], None)


async def counted(reading: Reading, side: str, patient_ids: list[UUID], account_id: UUID | None) -> int:
    """Messages of a side past what this account, or without one the desk, has read; deleted ones are none."""
    mine = "k.person_id = :account" if account_id else "k.side = 'clinic'"
    statement = f"""
        select count(*) from message m join conversation c on c.id = m.conversation_id
        where c.patient_id = any(:patients) and m.side {side} and m.deleted_at is null and m.seq > coalesce((
            select max(k.read) from mark k where k.conversation_id = c.id and {mine}), 0)"""  # noqa: S608
    values = {"patients": patient_ids} | ({"account": account_id} if account_id else {})
    return int((await reading.execute(text(statement), values)).scalar_one())
