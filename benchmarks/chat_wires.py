"""How the chat benchmark's clients speak: bare protocols, so that a client library is never what is measured.

All wires of one contender are alike to the load: `send` gives a name, `acked` is told that name once the message is
durable, `heard` is told each body that arrives. A wire that is refused or cut fails the run.
"""

import asyncio
import base64
import itertools
import json
import os
import re
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, cast
from uuid import UUID

_SHORT, _MIDDLE = 126, 127
_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A
_UNMASKED = bytes(4)  # RFC 6455 §5.3 wants a mask; zero keeps the text as it is and costs the server the same

Heard = Callable[[bytes], None]
Acked = Callable[[Hashable], None]


class WireFailed(Exception):
    """The server refused, cut the line, or said what nobody asked for."""


class Wire(asyncio.Protocol):
    """One connection. `ready` is done once it may send and hear."""

    def __init__(self, credential: str, heard: Heard, acked: Acked) -> None:
        self.credential, self.heard, self.acked = credential, heard, acked
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._buffer = b""

    @property
    def transport(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class is no subclass of it

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(f"the line was cut ({exc})")

    def end(self, why: str) -> None:
        if not self.gone.done():
            self.gone.set_result(why)
        if not self.ready.done():
            self.ready.set_exception(WireFailed(f"{type(self).__name__}: {why}"))

    def is_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)

    def send(self, body: str) -> Hashable:
        raise NotImplementedError

    def leave(self) -> None:
        self.gone.cancel()
        self.transport.close()


class Socket(Wire):
    """A WebSocket client (RFC 6455) of whole, uncompressed text frames."""

    path = "/"
    protocol = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        offer = f"sec-websocket-protocol: {self.protocol}\r\n" if self.protocol else ""
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET {self.path} HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            f"sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n{offer}\r\n".encode()
        )
        self._open = False

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.end(head.split(b"\r\n", 1)[0].decode())
                return
            self._open, self._buffer = True, rest
            self.opened()
        self._buffer = self._after_frames(self._buffer)

    def _after_frames(self, data: bytes) -> bytes:
        """Take every whole frame; what is left is the begin of the next."""
        at, end = 0, len(data)
        while end - at >= 2:
            size, begin = data[at + 1], at + 2
            if size == _SHORT:
                size, begin = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif size == _MIDDLE:
                size, begin = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if end < begin + size:
                break
            kind, text, at = data[at], data[begin : begin + size], begin + size
            if kind == _TEXT:
                self.told(text)
            elif kind == _PING:
                self._say(_PONG, text)
            elif kind == _CLOSE:
                self.end(f"closed with {int.from_bytes(text[:2], 'big')}")
        return data[at:]

    def say(self, text: str) -> None:
        self._say(_TEXT, text.encode())

    def _say(self, kind: int, text: bytes) -> None:
        size = len(text)
        head = bytes([kind, 0x80 | size]) if size < _SHORT else bytes([kind, 0x80 | _SHORT]) + size.to_bytes(2, "big")
        self.transport.write(head + _UNMASKED + text)

    def opened(self) -> None:
        self.is_ready()

    def told(self, text: bytes) -> None:
        raise NotImplementedError


class EnamelSocket(Socket):
    """`enamel.chat.v1`: a patient's or staff's device by its access token."""

    path = "/v1/chat/ws"
    protocol = "enamel.chat.v1"

    def __init__(self, credential: str, heard: Heard, acked: Acked) -> None:
        super().__init__(credential, heard, acked)
        self.bye: dict[str, Any] | None = None
        self.opened_conversation: str | None = None
        self._names = UUID(bytes=os.urandom(16)).int

    def opened(self) -> None:
        self.say(json.dumps({"t": "hello", "tok": self.credential, "dev": self.credential[-8:]}))

    def send(self, body: str) -> Hashable:
        self._names += 1
        name = str(UUID(int=self._names & (2**128 - 1)))
        self.say(f'{{"t":"send","id":"{name}","op":"msg","body":"{body}"}}')
        return name

    def watch(self, conversation: str) -> None:
        """Staff looks at this conversation: its events come as they are, not as a line of the inbox."""
        self.say(json.dumps({"t": "watch", "c": conversation, "on": True}))

    def told(self, text: bytes) -> None:
        frame = json.loads(text)
        match frame["t"]:
            case "ev":
                if frame["k"] == "msg":
                    self.heard(frame["d"]["body"].encode())
            case "ack":
                self.opened_conversation = frame["c"]
                self.acked(frame["id"])
            case "ping":
                self.say('{"t":"pong"}')
            case "welcome":
                self.is_ready()
            case "nak":
                self.end(f"refused: {text.decode()}")
            case "bye":
                self._sent_away(frame)
            case _:
                pass  # typing, desk, inbox: hints

    def _sent_away(self, frame: dict[str, Any]) -> None:
        self.bye = frame
        if not self.ready.done():
            self.end(f"sent away: {frame}")


