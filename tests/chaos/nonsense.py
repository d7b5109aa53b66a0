"""Frames nobody should send: noise, JSON that is no frame, and frames that are nearly right."""

import json
from random import Random
from typing import Any
from uuid import UUID

_KINDS = ("auth", "send", "send", "sync", "mark", "typing", "focus", "watch", "ping", "pong", "welcome", "bye", "")
_MEMBERS = (
    "id",
    "op",
    "c",
    "to",
    "seq",
    "body",
    "media",
    "re",
    "react",
    "form",
    "after",
    "before",
    "lim",
    "log",
    "dlv",
)
_MORE = ("read", "on", "tok", "dev", "app", "cur", "at", "__class__", "clinic", "patient", "starter", "answers")
_NUMBERS = ("seq", "re", "after", "before", "lim", "dlv", "read")
_OPS = ("msg", "edit", "del", "react", "form", "burn")
_SIGNS = 'aàж牙🦷 ?."\\\n{}[]:,'
_UNTAKEN = "\u0000\u001f\u202e\ud800"
_PLAIN = (None, True, 0, -1, 2**31, 2**53, 0.5, "", "x" * 300)
_BEYOND = (2**64, 10**40, 1e308, float("nan"), float("inf"))


class Nonsense:
    """An endless supply; `known` are ids of conversations that exist, so that some of it gets far."""

    def __init__(self, chance: Random, known: list[str]) -> None:
        self._chance = chance
        self._known = known

    def frame(self) -> str | bytes:
        # What is no frame at all ends the socket, so there is little of it.
        make = self._chance.choices((self._noise, self._json, self._nearly, self._right), (1, 1, 60, 38))[0]
        return make()

    def _noise(self) -> str | bytes:
        size = self._chance.choice((0, 1, 7, 200, 49_152, 49_153, 60_000))
        if self._chance.random() < 0.3:
            return self._chance.randbytes(min(size, 2000))
        return "".join(self._chance.choices('abж{}[]",:0', k=size))

    def _json(self) -> str:
        if self._chance.random() < 0.1:
            depth = self._chance.choice((20, 64, 2000))
            return '{"t":"send","x":' + "[" * depth + "]" * depth + "}"
        return self._written(self._value(0))

    def _nearly(self) -> str:
        frame: dict[str, Any] = {"t": self._chance.choice(_KINDS)}
        for name in self._chance.sample(_MEMBERS + _MORE, self._chance.randint(0, 7)):
            frame[name] = self._value(1) if self._chance.random() < 0.5 else self._fitting(name)
        text = self._written(frame)
        if self._chance.random() < 0.05:
            text = text.replace("}", ',"t":"ping"}', 1)
        return text[: self._chance.randrange(len(text))] if self._chance.random() < 0.01 else text

    def _right(self) -> str:
        kind = self._chance.choice(("send", "sync", "mark", "typing", "focus", "watch", "ping", "pong"))
        wanted = {
            "send": ("id", "op", "body", "c", "seq", "react"),
            "sync": ("c", "after"),
            "mark": ("c", "dlv", "read"),
        }
        names = wanted.get(kind, ("c",))
        return self._written({"t": kind, "on": True, **{name: self._fitting(name) for name in names}})

    def _fitting(self, name: str) -> Any:
        """What such a member may well be."""
        chance = self._chance
        if name == "c" and chance.random() < 0.8:
            return chance.choice(self._known)
        if name in ("id", "clinic", "patient", "c"):
            return str(UUID(int=chance.getrandbits(128)))
        if name in _NUMBERS:
            return chance.choice((0, 1, 2, 50, 200, 2**31 - 1, 2**31))
        if name in ("to", "form"):
            return {"patient": self._fitting("patient"), "starter": "book", "answers": []}
        if name == "op":
            return chance.choice(("msg", *_OPS))
        return self._text(chance.choices((1, 5, 40, 4000, 4001), (5, 5, 5, 1, 1))[0])

    def _text(self, size: int) -> str:
        return "".join(self._chance.choices(_SIGNS, k=size))

    def _value(self, depth: int) -> Any:
        chance = self._chance
        if chance.random() < 0.03:
            return chance.choice((*_BEYOND, "".join(chance.choices(_UNTAKEN, k=3))))
        if depth > 3 or chance.random() < 0.6:
            return chance.choice((*_PLAIN, self._text(chance.randint(0, 20))))
        if chance.random() < 0.5:
            return [self._value(depth + 1) for _ in range(chance.randint(0, 4))]
        names = chance.sample(_MEMBERS + _MORE, chance.randint(0, 4))
        return {name: self._value(depth + 1) for name in names}

    def _written(self, value: Any) -> str:
        """As text that a socket can carry: a half of a pair goes as an escape."""
        text = json.dumps(value, ensure_ascii=self._chance.random() < 0.5)
        return text.encode("utf-8", "replace").decode()
