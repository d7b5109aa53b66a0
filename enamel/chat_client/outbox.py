"""What was said and is not acknowledged yet: kept, in its order, also over a restart of the client."""

import json
from asyncio import Future, get_running_loop
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.ids import new_id

TOO_LARGE = "too-large"


class Refused(Exception):
    """The server will never take this; `code` is the same that REST gives as the problem's type."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def spelled(frame: dict[str, Any]) -> str:
    """The frame as it goes over the line."""
    return json.dumps(frame, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Said:
    """One intent: its id, made once, and the frame that carries it, the same for every repeat."""

    id: str
    frame: dict[str, Any]
    settled: "Future[dict[str, Any]]"
    """Its ack, or `Refused`."""


class Outbox:
    """Goes out one at a time: the second is sent when the first is settled, so that nothing overtakes on a bad line.

    With a `file` it outlives the process: what is read from it is sent again with the same ids.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._waiting: dict[str, Said] = {}
        self._file = file
        self._is_restored = False

    def restore(self) -> None:
        """Take what the last run left, once: before anything is added. Call it inside the loop."""
        if self._file is not None and not self._is_restored and self._file.exists():
            for frame in json.loads(self._file.read_text()):
                self._put(frame)
        self._is_restored = True

    def add(self, op: str, members: dict[str, Any]) -> Said:
        """Keep one more intent, with an id of its own."""
        self.restore()
        said = self._put({"t": "send", "id": str(new_id()), "op": op, **members})
        self._write()
        return said

    def first(self) -> Said | None:
        """What has to be settled next."""
        return next(iter(self._waiting.values()), None)

    def first_within(self, most: int) -> Said | None:
        """The first whose frame has at most so many bytes. What stands before it never goes: it is refused here,
        because the server would only end the line for it, each time again.
        """
        while (said := self.first()) is not None:
            try:
                size = len(spelled(said.frame).encode())
            except UnicodeEncodeError:
                self.refused(said.id, "invalid-input")
                continue
            if size <= most:
                return said
            self.refused(said.id, TOO_LARGE)
        return None

    def acknowledged(self, ack: dict[str, Any]) -> Said | None:
        """It stands; None for an ack that came already (an answer to a repeat)."""
        said = self._drop(ack["id"])
        if said is not None and not said.settled.done():
            said.settled.set_result(ack)
        return said

    def refused(self, id_: str, code: str) -> Said | None:
        """It will never stand."""
        said = self._drop(id_)
        if said is not None and not said.settled.done():
            said.settled.set_exception(Refused(code))
            said.settled.exception()  # nobody need ask
        return said

    def waiting(self) -> list[Said]:
        return list(self._waiting.values())

    def _put(self, frame: dict[str, Any]) -> Said:
        said = Said(frame["id"], frame, get_running_loop().create_future())
        self._waiting[said.id] = said
        return said

    def _drop(self, id_: str) -> Said | None:
        said = self._waiting.pop(id_, None)
        if said is not None:
            self._write()
        return said

    def _write(self) -> None:
        if self._file is None:
            return
        unfinished = self._file.with_name(self._file.name + ".unfinished")
        unfinished.touch(0o600)
        unfinished.chmod(0o600)  # before there is a word in it
        unfinished.write_text(json.dumps([said.frame for said in self._waiting.values()]))
        unfinished.rename(self._file)
