"""Tells the tour in the terminal: what happens, what was sent, what came back."""

import json
from typing import Any

from rich.console import Console
from rich.json import JSON
from rich.markup import escape
from rich.padding import Padding

LONGEST = 1400
_SECRET = {"access_token", "refresh_token", "client_secret", "password", "tok", "code", "token"}


class Narrator:
    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._steps = 0

    def step(self, title: str) -> None:
        self._steps += 1
        self._console.print()
        self._console.rule(f"[bold]{self._steps}. {escape(title)}", align="left")

    def say(self, text: str) -> None:
        self._console.print(text, style="italic")

    def sent(self, what: str, body: Any = None) -> None:
        self._console.print(f"[cyan]→ {escape(what)}")
        self._show(body)

    def answered(self, what: str, body: Any = None) -> None:
        self._console.print(f"[green]← {escape(what)}")
        self._show(body)

    def failed(self, reason: str) -> None:
        self._console.print(f"\n[bold red]The tour ends here: {escape(reason)}")

    def done(self) -> None:
        self._console.print(f"\n[bold green]The story went well: {self._steps} steps.\n")

    def _show(self, body: Any) -> None:
        if body is None:
            return
        text = json.dumps(_discreet(body), ensure_ascii=False, indent=1)
        shown = JSON(text, indent=1) if len(text) <= LONGEST else text[:LONGEST] + "\n…"
        self._console.print(Padding(shown, (0, 0, 0, 4)))


def _discreet(body: Any) -> Any:
    """The same without secrets: a terminal is recorded and shown around."""
    if isinstance(body, list):
        return [_discreet(item) for item in body]
    if isinstance(body, dict):
        return {name: "…" if _is_secret(name, value) else _discreet(value) for name, value in body.items()}
    return body


def _is_secret(name: str, value: Any) -> bool:
    """Codes of people are digits or capitals; those of problems and findings are words, and may be read."""
    return name in _SECRET and not (name == "code" and str(value).islower())
