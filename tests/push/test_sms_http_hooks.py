"""What gateways tell afterwards: only what is signed is theirs, and each event is read for what it says."""

import contextlib
import hashlib
import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from push.report import Incoming, Report, Reported
from push.sms_gateway import Hooks, preset
from push.sms_http_hooks import LARGEST_BODY, genuine, incoming_of, reports_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
URL = "https://clinic.example/v1/hooks/sms/1"
SECRET = "s3cret"
OWN = Hooks(
    events_at="results", id_at="id", state_at="state", code_at="error", at="at", delivered=("done",),
    undelivered=("failed",), dead_codes=("5",), text_from_at="from", text_at="text",
)  # fmt: skip


def hooks_of(name: str) -> Hooks:
    found = preset(name).hooks
    assert found is not None
    return found


TWILIO, VONAGE, SMSC = hooks_of("twilio"), hooks_of("vonage"), hooks_of("smsc")


def form(**members: str) -> bytes:
    return urlencode(
        {name.replace("_", "-") if name == "err_code" else name: each for name, each in members.items()}
    ).encode()


def twilio_signature(told: str) -> dict[str, str]:
    return {"X-Twilio-Signature": b64encode(hmac.new(SECRET.encode(), told.encode(), hashlib.sha1).digest()).decode()}


