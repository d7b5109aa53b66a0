"""When a phone is told of a message: at once or three seconds later, once, and not when somebody looks at it."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

import chat.unread_push
from chat.commands import OWN, Author, Speaker, Target, delete, edit, mark, post_message, send
from chat.commands.presence import Place, beat, tell_presence
from chat.conversation import Side
from chat.delivered import Arrival, arrival_of, arrival_token
from chat.log import Thread
from chat.unread_push import notices_for_unread
from clinic.commands import grant_access
from core.clock import now
from core.ids import new_id
from enamel.worker.chat import receipt_of_push, tell_read, tell_unread
from enamel.worker.push import deliver_due
from enamel.worker.push import only as by
from identity.commands import end_session
from identity.sign_in import Audience
from push.channel import Message
from push.channel import Target as TargetPhone
from push.commands import DeviceFacts, register_device
from push.outcome import Outcome, Result
from tests.conftest import Queries
from tests.world import Party, World

LATER = timedelta(seconds=4)
ARRIVED = "/v1/chat/delivered"


def speaker(world: World, party: Party, audience: Audience) -> Speaker:
    patient = audience is Audience.PATIENT
    claims = world.keys.tokens.verify(party.patient_token if patient else party.staff_token, audience, now())
    side = Side.PATIENT if patient else Side.CLINIC
    return Speaker(side, claims.clinic_id, claims.subject_id, claims.session_id)


async def write(world: World, party: Party, at: datetime) -> UUID:
    desk = speaker(world, party, Audience.STAFF)
    sent = await send(world.database, desk, Target(patient_id=party.patient_id), new_id(), "Venga", at)
    return sent.event.conversation_id


async def connect(world: World, party: Party, *, front: bool = False) -> tuple[UUID, Place]:
    """A node that has one socket of the patient."""
    node, place = new_id(), Place(party.clinic_id, new_id(), party.account_id, party.patient_id)
    assert await beat(world.database, node, now())
    await tell_presence(world.database, node, [(place, front)], [])
    return node, place


async def notices(world: World) -> list[tuple[str, UUID]]:
    async with world.database.sweeping() as sweeping:
        rows = await sweeping.execute(text("select dedupe_key, patient_id from notice order by dedupe_key"))
        return [(row.dedupe_key, row.patient_id) for row in rows]


async def test_an_unseen_burst_is_told_once_after_three_seconds(world: World) -> None:
    at = now()
    for party in (world.here, world.there):
        await connect(world, party)
    for _ in range(3):
        here = await write(world, world.here, at)
    there = await write(world, world.there, at)
    assert await tell_unread(world.database, at + timedelta(seconds=2)) == 0
    assert await tell_unread(world.database, at + LATER) == 4
    assert await tell_unread(world.database, at + 2 * LATER) == 0
    told = {(f"chat:{here}:3", world.here.patient_id), (f"chat:{there}:1", world.there.patient_id)}
    assert set(await notices(world)) == told


async def test_who_has_no_socket_open_is_told_at_once_also_when_their_node_has_died(world: World) -> None:
    at = now()
    await write(world, world.here, at)
    assert await tell_unread(world.database, at) == 1
    node, place = await connect(world, world.here)
    await write(world, world.here, at)
    assert await tell_unread(world.database, at) == 0
    await tell_presence(world.database, node, [], [place])
    assert await tell_unread(world.database, at) == 1
    await connect(world, world.here, front=True)
    await write(world, world.here, at)
    assert await tell_unread(world.database, at) == 0
    assert await beat(world.database, new_id(), at + timedelta(seconds=90))  # another node buries it
    assert await tell_unread(world.database, at) == 1
    assert len(await notices(world)) == 3


async def test_a_device_in_the_background_and_an_open_socket_swallow_nothing(world: World) -> None:
    """Half open: the socket stands, the device in front says nothing; another has it and nobody looks."""
    at, anna = now(), speaker(world, world.here, Audience.PATIENT)
    await connect(world, world.here, front=True)
    await write(world, world.here, at)
    await mark(world.database, anna, OWN, 1, 0, at, front=False)
    assert await tell_unread(world.database, at + LATER) == 1
    assert len(await notices(world)) == 1


async def test_what_was_deleted_meanwhile_is_not_told_and_what_was_edited_once(world: World) -> None:
    at, desk = now(), speaker(world, world.here, Audience.STAFF)
    await connect(world, world.here)
    conversation = Target(await write(world, world.here, at))
    await delete(world.database, desk, conversation, new_id(), 1, at)
    assert await tell_unread(world.database, at + LATER) == 1
    assert await notices(world) == []
    await write(world, world.here, at)
    await edit(world.database, desk, conversation, new_id(), 2, "Venga alle nove", at)
    assert await tell_unread(world.database, at + LATER) == 1
    assert len(await notices(world)) == 1


async def test_what_a_device_has_shown_or_the_patient_wrote_is_not_told(world: World) -> None:
    at, anna = now(), speaker(world, world.here, Audience.PATIENT)
    await write(world, world.here, at)
    await send(world.database, anna, OWN, new_id(), "Arrivo", at)
    await mark(world.database, anna, OWN, 1, 0, at)
    assert await tell_unread(world.database, at + LATER) == 1
    assert await notices(world) == []


async def test_a_mark_of_the_desk_keeps_nobody_from_being_told(world: World) -> None:
    at = now()
    conversation = await write(world, world.here, at)
    await mark(world.database, speaker(world, world.here, Audience.STAFF), Target(conversation), 1, 1, at)
    await tell_unread(world.database, at + LATER)
    assert len(await notices(world)) == 1


async def test_yesterdays_messages_are_decided_without_a_push(world: World) -> None:
    at = now()
    await write(world, world.here, at)
    assert await tell_unread(world.database, at + timedelta(days=2)) == 1
    assert await notices(world) == []


async def test_workers_at_once_tell_each_conversation_once(world: World) -> None:
    at = now()
    thread = Thread(world.here.clinic_id, world.here.patient_id)
    async with world.database.writing(world.here.scope) as writing:
        for _ in range(20):
            await post_message(writing, thread, Author(Side.AUTOMATION, new_id()), new_id(), "Controllo", None, at)
    decided = await asyncio.gather(*(tell_unread(world.database, at + LATER) for _ in range(5)))
    assert sum(decided) == 20
    assert len(await notices(world)) == 1


async def test_a_round_decides_a_conversation_whole_and_another_worker_leaves_it_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat.unread_push, "MOST_AT_ONCE", 1)
    at = now()
    for _ in range(3):
        here = await write(world, world.here, at - timedelta(seconds=1))  # so this conversation's turn comes first
    there = await write(world, world.there, at)
    async with world.database.sweeping() as first, world.database.sweeping() as second:
        assert await notices_for_unread(first, at + LATER) == 3
        assert await notices_for_unread(second, at + LATER) in (0, 1)
    await tell_unread(world.database, at + LATER)
    told = {(f"chat:{here}:3", world.here.patient_id), (f"chat:{there}:1", world.there.patient_id)}
    assert set(await notices(world)) == told


@pytest.mark.parametrize("clinics", [1, 2])
async def test_a_round_is_four_statements_however_many_clinics_there_are(
    world: World, at_most: Queries, clinics: int
) -> None:
    at = now()
    for party in (world.here, world.there)[:clinics]:
        await write(world, party, at)
    with at_most(4):
        assert await tell_unread(world.database, at + LATER) == clinics
    assert len(await notices(world)) == clinics


@dataclass
class Phones:
    """A channel that keeps what it was given."""

    got: list[tuple[str, Message]] = field(default_factory=list)

    async def send(self, target: TargetPhone, message: Message, deadline: timedelta) -> Outcome:  # noqa: ARG002
        self.got.append((target.token, message))
        return Outcome(Result.ACCEPTED, provider_id="1")

    async def check(self, deadline: timedelta) -> Outcome:  # noqa: ARG002
        return Outcome(Result.ACCEPTED)

    async def close(self) -> None:
        """Nothing is held open."""


async def signed_in_phone(world: World, party: Party, token: str, session_id: UUID | None = None) -> Speaker:
    """A phone of the patient: of the session there is, or of another of the same account."""
    who = speaker(world, party, Audience.PATIENT)
    async with world.database.sweeping() as sweeping:
        if session_id is not None:
            await sweeping.execute(
                text(
                    "insert into session select (jsonb_populate_record(s, jsonb_build_object('id', cast(:id as text)"
                    "))).* from session s where id = :own"
                ),
                {"id": str(session_id), "own": who.session_id},
            )
    session = session_id or who.session_id
    app = DeviceFacts(platform="ios", app_build="it.example", token=token, locale="it-IT", zone="Europe/Rome")
    async with world.database.writing(party.scope) as writing:
        await register_device(writing, party.clinic_id, who.account_id, session, app, now())
    return Speaker(who.side, who.clinic_id, who.account_id, session)


async def test_the_banner_carries_the_badge_and_read_elsewhere_it_goes_from_the_other_phones(world: World) -> None:
    first = await signed_in_phone(world, world.here, "token-of-the-first")
    await signed_in_phone(world, world.here, "token-of-the-second", new_id())
    at, phones = now(), Phones()
    for _ in range(3):
        conversation = await write(world, world.here, at)
    await tell_unread(world.database, at)
    await deliver_due(world.database, by(phones), now=lambda: at)
    assert {token for token, _ in phones.got} == {"token-of-the-first", "token-of-the-second"}
    for _, message in phones.got:
        assert (message.badge, message.seq, message.thread_id, message.silent) == (3, 3, conversation, False)
        assert "Venga" not in repr(message)
    phones.got.clear()
    await mark(world.database, first, OWN, 2, 2, at)
    assert await tell_read(world.database, at) == 1
    await mark(world.database, first, OWN, 3, 3, at)
    assert await tell_read(world.database, at) == 1
    await deliver_due(world.database, by(phones), now=lambda: at)
    cleared = sorted((message.seq, message.badge) for _, message in phones.got)
    assert {token for token, _ in phones.got} == {"token-of-the-second"}
    assert cleared == [(2, 1), (3, 0)]
    assert all(message.silent and not message.title and not message.text for _, message in phones.got)
    await mark(world.database, first, OWN, 3, 3, at)
    assert await tell_read(world.database, at) == 0
    inbox = await world.get("/v1/me/notices", world.here.patient)
    if inbox.status_code == 200:
        assert len(inbox.json()["items"]) == 1


async def test_with_one_phone_and_before_any_banner_nothing_is_cleared(world: World) -> None:
    only = await signed_in_phone(world, world.here, "token-of-the-only-one")
    at, phones = now(), Phones()
    await connect(world, world.here)
    await write(world, world.here, at)
    await mark(world.database, only, OWN, 1, 1, at)
    assert await tell_read(world.database, at) == 0
    await tell_unread(world.database, at + LATER)
    await write(world, world.here, at)
    await tell_unread(world.database, at + LATER)
    await mark(world.database, only, OWN, 2, 2, at)
    assert await tell_read(world.database, at) == 1
    await deliver_due(world.database, by(phones), now=lambda: at + LATER)
    assert [message.silent for _, message in phones.got] == [False]


async def test_a_badge_counts_every_thread_that_the_account_hears(world: World) -> None:
    here = world.here
    async with world.database.writing(here.scope) as writing:
        await grant_access(writing, here.clinic_id, here.account_id, here.other_patient_id, "carer", now())
    await signed_in_phone(world, here, "token-of-the-guardian")
    at, phones, desk = now(), Phones(), speaker(world, here, Audience.STAFF)
    await write(world, here, at)
    for _ in range(2):
        await send(world.database, desk, Target(patient_id=here.other_patient_id), new_id(), "Venga", at)
    await tell_unread(world.database, at)
    await deliver_due(world.database, by(phones), now=lambda: at)
    assert [message.badge for _, message in phones.got] == [3, 3]
    assert len({message.thread_id for _, message in phones.got}) == 2


async def test_the_push_handler_moves_delivered_of_its_one_conversation_and_nothing_else(world: World) -> None:
    who, key = await signed_in_phone(world, world.here, "token-of-the-phone"), world.keys.secrets.arrival_key
    at, phones = now(), Phones()
    conversation = await write(world, world.here, at)
    await tell_unread(world.database, at)
    await deliver_due(world.database, by(phones), now=lambda: at, receipt=partial(receipt_of_push, key))
    receipt = phones.got[0][1].receipt
    assert (await world.post(ARRIVED, {}, {"receipt": receipt})).status_code == 204
    async with world.database.reading(world.here.scope) as reading:
        rows = await reading.execute(text("select person_id, delivered, read, front from mark"))
        assert [tuple(row) for row in rows] == [(who.account_id, 1, 0, 0)]
    assert (await world.post(ARRIVED, {}, {"receipt": receipt})).status_code == 204
    for wrong in (receipt[:-4], "A" * 120, receipt[:40] + ("A" if receipt[40] != "A" else "B") + receipt[41:]):
        assert (await world.post(ARRIVED, {}, {"receipt": wrong})).status_code == 401
    opened = await world.get("/v1/me/conversation", {"Authorization": f"Bearer {receipt}"})
    assert opened.status_code == 401
    assert arrival_of(key, receipt, at + timedelta(days=2)) is None
    assert arrival_of(b"another key", receipt, at) is None
    foreign = Arrival(world.there.clinic_id, conversation, who.account_id, who.session_id, 1)
    lost = arrival_token(key, foreign, at + LATER)
    async with world.database.writing(world.here.scope) as writing:
        await end_session(writing, who.account_id, who.session_id, now())
    ended = [await world.post(ARRIVED, {}, {"receipt": each}) for each in (receipt, lost)]
    assert [answer.status_code for answer in ended] == [401, 401]
    assert ended[0].json()["code"] == "receipt-refused"
