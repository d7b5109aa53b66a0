"""Writes and reads the PDUs of SMPP 3.4: the bytes of §4 and §5 of its specification, and nothing of their meaning."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

HEADER = struct.Struct(">IIII")
LARGEST = 64 * 1024
LONGEST_SHORT_MESSAGE = 254
RESPONSE = 0x80000000
_VERSION = 0x34


class Command(IntEnum):
    BIND_TRANSMITTER = 0x02
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    BIND_TRANSCEIVER = 0x09
    ENQUIRE_LINK = 0x15
    ALERT_NOTIFICATION = 0x102
    GENERIC_NACK = 0x80000000


class Status(IntEnum):
    """`command_status` (§5.1.3), as far as we say or understand it."""

    OK = 0x00
    INVALID_COMMAND = 0x03
    WRONG_STATE = 0x04
    ALREADY_BOUND = 0x05
    SYSTEM_ERROR = 0x08
    BIND_FAILED = 0x0D
    WRONG_PASSWORD = 0x0E
    WRONG_SYSTEM_ID = 0x0F
    QUEUE_FULL = 0x14
    THROTTLED = 0x58
    TEMPORARY = 0x64


class Tag(IntEnum):
    RECEIPTED_MESSAGE_ID = 0x001E
    USER_MESSAGE_REFERENCE = 0x0204
    SAR_REFERENCE = 0x020C
    SAR_TOTAL = 0x020E
    SAR_PLACE = 0x020F
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


@dataclass(frozen=True, slots=True)
class Pdu:
    command: int
    status: int
    sequence: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Address:
    """Type of number, numbering plan (§5.2.5, §5.2.6), and the number or name."""

    ton: int
    npi: int
    said: str


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """The body of `submit_sm` and `deliver_sm`, which have one form (§4.4.1, §4.6.1)."""

    source: Address
    destination: Address
    message: bytes = b""
    esm_class: int = 0
    data_coding: int = 0
    validity: str = ""
    registered: int = 0
    tlvs: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def payload(self) -> bytes:
        """The message, wherever it stands."""
        return self.message or self.tlvs.get(Tag.MESSAGE_PAYLOAD, b"")


def framed(pdu: Pdu) -> bytes:
    return HEADER.pack(HEADER.size + len(pdu.body), pdu.command, pdu.status, pdu.sequence) + pdu.body


def body_length(header: bytes) -> int:
    """How much follows the header. Raises ValueError for a length that no PDU has."""
    length: int = HEADER.unpack(header)[0]
    if not HEADER.size <= length <= LARGEST:
        raise ValueError("no PDU has this length")
    return length - HEADER.size


def parsed(header: bytes, body: bytes) -> Pdu:
    _, command, status, sequence = HEADER.unpack(header)
    return Pdu(command, status, sequence, body)


def bind_body(system_id: str, password: str, system_type: str) -> bytes:
    return b"".join((_text(system_id), _text(password), _text(system_type), bytes([_VERSION, 0, 0]), b"\0"))


def message_body(sent: ShortMessage) -> bytes:
    """Raises ValueError for a message longer than its length can say."""
    if len(sent.message) > LONGEST_SHORT_MESSAGE:
        raise ValueError("a longer message goes into message_payload")
    return b"".join((
        b"\0", _address(sent.source), _address(sent.destination), bytes([sent.esm_class, 0, 0]), b"\0",
        _text(sent.validity), bytes([sent.registered, 0, sent.data_coding, 0, len(sent.message)]), sent.message,
        *(struct.pack(">HH", tag, len(value)) + value for tag, value in sent.tlvs.items()),
    ))  # fmt: skip


def message_of(body: bytes) -> ShortMessage:
    """Raises ValueError for a body that ends early."""
    reader = _Reader(body)
    reader.text()  # service_type
    source, destination = reader.address(), reader.address()
    esm_class, _, _ = reader.octets(3)
    reader.text()  # schedule_delivery_time
    validity = reader.text()
    registered, _, data_coding, _, length = reader.octets(5)
    message = reader.octets(length)
    return ShortMessage(source, destination, message, esm_class, data_coding, validity, registered, reader.tlvs())


def text_of(body: bytes) -> str:
    """A body that is one C-octet string: `message_id` of `submit_sm_resp`. Some centers leave its end away."""
    return body.partition(b"\0")[0].decode("ascii", "replace")


def _text(said: str) -> bytes:
    return said.encode("ascii") + b"\0"


def _address(address: Address) -> bytes:
    return bytes([address.ton, address.npi]) + _text(address.said)


class _Reader:
    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def octets(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._body):
            raise ValueError("it ends early")
        found, self._at = self._body[self._at : end], end
        return found

    def text(self) -> str:
        end = self._body.find(b"\0", self._at)
        if end < 0:
            raise ValueError("it ends early")
        found, self._at = self._body[self._at : end], end + 1
        return found.decode("latin-1")

    def address(self) -> Address:
        ton, npi = self.octets(2)
        return Address(ton, npi, self.text())

    def tlvs(self) -> dict[int, bytes]:
        found = {}
        while self._at < len(self._body):
            tag, length = struct.unpack(">HH", self.octets(4))
            found[tag] = self.octets(length)
        return found
