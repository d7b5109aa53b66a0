"""One promise each, put to a node that keeps it or to one that does not: what is wrong, as sentences, or nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from uuid import UUID

import asyncpg
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chat.commands import Speaker, Target, note, send
from chat.conversation import Side
from chat.unread_push import notices_for_unread
from core.clock import now
from core.database import Database
from core.ids import new_id
from enamel.chat_client.client import PROTOCOL
from identity.commands import Keys
from identity.sign_in import Audience
from tests.chaos.devices import Device, make_device
from tests.chaos.lines import Line
from tests.chaos.node import Nodes, NodeSettings
from tests.chaos.people import People, Person
from tests.chaos.truth import behind, read_table, unsaid, violations
from tests.world import SECRET

_SOON_SECONDS = 4.0
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a proof takes place: a database, the people in it, and nodes with or without a fault."""

    url: str
    people: People
    nodes: Nodes
    mutant: str = ""

    async def node(self, number: int, *, deaf: bool = False) -> str:
        await self.nodes.start(number, NodeSettings(self.url, deaf, self.mutant))
        return f"ws://127.0.0.1:{self.nodes.places[number].port}"

    @asynccontextmanager
    async def device(self, person: Person, address: str, name: str, follows: Sequence[str]) -> AsyncIterator[Device]:
        made = make_device(name, person, list(follows), [address], Random(1))  # noqa: S311  only spreads
        made.start()
        try:
            async with asyncio.timeout(15):
                await made.client.online.wait()
            yield made
        finally:
            await made.stop()

    async def compared(self, devices: Sequence[Device], begun: int) -> list[str]:
        """What differs, as soon as nobody is behind, or when it takes too long."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _SOON_SECONDS
        while True:
            late = unsaid(devices)
            table = await read_table(self.url, self.people.party.clinic_id)
            late += behind(table, devices)
            if not late or loop.time() > deadline:
                return [*late, *violations(table, devices, begun=begun)]
            await asyncio.sleep(0.05)

    async def said_before(self) -> int:
        connection = await asyncpg.connect(self.url)
        try:
            count: int = await connection.fetchval(
                "select count(*) from message where clinic_id = $1", self.people.party.clinic_id
            )
        finally:
            await connection.close()
        return count

    def speaker(self, person: Person) -> Speaker:
        """For what is done without a socket."""
        is_patient = person.patient_id is not None
        audience = Audience.PATIENT if is_patient else Audience.STAFF
        claims = Keys(SECRET).tokens.verify(person.token, audience, now())
        side = Side.PATIENT if is_patient else Side.CLINIC
        return Speaker(side, claims.clinic_id, claims.subject_id, claims.session_id)


async def what_is_acknowledged_is_kept(stage: Stage) -> list[str]:
    """The node dies as soon as the ack is here."""
    begun, patient = await stage.said_before(), stage.people.patients[0]
    async with stage.device(patient, await stage.node(0), "phone", [patient.conversation]) as phone:
        phone.say(patient.conversation)
        async with asyncio.timeout(10):
            await phone.said[0].settled
        await stage.nodes.kill_all()
        await asyncio.sleep(0.1)
        table = await read_table(stage.url, stage.people.party.clinic_id)
        return [fault for fault in violations(table, [phone], begun=begun) if fault.startswith("lost")]


async def a_lost_wakeup_costs_no_message(stage: Stage) -> list[str]:
    """Two nodes with a bus that loses everything: what one is told the other finds."""
    begun, patient = await stage.said_before(), stage.people.patients[0]
    first, second = await stage.node(0, deaf=True), await stage.node(1, deaf=True)
    follows = [patient.conversation]
    async with stage.device(patient, first, "a", follows) as a, stage.device(patient, second, "b", follows) as b:
        await stage.compared([a, b], begun)  # they hold what was: from now on they only listen
        a.say(patient.conversation)
        return await stage.compared([a, b], begun)


async def order_is_the_order_of_commits(stage: Stage) -> list[str]:
    """Two phones of one patient at two nodes, both talking."""
    begun, patient = await stage.said_before(), stage.people.patients[0]
    first, second = await stage.node(0), await stage.node(1)
    follows = [patient.conversation]
    async with stage.device(patient, first, "a", follows) as a, stage.device(patient, second, "b", follows) as b:
        await stage.compared([a, b], begun)
        for _ in range(_TRIES):
            a.say(patient.conversation)
            b.say(patient.conversation)
        return await stage.compared([a, b], begun)


async def an_id_is_one_thing_for_ever(stage: Stage) -> list[str]:
    """One id of one person, for two patients, over two nodes, at one moment: one of them is refused."""
    desk, faults = stage.people.staff[0], []
    async with (
        _socket(await stage.node(0), desk.token) as first,
        _socket(await stage.node(1), desk.token) as second,
    ):
        for _ in range(_TRIES):
            frame = {"t": "send", "id": str(new_id()), "op": "msg", "body": "Buongiorno"}
            answers = await asyncio.gather(
                _asked(first, {**frame, "c": stage.people.conversations[0]}),
                _asked(second, {**frame, "c": stage.people.conversations[1]}),
            )
            if sorted(answers) != ["ack", "id-reused"]:
                faults.append(f"doubled: one id was answered {answers}")
    return faults


async def a_half_open_socket_still_gets_its_push(stage: Stage) -> list[str]:
    """A phone in a tunnel: its socket stands, nothing gets through, nobody is told."""
    patient, desk = stage.people.patients[0], stage.people.staff[0]
    await stage.node(0)
    line, database = Line(lambda: stage.nodes.places[0].port), Database(stage.url, pool=2)
    try:
        async with stage.device(patient, await line.open(), "phone", [patient.conversation]) as phone:
            await stage.compared([phone], await stage.said_before())
            await _is_known_to_be_connected(database, patient)
            line.freeze()
            before = await _pushes(database, patient)
            target = Target(UUID(patient.conversation))
            await send(database, stage.speaker(desk), target, new_id(), "Domani alle dieci?", now())
            after = await _pushes(database, patient)
            return [] if after > before else ["swallowed: no push for what nobody saw"]
    finally:
        await line.close()
        await database.close()


async def _pushes(database: Database, patient: Person) -> int:
    """How many there are for this patient, once everything that is due in four seconds was decided."""
    async with database.sweeping() as sweeping:
        await notices_for_unread(sweeping, now() + timedelta(seconds=4))
    counting = text("select count(*) from notice where patient_id = :patient and kind = 'chat'")
    async with database.sweeping() as sweeping:
        count: int = (await sweeping.execute(counting, {"patient": patient.patient_id})).scalar_one()
        return count


async def _is_known_to_be_connected(database: Database, patient: Person) -> None:
    asking = text("select exists (select from chat_presence where patient_id = :patient)")
    async with asyncio.timeout(10):
        while True:
            async with database.sweeping() as sweeping:
                if (await sweeping.execute(asking, {"patient": patient.patient_id})).scalar_one():
                    return
            await asyncio.sleep(0.05)


async def notes_stay_with_staff(stage: Stage) -> list[str]:
    """Staff notes something down and then writes: the patient hears the second and of the first not even a number."""
    patient, desk = stage.people.patients[0], stage.people.staff[0]
    database = Database(stage.url, pool=2)
    try:
        async with stage.device(patient, await stage.node(0), "phone", [patient.conversation]) as phone:
            target, speaker = Target(UUID(patient.conversation)), stage.speaker(desk)
            begun = await stage.said_before() + 1
            await note(database, speaker, target, new_id(), "pays late", now())
            await send(database, speaker, target, new_id(), "Buongiorno", now())
            return await stage.compared([phone], begun)
    finally:
        await database.close()


async def one_who_does_not_read_is_let_go(stage: Stage) -> list[str]:
    """Seven megabytes for a socket that nobody reads: the node keeps little of it, and ends it."""
    address, node = await stage.node(0), stage.nodes.places[0]
    database = Database(stage.url, pool=4)
    try:
        await _floods_a_socket_that_nobody_reads(stage, database, address)  # the node has been at such work
        before = _resident(node.pid)
        ended = await _floods_a_socket_that_nobody_reads(stage, database, address)
        grown = _resident(node.pid) - before
    finally:
        await database.close()
    faults = [] if ended else ["unbounded: a reader that does not read was never let go"]
    return faults + ([f"unbounded: {grown / 2**20:.1f} MiB were kept for it"] if grown > _MOST_GROWN else [])


async def _floods_a_socket_that_nobody_reads(stage: Stage, database: Database, address: str) -> bool:
    """Whether it was ended for it."""
    patient = stage.people.patients[-1]
    async with _socket(address, patient.token, max_queue=1) as reader:
        alive = asyncio.create_task(_look_alive(reader))
        await _flood(database, stage.speaker(patient), patient.conversation)
        alive.cancel()
        return await _ends(reader)


_SWEPT_SECONDS = 1.2
_FLOOD, _AT_ONCE = 600, 100
_MOST_GROWN = 4 * 2**20
"""Of the whole process, allocator included."""


async def _look_alive(socket: ClientConnection) -> None:
    """Speak without reading: silence would be another reason to be let go."""
    with suppress(ConnectionClosed):
        while True:
            await socket.send('{"t":"pong"}')
            await asyncio.sleep(0.5)


async def _flood(database: Database, speaker: Speaker, conversation: str) -> None:
    target = Target(UUID(conversation))
    for _ in range(0, _FLOOD, _AT_ONCE):
        await asyncio.gather(*(send(database, speaker, target, new_id(), "牙" * 4000, now()) for _ in range(_AT_ONCE)))
        await asyncio.sleep(_SWEPT_SECONDS)  # what a node reads at once it has in memory: on a busy machine all of it


def _resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


async def _ends(socket: ClientConnection) -> bool:
    """Whether the other side has ended it, once everything was read."""
    with suppress(TimeoutError):
        async with asyncio.timeout(3):
            try:
                while True:
                    await socket.recv()
            except ConnectionClosed:
                return True
    return False


@asynccontextmanager
async def _socket(address: str, token: str, *, max_queue: int = 256) -> AsyncIterator[ClientConnection]:
    """A bare socket after its welcome, for what a good client would never do."""
    async with connect(
        address + "/v1/chat/ws", subprotocols=[PROTOCOL], compression=None, ping_interval=None, max_size=2**24,
        max_queue=max_queue, close_timeout=0.2,
    ) as socket:  # fmt: skip
        await socket.send(json.dumps({"t": "hello", "tok": token, "dev": str(new_id())}))
        assert json.loads(await socket.recv())["t"] == "welcome"
        yield socket


async def _asked(socket: ClientConnection, frame: dict[str, str]) -> str:
    """`ack`, or the code of the refusal."""
    await socket.send(json.dumps(frame))
    async with asyncio.timeout(10):
        while True:
            heard = json.loads(await socket.recv())
            if heard.get("id") == frame["id"]:
                return str(heard.get("code", heard["t"]))
