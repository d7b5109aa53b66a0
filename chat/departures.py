"""Who must leave a node, or lose one conversation: by a session or right that is over, a patient who was erased, or
a device that is connected elsewhere.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chat import frames, watch
from chat.attendance import Attendance
from chat.conversation import Gone as Why
from chat.each_second import NOBODY, Answer, Fallen, Gone, Question, Seat, listed
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
        self._listed = NOBODY
        self._watches: list[tuple[Listener, UUID, Thread]] = []

    def question(self, now: datetime, horizon: str) -> Question:
        """What is to be asked for those who sit here now; `dismiss` takes the answer to the last one."""
        self._write_down()
        self._watches = self._seats.watches()
        watched = [
            (thread, conversation_id, each.speaker.account_id) for each, conversation_id, thread in self._watches
        ]
        return Question(now, horizon, self._listed, watched, self._attendance.node_id if self._listeners else None)

    async def dismiss(self, answer: Answer) -> None:
        """End the sockets whose session or right is over, also where it was ended on another node, and those of
        devices that have connected elsewhere since; no bus has to tell."""
        self._seats.send_away(answer.replaced)
        self._end_watches(answer.gone)
        await self._end_fallen(answer.fallen)

    async def _end_fallen(self, fallen: Sequence[Fallen]) -> None:
        listeners = self._listeners
        for number, patient_id, is_moved in fallen:
            if is_moved:
                listeners[number].end(Close.RESTART, wait=(0, _ANEW_WITHIN))
            else:
                self._lose(listeners[number], patient_id)
        goes_on = [
            (listeners[number], Thread(listeners[number].speaker.clinic_id, patient_id))
            for number, patient_id, _ in fallen
            if patient_id is not None and listeners[number].patients
        ]
        if goes_on:
            await _take_back(self._database, goes_on)

    def _end_watches(self, gone: Sequence[Gone]) -> None:
        """Desks forget the conversations of patients who were erased (the patients' own sockets end by their rights),
        and those that went to a branch which is not theirs.
        """
        for place, why in gone:
            listener, conversation_id, thread = self._watches[place]
            if (listener.watched or {}).get(conversation_id) == thread:
                self._seats.unwatch(listener, conversation_id)
                listener.offer(frames.reset(conversation_id, Log.SHARED, 0, why))

    def _write_down(self) -> None:
        if self._version != self._seats.version:
            self._version, self._listeners = self._seats.version, self._seats.everybody()
            seats = [seat for number, each in enumerate(self._listeners) for seat in _seats_of(number, each)]
            self._listed = listed(seats) if seats else NOBODY

    def _lose(self, listener: Listener, patient_id: UUID | None) -> None:
        """A guardian who loses one record goes on with the others; who has none left is ended."""
        if patient_id is not None:
            self._seats.lose(listener, patient_id)
            self._attendance.note(listener)
        if not listener.patients:
            listener.end(Close.NO_RIGHT)


def _seats_of(number: int, listener: Listener) -> list[Seat]:
    who = listener.speaker
    return [
        Seat(number, who.clinic_id, who.account_id, who.session_id, patient_id, listener.tied)
        for patient_id in listener.patients or (None,)
    ]


async def _take_back(database: Database, lost: Sequence[tuple[Listener, Thread]]) -> None:
    """Tell the devices of who goes on which conversation to forget."""
    names = await watch.conversations_of(database, {thread for _, thread in lost})
    for listener, thread in lost:
        if thread in names:
            listener.offer(frames.reset(names[thread], Log.SHARED, 0, Why.RIGHT_LOST))
