"""The bytes of SMPP against another's codec, both ways, and against bytes of no sense."""

from datetime import UTC, datetime

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from push.report import Incoming, Report
from push.smpp.line import SmppLine
from push.smpp.pdu import (
    HEADER,
    LARGEST,
    Address,
    Command,
    Pdu,
    ShortMessage,
    body_length,
    framed,
    message_body,
    message_of,
    parsed,
)  # fmt: skip
from push.smpp.told import told_by

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LINE = SmppLine(host="smpp.example", system_id="clinic", password=SecretStr("s"), sender="Studio")
ADDRESSES = st.builds(
    Address,
    st.integers(0, 6),
    st.integers(0, 18),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
)
MESSAGES = st.builds(
    ShortMessage,
    source=ADDRESSES,
    destination=ADDRESSES,
    message=st.binary(max_size=254),
    esm_class=st.sampled_from([0, 4, 0x40]),
    data_coding=st.sampled_from([0, 3, 4, 8]),
    validity=st.sampled_from(["", "000000010000000R"]),
    registered=st.sampled_from([0, 1]),
    tlvs=st.dictionaries(
        st.sampled_from([0x1E, 0x204, 0x424, 0x427, 0x1403]), st.binary(min_size=1, max_size=300), max_size=3
    ),
)


@given(MESSAGES)
def test_the_other_codec_reads_what_we_write(sent: ShortMessage) -> None:
    seen = smpp34.decode(framed(Pdu(Command.SUBMIT_SM, 0, 7, message_body(sent))))
    assert isinstance(seen, smpp34.SubmitSm)
    assert (seen.source_addr_ton, seen.source_addr_npi, seen.source_addr) == (
        sent.source.ton, sent.source.npi, sent.source.said,
    )  # fmt: skip
    assert (seen.dest_addr_ton, seen.dest_addr_npi, seen.destination_addr) == (
        sent.destination.ton, sent.destination.npi, sent.destination.said,
    )  # fmt: skip
    assert (seen.esm_class, seen.data_coding, seen.registered_delivery) == (
        sent.esm_class, sent.data_coding, sent.registered,
    )  # fmt: skip
    assert (seen.validity_period, seen.short_message, seen.sequence_number) == (sent.validity, sent.message, 7)
    assert {each.tag: each.value for each in seen.tlvs} == sent.tlvs


@given(MESSAGES)
def test_we_read_what_the_other_codec_writes(sent: ShortMessage) -> None:
    raw = smpp34.DeliverSm(
        sent.source.said, sent.destination.said, sent.message, source_addr_ton=sent.source.ton,
        source_addr_npi=sent.source.npi, dest_addr_ton=sent.destination.ton, dest_addr_npi=sent.destination.npi,
        esm_class=sent.esm_class, data_coding=sent.data_coding, validity_period=sent.validity,
        registered_delivery=sent.registered, tlvs=[smpp34.Tlv(*each) for each in sent.tlvs.items()], sequence_number=7,
    ).encode()  # fmt: skip
    pdu = parsed(raw[:16], raw[16:])
    assert (pdu.command, pdu.status, pdu.sequence) == (Command.DELIVER_SM, 0, 7)
    assert body_length(raw[:16]) == len(pdu.body)
    assert message_of(pdu.body) == sent
    assert isinstance(told_by(LINE, message_of(pdu.body), NOW), Report | Incoming | None)


@given(st.binary(max_size=200))
def test_bytes_of_no_sense_are_refused_or_read(raw: bytes) -> None:
    try:
        found = message_of(raw)
    except ValueError:
        return
    told = told_by(LINE, found, NOW)
    assert told is None or "\x00" not in repr(told)


@pytest.mark.parametrize("length", [0, 15, LARGEST + 1, 0xFFFFFFFF])
def test_a_length_that_no_pdu_has_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="length"):
        body_length(HEADER.pack(length, 0, 0, 0))


def test_a_message_longer_than_its_length_can_say_is_refused() -> None:
    address = Address(1, 1, "39333")
    with pytest.raises(ValueError, match="payload"):
        message_body(ShortMessage(address, address, b"x" * 255))
