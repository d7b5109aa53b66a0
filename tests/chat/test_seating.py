"""A device has one socket in each clinic and on each side of it, the newest, on whichever nodes they are."""

from uuid import UUID

import pytest

from chat.attendance import Attendance
from chat.conversation import Side
from chat.each_second import Question, ask
from chat.frames import Close
from chat.listener import Listener
from chat.queries.greeting import seatable
from chat.seating import Seating
from chat.speaker import Speaker
from core.clock import now
from core.ids import new_id
from tests.chat.listening import phone_of
from tests.world import World


def sitting(side: Side, clinic_id: UUID, account_id: UUID, patient_id: UUID) -> Listener:
    patients = [patient_id] if side is Side.PATIENT else []
    return Listener(Speaker(side, clinic_id, account_id, new_id()), patients, now(), device="phone-1")


def apart(world: World) -> list[Listener]:
    """One account on one device: in two clinics, and at a desk of one."""
    here, there, account_id = world.here, world.there, new_id()
    return [
        sitting(Side.PATIENT, here.clinic_id, account_id, here.patient_id),
        sitting(Side.PATIENT, there.clinic_id, account_id, there.patient_id),
        sitting(Side.CLINIC, here.clinic_id, account_id, here.patient_id),
    ]


async def seated(world: World) -> Listener:
    phone = phone_of(world, world.here)
    who, phone.device = phone.speaker, "phone-1"
    found = await seatable(world.database, who.side, who.clinic_id, who.account_id, who.session_id, now())
    phone.since = found.since
    return phone


async def replaced(world: World, node: Attendance) -> set[UUID]:
    return (await ask(world.database, Question(now(), node_id=node.node_id))).replaced


async def test_one_device_sits_in_two_clinics_and_on_both_sides_of_one(world: World) -> None:
    seats, sockets = Seating(), apart(world)
    for socket in sockets:
        seats.join(socket)
    assert [socket.ended for socket in sockets] == [None] * 3
    for again in apart_again(sockets):
        seats.join(again)
    assert [socket.ended for socket in sockets] == [Close.ELSEWHERE] * 3


def apart_again(sockets: list[Listener]) -> list[Listener]:
    return [
        sitting(each.speaker.side, each.speaker.clinic_id, each.speaker.account_id, next(iter(each.patients), new_id()))
        for each in sockets
    ]


@pytest.mark.parametrize("newer", range(3))
async def test_one_device_sits_so_on_different_nodes_too(world: World, newer: int) -> None:
    nodes, sockets = [Attendance(world.database) for _ in range(3)], apart(world)
    for node, socket in zip(nodes, sockets, strict=True):
        node.note(socket)
        await node.tell(0.0, now())
    assert [await replaced(world, node) for node in nodes] == [set()] * 3
    other = Attendance(world.database)
    other.note(apart_again(sockets)[newer])
    await other.tell(0.0, now())
    whom = [{sockets[newer].connection_id} if place == newer else set() for place in range(3)]
    assert [await replaced(world, node) for node in nodes] == whom


async def test_the_older_socket_of_a_device_ends_also_where_its_node_tells_of_it_last(world: World) -> None:
    first, second = Attendance(world.database), Attendance(world.database)
    old, new = await seated(world), await seated(world)
    second.note(new)
    await second.tell(0.0, now())
    first.note(old)
    await first.tell(0.0, now())
    assert (await replaced(world, first), await replaced(world, second)) == ({old.connection_id}, set())
