"""The chat as lines of text: what is typed becomes intents, what happens becomes lines."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

from enamel.chat_client.client import ChatClient
from enamel.chat_client.held import Conversation, Event, Shown
from enamel.chat_client.outbox import TOO_LARGE, Refused, Said

HELP = """\
  text             say it in the open conversation
  /list            conversations
  /open N          open one of the list
  /edit SEQ text   change a message of yours
  /del SEQ         take one back
  /react SEQ sign  think something of one; without a sign: no more
  /back            earlier messages
  /quit            leave
"""
_EARLIER = 20
LONGEST_BODY = 4_000
"""Until a welcome says otherwise."""
_NUMBER = re.compile("[0-9]{1,9}")  # not `isdigit`, to which ² is one
# Control characters (but tab and line ends) order a terminal about; marks of direction show what was not said.
_ORDERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Terminal:
    """One person's chat. `say` prints a line; `client` is given by `attach`, which hears of this object's `show`."""

    def __init__(self, say: Callable[[str], None], *, side: str, to: dict[str, str] | None = None) -> None:
        self._print = say
        self._side = side
        self._to = to or {}
        self._open: str | None = None
        self._listed: list[str] = []
        self._client: ChatClient | None = None
        self._reports: set[asyncio.Task[None]] = set()

    def _say(self, line: str) -> None:
        """Print what others wrote so that none of it acts, and none of its lines looks like another message."""
        shown = _ORDERS.sub(lambda found: f"\\u{ord(found.group()):04x}", line.replace("\r\n", "\n"))
        self._print(shown.replace("\n", "\n    | "))

    def attach(self, client: ChatClient) -> None:
        self._client = client

    @property
    def client(self) -> ChatClient:
        assert self._client is not None
        return self._client

    def show(self, conversation: Conversation, event: Event) -> None:
        """Something happened. A patient's first conversation opens by itself."""
        if self._open is None and self._side == "patient":
            self._open = conversation.id
        if conversation.id != self._open:
            return
        said, kind = event["d"], event["k"]
        if kind in ("msg", "form"):
            self._say(_line(conversation.messages[said["seq"]]))
            self.client.read(conversation.id, said["seq"])
        elif kind in ("edit", "del", "react") and said["seq"] in conversation.messages:
            self._say("  now: " + _line(conversation.messages[said["seq"]]))
        elif kind == "note":
            self._say(f"  (note of {event['by'].get('name', '')}) {said['body']}")

    def obey(self, line: str) -> bool:
        """Do what a typed line says; False when it says to leave."""
        word, _, rest = line.strip().partition(" ")
        if word == "/quit":
            return False
        if word.startswith("/"):
            self._command(word, rest.strip())
        elif line.strip() and self._fits(line.strip()):
            self._owe(self.client.send(line.strip(), **self._target()))
        return True

    def owe_again(self) -> None:
        """Show also what becomes of that which the last run left."""
        self.client.outbox.restore()
        for said in self.client.outbox.waiting():
            self._owe(said)

    def too_long(self, most: int = LONGEST_BODY) -> None:
        self._print(f"  not sent: a message has at most {most:,} characters; say it in several")

    def _fits(self, body: str) -> bool:
        most: int = self.client.hearing.limits.get("body", LONGEST_BODY)
        if len(body) > most:
            self.too_long(most)
        return len(body) <= most

    def _command(self, word: str, rest: str) -> None:
        number, _, words = rest.partition(" ")
        if word == "/list":
            self._list()
        elif word == "/open" and _NUMBER.fullmatch(number) and 0 < int(number) <= len(self._listed):
            self._enter(self._listed[int(number) - 1])
        elif word == "/back" and self._open is not None:
            first = min(self.client.conversations[self._open].messages, default=1)
            self.client.ask_before(self._open, first, _EARLIER)
        elif word in _CHANGES and _NUMBER.fullmatch(number) and self._open is not None:
            op, member = _CHANGES[word]
            if not self._fits(words):
                return
            said = {member: words} if member else {}
            self._owe(self.client.do(op, c=self._open, seq=int(number), **said))
        else:
            self._print(HELP)

    def _list(self) -> None:
        known = self.client.conversations
        self._listed = [*known, *(each for each in self.client.hearing.inbox if each not in known)]
        for number, each in enumerate(self._listed, 1):
            conversation = known.get(each)
            last = conversation.messages.get(conversation.last_seq) if conversation else None
            unread = f"{conversation.unread} unread" if conversation else "new"
            self._say(f"{number:3}  {each[-8:]}  {unread:>10}  {last.body[:50] if last else ''}")
        if not self._listed:
            self._say("  nothing yet: the first message begins it")

    def _enter(self, conversation_id: str) -> None:
        self._open = conversation_id
        if self._side != "patient":
            self.client.watch(conversation_id)
        conversation = self.client.hearing.of(conversation_id)
        for seq in sorted(conversation.messages)[-_EARLIER:]:
            self._say(_line(conversation.messages[seq]))
        if conversation.messages:
            self.client.read(conversation_id, conversation.last_seq)

    def _target(self) -> dict[str, Any]:
        return {"c": self._open} if self._open else {"to": self._to} if self._to else {}

    def _owe(self, said: Said) -> None:
        """Nothing is said of what succeeds: it comes back as news. A refusal is shown."""
        report = asyncio.create_task(self._report(said))
        self._reports.add(report)
        report.add_done_callback(self._reports.discard)

    async def _report(self, said: Said) -> None:
        try:
            ack = await said.settled
        except Refused as refused:
            why = ": it is larger than this clinic takes, and is not sent again" if refused.code == TOO_LARGE else ""
            self._say(f"  refused: {refused.code}{why}")
            return
        if self._open is None:
            self._enter(ack["c"])


_CHANGES = {"/edit": ("edit", "body"), "/del": ("del", ""), "/react": ("react", "react")}


def _line(message: Shown) -> str:
    who = message.author or message.side
    body = "(taken back)" if message.deleted else message.body
    signs = "  " + " ".join(message.reactions.values()) if message.reactions else ""
    return f"{message.seq:4}  {message.at[11:16]}  {who}: {body}{' (edited)' if message.edited else ''}{signs}"
