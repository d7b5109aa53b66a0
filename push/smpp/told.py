"""Reads `deliver_sm`: a receipt of what became of a message, or a text that somebody wrote.

Receipts are text in what is called the vendors' form (appendix B of SMPP 3.4), or optional parameters, or both.
"""

import hashlib
import re
from datetime import datetime

from push.report import Incoming, Report, Reported
from push.smpp.line import SmppLine
from push.smpp.pdu import ShortMessage, Tag
from push.sms_text import read
from push.sms_words import code_of, kept_text, number_of

_KIND = 0x3C
_RECEIPT = 0x04
_UDHI = 0x40
_FIELD = re.compile(r"\b(id|stat|err):\s*([^\s]*)", re.IGNORECASE)
_STATES = {2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 8: "REJECTD"}
_REPORTED = {
    "DELIVRD": Reported.DELIVERED,
    **dict.fromkeys(("EXPIRED", "DELETED", "UNDELIV", "REJECTD"), Reported.UNDELIVERED),
}
_CODECS = {1: "ascii", 3: "latin-1", 6: "iso8859-5", 8: "utf-16-be"}
_INTERNATIONAL = 1
_SAME_WITHIN = 600
_HEX = 16


def told_by(line: SmppLine, sent: ShortMessage, now: datetime) -> Report | Incoming | None:
    """None for what says nothing to us: a stage on the way, a receipt of nothing, bytes that are no text."""
    if sent.esm_class & _KIND == _RECEIPT:
        return _report(line, sent, now)
    return None if sent.esm_class & _KIND else _incoming(sent, now)


def canonical(said: str, form: str, *, from_answer: bool) -> str:
    """One form for what centers name differently in answers and in receipts; what is no such number stays as it is."""
    is_hex = form == ("hex-in-answer" if from_answer else "hex-in-receipt")
    if form == "same":
        return said
    try:
        return str(int(said, _HEX if is_hex else 10))
    except ValueError:
        return said


def _report(line: SmppLine, sent: ShortMessage, now: datetime) -> Report | None:
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(sent.payload.decode("latin-1")):
        fields.setdefault(name.lower(), value)  # the first: the message's own words stand behind, in `text:`
    named = sent.tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b"").partition(b"\0")[0].decode("latin-1")
    state = _STATES.get(int.from_bytes(sent.tlvs.get(Tag.MESSAGE_STATE, b""), "big"), fields.get("stat", "").upper())
    # Where forms differ it is the text's that is known to; the parameter is a copy of the answer's.
    text_id, copied = fields.get("id", ""), canonical(named, line.ids, from_answer=True)
    name = canonical(text_id, line.ids, from_answer=False) if line.ids != "same" and text_id else copied or text_id
    reported = _REPORTED.get(state)
    if not name or reported is None:
        return None
    error = fields.get("err", "")
    if reported is Reported.UNDELIVERED and error in line.dead_errors:
        reported = Reported.ADDRESS_DEAD
    return Report(name, reported, now, code_of(f"{state} {error}"))


def _incoming(sent: ShortMessage, now: datetime) -> Incoming | None:
    raw = sent.payload
    if sent.esm_class & _UDHI and raw:
        raw = raw[raw[0] + 1 :]
    text = _text(raw, sent.data_coding)
    if not text or not sent.source.said:
        return None
    source = sent.source
    sender = f"+{source.said}" if source.ton == _INTERNATIONAL and source.said.isdecimal() else number_of(source.said)
    return Incoming(_external_id(sent, now), sender, kept_text(text), now)


def _text(raw: bytes, coding: int) -> str:
    if coding == 0:
        return read(raw)
    return raw.decode(_CODECS[coding], "replace") if coding in _CODECS else ""


def _external_id(sent: ShortMessage, now: datetime) -> str:
    """The protocol names no message: the same words of the same sender within ten minutes are one that came again."""
    parted = [sent.source.said, sent.destination.said, str(int(now.timestamp()) // _SAME_WITHIN)]
    known = b"\0".join(
        [*(each.encode() for each in parted), *(sent.tlvs[tag] for tag in sorted(sent.tlvs)), sent.payload]
    )
    return f"smpp-{hashlib.sha256(known).hexdigest()}"
