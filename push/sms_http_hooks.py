"""Reads what gateways of HTTP tell afterwards: is it theirs, what became of messages, and what somebody wrote back."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from core.errors import Fault, Invalid
from push.report import Incoming, Report, Reported
from push.sms_gateway import Hooks, Signed, found_at
from push.sms_words import code_of, kept_text, number_of

LARGEST_BODY = 64 * 1024
_MOST_MEMBERS = 200
_MOST_EVENTS = 500
_LONGEST_ID = 200
_PORTS = {"https": 443, "http": 80}


def genuine(headers: Mapping[str, str], body: bytes, secret: str, *, hooks: Hooks, url: str = "") -> bool:
    """Whether whoever knows `secret` sent `body`. `url`: where it was sent to, whole, as the gateway knows it.

    Compared in constant time; without a secret nothing is genuine.
    """
    named = {name.lower(): value for name, value in headers.items()}
    try:
        return bool(secret) and _CHECKS[hooks.signed](named, body, secret, hooks, url)
    except (Invalid, UnicodeError):
        return False


def reports_of(body: bytes, *, hooks: Hooks, now: datetime) -> list[Report]:
    """What `body` reports; stages on the way and events that we do not know are passed over. Raises `Invalid`."""
    found = []
    for event in _events(body, hooks):
        name, reported = found_at(event, hooks.id_at), _reported(event, hooks)
        if name and reported is not None and len(name) <= _LONGEST_ID:
            code = code_of(found_at(event, hooks.code_at)) if hooks.code_at else ""
            found.append(Report(name, reported, _moment(event, hooks, now), code))
    return found


def incoming_of(body: bytes, *, hooks: Hooks, now: datetime) -> list[Incoming]:
    """The texts that `body` brings. Raises `Invalid`."""
    if not (hooks.text_at and hooks.text_from_at):
        return []
    return [
        Incoming(_external_id(event, hooks), number_of(sender), kept_text(text), _moment(event, hooks, now))
        for event in _events(body, hooks)
        if (sender := found_at(event, hooks.text_from_at))
        and (text := found_at(event, hooks.text_at))
        and _reported(event, hooks) is None
    ]


def _reported(event: Any, hooks: Hooks) -> Reported | None:
    state = found_at(event, hooks.state_at).lower()
    if state in hooks.delivered:
        return Reported.DELIVERED
    if state not in hooks.undelivered:
        return None
    code = found_at(event, hooks.code_at) if hooks.code_at else ""
    if code in hooks.stopped_codes:
        return Reported.STOPPED
    return Reported.ADDRESS_DEAD if code in hooks.dead_codes else Reported.UNDELIVERED


def _moment(event: Any, hooks: Hooks, now: datetime) -> datetime:
    """When it was by the gateway's clock, never later than now; else now."""
    said = found_at(event, hooks.at) if hooks.at else ""
    try:
        at = datetime.fromtimestamp(int(said), UTC) if said.isdecimal() else datetime.fromisoformat(said)
        return min(at if at.tzinfo else at.replace(tzinfo=UTC), now)
    except (ValueError, OverflowError, OSError):
        return now


def _external_id(event: Any, hooks: Hooks) -> str:
    """The gateway's own, or what the same event has when it comes again."""
    said = found_at(event, hooks.text_id_at) if hooks.text_id_at else ""
    if said and len(said) <= _LONGEST_ID:
        return said
    return hashlib.sha256(msgspec.json.encode(event, order="deterministic")).hexdigest()


def _events(body: bytes, hooks: Hooks) -> list[Any]:
    """The objects that `body` holds, a form as one; what is no object in a list is passed over."""
    if len(body) > LARGEST_BODY:
        raise Invalid(Fault("", "too-large"))
    if body.lstrip()[:1] not in {b"{", b"["}:
        return [dict(reversed(_form(body)))]
    try:
        whole = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise Invalid(Fault("", "not-json")) from None
    events = _list_at(whole, hooks.events_at)
    if len(events) > _MOST_EVENTS:
        raise Invalid(Fault("", "too-many"))
    return [each for each in events if isinstance(each, dict)]


