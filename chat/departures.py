"""Who must leave a node, or lose one conversation: by a session or right that is over, a patient who was erased, or
a device that is connected elsewhere.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chat import frames, watch
from chat.attendance import Attendance
from chat.conversation import Gone
from chat.frames import Close
from chat.listener import Listener
from chat.log import Log, Thread
from chat.seating import Seating
from core.database import Database

_ANEW_WITHIN = 1_000
"""Milliseconds over which somebody's desks come back who was tied to other branches."""


class Departures:
    """Asks whether all who sit here still may. Where they sit is written down anew when somebody came or left."""

    def __init__(self, database: Database, seats: Seating, attendance: Attendance) -> None:
        self._database, self._seats, self._attendance = database, seats, attendance
        self._version: int | None = None
        self._listeners: list[Listener] = []
        self._listed: watch.SeatList = ()

    async def dismiss(self, now: datetime) -> None:
        """End the sockets whose session or right is over, also where it was ended on another node."""
        self._write_down()
        listeners = self._listeners
        lost = await watch.fallen(self._database, self._listed, now) if listeners else []
        for number, patient_id, is_moved in lost:
            if is_moved:
                listeners[number].end(Close.RESTART, wait=(0, _ANEW_WITHIN))
            else:
                self._lose(listeners[number], patient_id)
        goes_on = [
            (listeners[number], Thread(listeners[number].speaker.clinic_id, patient_id))
            for number, patient_id, _ in lost
            if patient_id is not None and listeners[number].patients
        ]
        if goes_on:
            await _take_back(self._database, goes_on)

    async def dismiss_replaced(self) -> None:
        """End the sockets of devices that have connected to another node since; no bus has to tell."""
        gone = await self._attendance.replaced() if self._listeners else set()
        if gone:
            self._seats.send_away(gone)

    def _write_down(self) -> None:
        if self._version != self._seats.version:
            self._version, self._listeners = self._seats.version, self._seats.everybody()
            seats = [seat for number, each in enumerate(self._listeners) for seat in _seats_of(number, each)]
            self._listed = watch.listed(seats) if seats else ()

    def _lose(self, listener: Listener, patient_id: UUID | None) -> None:
        """A guardian who loses one record goes on with the others; who has none left is ended."""
        if patient_id is not None:
            self._seats.lose(listener, patient_id)
            self._attendance.note(listener)
        if not listener.patients:
            listener.end(Close.NO_RIGHT)


def _seats_of(number: int, listener: Listener) -> list[watch.Seat]:
    who = listener.speaker
    return [
        watch.Seat(number, who.clinic_id, who.account_id, who.session_id, patient_id, listener.tied)
        for patient_id in listener.patients or (None,)
    ]


async def _take_back(database: Database, lost: Sequence[tuple[Listener, Thread]]) -> None:
    """Tell the devices of who goes on which conversation to forget."""
    names = await watch.conversations_of(database, {thread for _, thread in lost})
    for listener, thread in lost:
        if thread in names:
            listener.offer(frames.reset(names[thread], Log.SHARED, 0, Gone.RIGHT_LOST))


async def end_watches(database: Database, seats: Seating) -> None:
    """Desks forget the conversations of patients who were erased (the patients' own sockets end by their rights), and
    those that went to a branch which is not theirs.
    """
    watches = seats.watches()
    asked = [(thread, conversation_id, each.speaker.account_id) for each, conversation_id, thread in watches]
    for place, why in await watch.gone(database, asked) if asked else ():
        listener, conversation_id, thread = watches[place]
        if (listener.watched or {}).get(conversation_id) == thread:
            seats.unwatch(listener, conversation_id)
            listener.offer(frames.reset(conversation_id, Log.SHARED, 0, why))