def test_twilios_own_example_of_a_signature_holds() -> None:
    """https://www.twilio.com/docs/usage/security#validating-requests, with the result its text gives."""
    body = urlencode({
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
        "To": "+18005551212",
    }).encode()  # fmt: skip
    headers = {"X-Twilio-Signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert genuine(headers, body, "12345", hooks=TWILIO, url=url)
    assert not genuine(headers, body, "12346", hooks=TWILIO, url=url)
    assert not genuine(headers, body, "12345", hooks=TWILIO, url=url + "&c=3")
    assert not genuine(headers, body + b"&x=1", "12345", hooks=TWILIO, url=url)


def test_twilio_may_or_may_not_name_the_port() -> None:
    body, told = form(MessageSid="SM1", MessageStatus="sent"), "MessageSidSM1MessageStatussent"
    for signed in (URL, URL.replace(".example", ".example:443")):
        for asked in (URL, URL.replace(".example", ".example:443")):
            assert genuine(twilio_signature(signed + told), body, SECRET, hooks=TWILIO, url=asked)
    other = URL.replace(".example", ".example:8443")
    assert not genuine(twilio_signature(URL + told), body, SECRET, hooks=TWILIO, url=other)


def test_a_body_is_genuine_by_the_hmac_in_its_header() -> None:
    body = b'{"results": []}'
    right = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    for given_ in (right, right.upper(), f"sha256={right}"):
        assert genuine({"X-Signature": given_}, body, SECRET, hooks=OWN)
    for wrong in ("", right[:-1], "sha256=", "ü", hashlib.sha256(body).hexdigest()):
        assert not genuine({"X-Signature": wrong}, body, SECRET, hooks=OWN)
    assert not genuine({}, body, SECRET, hooks=OWN)
    assert not genuine({"x-signature": hmac.new(b"", body, hashlib.sha256).hexdigest()}, body, "", hooks=OWN)


def test_vonage_signs_among_the_members() -> None:
    members = {"messageId": "0A", "status": "delivered", "err-code": "0", "timestamp": "1", "text": "a=b&c"}
    told = "&err-code=0&messageId=0A&status=delivered&text=a_b_c&timestamp=1"
    sig = hmac.new(SECRET.encode(), told.encode(), hashlib.sha256).hexdigest().upper()
    assert genuine({}, urlencode({**members, "sig": sig}).encode(), SECRET, hooks=VONAGE)
    assert not genuine({}, urlencode({**members, "sig": sig, "status": "failed"}).encode(), SECRET, hooks=VONAGE)
    assert not genuine({}, urlencode(members).encode(), SECRET, hooks=VONAGE)


def test_smsc_signs_what_it_is_about() -> None:
    sha1 = hashlib.sha1(b"7:79990001122:1:s3cret", usedforsecurity=False).hexdigest()
    assert genuine({}, form(id="7", phone="79990001122", status="1", sha1=sha1), SECRET, hooks=SMSC)
    assert not genuine({}, form(id="7", phone="79990001122", status="2", sha1=sha1), SECRET, hooks=SMSC)
    assert not genuine({}, form(id="7:79990001122", phone="1", status="", sha1=sha1), SECRET, hooks=SMSC)
    assert not genuine({}, form(id="7", phone="79990001122:1", mes="x", sha1=sha1), SECRET, hooks=SMSC)
    sha1 = hashlib.sha1("79990001122:Стоп:s3cret".encode(), usedforsecurity=False).hexdigest()
    assert genuine({}, form(phone="79990001122", mes="Стоп", sha1=sha1), SECRET, hooks=SMSC)


@pytest.mark.parametrize(
    ("hooks", "body", "reported", "code"),
    [
        (TWILIO, form(MessageSid="1", MessageStatus="delivered"), Reported.DELIVERED, ""),
        (TWILIO, form(MessageSid="1", MessageStatus="undelivered", ErrorCode="30003"), Reported.UNDELIVERED, "30003"),
        (TWILIO, form(MessageSid="1", MessageStatus="undelivered", ErrorCode="30005"), Reported.ADDRESS_DEAD, "30005"),
        (TWILIO, form(MessageSid="1", MessageStatus="failed", ErrorCode="21610"), Reported.STOPPED, "21610"),
        (VONAGE, form(messageId="1", status="delivered", err_code="0"), Reported.DELIVERED, "0"),
        (VONAGE, form(messageId="1", status="failed", err_code="3"), Reported.ADDRESS_DEAD, "3"),
        (VONAGE, form(messageId="1", status="expired", err_code="2"), Reported.UNDELIVERED, "2"),
        (SMSC, form(id="1", phone="7999", status="1", err="0"), Reported.DELIVERED, "0"),
        (SMSC, form(id="1", phone="7999", status="20", err="1"), Reported.ADDRESS_DEAD, "1"),
        (SMSC, form(id="1", phone="7999", status="3", err="0"), Reported.UNDELIVERED, "0"),
    ],
)
def test_a_receipt_says_what_became_of_it(hooks: Hooks, body: bytes, reported: Reported, code: str) -> None:
    assert reports_of(body, hooks=hooks, now=NOW) == [Report("1", reported, NOW, code)]
    assert incoming_of(body, hooks=hooks, now=NOW) == []


@pytest.mark.parametrize(
    ("hooks", "body"),
    [
        (TWILIO, form(MessageSid="1", MessageStatus="sent")),
        (VONAGE, form(messageId="1", status="accepted")),
        (SMSC, form(id="1", phone="7999", status="0")),
        (SMSC, form(id="1", phone="7999", status="-1")),
        (OWN, b'{"results": [{"id": "1", "state": "new"}, 7, null, {"state": "done"}]}'),
        (OWN, b"{}"),
    ],
)
def test_stages_on_the_way_and_unknown_events_are_passed_over(hooks: Hooks, body: bytes) -> None:
    assert reports_of(body, hooks=hooks, now=NOW) == []
    assert incoming_of(body, hooks=hooks, now=NOW) == []


def test_several_events_come_in_one_body_with_their_moments() -> None:
    body = b"""{"results": [
        {"id": "1", "state": "done", "at": "2026-11-23T11:00:00Z"}, {"id": 2, "state": "FAILED", "error": 5},
        {"id": "3", "state": "done", "at": "1795000000"}, {"id": "4", "state": "done", "at": "2126-01-01T00:00:00Z"},
        {"id": "5", "state": "done", "at": "yesterday"}]}"""
    found = reports_of(body, hooks=OWN, now=NOW)
    assert [(each.provider_id, each.reported) for each in found] == [
        ("1", Reported.DELIVERED), ("2", Reported.ADDRESS_DEAD), ("3", Reported.DELIVERED), ("4", Reported.DELIVERED),
        ("5", Reported.DELIVERED),
    ]  # fmt: skip
    assert found[0].at == NOW - timedelta(hours=1)
    assert found[2].at == datetime.fromtimestamp(1_795_000_000, UTC)
    assert found[3].at == found[4].at == NOW


def test_a_text_that_somebody_wrote() -> None:
    told = form(MessageSid="SM9", From="+393331234567", Body="Sì, grazie 😀", SmsStatus="received")
    assert incoming_of(told, hooks=TWILIO, now=NOW) == [Incoming("SM9", "+393331234567", "Sì, grazie 😀", NOW)]
    told = form(
        messageId="0B", msisdn="393331234567", text="Si", to="123", **{"message-timestamp": "2026-11-23 11:00:00"}
    )
    assert incoming_of(told, hooks=VONAGE, now=NOW) == [Incoming("0B", "+393331234567", "Si", NOW - timedelta(hours=1))]
    assert reports_of(told, hooks=VONAGE, now=NOW) == []


def test_a_text_without_an_id_is_named_by_what_it_says() -> None:
    first = incoming_of(form(phone="7999", mes="Да", time="1"), hooks=SMSC, now=NOW)[0]
    again = incoming_of(form(time="1", mes="Да", phone="7999"), hooks=SMSC, now=NOW)[0]
    later = incoming_of(form(phone="7999", mes="Да", time="2"), hooks=SMSC, now=NOW)[0]
    assert first.external_id == again.external_id != later.external_id


def test_control_characters_stay_outside() -> None:
    body = form(MessageSid="1", From="+39333", Body="a\x00b\x1b[1mc\r\nd\x7f" + "e" * 5000)
    text = incoming_of(body, hooks=TWILIO, now=NOW)[0].text
    assert text.startswith("ab[1mc\nde")
    assert len(text) == 4000


@pytest.mark.parametrize(
    "body",
    [b"", b"no form", b"\xff\xfe=1", b"a=%ff", b"{", b'{"a": }', b"[" * 50_000, b"{" + b" " * LARGEST_BODY,
     b"&".join(b"a=1" for _ in range(201)), b"[" + b",".join([b"{}"] * 501) + b"]"],
)  # fmt: skip
def test_a_malformed_body_is_invalid_and_never_genuine(body: bytes) -> None:
    for read in (reports_of, incoming_of):
        with pytest.raises(Invalid):
            read(body, hooks=VONAGE, now=NOW)
    for hooks in (TWILIO, VONAGE, SMSC):
        assert not genuine({}, body, SECRET, hooks=hooks, url=URL)


@given(st.binary(max_size=200), st.sampled_from([OWN, TWILIO, VONAGE, SMSC]))
def test_no_body_breaks_the_reading(body: bytes, hooks: Hooks) -> None:
    assert not genuine({}, body, SECRET, hooks=hooks, url=URL)
    for read in (reports_of, incoming_of):
        with contextlib.suppress(Invalid):
            read(body, hooks=hooks, now=NOW)