def _list_at(whole: Any, spot: str) -> list[Any]:
    for step in filter(None, spot.split(".")):
        whole = whole.get(step) if isinstance(whole, dict) else None
    return whole if isinstance(whole, list) else [whole]


def _form(body: bytes) -> list[tuple[str, str]]:
    """The members of a form in order. Raises `Invalid`."""
    try:
        members = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST_MEMBERS
        )
    except ValueError:
        members = []
    if not members:
        raise Invalid(Fault("", "not-a-form"))
    return members


def _header_hmac(headers: Mapping[str, str], body: bytes, secret: str, hooks: Hooks, _: str) -> bool:
    given = headers.get(hooks.header.lower(), "").removeprefix("sha256=")
    return _same(given.lower(), hmac.new(secret.encode(), body, hashlib.sha256).hexdigest())


def _twilio(headers: Mapping[str, str], body: bytes, secret: str, _: Hooks, url: str) -> bool:
    """https://www.twilio.com/docs/usage/security: some of its senders name the port, some do not."""
    members = sorted(set(_form(body))) if body else []
    told = "".join(name + value for name, value in members)
    given = headers.get("x-twilio-signature", "")
    return any(_same(given, _twilio_signature(each + told, secret)) for each in _with_and_without_port(url))


def _twilio_signature(told: str, secret: str) -> str:
    # SHA-1 is Twilio's choice; under HMAC it still holds (RFC 6194 §3.3).
    return b64encode(hmac.new(secret.encode(), told.encode(), hashlib.sha1).digest()).decode()


def _with_and_without_port(url: str) -> Iterable[str]:
    parts = urlsplit(url)
    port = _PORTS.get(parts.scheme)
    if not parts.hostname or parts.port not in {None, port}:
        return (url,)
    bare = parts.netloc.removesuffix(f":{port}")
    return tuple(parts._replace(netloc=host).geturl() for host in (bare, f"{bare}:{port}"))


def _vonage(_: Mapping[str, str], body: bytes, secret: str, __: Hooks, ___: str) -> bool:
    """https://developer.vonage.com/en/getting-started/concepts/signing-messages, with SHA-256 HMAC chosen there."""
    members = _members(body)
    given = members.pop("sig", "")
    told = "".join(f"&{name}={members[name].translate(_PARTED)}" for name in sorted(members))
    return _same(given.lower(), hmac.new(secret.encode(), told.encode(), hashlib.sha256).hexdigest())


_PARTED = str.maketrans("&=", "__")


def _smsc(_: Mapping[str, str], body: bytes, secret: str, __: Hooks, ___: str) -> bool:
    """https://smsc.ru/api/http/status_messages/: what is signed has no lengths, so a number must be one."""
    members = _members(body)
    if not members.get("phone", "").removeprefix("+").isdecimal():
        return False
    names = ("phone", "mes") if "mes" in members else ("id", "phone", "status")
    told = ":".join([*(members.get(name, "") for name in names), secret])
    # SHA-1 is the gateway's choice, and it has no other but MD5 and CRC.
    return _same(members.get("sha1", "").lower(), hashlib.sha1(told.encode()).hexdigest())  # noqa: S324


def _members(body: bytes) -> dict[str, str]:
    """The members of a form or of a flat JSON object, as texts. Raises `Invalid`."""
    if body.lstrip()[:1] != b"{":
        return dict(reversed(_form(body)))
    try:
        whole = msgspec.json.decode(body, type=dict[str, Any])
    except (ValueError, RecursionError):
        raise Invalid(Fault("", "not-json")) from None
    return {name: found_at(whole, name) for name in whole if "." not in name}


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())


_CHECKS: dict[Signed, Callable[[Mapping[str, str], bytes, str, Hooks, str], bool]] = {
    Signed.HMAC_SHA256: _header_hmac,
    Signed.TWILIO: _twilio,
    Signed.VONAGE: _vonage,
    Signed.SMSC: _smsc,
}
