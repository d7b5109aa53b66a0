"""Makes of a notice the `submit_sm` that carry it, and of the center's answers one of the seven outcomes."""

from datetime import timedelta

from push.channel import Message, Target
from push.outcome import Outcome, Result
from push.smpp.line import SmppLine
from push.smpp.pdu import RESPONSE, Address, Command, Pdu, ShortMessage, Status, Tag, text_of
from push.smpp.told import canonical
from push.sms_text import Alphabet, alphabet_of, octets, parts
from push.sms_words import words_of

_INTERNATIONAL = (1, 1)
_ALPHANUMERIC = (5, 0)
_SHORT_CODE = (3, 0)
_LONGEST_SHORT_CODE = 6
_UDHI = 0x40
_RECEIPT = 1
_CODINGS = {Alphabet.GSM: 0, Alphabet.UCS2: 8}
_LONGEST_LIFE = timedelta(days=14)

# Refusals by status (§5.1.3). A number is not given up for "invalid destination": of a wrong type of number it is said
# of every number, so our own mistake would cost all of them; receipts say which numbers do not exist.
_REFUSALS: dict[int, Result] = {
    **dict.fromkeys((0x01, 0x02, 0x03, 0x0B, 0x43, 0x45, 0x61, 0x62, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4), Result.BAD_MESSAGE),
    **dict.fromkeys((0x0A, 0x0E, 0x0F, 0x15, 0x48, 0x49, 0x50, 0x51, 0x53), Result.CONFIG),
    **dict.fromkeys((Status.THROTTLED, Status.QUEUE_FULL), Result.THROTTLED),
    Status.WRONG_STATE: Result.NOT_SENT,
}
_UNBOUND: dict[int, Result] = {
    **dict.fromkeys((Status.ALREADY_BOUND, Status.SYSTEM_ERROR, Status.TEMPORARY), Result.NOT_SENT),
    **dict.fromkeys((Status.THROTTLED, Status.QUEUE_FULL), Result.THROTTLED),
}


def submits_of(line: SmppLine, target: Target, message: Message) -> list[ShortMessage]:
    """One for each segment, or one for all (`payload`). A receipt is asked for the last alone."""
    text = words_of(message)
    alphabet = alphabet_of(text)
    cut = [text] if line.long == "payload" else parts(text)
    said = [octets(part, alphabet) for part in cut]
    if len(said) > 1:
        fold = message.notice_id.int % 255
        said = [bytes([5, 0, 3, fold, len(said), n]) + part for n, part in enumerate(said, 1)]
    reference = (message.notice_id.int & 0xFFFF).to_bytes(2, "big")
    tlvs: dict[int, bytes] = {Tag.USER_MESSAGE_REFERENCE: reference} if line.reference else {}
    whole = line.long == "payload" and len(parts(text)) > 1
    return [
        ShortMessage(
            source=_source(line.sender),
            destination=Address(*_INTERNATIONAL, target.token.removeprefix("+")),
            message=b"" if whole else part,
            esm_class=_UDHI if len(said) > 1 else 0,
            data_coding=_CODINGS[alphabet],
            validity=validity(message.life),
            registered=_RECEIPT if n == len(said) else 0,
            tlvs={**tlvs, Tag.MESSAGE_PAYLOAD: part} if whole else tlvs,
        )
        for n, part in enumerate(said, 1)
    ]


def validity(life: timedelta) -> str:
    """`life` from now, in the center's own clock whatever that is: relative time of §7.1.1.2, at most two weeks."""
    left = min(max(life, timedelta(seconds=1)), _LONGEST_LIFE)
    hours, rest = divmod(left.seconds, 3600)
    return f"0000{left.days:02}{hours:02}{rest // 60:02}{rest % 60:02}000R"


def outcome_of(line: SmppLine, answer: Pdu) -> Outcome:
    """What `submit_sm_resp`, or the `generic_nack` in its place, says of one submit."""
    if answer.status == Status.OK:
        if answer.command != Command.SUBMIT_SM | RESPONSE:
            return Outcome(Result.AMBIGUOUS, "smpp-other-answer")
        name = canonical(text_of(answer.body), line.ids, from_answer=True)
        return Outcome(Result.ACCEPTED, provider_id=name or None)
    return _refused(line, _REFUSALS.get(answer.status, Result.AMBIGUOUS), f"smpp-0x{answer.status:02x}")


def bind_refused(line: SmppLine, answer: Pdu) -> Outcome | None:
    """Why there is no session; None where there is one."""
    if answer.status == Status.OK and answer.command & RESPONSE and answer.command != Command.GENERIC_NACK:
        return None
    return _refused(line, _UNBOUND.get(answer.status, Result.CONFIG), f"bind-0x{answer.status:02x}")


def _refused(line: SmppLine, result: Result, code: str) -> Outcome:
    wait = timedelta(seconds=line.throttled_seconds) if result is Result.THROTTLED else None
    return Outcome(result, code, retry_after=wait)


def _source(sender: str) -> Address:
    digits = sender.removeprefix("+")
    if not digits.isdecimal():
        return Address(*_ALPHANUMERIC, sender)
    return Address(*(_SHORT_CODE if len(digits) <= _LONGEST_SHORT_CODE else _INTERNATIONAL), digits)