class PlainSocket(Socket):
    """The plain version's socket: who it is stands in the path, the answer to a send is its id."""

    def __init__(self, credential: str, heard: Heard, acked: Acked) -> None:
        super().__init__(credential, heard, acked)
        self.path = f"/chat/{credential}"
        self._names = itertools.count()

    def send(self, body: str) -> Hashable:
        name = next(self._names)
        self.say(f'{{"id":{name},"body":"{body}"}}')
        return name

    def told(self, text: bytes) -> None:
        frame = json.loads(text)
        if frame["t"] == "ack":
            self.acked(frame["id"])
        else:
            self.heard(frame["body"].encode())


class EchoSocket(Socket):
    """The bare echo's socket: every text comes back."""

    path = "/echo"

    def send(self, body: str) -> Hashable:
        self.say(body)
        return body

    def told(self, text: bytes) -> None:
        self.acked(text.decode())


_STANZA = re.compile(rb"<message\b.*?</message>|<(?:iq|presence)\b[^>]*?(?:/>|>.*?</(?:iq|presence)>)|<[ar] [^>]*/>")
_BODY = re.compile(rb"<body>(.*?)</body>")
_HANDLED = re.compile(rb"h=['\"](\d+)['\"]")
_SM = "xmlns='urn:xmpp:sm:3'"
_OPEN = (
    "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
)


class XmppStream(Wire):
    """XMPP (RFC 6120) with stream management (XEP-0198): the server's count of handled stanzas is the ack.

    The credential is `name:peer`; the password is the name.
    """

    def __init__(self, credential: str, heard: Heard, acked: Acked) -> None:
        super().__init__(credential, heard, acked)
        self._name, self._peer = credential.split(":")
        self._steps = self._signing_in()
        self._awaited = b""
        self._waiting: deque[int] = deque()
        self._said = self._got = self._names = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._step()

    def _signing_in(self) -> Any:
        """What to say, and what in the answer says that it was taken."""
        proof = base64.b64encode(f"\0{self._name}\0{self._name}".encode()).decode()
        yield _OPEN, b"</stream:features>"
        yield f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{proof}</auth>", b"<success"
        yield _OPEN, b"</stream:features>"
        bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bench</resource></bind>"
        yield f"<iq type='set' id='b'>{bind}</iq>", b"</iq>"
        yield f"<enable {_SM}/>", b"<enabled"
        yield f"<presence/><r {_SM}/>", b"<a "

    def _step(self) -> None:
        self._buffer = b""
        asked = next(self._steps, None)
        if asked is None:
            self._awaited, self._said = b"", 1  # the presence
            self.is_ready()
            return
        said, self._awaited = asked
        self.transport.write(said.encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._awaited:
            if b"<failure" in self._buffer or b"<stream:error" in self._buffer:
                self.end(self._buffer.decode())
            elif self._awaited in self._buffer and self._buffer.endswith(b">"):
                self._step()
            return
        at = 0
        for found in _STANZA.finditer(self._buffer):
            at = found.end()
            self._told(found.group())
        self._buffer = self._buffer[at:]

    def _told(self, stanza: bytes) -> None:
        if stanza.startswith(b"<a "):
            self._handled(int(_HANDLED.search(stanza)[1]))  # type: ignore[index]  # an <a/> has its h, or we fail
        elif stanza.startswith(b"<r "):
            self.transport.write(f"<a {_SM} h='{self._got}'/>".encode())
        else:
            self._got += 1
            body = _BODY.search(stanza)
            if stanza.startswith(b"<message") and body:
                self.heard(body[1])

    def _handled(self, count: int) -> None:
        while self._waiting and self._waiting[0] <= count:
            self.acked(self._waiting.popleft())

    def send(self, body: str) -> Hashable:
        self._said += 1
        self._waiting.append(self._said)
        message = f"<message to='{self._peer}@localhost' type='chat' id='{self._said}'><body>{body}</body></message>"
        self.transport.write(f"{message}<r {_SM}/>".encode())
        return self._said


WIRES: dict[str, type[Wire]] = {
    "enamel": EnamelSocket, "plain": PlainSocket, "echo": EchoSocket, "xmpp": XmppStream,
}  # fmt: skip
