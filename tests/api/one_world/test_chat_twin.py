"""One suite for both doors of the chat: over the socket, over REST, and by turns, the same is answered and kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from chat.cursor import Cursor
from core.clock import now
from tests.api.chat_cast import Person, a_colleague, a_patient
from tests.api.doors import Answer, Door, Opener, RestDoor, by_both, by_rest, by_socket, fresh
from tests.node import greeted
from tests.world import World

DOORS = {"socket": by_socket, "rest": by_rest, "by turns": by_both}


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation that the clinic began (`seq` and `rev` 1), and the doors of both its sides."""

    c: str
    patient: Person
    colleague: Person
    me: Door
    desk: Door
    stranger: Door


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> Opener:
    return DOORS[request.param]


@pytest.fixture
async def talk(world: World, here: str, door: Opener) -> AsyncIterator[Talk]:
    patient, colleague, stranger = await a_patient(world), await a_colleague(world), await a_patient(world)
    body = {"client_id": str(fresh()), "body": "Buongiorno"}
    posts = f"/v1/staff/patients/{patient.id}/messages"
    c = (await world.post(posts, world.here.staff, body)).json()["conversation_id"]
    mine, theirs = "/v1/me/conversation", f"/v1/patients/{patient.id}/conversation"
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(door(here, who, c, root, posts))
            for who, root, posts in (
                (patient, mine, f"{mine}/messages"),
                (colleague, f"/v1/staff/conversations/{c}", posts),
                (stranger, theirs, f"{theirs}/messages"),
            )
        ]
        yield Talk(c, patient, colleague, *opened)


def refused(code: str) -> Answer:
    return code, 0, 0


INVALID, ABSENT = refused("invalid-input"), refused("not-found")


async def test_a_message_is_kept_once_and_its_id_names_nothing_else(talk: Talk) -> None:
    name = fresh()
    assert await talk.me.post(name, "Ciao") == ("kept", 2, 2)
    assert await talk.me.post(name, "Ciao") == ("again", 2, 2)
    assert await talk.me.post(name, "Addio") == refused("id-reused")
    assert await talk.me.edit(name, 2, "Ciao") == refused("id-reused"), "an edit is another thing"
    assert await talk.desk.post(name, "Ciao") == ("kept", 3, 3), "ids are each sender's own"
    page = await talk.me.page(after=1, lim=1)
    assert [(event["d"]["id"], event["d"]["body"]) for event in page.events] == [(str(name), "Ciao")]


async def test_a_body_that_says_nothing_or_too_much_is_refused(talk: Talk) -> None:
    for body in ["", " \n", "\u200b", "bell\x07", "x" * 4001]:
        assert await talk.me.post(fresh(), body) == INVALID, repr(body)
    assert await talk.desk.post(fresh(), " \n") == INVALID


async def test_the_longest_body_and_pictures_and_what_it_answers(talk: Talk) -> None:
    assert (await talk.me.post(fresh(), "x" * 4000))[0] == "kept"
    assert await talk.me.post(fresh(), "Da ieri", re=1) == ("kept", 3, 3)
    assert await talk.me.post(fresh(), "Di domani", re=9) == ABSENT
    picture = str(fresh())
    assert await talk.me.post(fresh(), "", media=[picture]) == refused("media-unknown")
    assert await talk.me.post(fresh(), "", media=[picture] * 2) == INVALID
    assert await talk.me.post(fresh(), "", media=[str(fresh()) for _ in range(11)]) == INVALID


async def test_ones_own_words_are_changed_for_a_day(world: World, talk: Talk) -> None:
    name = fresh()
    await talk.me.post(fresh(), "Ciao")
    stands = (await talk.me.edit(name, 2, "Ciao!"))[2]
    assert await talk.me.edit(name, 2, "Ciao!") == ("again", 2, stands)
    assert await talk.me.edit(name, 2, "Ciao?") == refused("id-reused")
    assert await talk.me.edit(fresh(), 2, "") == INVALID
    assert await talk.me.edit(fresh(), 1, "Nostro") == refused("message-not-yours")
    assert await talk.desk.edit(fresh(), 2, "Vostro") == refused("message-not-yours")
    assert await talk.me.edit(fresh(), 9, "Niente") == ABSENT
    await older(world, talk.c)
    assert await talk.me.edit(fresh(), 2, "Tardi") == refused("message-settled")
    assert await talk.me.delete(fresh(), 2) == refused("message-settled")


