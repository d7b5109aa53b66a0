"""Who of one node's sockets hears what.

Patients and staff stand in different places: an event of the staff's log has no way to a patient's socket.
"""

from collections.abc import Collection, Iterable
from itertools import chain
from typing import TypeVar
from uuid import UUID

from chat.conversation import MOST_SOCKETS_OF_PATIENT, MOST_SOCKETS_OF_STAFF, MOST_WATCHED, Side
from chat.frames import Close
from chat.listener import Listener
from chat.log import Log, Thread

_MOST = {Side.PATIENT: MOST_SOCKETS_OF_PATIENT}
_Key = TypeVar("_Key")
_Account = tuple[UUID, Side, UUID, bool]
"""An account on one side of one clinic, and whether those that poll are meant."""


class Seating:
    """The sets of listeners by what they hear."""

    def __init__(self) -> None:
        self._phones: dict[Thread, set[Listener]] = {}
        self._watching: dict[Thread, set[Listener]] = {}
        self._desks: dict[UUID, set[Listener]] = {}
        # Its sockets, and apart from them its requests that wait: neither takes the other's place.
        self._of_account: dict[_Account, list[Listener]] = {}
        # Sent away, but still saying goodbye.
        self._leaving: set[Listener] = set()
        self.version = 0
        """Another one whenever somebody came or left, or hears as somebody else or less than before."""

    def join(self, listener: Listener) -> None:
        """Take a place. The same device's older socket ends, and the account's oldest one where there are too many."""
        self.version += 1
        for thread in listener.threads:
            self._phones.setdefault(thread, set()).add(listener)
        if listener.speaker.side is not Side.PATIENT:
            self._desks.setdefault(listener.speaker.clinic_id, set()).add(listener)
        self._replace(listener)
        mine = self._of_account.setdefault(_account(listener), [])
        mine.append(listener)
        if len(mine) > _most(listener):
            self._send_away(mine[0])

    def has_place(self, listener: Listener) -> bool:
        """Whether it may come without another's having to go."""
        return len(self._of_account.get(_account(listener), ())) < _most(listener)

    def _replace(self, by: Listener) -> None:
        """The older sockets of its device end; a device may sit in several clinics, and on both sides of one."""
        sockets = self._of_account.get((*_account(by)[:-1], False), ())
        for old in [each for each in sockets if by.device and each.device == by.device]:
            self._send_away(old)

    def send_away(self, connections: Collection[UUID]) -> None:
        """End these: their devices are connected elsewhere."""
        for listener in [each for each in self.everybody() if each.connection_id in connections]:
            self._send_away(listener)

    def _send_away(self, listener: Listener) -> None:
        self.leave(listener)
        self._leaving.add(listener)
        listener.end(Close.ELSEWHERE)

    def leave(self, listener: Listener) -> None:
        """Hear nothing more. Leaving twice is leaving once."""
        self.version += 1
        self._leaving.discard(listener)
        for thread in listener.threads:
            _drop(self._phones, thread, listener)
        for thread in (listener.watched or {}).values():
            _drop(self._watching, thread, listener)
        _drop(self._desks, listener.speaker.clinic_id, listener)
        mine = self._of_account.get(_account(listener), [])
        if listener in mine:
            mine.remove(listener)
        if not mine:
            self._of_account.pop(_account(listener), None)

    def lose(self, listener: Listener, patient_id: UUID) -> None:
        """This record is no more this listener's to hear."""
        self.version += 1
        listener.patients -= {patient_id}
        _drop(self._phones, Thread(listener.speaker.clinic_id, patient_id), listener)

    def watch(self, listener: Listener, conversation_id: UUID, thread: Thread) -> None:
        """Staff alone. Beyond the most that may be watched at once, the one watched longest is let go."""
        assert listener.speaker.side is not Side.PATIENT
        watched = listener.watched = listener.watched or {}
        watched[conversation_id] = thread
        self._watching.setdefault(thread, set()).add(listener)
        if len(watched) > MOST_WATCHED:
            self.unwatch(listener, next(iter(watched)))

    def unwatch(self, listener: Listener, conversation_id: UUID) -> None:
        thread = (listener.watched or {}).pop(conversation_id, None)
        if thread is not None:
            _drop(self._watching, thread, listener)

    def watches(self) -> list[tuple[Listener, UUID, Thread]]:
        """Who at a desk watches what: the conversation's id and whose it is."""
        watching = set(chain.from_iterable(self._watching.values()))
        return [(each, name, thread) for each in watching for name, thread in (each.watched or {}).items()]

    def everybody(self) -> list[Listener]:
        return list(chain(chain.from_iterable(self._of_account.values()), self._leaving))

    def is_followed(self, thread: Thread) -> bool:
        """Somebody here hears its events."""
        return thread in self._phones or thread in self._watching

    def is_heard(self, thread: Thread, log: Log) -> bool:
        """Somebody here hears this log of it."""
        return thread in self._watching or (log is Log.SHARED and thread in self._phones)

    def ears(self, thread: Thread, log: Log) -> Iterable[Listener]:
        """Who hears the events of a log."""
        staff = self._watching.get(thread, ())
        return chain(self._phones.get(thread, ()), staff) if log is Log.SHARED else staff

    def has_desk_without(self, thread: Thread) -> bool:
        """Whether `desks_without` finds anybody: who watches is of the desk."""
        return len(self._desks.get(thread.clinic_id, ())) > len(self._watching.get(thread, ()))

    def desks_without(self, thread: Thread) -> list[Listener]:
        """The desk's listeners that do not watch this thread: they see its line of the inbox."""
        watching = self._watching.get(thread, ())
        return [each for each in self._desks.get(thread.clinic_id, ()) if each not in watching]

    def phones_of(self, clinic_id: UUID) -> list[Listener]:
        """The sockets of a clinic's patients."""
        return [
            each for each in self.everybody()
            if each.speaker.clinic_id == clinic_id and each.speaker.side is Side.PATIENT
        ]  # fmt: skip


def _account(listener: Listener) -> _Account:
    who = listener.speaker
    return who.clinic_id, who.side, who.account_id, listener.polls


def _most(listener: Listener) -> int:
    return _MOST.get(listener.speaker.side, MOST_SOCKETS_OF_STAFF)


def _drop(heard: dict[_Key, set[Listener]], key: _Key, listener: Listener) -> None:
    listeners = heard.get(key)
    if listeners is None:
        return
    listeners.discard(listener)
    if not listeners:
        del heard[key]
