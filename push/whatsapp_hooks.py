"""Reads what WhatsApp posts: what became of messages, what patients write and tap, and that they stop.

One app of Meta's may serve several numbers, of several clinics: with `number_id` only what is that number's is read.
Groups are passed over. Source:
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from core.errors import NotAllowed
from push.hook_body import header, malformed, moment, plain, reader
from push.report import Incoming, Report, Reported
from push.whatsapp_codes import reported_of

SIGNATURE_HEADER = "x-hub-signature-256"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{1,200}")
_REPORTED = {"delivered": Reported.DELIVERED, "read": Reported.OPENED}
_MARKETING = "marketing_messages"
# What a quick-reply button says, or carries, that ends it; `Stop promotions` is what Meta itself proposes.
STOP_BUTTONS = frozenset({"stop", "stop promotions", "стоп", "отписаться", "basta", "disiscrivimi", "退订"})


class _Error(msgspec.Struct):
    code: int | None = None


class _Status(msgspec.Struct):
    id: str
    status: str
    timestamp: str
    recipient_type: str = ""
    errors: list[_Error] = []


class _Text(msgspec.Struct):
    body: str = ""


class _Caption(msgspec.Struct):
    caption: str = ""


class _Button(msgspec.Struct):
    payload: str = ""
    text: str = ""


class _Choice(msgspec.Struct):
    id: str = ""
    title: str = ""


class _Interactive(msgspec.Struct):
    button_reply: _Choice | None = None
    list_reply: _Choice | None = None


class _Context(msgspec.Struct):
    id: str = ""


class _Message(msgspec.Struct):
    id: str
    timestamp: str
    type: str = ""
    sender: str = msgspec.field(name="from", default="")
    from_user_id: str = ""
    group_id: str = ""
    context: _Context | None = None
    text: _Text | None = None
    button: _Button | None = None
    interactive: _Interactive | None = None
    image: _Caption | None = None
    video: _Caption | None = None
    document: _Caption | None = None


class _Preference(msgspec.Struct):
    timestamp: int | str
    wa_id: str = ""
    user_id: str = ""
    category: str = ""
    value: str = ""


class _Metadata(msgspec.Struct):
    phone_number_id: str = ""


class _Value(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    statuses: list[_Status] = []
    messages: list[_Message] = []
    user_preferences: list[_Preference] = []


class _Change(msgspec.Struct):
    value: msgspec.Raw
    field: str = ""


class _Entry(msgspec.Struct):
    changes: list[_Change] = []


class _Posted(msgspec.Struct):
    entry: list[_Entry] = []


_read, _read_value = reader(_Posted), reader(_Value)


def genuine(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Whether Meta signed these very bytes with the app's secret."""
    given = header(headers, SIGNATURE_HEADER)
    made = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return bool(secret) and hmac.compare_digest(given.encode(), made.encode())


def challenge_of(query: Mapping[str, str], verify_token: str) -> str:
    """What to answer (200, text/plain) when Meta asks by GET whether the webhook is there. Raises `NotAllowed`."""
    given, challenge = query.get("hub.verify_token", ""), query.get("hub.challenge", "")
    is_ours = bool(verify_token) and hmac.compare_digest(given.encode(), verify_token.encode())
    if not is_ours or query.get("hub.mode") != "subscribe" or not _CHALLENGE.fullmatch(challenge):
        raise NotAllowed
    return challenge


def reports_of(body: bytes, number_id: str = "") -> list[Report]:
    """What became of messages, taps on a stop button, and `user_preferences`. Raises `Invalid`.

    That marketing is unwanted is STOPPED with the code `131050` (said of a message) or `marketing` (of an address).
    """
    told: list[Report] = []
    for value in _values(body, number_id):
        told += [report for each in value.statuses if (report := _of_status(each))]
        told += [_stop(each) for each in value.messages if _counts(each) and _is_stop(each)]
        told += [_of_preference(each) for each in value.user_preferences if _is_unwanted(each)]
    return told


def incoming_of(body: bytes, number_id: str = "") -> list[Incoming]:
    """What was written or tapped, once for ever: a repeated post has the same `external_id`. Raises `Invalid`."""
    told = [each for value in _values(body, number_id) for each in value.messages]
    return [
        Incoming(each.id, _address(each), text, _at(each.timestamp))
        for each in told
        if _counts(each) and not _is_stop(each) and (text := plain(_words(each)))
    ]


def _values(body: bytes, number_id: str) -> Iterator[_Value]:
    for entry in _read(body).entry:
        for change in entry.changes:
            if change.field not in {"messages", "user_preferences"}:
                continue
            value = _read_value(bytes(change.value))
            if number_id in {"", value.metadata.phone_number_id}:
                yield value


def _of_status(told: _Status) -> Report | None:
    if told.recipient_type == "group":
        return None
    if told.status == "failed":
        code = told.errors[0].code if told.errors else None
        return Report(told.id, reported_of(code), _at(told.timestamp), "" if code is None else str(code))
    reported = _REPORTED.get(told.status)
    return None if reported is None else Report(told.id, reported, _at(told.timestamp))


def _is_unwanted(told: _Preference) -> bool:
    return told.category == _MARKETING and told.value == "stop" and bool(told.wa_id or told.user_id)


def _of_preference(told: _Preference) -> Report:
    return Report("", Reported.STOPPED, _at(str(told.timestamp)), "marketing", _named(told.wa_id, told.user_id))


def _stop(said: _Message) -> Report:
    of = said.context.id if said.context else ""
    return Report(of, Reported.STOPPED, _at(said.timestamp), "stop", _address(said))


def _is_stop(said: _Message) -> bool:
    """Buttons alone: typed words are `Incoming`, and whoever reads them knows the words that stop."""
    tapped = (said.interactive and said.interactive.button_reply) or None
    signs = {said.button.payload, said.button.text} if said.button else {tapped.id, tapped.title} if tapped else set()
    return any(plain(each).casefold() in STOP_BUTTONS for each in signs)


def _counts(said: _Message) -> bool:
    return not said.group_id and bool(said.sender or said.from_user_id)


def _address(said: _Message) -> str:
    return _named(said.sender, said.from_user_id)


def _named(number: str, user_id: str) -> str:
    """E.164, or WhatsApp's id of who hides their number."""
    return f"+{number.lstrip('+')}" if number else user_id


def _words(said: _Message) -> str:
    if said.interactive:
        chosen = said.interactive.button_reply or said.interactive.list_reply
        return chosen.title if chosen else ""
    if said.button:
        return said.button.text or said.button.payload
    if said.text:
        return said.text.body
    pictured = said.image or said.video or said.document
    return pictured.caption if pictured else ""


def _at(seconds: str) -> datetime:
    if not re.fullmatch(r"[0-9]{1,12}", seconds):
        raise malformed()
    return moment(int(seconds))