async def test_ones_own_words_are_taken_back_once(talk: Talk) -> None:
    name = fresh()
    await talk.me.post(fresh(), "Ciao")
    first = await talk.me.delete(name, 2)
    assert (first[:2], await talk.me.delete(name, 2)) == (("kept", 2), ("again", *first[1:]))
    assert await talk.me.delete(fresh(), 2) == refused("message-deleted")
    assert await talk.me.edit(fresh(), 2, "Ciao?") == refused("message-deleted")
    assert await talk.me.react(fresh(), 2, "👍") == refused("message-deleted")
    assert await talk.me.delete(fresh(), 1) == refused("message-not-yours")
    assert (await talk.desk.delete(fresh(), 1))[:2] == ("kept", 1), "a manager takes back what the clinic said"
    assert [event["d"]["body"] for event in (await talk.desk.page(before=9)).events] == ["", ""]


async def older(world: World, c: str) -> None:
    """The conversation is of the day before yesterday."""
    async with world.database.writing(world.here.scope) as writing:
        statement = text("update message set at = at - interval '25 hours' where conversation_id = :c")
        await writing.execute(statement, {"c": UUID(c)})


async def test_one_sign_a_person_and_none_again(talk: Talk) -> None:
    assert await talk.me.react(fresh(), 1, "👍") == ("kept", 1, 2)
    assert await talk.me.react(fresh(), 1, "👩‍⚕️") == ("kept", 1, 3)
    assert await talk.desk.react(fresh(), 1, "❤️") == ("kept", 1, 4)
    name = fresh()
    assert await talk.me.react(name, 1, "") == ("kept", 1, 5)
    assert await talk.me.react(name, 1, "") == ("again", 1, 5)
    assert await talk.me.react(fresh(), 9, "👍") == ABSENT
    for words in ("no", "👍👍", "+", "x" * 17):
        assert await talk.me.react(fresh(), 1, words) == INVALID
    (message,) = (await talk.me.page(before=2)).events
    assert [(each["by"]["side"], each["react"]) for each in message["d"]["reactions"]] == [("clinic", "❤️")]


async def test_a_starters_form_comes_as_the_clinic_asks_for_it(talk: Talk) -> None:
    name, day = fresh(), now().date()
    assert (await talk.me.form(name, "book", day=str(day + timedelta(days=2))))[0] == "kept"
    assert (await talk.me.form(name, "book", day=str(day + timedelta(days=2))))[0] == "again"
    assert await talk.me.form(name, "book", day=str(day + timedelta(days=3))) == refused("id-reused")
    assert await talk.me.form(fresh(), "book", day=str(day - timedelta(days=2))) == INVALID
    assert await talk.me.form(fresh(), "book", day="domani") == INVALID
    assert await talk.me.form(fresh(), "book", part="at tea") == INVALID
    assert await talk.me.form(fresh(), "pain") == INVALID, "where it hurts has to be said"
    assert await talk.me.form(fresh(), "unheard-of") == INVALID
    assert await talk.desk.form(fresh(), "book") == INVALID, "the clinic answers none"
    assert await talk.stranger.form(fresh(), "book") == ABSENT
    assert await talk.me.edit(fresh(), 2, "Altro") == refused("message-settled")
    assert (await talk.me.page(after=1, lim=1)).kinds() == [(2, "form")]


