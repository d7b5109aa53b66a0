"""Thirty devices that talk over bad lines: two phones of each patient, and the desk's."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from enamel.chat_client import Backoff, ChatClient, Conversation, Outbox, Said, SentAway
from tests.chaos.people import People, Person

WATCHED = 3
# Sooner than the rule: the storm is the worse for it.
_COMES_BACK_WITHIN = 1.5
_EMOJI = ("👍", "❤️", "")


@dataclass(frozen=True, slots=True)
class FixedToken:
    """Good for longer than a storm lasts."""

    token: str

    async def current(self) -> str:
        return self.token

    async def renewed(self) -> str:
        return self.token


@dataclass
class Device:
    """One client, who holds it, what it hears, and what was said on it."""

    name: str
    person: Person
    client: ChatClient
    follows: list[str]
    chance: Random
    said: list[Said] = field(default_factory=list)
    sent_away: int = 0
    _task: "asyncio.Task[None] | None" = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            await self.client.run()
        except SentAway as away:
            self.sent_away = away.code

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def talk(self, pause: float) -> None:
        """Say things, and now and then change, take back or react to one, until cancelled. Patients say less."""
        pause *= 5 if self.person.patient_id else 1
        while True:
            await asyncio.sleep(self.chance.uniform(0, 2 * pause))
            if len(self.client.outbox.waiting()) < 5:
                self.say_something()

    def say_something(self) -> None:
        conversation = self.chance.choice(self.follows)
        if self.chance.random() < 0.8:
            self.say(conversation)
            return
        standing = self._standing(conversation)
        if standing:
            self._change(conversation, self.chance.choice(standing))

    def say(self, conversation: str) -> None:
        number = len(self.said)
        self.said.append(self.client.send(f"{self.name} says {number}", c=conversation))

    def _standing(self, conversation: str) -> list[int]:
        """Messages of its own that it knows to be kept."""
        acks = [
            said.settled.result()
            for said in self.said
            if said.frame["op"] == "msg" and said.settled.done() and said.settled.exception() is None
        ]
        return [ack["seq"] for ack in acks if ack["c"] == conversation]

    def _change(self, conversation: str, seq: int) -> None:
        op = self.chance.choice(("edit", "del", "react", "react"))
        members: dict[str, Any] = {"c": conversation, "seq": seq}
        if op == "edit":
            members["body"] = f"{self.name} means {len(self.said)}"
        elif op == "react":
            members["react"] = self.chance.choice(_EMOJI)
        self.said.append(self.client.do(op, **members))

    def copy_of(self, conversation: str) -> Conversation:
        return self.client.conversations.get(conversation) or Conversation(conversation)


def make_devices(people: People, addresses: Sequence[str], seed: int) -> list[Device]:
    """Two of each patient, and as many of the desk's as there are patients; each starts at another node."""
    made: list[Device] = []
    for number, patient in enumerate(people.patients):
        made += [
            _device(f"phone{number}.{half}", patient, [patient.conversation], addresses, seed + 2 * number + half)
            for half in (0, 1)
        ]
    for number in range(len(people.patients)):
        person = people.staff[number % len(people.staff)]
        follows = [people.conversations[(number + step) % len(people.patients)] for step in range(WATCHED)]
        made.append(_device(f"desk{number}", person, list(dict.fromkeys(follows)), addresses, seed + 1000 + number))
    return made


def _device(name: str, person: Person, follows: list[str], addresses: Sequence[str], seed: int) -> Device:
    start = seed % len(addresses)
    chance = Random(seed)  # noqa: S311  a run can be repeated
    return make_device(name, person, follows, [*addresses[start:], *addresses[:start]], chance)


def make_device(name: str, person: Person, follows: list[str], addresses: Sequence[str], chance: Random) -> Device:
    """A device that is off; what belongs to staff watches what it follows."""
    client = ChatClient(
        addresses,
        FixedToken(person.token),
        side="patient" if person.patient_id else "clinic",
        device=name,
        outbox=Outbox(),
        watched=() if person.patient_id else follows,
        backoff=Backoff(chance, longest=_COMES_BACK_WITHIN),
    )
    return Device(name, person, client, follows, chance)
