"""SMPP against a center that reads our bytes with another's codec: each fault is one outcome and one `submit_sm`."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import smpp34
from pydantic import SecretStr, ValidationError

from core.ids import new_id
from push.channel import Message, Target
from push.notice import NoticeKind
from push.outcome import Outcome, Result
from push.report import Incoming, Report, Reported
from push.smpp.channel import Smpp
from push.smpp.line import SmppLine
from push.smpp.submit import validity
from push.sms_text import read
from tests.push.peers.certificate import pem_of_loopback, server_context
from tests.push.peers.smsc import DELIVER, Reply, SmscPeer
from tests.push.peers.stall import longest_stall
from tests.push.phones import HOUR, NOON, SECOND

PHONE = Target("", "line", "+393331234567")
LOOPBACK = ("127.0.0.1",)
RECEIPT = 0x04
ANSWERED = DELIVER | 0x80000000
PAYLOAD, REFERENCE = 0x0424, 0x0204


def message(text: str = "Sulla tua visita", **other: Any) -> Message:
    return Message(new_id(), NoticeKind.VISIT, "", text, "/visits/1", NOON, HOUR, **other)


def line(peer: SmscPeer | None = None, **other: Any) -> SmppLine:
    fixed = {"host": "127.0.0.1", "port": peer.port if peer else 1, "system_id": "clinic", "sender": "Studio"}
    return SmppLine(**{"password": SecretStr("s3cret"), **fixed, **other})


class Kept:
    """Where what comes back is put; `broken` puts nothing."""

    def __init__(self) -> None:
        self.told: list[Report | Incoming] = []
        self.broken = False
        self.open = asyncio.Event()
        self.open.set()

    async def keep(self, told: Report | Incoming) -> None:
        await self.open.wait()
        if self.broken:
            raise OSError("the disk is full")
        self.told.append(told)


@pytest.fixture
async def center() -> AsyncIterator[SmscPeer]:
    made = SmscPeer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def smpp(center: SmscPeer) -> AsyncIterator[Smpp]:
    made = Smpp(line(center), LOOPBACK)
    yield made
    await made.close()


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
async def listening(center: SmscPeer, kept: Kept) -> AsyncIterator[Smpp]:
    made = Smpp(line(center), LOOPBACK, kept.keep)
    assert await made.check(5 * SECOND) == Outcome(Result.ACCEPTED)
    yield made
    await made.close()


async def send(smpp: Smpp, seconds: float = 5) -> Outcome:
    return await smpp.send(PHONE, message(), timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(message_id="0A"), Outcome(Result.ACCEPTED, provider_id="0A")),
        (Reply(0x58), Outcome(Result.THROTTLED, "smpp-0x58", retry_after=5 * SECOND)),
        (Reply(0x14), Outcome(Result.THROTTLED, "smpp-0x14", retry_after=5 * SECOND)),
        (Reply(0x0B), Outcome(Result.BAD_MESSAGE, "smpp-0x0b")),
        (Reply(0x45), Outcome(Result.BAD_MESSAGE, "smpp-0x45")),
        (Reply(0x0A), Outcome(Result.CONFIG, "smpp-0x0a")),
        (Reply(0x04), Outcome(Result.NOT_SENT, "smpp-0x04")),
        (Reply(0x08), Outcome(Result.AMBIGUOUS, "smpp-0x08")),
        (Reply(0x401), Outcome(Result.AMBIGUOUS, "smpp-0x401")),
        (Reply(0x03, nack=True), Outcome(Result.BAD_MESSAGE, "smpp-0x03")),
        (Reply(0x00, nack=True), Outcome(Result.AMBIGUOUS, "smpp-other-answer")),
        (Reply(lost=True), Outcome(Result.AMBIGUOUS, "session-lost")),
        (Reply(raw=b"\0\0\0\1garbage that is no pdu"), Outcome(Result.AMBIGUOUS, "session-lost")),
        (Reply(raw=b"\x7f\xff\xff\xff" + b"\0" * 40), Outcome(Result.AMBIGUOUS, "session-lost")),
    ],
)
async def test_each_answer_is_one_outcome_and_one_submit(
    center: SmscPeer, smpp: Smpp, reply: Reply, outcome: Outcome
) -> None:
    center.script.append(reply)
    assert await send(smpp) == outcome
    assert len(center.submits) == 1


async def test_an_answer_that_never_comes_is_ambiguous_and_leaves_the_session_be(center: SmscPeer, smpp: Smpp) -> None:
    center.script.append(Reply(hang=True))
    assert await send(smpp, 0.3) == Outcome(Result.AMBIGUOUS, "answer-lost")
    assert (await send(smpp)).result is Result.ACCEPTED
    assert (center.connections, len(center.submits)) == (1, 2)


async def test_half_an_answer_is_ambiguous(center: SmscPeer, smpp: Smpp) -> None:
    center.script.append(Reply(raw=b"\0\0\0\x14\x80\0\0\x04"))
    assert await send(smpp, 0.3) == Outcome(Result.AMBIGUOUS, "answer-lost")


async def test_after_a_lost_session_the_next_send_binds_anew(center: SmscPeer, smpp: Smpp) -> None:
    center.script.append(Reply(lost=True))
    assert (await send(smpp)).result is Result.AMBIGUOUS
    assert (await send(smpp)).result is Result.ACCEPTED
    assert (center.connections, len(center.submits)) == (2, 2)


async def test_no_connection_means_that_nothing_was_sent() -> None:
    nowhere = Smpp(line(), LOOPBACK)
    assert await send(nowhere) == Outcome(Result.NOT_SENT, "no-session")
    assert await nowhere.check(5 * SECOND) == Outcome(Result.NOT_SENT, "no-session")
    await nowhere.close()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0x0D, Outcome(Result.CONFIG, "bind-0x0d")),
        (0x0E, Outcome(Result.CONFIG, "bind-0x0e")),
        (0x0F, Outcome(Result.CONFIG, "bind-0x0f")),
        (0x05, Outcome(Result.NOT_SENT, "bind-0x05")),
        (0x08, Outcome(Result.NOT_SENT, "bind-0x08")),
        (0x58, Outcome(Result.THROTTLED, "bind-0x58", retry_after=5 * SECOND)),
    ],
)
async def test_a_refused_bind_is_not_repeated_by_everybody_at_once(
    center: SmscPeer, smpp: Smpp, status: int, outcome: Outcome
) -> None:
    center.bind_status = status
    assert set(await asyncio.gather(*(send(smpp) for _ in range(20)))) == {outcome}
    assert await send(smpp) == outcome
    assert (len(center.binds), center.submits) == (1, [])


async def test_a_bind_that_hangs_means_that_nothing_was_sent(center: SmscPeer) -> None:
    center.bind_hangs = True
    smpp = Smpp(line(center, bind_seconds=0.3), LOOPBACK)
    assert await send(smpp, 0.1) == Outcome(Result.NOT_SENT, "no-turn")
    assert await send(smpp) == Outcome(Result.NOT_SENT, "no-session")
    assert (len(center.binds), center.submits) == (1, [])
    await smpp.close()


async def test_a_host_of_our_own_network_is_not_called(center: SmscPeer) -> None:
    smpp = Smpp(line(center))
    assert await send(smpp) == Outcome(Result.CONFIG, "host-refused")
    assert center.connections == 0
    await smpp.close()


async def test_tls_is_spoken_with_whom_the_line_trusts_and_with_nobody_else(tmp_path: Path) -> None:
    pem = pem_of_loopback()
    center = SmscPeer(server_context(tmp_path, pem))
    await center.start()
    trusting = Smpp(line(center, tls=True, tls_ca=pem[0].decode()), LOOPBACK)
    assert (await send(trusting)).result is Result.ACCEPTED
    for wary in (Smpp(line(center, tls=True), LOOPBACK), Smpp(line(center), LOOPBACK)):
        assert await send(wary) == Outcome(Result.NOT_SENT, "no-session")
        await wary.close()
    assert len(center.submits) == 1
    await trusting.close()
    await center.stop()


async def test_a_line_binds_once_and_as_what_it_is(center: SmscPeer, smpp: Smpp, listening: Smpp) -> None:
    assert {each.result for each in await asyncio.gather(*(send(smpp) for _ in range(30)))} == {Result.ACCEPTED}
    await send(listening)
    assert center.binds == [(0x09, "clinic", "s3cret", ""), (0x02, "clinic", "s3cret", "")]


async def test_no_more_are_in_flight_than_the_window(center: SmscPeer) -> None:
    smpp = Smpp(line(center, window=3), LOOPBACK)
    center.gate.clear()
    waiting = [asyncio.create_task(send(smpp)) for _ in range(12)]
    await center.until(lambda: len(center.submits) == 3)
    assert await send(smpp, 0.3) == Outcome(Result.NOT_SENT, "no-turn")
    assert len(center.submits) == 3
    center.gate.set()
    assert {each.result for each in await asyncio.gather(*waiting)} == {Result.ACCEPTED}
    assert (len(center.submits), center.most_in_flight) == (12, 3)
    await smpp.close()


async def test_fifty_sends_at_once_never_hold_the_loop_up(smpp: Smpp) -> None:
    await send(smpp)

    async def fifty() -> None:
        outcomes = await asyncio.gather(*(send(smpp) for _ in range(50)))
        assert {each.result for each in outcomes} == {Result.ACCEPTED}

    assert await longest_stall(fifty) < 0.05


# The bytes, as another's codec reads them.


async def test_a_short_text_is_one_plain_submit(center: SmscPeer, smpp: Smpp) -> None:
    sent = message("Perché no? 5 €")
    await smpp.send(PHONE, sent, 5 * SECOND)
    seen = center.submits[0]
    assert (seen.source_addr_ton, seen.source_addr_npi, seen.source_addr) == (5, 0, "Studio")
    assert (seen.dest_addr_ton, seen.dest_addr_npi, seen.destination_addr) == (1, 1, "393331234567")
    assert (seen.esm_class, seen.data_coding, seen.registered_delivery) == (0, 0, 1)
    assert (seen.validity_period, seen.replace_if_present_flag) == ("000000010000000R", 0)
    assert seen.short_message == b"Perch\x05 no? 5 \x1be"
    assert [(each.tag, each.value) for each in seen.tlvs] == [(REFERENCE, sent.notice_id.bytes[-2:])]


@pytest.mark.parametrize(("sender", "ton"), [("+393331234567", 1), ("4711", 3), ("Studio 24", 5)])
async def test_the_type_of_number_follows_from_the_sender(center: SmscPeer, sender: str, ton: int) -> None:
    smpp = Smpp(line(center, sender=sender), LOOPBACK)
    await send(smpp)
    assert (center.submits[0].source_addr_ton, center.submits[0].source_addr) == (ton, sender.removeprefix("+"))
    await smpp.close()


@pytest.mark.parametrize(
    ("text", "coding", "sizes"),
    [("Я" * 71, 8, [134, 8]), ("a" * 152 + "€" * 5, 0, [152, 10]), ("😀" * 68, 8, [132, 132, 8])],
)
async def test_a_long_text_goes_in_segments_that_the_phone_joins(
    center: SmscPeer, smpp: Smpp, text: str, coding: int, sizes: list[int]
) -> None:
    outcome = await smpp.send(PHONE, message(text), 5 * SECOND)
    total = len(sizes)
    assert outcome == Outcome(Result.ACCEPTED, provider_id=f"id-{total}")
    headers = [seen.short_message[:6] for seen in center.submits]
    assert [(each[:3], each[4], each[5]) for each in headers] == [(b"\5\0\3", total, n + 1) for n in range(total)]
    assert len({each[3] for each in headers}) == 1
    assert {(seen.esm_class, seen.data_coding) for seen in center.submits} == {(0x40, coding)}
    assert [seen.registered_delivery for seen in center.submits] == [0] * (total - 1) + [1]
    bodies = [seen.short_message[6:] for seen in center.submits]
    assert [len(each) for each in bodies] == sizes
    assert "".join(read(each) if coding == 0 else each.decode("utf-16-be") for each in bodies) == text


async def test_or_whole_for_the_center_to_cut(center: SmscPeer) -> None:
    smpp = Smpp(line(center, long="payload", reference=False), LOOPBACK)
    await smpp.send(PHONE, message("Я" * 300), 5 * SECOND)
    seen = center.submits[0]
    assert (seen.short_message, seen.esm_class, len(center.submits)) == (b"", 0, 1)
    assert [(each.tag, each.value) for each in seen.tlvs] == [(PAYLOAD, ("Я" * 300).encode("utf-16-be"))]
    await smpp.close()


async def test_a_part_that_was_sent_makes_it_ambiguous(center: SmscPeer, smpp: Smpp) -> None:
    center.script.extend([Reply(), Reply(0x58), Reply(0x58)])
    assert await smpp.send(PHONE, message("Я" * 100), 5 * SECOND) == Outcome(Result.AMBIGUOUS, "part-sent")
    assert (await smpp.send(PHONE, message("Я" * 100), 5 * SECOND)).result is Result.THROTTLED
    assert len(center.submits) == 3


async def test_what_cannot_be_an_sms_is_not_sent(center: SmscPeer, smpp: Smpp) -> None:
    for sent, code in ((message(silent=True), "nothing-to-show"), (message("я" * 403), "too-long")):
        assert await smpp.send(PHONE, sent, 5 * SECOND) == Outcome(Result.BAD_MESSAGE, code)
    assert center.connections == 0


@pytest.mark.parametrize(
    ("life", "said"),
    [(HOUR, "000000010000000R"), (timedelta(0), "000000000001000R"), (timedelta(days=90), "000014000000000R"),
     (timedelta(days=2, hours=3, minutes=4, seconds=5), "000002030405000R")],
)  # fmt: skip
def test_a_life_is_said_from_now(life: timedelta, said: str) -> None:
    assert validity(life) == said


# The session.


async def test_a_center_that_answers_no_enquiry_is_gone(center: SmscPeer) -> None:
    center.deaf = True
    smpp = Smpp(line(center, enquire_seconds=0.05), LOOPBACK)
    assert await smpp.listen() == Outcome(Result.NOT_SENT, "session-lost")
    assert center.enquiries == 1
    await smpp.close()


async def test_a_center_that_answers_stays(center: SmscPeer) -> None:
    smpp = Smpp(line(center, enquire_seconds=0.05), LOOPBACK)
    await send(smpp)
    await center.until(lambda: center.enquiries >= 4)
    assert (await send(smpp)).result is Result.ACCEPTED
    assert center.connections == 1
    await smpp.close()


async def test_the_centers_own_questions_are_answered(center: SmscPeer, listening: Smpp) -> None:
    header = b"\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\x07"
    center.say(header)
    center.say(header[:7] + b"\x99" + header[8:])  # a command that nobody knows
    center.say(header[:6] + b"\x01\x02" + header[8:])  # alert_notification, which has no answer
    center.say(header[:7] + b"\x06" + header[8:])
    assert await center.answered(3) == [(0x80000015, 0, 7), (0x80000000, 3, 7), (0x80000006, 0, 7)]
    assert (await send(listening)).result is Result.ACCEPTED  # bound anew
    assert center.connections == 2


async def test_closing_says_good_bye_and_leaves_nothing_running(center: SmscPeer, kept: Kept) -> None:
    before = len(asyncio.all_tasks())
    smpp = Smpp(line(center), LOOPBACK, kept.keep)
    listener = asyncio.create_task(smpp.listen())
    await send(smpp)
    await smpp.close()
    assert await listener == Outcome(Result.NOT_SENT, "session-lost")
    assert center.unbinds == 1
    await center.stop()
    assert len(asyncio.all_tasks()) <= before


# What comes back.


def receipt(text: bytes, sequence: int = 1, **other: Any) -> bytes:
    return smpp34.DeliverSm(
        "393331234567", "Studio", text, esm_class=RECEIPT, sequence_number=sequence, **other
    ).encode()


FULL = b"id:%s sub:001 dlvrd:001 submit date:2611231100 done date:2611231101 stat:%s err:%s text:id:9 stat:REJECTD"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (receipt(FULL % (b"0A", b"DELIVRD", b"000")), ("0A", Reported.DELIVERED, "delivrd-000")),
        (receipt(FULL % (b"0A", b"UNDELIV", b"00B")), ("0A", Reported.UNDELIVERED, "undeliv-00b")),
        (receipt(FULL % (b"0A", b"UNDELIV", b"001")), ("0A", Reported.ADDRESS_DEAD, "undeliv-001")),
        (receipt(FULL % (b"0A", b"EXPIRED", b"000")), ("0A", Reported.UNDELIVERED, "expired-000")),
        (receipt(b"Id:0A Stat:delivrd"), ("0A", Reported.DELIVERED, "delivrd")),
        (
            receipt(b"", tlvs=[smpp34.Tlv(0x1E, b"0A\0"), smpp34.Tlv(0x427, b"\2")]),
            ("0A", Reported.DELIVERED, "delivrd"),
        ),
        (
            receipt(FULL % (b"10", b"ENROUTE", b"000"), tlvs=[smpp34.Tlv(0x1E, b"0A"), smpp34.Tlv(0x427, b"\5")]),
            ("0A", Reported.UNDELIVERED, "undeliv-000"),
        ),
        (
            receipt(b"", tlvs=[smpp34.Tlv(PAYLOAD, FULL % (b"0A", b"REJECTD", b"1"))]),
            ("0A", Reported.UNDELIVERED, "rejectd-1"),
        ),
    ],
)  # fmt: skip
async def test_a_receipt_is_kept_and_then_acknowledged(
    center: SmscPeer, kept: Kept, raw: bytes, said: tuple[str, Reported, str]
) -> None:
    smpp = Smpp(line(center, dead_errors=("001",)), LOOPBACK, kept.keep)
    await smpp.check(5 * SECOND)
    center.say(raw)
    assert await center.answered(1) == [(ANSWERED, 0, 1)]
    told = kept.told[0]
    assert isinstance(told, Report)
    assert (told.provider_id, told.reported, told.code) == said
    await smpp.close()


@pytest.mark.parametrize(
    ("ids", "answer", "told"),
    [("hex-in-answer", "0A", b"10"), ("hex-in-answer", "0a", b"0000000010"), ("hex-in-receipt", "10", b"A"),
     ("hex-in-receipt", "0010", b"0A"), ("same", "x-1", b"x-1"), ("hex-in-answer", "x-1", b"x-1")],
)  # fmt: skip
async def test_a_receipt_names_what_the_answer_named_whatever_the_form(
    center: SmscPeer, kept: Kept, ids: str, answer: str, told: bytes
) -> None:
    smpp = Smpp(line(center, ids=ids), LOOPBACK, kept.keep)
    center.script.append(Reply(message_id=answer))
    outcome = await send(smpp)
    center.say(receipt(FULL % (told, b"DELIVRD", b"000")))
    await center.answered(1)
    assert [each.provider_id for each in kept.told if isinstance(each, Report)] == [outcome.provider_id]
    await smpp.close()


def text(raw: bytes, coding: int = 0, sequence: int = 1, **other: Any) -> bytes:
    fixed = {"source_addr_ton": 1, "source_addr_npi": 1, "data_coding": coding, "sequence_number": sequence}
    return smpp34.DeliverSm("393331234567", "4711", raw, **{**fixed, **other}).encode()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (text(b"S\x07, 5 \x1be"), "Sì, 5 €"),
        (text("Да 😀".encode("utf-16-be"), 8), "Да 😀"),
        (text("Sì".encode("latin-1"), 3), "Sì"),
        (text(b"\5\0\3\7\1\1Si", esm_class=0x40), "Si"),
        (text(b"\5\0\3\7\2\3Si", esm_class=0x40), "Si"),
        (text(b"", tlvs=[smpp34.Tlv(PAYLOAD, b"Si")]), "Si"),
        (text(b"a\x00b".replace(b"a", b"x"), 1), "xb"),
    ],
)
async def test_a_text_is_kept_and_then_acknowledged(
    center: SmscPeer, listening: Smpp, kept: Kept, raw: bytes, said: str
) -> None:
    assert listening
    center.say(raw)
    assert await center.answered(1) == [(ANSWERED, 0, 1)]
    told = kept.told[0]
    assert isinstance(told, Incoming)
    assert (told.address, told.text) == ("+393331234567", said)


@pytest.mark.parametrize(
    "raw",
    [
        receipt(FULL % (b"0A", b"ENROUTE", b"000")),
        receipt(FULL % (b"0A", b"ACCEPTD", b"000")),
        receipt(b"stat:DELIVRD"),
        receipt(b"id:0A stat:DELIVRD").replace(b"\x04\0\0", b"\x20\0\0", 1),
        text(b"\1\2\3", 4),
        text(b""),
        b"\0\0\0\x14\0\0\0\5\0\0\0\0\0\0\0\1\0\1\1\1",
    ],
)
async def test_what_says_nothing_is_acknowledged_and_passed_over(
    center: SmscPeer, listening: Smpp, kept: Kept, raw: bytes
) -> None:
    assert listening
    center.say(raw)
    assert await center.answered(1) == [(ANSWERED, 0, 1)]
    assert kept.told == []


async def test_what_could_not_be_kept_is_refused_and_comes_again(center: SmscPeer, listening: Smpp, kept: Kept) -> None:
    kept.broken = True
    center.say(text(b"Si"))
    assert await center.answered(1) == [(ANSWERED, 0x64, 1)]
    kept.broken = False
    center.say(text(b"Si", sequence=2))
    assert (await center.answered(2))[1] == (ANSWERED, 0, 2)
    assert len(kept.told) == 1
    assert (await send(listening)).result is Result.ACCEPTED


async def test_nothing_is_acknowledged_before_it_is_kept_and_sending_goes_on(
    center: SmscPeer, listening: Smpp, kept: Kept
) -> None:
    kept.open.clear()
    for sequence in range(1, 23):
        center.say(text(b"Si", sequence=sequence))
    assert (await send(listening)).result is Result.ACCEPTED
    assert await center.answered(2) == [(ANSWERED, 0x14, 21), (ANSWERED, 0x14, 22)]  # no more than twenty wait here
    kept.open.set()
    assert len(await center.answered(22)) == len(kept.told) + 2 == 22


async def test_a_session_that_ends_before_it_is_kept_acknowledges_nothing(
    center: SmscPeer, listening: Smpp, kept: Kept
) -> None:
    kept.open.clear()
    center.say(text(b"Si"))
    await send(listening)  # so the text has been read
    center.hang_up()
    assert (await send(listening)).result in {Result.ACCEPTED, Result.AMBIGUOUS, Result.NOT_SENT}
    kept.open.set()
    assert (await send(listening)).result is Result.ACCEPTED
    assert (center.answers, kept.told) == ([], [])


def segments(words: str, size: int, header: bytes = b"\5\0\3\x09") -> list[bytes]:
    cut = [words[at : at + size] for at in range(0, len(words), size)]
    return [
        text(header + bytes([len(cut), n]) + part.encode("utf-16-be"), 8, n, esm_class=0x40)
        for n, part in enumerate(cut, 1)
    ]


@pytest.mark.parametrize("header", [b"\5\0\3\x09", b"\6\x08\4\1\2", b"\x09\x24\1\1\x08\4\1\2"])
async def test_segments_of_a_long_text_are_kept_as_one_in_whatever_order(
    center: SmscPeer, listening: Smpp, kept: Kept, header: bytes
) -> None:
    assert listening
    words = "Здравствуйте, я немного опоздаю, извините. " * 4
    for raw in reversed(segments(words, 60, header)):
        center.say(raw)
    assert sorted(await center.answered(3)) == [(ANSWERED, 0, 1), (ANSWERED, 0, 2), (ANSWERED, 0, 3)]
    assert [each.text for each in kept.told if isinstance(each, Incoming)] == [words]


async def test_or_by_the_parameters_that_say_so(center: SmscPeer, listening: Smpp, kept: Kept) -> None:
    assert listening
    for place, words in ((2, b"due"), (1, b"uno, ")):
        tlvs = [smpp34.Tlv(0x020C, b"\0\7"), smpp34.Tlv(0x020E, b"\2"), smpp34.Tlv(0x020F, bytes([place]))]
        center.say(text(words, 0, place, tlvs=tlvs))
    await center.answered(2)
    assert [each.text for each in kept.told if isinstance(each, Incoming)] == ["uno, due"]


async def test_no_segment_is_acknowledged_before_the_whole_is_kept(
    center: SmscPeer, listening: Smpp, kept: Kept
) -> None:
    first, second = segments("Да" * 50, 60)
    center.say(first)
    await send(listening)
    assert (center.answers, kept.told) == ([], [])
    kept.broken = True
    center.say(second)
    assert sorted(await center.answered(2)) == [(ANSWERED, 0x64, 1), (ANSWERED, 0x64, 2)]
    kept.broken = False
    for raw in (first, second):
        center.say(raw)
    assert sorted((await center.answered(4))[2:]) == [(ANSWERED, 0, 1), (ANSWERED, 0, 2)]
    assert [each.text for each in kept.told if isinstance(each, Incoming)] == ["Да" * 50]


async def test_a_segment_whose_others_do_not_come_is_a_text_by_itself(center: SmscPeer, kept: Kept) -> None:
    smpp = Smpp(line(center, joining_seconds=0.1), LOOPBACK, kept.keep)
    await smpp.check(5 * SECOND)
    first, second = segments("Да" * 50, 60)
    for many, raw in enumerate((first, second), 1):
        center.say(raw)
        await center.answered(many)
    assert [each.text for each in kept.told if isinstance(each, Incoming)] == ["Да" * 30, "Да" * 20]
    await smpp.close()


async def test_a_segment_that_waited_in_a_lost_session_is_not_kept_twice(
    center: SmscPeer, listening: Smpp, kept: Kept
) -> None:
    first, second = segments("Да" * 50, 60)
    center.say(first)
    await send(listening)
    center.hang_up()
    assert (await listening.listen()).code == "session-lost"
    await listening.check(5 * SECOND)
    center.say(second)
    center.say(first)
    assert len(await center.answered(2)) == 2
    assert [each.text for each in kept.told if isinstance(each, Incoming)] == ["Да" * 50]


async def test_a_whole_that_takes_long_to_keep_is_still_one(center: SmscPeer, kept: Kept) -> None:
    smpp = Smpp(line(center, joining_seconds=0.1), LOOPBACK, kept.keep)
    await smpp.check(5 * SECOND)
    kept.open.clear()
    for raw in segments("Да" * 50, 60):
        center.say(raw)
    await asyncio.sleep(0.3)
    kept.open.set()
    await center.answered(2)
    assert [each.text for each in kept.told if isinstance(each, Incoming)] == ["Да" * 50]
    await smpp.close()


async def test_the_same_text_that_comes_again_has_the_same_name(center: SmscPeer, listening: Smpp, kept: Kept) -> None:
    assert listening
    for sequence, words in enumerate((b"Si", b"Si", b"No"), 1):
        center.say(text(words, sequence=sequence))
    await center.answered(3)
    first, again, other = (each.external_id for each in kept.told if isinstance(each, Incoming))
    assert first == again != other


async def test_neither_number_nor_words_nor_password_stand_in_logs_or_outcomes(
    center: SmscPeer, listening: Smpp, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    center.script.extend([Reply(0x08), Reply(lost=True)])
    for _ in range(2):
        outcome = await listening.send(PHONE, message("canary-caries"), 5 * SECOND)
        assert "canary" not in repr(outcome)
    await listening.check(5 * SECOND)
    kept.broken = True
    center.say(text(b"canary-caries"))
    await center.answered(1)
    assert all(word not in caplog.text for word in ("canary", "393331234567", "s3cret"))
    assert "s3cret" not in repr(line())


@pytest.mark.parametrize(
    "wrong", [{"system_id": "a\0b"}, {"system_id": "x" * 16}, {"sender": "Студия"}, {"host": "a b"}, {"window": 0}]
)
def test_a_line_that_the_protocol_cannot_say_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        line(**wrong)


# A center of a published package, as it is.


async def test_a_center_that_is_not_ours_takes_and_brings_messages(kept: Kept, unused_port: int) -> None:
    server = smpp34.Server(host="127.0.0.1", port=unused_port, system_id="center")
    await server.start()
    smpp = Smpp(line(port=unused_port), LOOPBACK, kept.keep)
    sending = asyncio.create_task(smpp.send(PHONE, message("Perché no?"), 10 * SECOND))
    async with asyncio.timeout(20):
        bound = await server.next()
        assert isinstance(bound, smpp34.Esme)
        event = await server.next()
        assert isinstance(event, smpp34.SubmitSmEvent)
        assert (event.destination_addr, event.short_message) == ("393331234567", b"Perch\x05 no?")
        event.accept("abc")
        assert await sending == Outcome(Result.ACCEPTED, provider_id="abc")
        brought = await bound.deliver_sm(
            "393331234567", b"id:abc stat:DELIVRD", source_addr="Studio", esm_class=RECEIPT
        )
        assert brought.is_success
    assert [(each.provider_id, each.reported) for each in kept.told if isinstance(each, Report)] == [
        ("abc", Reported.DELIVERED)
    ]
    await smpp.close()
    await server.stop()