async def test_a_mark_moves_forward_to_the_last_message_and_stands_in_the_log(talk: Talk) -> None:
    assert [await talk.me.mark(*read) for read in ((0, 1), (9, 9), (0, 0))] == [""] * 3
    marks = [event["d"] for event in (await talk.desk.page(after=0)).events if event["k"] == "mark"]
    assert marks == [{"dlv": 1, "read": 0}, {"dlv": 1, "read": 1}]


async def test_typing_is_seen_by_the_other_side(here: str, talk: Talk) -> None:
    async with greeted(here, talk.colleague.token) as (desk, _), greeted(here, talk.patient.token) as (phone, _):
        await desk.watch(talk.c)
        assert await talk.me.typing() == ""
        assert (await desk.hear("typing"))["who"]["side"] == "patient"
        assert await talk.desk.typing() == ""
        assert (await phone.hear("typing"))["who"] == {"side": "clinic", "name": "Rita"}


async def test_a_log_is_read_on_from_any_rev_in_pages(world: World, talk: Talk) -> None:
    for number in range(4):
        await talk.desk.post(fresh(), f"{number}")
    assert (await talk.me.page()).kinds() == [(rev, "msg") for rev in range(1, 6)]
    first, last = await talk.me.page(after=1, lim=2), await talk.me.page(after=3, lim=2)
    assert (first.kinds(), first.more) == ([(2, "msg"), (3, "msg")], True)
    assert (last.kinds(), last.more) == ([(4, "msg"), (5, "msg")], False)
    assert (await talk.me.page(after=5)).events == []
    assert (await talk.me.page(after=6)).reset == "epoch"
    async with world.database.writing(world.here.scope) as writing:
        statement = text("update conversation set last_rev = 2000 where id = :c")
        await writing.execute(statement, {"c": UUID(talk.c)})
    assert (await talk.me.page(after=1)).reset == "too-far"
    assert (await talk.desk.page(after=1)).reset == "too-far"


async def test_earlier_messages_are_read_backwards_in_pages(talk: Talk) -> None:
    for number in range(4):
        await talk.desk.post(fresh(), f"{number}")
    newest, oldest = await talk.me.page(before=6, lim=3), await talk.me.page(before=3, lim=3)
    assert (newest.seqs(), newest.more) == ([3, 4, 5], True)
    assert (oldest.seqs(), oldest.more) == ([1, 2], False)
    for before in (0, 1):
        nothing = await talk.me.page(before=before)
        assert (nothing.events, nothing.more, nothing.refused) == ([], False, "")
    assert (await talk.me.page(before=2**31 - 1)).seqs() == [1, 2, 3, 4, 5]


UNREADABLE: list[dict[str, int]] = [
    {"after": 0, "before": 3}, {"after": -1}, {"before": -1}, {"after": 2**31}, {"lim": 0}, {"lim": 201},
]  # fmt: skip


async def test_what_cannot_be_read_is_refused(talk: Talk) -> None:
    for asked in UNREADABLE:
        assert (await talk.me.page(**asked)).refused == "invalid-input", asked
        assert (await talk.desk.page(**asked)).refused == "invalid-input", asked


async def test_notes_and_cases_stand_in_the_log_that_staff_alone_reads(here: str, talk: Talk) -> None:
    name, root = fresh(), f"/v1/staff/conversations/{talk.c}"
    async with httpx.AsyncClient(base_url=f"http://{here}", headers=talk.colleague.headers) as http:
        desk = RestDoor(http, root, "")
        assert await desk.note(name, "Ha paura") == ("kept", 0, 1)
        assert await desk.note(name, "Ha paura") == ("again", 0, 1)
        assert await desk.note(name, "Altro") == refused("id-reused")
        assert await desk.note(fresh(), " ") == INVALID
        await talk.me.post(fresh(), "Ciao")
        await http.post(f"{root}/take")
        await http.put(f"{root}/state", json={"state": "closed"})
    staffs = await talk.desk.page(log="p")
    assert staffs.kinds() == [(1, "note"), (2, "state"), (3, "assign"), (4, "state")]
    assert staffs.events[0]["by"] == {"side": "clinic", "name": "Rita"}
    assert (await talk.desk.page(log="p", before=3)).refused == "invalid-input", "there are no messages in it"
    shared = await talk.me.page(after=1)
    assert shared.kinds() == [(2, "msg"), (3, "state")]
    assert not shared.events[1]["d"]["open"]


