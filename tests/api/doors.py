"""The chat's two doors for one test: the same thing said over the socket and over REST, the answer in one shape."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, cast
from uuid import UUID

import httpx
import msgspec

from chat import frames
from chat.log import ConversationEvent, EventPage
from core.ids import new_id
from tests.api.chat_cast import Person
from tests.frames_seen import check
from tests.node import Phone, greeted

Answer = tuple[str, int, int]
"""`kept`, `again` or the code of the refusal; seq and rev, or zeros."""
Event = dict[str, Any]


class Page(msgspec.Struct, frozen=True):
    """A page as it was answered, by whichever door; or why to start over; or the refusal."""

    events: list[Event] = []
    more: bool = False
    reset: str = ""
    refused: str = ""

    def kinds(self) -> list[tuple[int, str]]:
        return [(event["rev"], event["k"]) for event in self.events]

    def seqs(self) -> list[int]:
        return [event["d"]["seq"] for event in self.events]


class Door(Protocol):
    """What a member of either side can do, whichever way. `None` of a member is left out."""

    async def post(self, name: UUID, body: str, **members: Any) -> Answer: ...
    async def form(self, name: UUID, starter: str, **answers: str) -> Answer: ...
    async def edit(self, name: UUID, seq: int, body: str) -> Answer: ...
    async def delete(self, name: UUID, seq: int) -> Answer: ...
    async def react(self, name: UUID, seq: int, emoji: str) -> Answer: ...
    async def mark(self, read: int, delivered: int = 0) -> str: ...
    async def typing(self) -> str: ...
    async def page(self, **asked: Any) -> Page: ...
    async def odd(self) -> str: ...


def filled(starter: str, answers: dict[str, str]) -> dict[str, Any]:
    return {"starter": starter, "answers": [{"key": key, "value": value} for key, value in answers.items()]}


class SocketDoor:
    """Frames of asking have a pace of their own per socket; a test is not to hear of it."""

    def __init__(self, phone: Phone, c: str) -> None:
        self._phone, self._c, self._asked = phone, c, 0

    async def _ask(self, kind: str, **members: Any) -> dict[str, Any]:
        """What comes back; what was said may be no frame of the document if it is refused."""
        await self._wait_if_asked_much(1)
        said = {"t": kind, "c": self._c, **{name: value for name, value in members.items() if value is not None}}
        await self._phone.raw(json.dumps(said))
        while True:
            frame = await self._phone.hear()
            if frame["t"] in ("ack", "nak", "page", "reset"):
                if frame["t"] != "nak":
                    check("client", said)
                return frame

    async def _hinted(self, kind: str, **members: Any) -> str:
        """A frame that is answered only where it is refused."""
        await self._wait_if_asked_much(2)
        await self._phone.say(kind, c=self._c, **members)
        await self._phone.say("ping")
        code = ""
        while (frame := await self._phone.hear())["t"] != "pong":
            code = frame["code"] if frame["t"] == "nak" else code
        return code

    async def _wait_if_asked_much(self, more: int) -> None:
        self._asked += more
        if self._asked > 8:
            await asyncio.sleep(0.12 * more)

    async def _send(self, name: UUID, op: str, **members: Any) -> Answer:
        frame = await self._ask("send", id=str(name), op=op, **members)
        assert frame["id"] == str(name)
        if frame["t"] == "nak":
            assert frame["retry"] == ("after" in frame)
            return frame["code"], 0, 0
        return "again" if frame["dup"] else "kept", frame["seq"], frame["rev"]

    async def post(self, name: UUID, body: str, **members: Any) -> Answer:
        return await self._send(name, "msg", body=body, **members)

    async def form(self, name: UUID, starter: str, **answers: str) -> Answer:
        return await self._send(name, "form", form=filled(starter, answers))

    async def edit(self, name: UUID, seq: int, body: str) -> Answer:
        return await self._send(name, "edit", seq=seq, body=body)

    async def delete(self, name: UUID, seq: int) -> Answer:
        return await self._send(name, "del", seq=seq)

    async def react(self, name: UUID, seq: int, emoji: str) -> Answer:
        return await self._send(name, "react", seq=seq, react=emoji)

    async def mark(self, read: int, delivered: int = 0) -> str:
        return await self._hinted("mark", dlv=delivered, read=read)

    async def typing(self) -> str:
        return await self._hinted("typing")

    async def page(self, **asked: Any) -> Page:
        frame = await self._ask("sync", **asked)
        if frame["t"] == "nak":
            return Page(refused=frame["code"])
        if frame["t"] == "reset":
            return Page(reset=frame["why"])
        return Page(frame["evs"], frame["more"])

    async def odd(self) -> str:
        """An operation that there is not."""
        return (await self._send(new_id(), "burn", body="x"))[0]


class RestDoor:
    def __init__(self, http: httpx.AsyncClient, root: str, posts: str) -> None:
        self._http, self._root, self._posts = http, root, posts

    async def _ask(self, method: str, path: str, **options: Any) -> Answer:
        answer = await self._http.request(method, path, **options)
        told = answer.json()
        if answer.is_error:
            return told["code"], 0, 0
        assert (answer.status_code == 200) or not told["duplicate"]
        return "again" if told["duplicate"] else "kept", told["seq"], told["rev"]

    async def post(self, name: UUID, body: str, **members: Any) -> Answer:
        return await self._ask("POST", self._posts, json={"client_id": str(name), "body": body, **members})

    async def form(self, name: UUID, starter: str, **answers: str) -> Answer:
        return await self._ask("POST", self._posts, json={"client_id": str(name), "form": filled(starter, answers)})

    async def edit(self, name: UUID, seq: int, body: str) -> Answer:
        path = f"{self._root}/messages/{seq}"
        return await self._ask("PATCH", path, json={"client_id": str(name), "body": body})

    async def delete(self, name: UUID, seq: int) -> Answer:
        return await self._ask("DELETE", f"{self._root}/messages/{seq}", params={"client_id": str(name)})

    async def react(self, name: UUID, seq: int, emoji: str) -> Answer:
        path = f"{self._root}/messages/{seq}/reaction"
        if not emoji:
            return await self._ask("DELETE", path, params={"client_id": str(name)})
        return await self._ask("PUT", path, json={"client_id": str(name), "emoji": emoji})

    async def mark(self, read: int, delivered: int = 0) -> str:
        body = {"delivered": delivered, "read": read}
        return _code(await self._http.put(f"{self._root}/marks", json=body))

    async def typing(self) -> str:
        return _code(await self._http.post(f"{self._root}/typing"))

    async def note(self, name: UUID, body: str) -> Answer:
        """Only here: the socket has no frame for it."""
        return await self._ask("POST", f"{self._root}/notes", json={"client_id": str(name), "body": body})

    async def page(self, **asked: Any) -> Page:
        told = {("limit" if name == "lim" else name): value for name, value in asked.items() if value is not None}
        answer = await self._http.get(f"{self._root}/events", params=told)
        if answer.is_error:
            return Page(refused=answer.json()["code"])
        page = EventPage.model_validate_json(answer.content)
        return Page([_framed(event) for event in page.events], page.more, reset=page.reset or "")

    async def odd(self) -> str:
        return (await self._ask("POST", self._posts, json={"client_id": str(new_id()), "op": "burn", "body": "x"}))[0]


def _code(answer: httpx.Response) -> str:
    return str(answer.json()["code"]) if answer.is_error else ""


def _framed(event: ConversationEvent) -> Event:
    """The event in the words of the socket."""
    told: Event = json.loads(frames.ev(event))
    del told["t"]
    return told


class Mixed:
    """Says by REST what it would say by socket every other time, with one and the same account."""

    def __init__(self, socket: Door, rest: Door) -> None:
        self._doors, self._turn = (socket, rest), 0

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        self._turn += 1
        found: Callable[..., Awaitable[Any]] = getattr(self._doors[self._turn % 2], name)
        return found


class Opener(Protocol):
    """Opens a door to the conversation `c`; `root` and `posts` are its paths for this person."""

    def __call__(self, address: str, who: Person, c: str, root: str, posts: str, /) -> Any: ...


@asynccontextmanager
async def by_socket(address: str, who: Person, c: str, _root: str, _posts: str) -> AsyncIterator[Door]:
    async with greeted(address, who.token) as (phone, _):
        yield SocketDoor(phone, c)


@asynccontextmanager
async def by_rest(address: str, who: Person, _c: str, root: str, posts: str) -> AsyncIterator[Door]:
    async with httpx.AsyncClient(base_url=f"http://{address}", headers=who.headers) as http:
        yield RestDoor(http, root, posts)


@asynccontextmanager
async def by_both(address: str, who: Person, c: str, root: str, posts: str) -> AsyncIterator[Door]:
    paths = (c, root, posts)
    async with by_socket(address, who, *paths) as socket, by_rest(address, who, *paths) as rest:
        yield cast("Door", Mixed(socket, rest))


def fresh() -> UUID:
    return new_id()
