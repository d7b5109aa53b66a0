"""The bot in the thread: it answers what it knows, hands over the rest, and is silent once a person has spoken."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from chat.bot import BotKind
from chat.bot_http import LARGEST_ANSWER, SECRETS, BotServer, HttpBots, bound_to
from chat.bot_words import bot_text
from chat.commands.bot import claim_turns, set_bot
from chat.queries.bot import BotSet
from core.clock import now
from core.events import SYSTEM
from core.ids import new_id
from core.sealed import sealed
from enamel.worker.bot import MOST_TRIES, Bots, answer_waiting, bots_of
from tests.enamel.bot_peer import SECRET, BotPeer, a_bot, is_genuine
from tests.enamel.test_worker_killed import until
from tests.world import DAY, World

PATIENCE_SECONDS = 0.5


@pytest.fixture
async def bots(world: World) -> AsyncIterator[Bots]:
    made = bots_of(world.keys, HttpBots(["127.0.0.1"], seconds=PATIENCE_SECONDS))
    yield made
    await made.http.close()


@pytest.fixture
async def peer() -> AsyncIterator[BotPeer]:
    async with a_bot() as made:
        yield made


async def set_here(world: World, kind: BotKind, url: str = "") -> None:
    key = world.keys.secrets.keyed_hash(SECRETS, "")
    secret = sealed(key, SECRET, bound_to(world.here.clinic_id, url)) if url else ""
    async with world.database.writing(world.here.scope) as writing:
        await set_bot(writing, world.here.clinic_id, BotSet(kind, url, secret), SYSTEM, now())


async def says(world: World, body: str, **more: Any) -> None:
    message = {"client_id": str(new_id()), "body": body, **more}
    answer = await world.post("/v1/me/conversation/messages", world.here.patient, message)
    assert answer.status_code == 201, answer.text


async def staff_says(world: World, body: str) -> None:
    path = f"/v1/staff/patients/{world.here.patient_id}/messages"
    assert (await world.post(path, world.here.staff, {"client_id": str(new_id()), "body": body})).status_code == 201


async def messages(world: World) -> list[dict[str, Any]]:
    events = (await world.get("/v1/me/conversation/events", world.here.patient)).json()["events"]
    return [event["message"] for event in events if event["message"]]


async def of_bot(world: World) -> list[str]:
    return [each["body"] for each in await messages(world) if each["side"] == "bot"]


async def case(world: World) -> dict[str, Any]:
    state = (await world.get("/v1/me/conversation", world.here.patient)).json()
    path = f"/v1/staff/conversations/{state['conversation_id']}/cases"
    found: dict[str, Any] = (await world.get(path, world.here.staff)).json()["items"][0]
    return found


async def test_the_bot_answers_a_question_once_and_keeps_the_case(world: World, bots: Bots) -> None:
    await set_here(world, BotKind.RULES)
    await says(world, "Che orari fate?")
    assert await answer_waiting(world.database, bots, now) == 1
    assert await answer_waiting(world.database, bots, now) == 0
    said = (await messages(world))[-1]
    assert said["body"].startswith("Centro: 09:00–20:00, tutti i giorni.")
    assert said["card"]["kind"] == "choices"
    assert (await case(world))["state"] == "bot"


async def test_what_it_does_not_understand_it_hands_over_in_the_thread(world: World, bots: Bots) -> None:
    await set_here(world, BotKind.RULES)
    await says(world, "La zirconia è meglio?")
    await answer_waiting(world.database, bots, now)
    said = await of_bot(world)
    assert said[0] in {bot_text("hand_over", "it")} or said[0].startswith("La passo a un collega.")
    handed = await case(world)
    assert (handed["state"], handed["priority"]) == ("open", 0)
    assert handed["waiting_since"] is not None
    await says(world, "Che orari fate?")
    assert await answer_waiting(world.database, bots, now) == 0


async def test_pain_is_handed_over_also_where_the_case_has_a_topic_that_the_desk_has_no_more(
    world: World, bots: Bots
) -> None:
    await set_here(world, BotKind.RULES)
    await says(world, "Mi fa male un dente")
    sorting = f"/v1/staff/conversations/{(await case(world))['conversation_id']}/sorting"
    for path, body in (
        ("/v1/staff/desk", {"topics": [{"key": "price", "names": []}]}), (sorting, {"topic": "price"}),
        ("/v1/staff/desk", {}),
    ):  # fmt: skip
        assert (await world.http.put(path, headers=world.here.staff, json=body)).status_code == 200
    assert (await case(world))["topic"] == "price"
    assert await answer_waiting(world.database, bots, now) == 1
    handed = await case(world)
    assert (handed["state"], handed["priority"]) == ("open", 3)


async def test_pain_is_handed_over_at_once_with_the_highest_priority(world: World, bots: Bots) -> None:
    await set_here(world, BotKind.RULES)
    await says(world, "Mi fa male un dente")
    await says(world, "Che orari fate?")
    await answer_waiting(world.database, bots, now)
    handed = await case(world)
    assert (handed["state"], handed["priority"]) == ("open", 3)
    assert len(await of_bot(world)) == 1


async def test_after_a_person_spoke_it_says_nothing_more(world: World, bots: Bots) -> None:
    await set_here(world, BotKind.RULES)
    await says(world, "Che orari fate?")
    await staff_says(world, "Buongiorno, dalle nove!")
    await says(world, "Dove siete?")
    assert await answer_waiting(world.database, bots, now) == 0
    assert await of_bot(world) == []


async def test_a_person_who_speaks_while_the_bot_thinks_is_not_interrupted(
    world: World, bots: Bots, peer: BotPeer
) -> None:
    await set_here(world, BotKind.HTTP, peer.url)
    await says(world, "Che orari fate?")
    peer.open.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(answer_waiting(world.database, bots, now))
        await until(peer.is_asked)
        await staff_says(world, "Ci penso io")
        peer.open.set()
    assert await of_bot(world) == []


async def test_what_is_added_while_the_bot_thinks_is_asked_anew_as_a_whole(
    world: World, bots: Bots, peer: BotPeer
) -> None:
    await set_here(world, BotKind.HTTP, peer.url)
    await says(world, "Che orari fate?")
    peer.open.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(answer_waiting(world.database, bots, now))
        await until(peer.is_asked)
        await says(world, "il sabato")
        peer.open.set()
    assert await of_bot(world) == []
    assert await answer_waiting(world.database, bots, now) == 1
    assert peer.asked[-1]["text"] == "Che orari fate?\nil sabato"
    assert await of_bot(world) == ["The peer's answer"]


async def test_two_workers_take_a_question_once(world: World, bots: Bots) -> None:
    await set_here(world, BotKind.RULES)
    await says(world, "Che orari fate?")
    taken = await asyncio.gather(*(answer_waiting(world.database, bots, now) for _ in range(4)))
    assert sum(taken) == 1
    assert len(await of_bot(world)) == 1


async def test_a_clinics_own_bot_is_asked_with_a_signature_and_without_a_name(
    world: World, bots: Bots, peer: BotPeer
) -> None:
    await set_here(world, BotKind.HTTP, peer.url)
    peer.answers = {"texts": ["One", "Two"], "replies": ["Yes", "No"], "unknown": 1}
    await says(world, "Avete la zirconia?")
    await answer_waiting(world.database, bots, now)
    asked, headers = peer.asked[0], peer.headers[0]
    body = headers["body"].encode()
    assert is_genuine(SECRET, headers, body, now().timestamp())
    assert not is_genuine("another secret", headers, body, now().timestamp())
    assert not is_genuine(SECRET, headers, body + b" ", now().timestamp())
    assert not is_genuine(SECRET, headers, body, (now() + DAY).timestamp())
    expected = {"format", "clinic_id", "conversation_id", "case_id", "seq", "language", "text", "form", "pictures"}
    assert set(asked) == expected
    assert "Rossi" not in body.decode()
    assert await of_bot(world) == ["One", "Two"]
    assert [each["label"] for each in (await messages(world))[-1]["card"]["replies"]] == ["Yes", "No"]


FAULTS: dict[str, dict[str, Any]] = {
    "hangs": {"hangs": True},
    "fails": {"status": 500},
    "sends elsewhere": {"status": 302},
    "says nothing": {"answers": {}},
    "is no JSON": {"answers": b"<html>"},
    "is deep": {"answers": b"[" * 60_000},
    "is no answer": {"answers": {"texts": "all"}},
    "has control characters": {"answers": {"texts": ["a\x00b"]}},
    "is huge": {"answers": b'{"texts": ["' + b"a" * LARGEST_ANSWER + b'"]}'},
    "says too much": {"answers": {"texts": ["a"] * 6}},
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_bot_that_hangs_fails_or_talks_nonsense_hands_over(
    world: World, bots: Bots, peer: BotPeer, fault: str
) -> None:
    how = FAULTS[fault]
    peer.status, peer.answers = how.get("status", 200), how.get("answers", peer.answers)
    if how.get("hangs"):
        peer.open.clear()
    await set_here(world, BotKind.HTTP, peer.url)
    await says(world, "Avete la zirconia?")
    assert await answer_waiting(world.database, bots, now) == 1
    assert (await case(world))["state"] == "open"
    assert [each.startswith("La passo a un collega") for each in await of_bot(world)] == [True]


async def test_after_a_failure_nobody_waits_for_that_bot_for_a_while(world: World, bots: Bots, peer: BotPeer) -> None:
    peer.status = 500
    await set_here(world, BotKind.HTTP, peer.url)
    await says(world, "Avete la zirconia?")
    await answer_waiting(world.database, bots, now)
    with pytest.raises(TimeoutError):
        await bots.http.ask(BotServer(peer.url, SECRET), b"{}", "key", now())
    assert len(peer.asked) == 1


async def test_pain_and_the_wish_for_a_person_never_reach_a_clinics_own_bot(
    world: World, bots: Bots, peer: BotPeer
) -> None:
    await set_here(world, BotKind.HTTP, peer.url)
    await says(world, "Mi fa male un dente")
    await answer_waiting(world.database, bots, now)
    assert peer.asked == []
    assert (await case(world))["priority"] == 3


async def test_a_private_address_is_not_called(world: World, peer: BotPeer) -> None:
    guarded = bots_of(world.keys, HttpBots())
    await set_here(world, BotKind.HTTP, peer.url)
    await says(world, "Avete la zirconia?")
    await answer_waiting(world.database, guarded, now)
    await guarded.http.close()
    assert peer.asked == []
    assert (await case(world))["state"] == "open"


async def test_cards_of_foreign_things_that_a_bot_names_are_left_out(world: World, bots: Bots, peer: BotPeer) -> None:
    ids = []
    for party, patient_id in (
        (world.here, world.here.patient_id),
        (world.here, world.here.other_patient_id),
        (world.there, world.there.patient_id),
    ):
        start = now() + 3 * DAY
        body = {"starts_at": start.isoformat(), "ends_at": (start + DAY / 24).isoformat(), "service": "Hygiene"}
        made = await world.post(f"/v1/staff/patients/{patient_id}/appointments", party.staff, body)
        ids.append(made.json()["appointment_id"])
    peer.answers = {"texts": ["Your visit"], "cards": [{"kind": "visit", "id": each} for each in ids]}
    await set_here(world, BotKind.HTTP, peer.url)
    await says(world, "Quando vengo?")
    await answer_waiting(world.database, bots, now)
    cards = [each["card"]["id"] for each in await messages(world) if each["card"]]
    assert cards == ids[:1]


async def test_switched_off_or_asked_too_often_it_hands_over(world: World, bots: Bots) -> None:
    await set_here(world, BotKind.RULES)
    await says(world, "Che orari fate?")
    for _ in range(MOST_TRIES):
        async with world.database.sweeping() as sweeping:
            assert len(await claim_turns(sweeping, now() + DAY, 1)) in (0, 1)
            await sweeping.execute(text("update bot_turn set leased_until = '2000-01-01'"))
    await answer_waiting(world.database, bots, now)
    assert (await case(world))["state"] == "open"


async def test_without_a_bot_a_case_begins_with_people(world: World, bots: Bots) -> None:
    await says(world, "Che orari fate?")
    assert await answer_waiting(world.database, bots, now) == 0
    assert (await case(world))["state"] == "open"
    await set_here(world, BotKind.NONE)


async def test_a_question_that_was_taken_back_is_not_asked(world: World, bots: Bots, peer: BotPeer) -> None:
    await set_here(world, BotKind.HTTP, peer.url)
    await says(world, "Che orari fate?")
    seq = (await messages(world))[-1]["seq"]
    path = f"/v1/me/conversation/messages/{seq}?client_id={new_id()}"
    assert (await world.http.delete(path, headers=world.here.patient)).status_code == 200
    assert await answer_waiting(world.database, bots, now) == 1
    assert await answer_waiting(world.database, bots, now) == 0
    assert peer.asked == []