async def test_both_doors_tell_the_same_events_to_the_letter(here: str, talk: Talk) -> None:
    await talk.me.post(fresh(), "Ciao", re=1)
    await talk.me.form(fresh(), "pain", where="a destra")
    await talk.me.edit(fresh(), 2, "Ciao!")
    await talk.me.react(fresh(), 1, "👍")
    await talk.me.mark(1, 1)
    await talk.me.delete(fresh(), 2)
    paths = (talk.c, "/v1/me/conversation", "")
    async with by_socket(here, talk.patient, *paths) as socket, by_rest(here, talk.patient, *paths) as rest:
        for asked in ({"after": 0}, {"before": 9}, {"after": 2, "lim": 2}):
            told = await socket.page(**asked)
            assert told.events
            assert told == await rest.page(**asked)


async def test_one_pace_for_all_doors(talk: Talk) -> None:
    answers: list[str] = []
    while "too-many-requests" not in answers:
        answers.append((await talk.me.post(fresh(), f"n{len(answers)}"))[0])
        assert len(answers) < 200
    assert set(answers[:-1]) == {"kept"}
    assert len(answers) > 10
    assert (await talk.me.react(fresh(), 1, "👍"))[0] in ("kept", "too-many-requests"), "the same for all that is kept"


async def test_what_is_somebody_elses_is_as_if_it_were_not_there(talk: Talk) -> None:
    them = talk.stranger
    assert await them.post(fresh(), "?") == ABSENT
    assert await them.edit(fresh(), 1, "?") == ABSENT
    assert await them.delete(fresh(), 1) == ABSENT
    assert await them.react(fresh(), 1, "👍") == ABSENT
    assert await them.mark(1, 1) == "not-found"
    assert await them.typing() == "not-found"
    assert (await them.page(after=0)).refused == "not-found"
    assert (await talk.me.page(after=0)).kinds() == [(1, "msg")]


async def test_what_there_is_not_is_refused_and_the_talk_goes_on(talk: Talk) -> None:
    assert await talk.me.odd() == "invalid-input"
    assert await talk.me.edit(fresh(), 0, "?") == INVALID
    assert await talk.me.react(fresh(), 2**31, "👍") == INVALID
    assert (await talk.me.post(fresh(), "Ciao"))[0] == "kept"


async def test_who_writes_by_rest_hears_it_by_socket_and_the_other_way_round(world: World, here: str) -> None:
    patient, name = await a_patient(world), fresh()
    async with (
        greeted(here, patient.token) as (phone, _),
        httpx.AsyncClient(base_url=f"http://{here}", headers=patient.headers, timeout=20) as http,
    ):
        rest = RestDoor(http, "/v1/me/conversation", "/v1/me/conversation/messages")
        assert await rest.post(name, "Per strada") == ("kept", 1, 1)
        told = await phone.hear("ev")
        assert (told["d"]["id"], told["rev"]) == (str(name), 1)
        await phone.say("send", id=str(name), op="msg", body="Per strada")
        again = await phone.hear("ack")
        assert (again["dup"], again["seq"], again["rev"]) == (True, 1, 1), "sent again by the other door"
        cur = (await http.get("/v1/me/conversation/sync", params={"wait": "0"})).json()["cur"]
        asked = http.get("/v1/me/conversation/sync", params={"cur": cur, "wait": "15"})
        waiting = asyncio.create_task(asked)
        said = await phone.post("Al telefono")
        news = (await waiting).json()
        events = news["page"]["events"]
        assert [event["message"]["client_id"] for event in events if event["message"]] == [said["id"]]
        assert Cursor.read(news["cur"]).place >= said["rev"]
