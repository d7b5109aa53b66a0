"""Bounces and complaints: what the standards write and what old systems write, of mails of ours alone."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from push.mail_bounces import reports_of
from push.mail_token import is_ours, mail_token, notice_of
from push.report import Report, Reported
from tests.push.phones import NOON

KEY = "a key of thirty-two signs or more"
NOTICE = UUID("01934c2e-0000-7000-8000-000000000001")
TOKEN = mail_token(KEY, NOTICE, "anna@patients.example")
TO = f"b+{TOKEN}@bounces.clinic.example"

DSN = """\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="=_x/y"

This is a MIME message.

--=_x/y
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you: 550 5.7.1 in the words only.

--=_x/y
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 17 Jun 2030 10:00:00 +0000

Final-Recipient: rfc822; anna@patients.example
Original-Recipient: rfc822;anna@patients.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {why}

--=_x/y
Content-Type: message/rfc822

Return-Path: <{original}>
Message-ID: <{message_id}@clinic.example>
Subject: Your clinic

Pulpitis-17
--=_x/y--
"""
ARF = """\
From: <abuse@provider.example>
To: fbl@clinic.example
Subject: FW: Your clinic
Content-Type: multipart/report; report-type=feedback-report; boundary=zz

--zz
Content-Type: text/plain

This is an email abuse report.
--zz
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <{original}>

--zz
Content-Type: text/rfc822-headers

Message-ID: <{message_id}@clinic.example>
--zz--
"""
OLD = "From: {sender}\nTo: {to}\nSubject: failure notice\n{more}\n{text}\n"


def dsn(action: str = "failed", status: str = "5.1.1", why: str = "", to: str = TO, **named: str) -> bytes:
    original = {"original": "", "message_id": "", **named}
    return DSN.format(action=action, status=status, why=why, to=to, **original).encode()


def told(raw: bytes, recipient: str = "") -> list[tuple[Reported, str]]:
    found = reports_of(raw, recipient, KEY, NOON)
    assert all(each == Report(TOKEN, each.reported, NOON, each.code) for each in found)
    return [(each.reported, each.code) for each in found]


@pytest.mark.parametrize(
    ("action", "status", "why", "report"),
    [
        ("failed", "5.1.1", "550 5.1.1 no such user", [(Reported.ADDRESS_DEAD, "5.1.1")]),
        ("Failed", "5.1.10", "", [(Reported.ADDRESS_DEAD, "5.1.10")]),
        ("failed (fatal)", "5.2.1", "disabled", [(Reported.ADDRESS_DEAD, "5.2.1")]),
        ("failed", "5.0.0", "550-5.1.1 The account does not exist", [(Reported.ADDRESS_DEAD, "5.1.1")]),
        ("failed", "5.0.0", "550 User unknown", [(Reported.ADDRESS_DEAD, "user-unknown")]),
        ("failed", "5.1.0", "550 RESOLVER.ADR.RecipientNotFound", [(Reported.ADDRESS_DEAD, "user-unknown")]),
        ("failed", "", "550 нет такого пользователя", [(Reported.ADDRESS_DEAD, "user-unknown")]),
        ("failed", "5.2.2", "552 mailbox full", [(Reported.UNDELIVERED, "mailbox-full")]),
        ("failed", "5.7.1", "554 spam; user unknown to our list", [(Reported.UNDELIVERED, "5.7.1")]),
        ("failed", "4.4.7", "expired", [(Reported.UNDELIVERED, "4.4.7")]),
        ("failed", "5.0.0", "550 from 10.5.1.1 refused", [(Reported.UNDELIVERED, "5.0.0")]),
        ("delivered", "2.0.0", "", [(Reported.DELIVERED, "")]),
        ("delayed", "4.4.1", "", []),
        ("relayed", "2.0.0", "", []),
        ("expanded", "2.0.0", "", []),
        ("", "5.1.1", "", []),
    ],
)  # fmt: skip
def test_a_delivery_report_says_what_became_of_it(
    action: str, status: str, why: str, report: list[tuple[Reported, str]]
) -> None:
    raw = dsn(action, status, why)
    assert told(raw) == report
    assert told(raw.replace(b"\n", b"\r\n")) == report


def test_a_mail_of_ours_is_known_by_each_place_that_names_it() -> None:
    nobody = "postmaster@clinic.example"
    dead = [(Reported.ADDRESS_DEAD, "5.1.1")]
    assert told(dsn(to=TO.upper())) == dead
    assert told(dsn(to=nobody), TO) == dead
    assert told(dsn(to=nobody, original=TO)) == dead
    assert told(dsn(to=nobody, message_id=TOKEN)) == dead
    assert told(dsn(to=nobody)) == []


def test_nobody_forges_a_bounce_of_anothers_notice() -> None:
    other = mail_token(KEY, UUID("01934c2e-0000-7000-8000-000000000002"), "boris@patients.example")
    mixed = other[:30] + TOKEN[30:]
    foreign = mail_token("another key of thirty-two signs...", NOTICE, "anna@patients.example")
    for forged in (mixed, foreign, TOKEN[:-1], TOKEN + "a", "a" * 48, "", "é" * 48):
        assert not is_ours(KEY, forged)
        assert told(dsn(to=f"b+{forged}@bounces.clinic.example")) == []
    assert is_ours(KEY, TOKEN)
    assert notice_of(TOKEN) == NOTICE
    assert TOKEN == mail_token(KEY, NOTICE, "ANNA@patients.example") != mail_token(KEY, NOTICE, "b@patients.example")
    assert len(f"b+{TOKEN}") <= 64


@pytest.mark.parametrize(
    ("kind", "report"),
    [("abuse", [(Reported.COMPLAINT, "abuse")]), ("Fraud", [(Reported.COMPLAINT, "fraud")]), ("not-spam", []),
     ("auth-failure", []), ("opt-out", [(Reported.STOPPED, "opt-out")]), ("", [])],
)  # fmt: skip
def test_a_complaint_is_one_and_a_note_of_the_provider_is_none(kind: str, report: list[tuple[Reported, str]]) -> None:
    assert told(ARF.format(kind=kind, original=TO, message_id="x").encode()) == report
    assert told(ARF.format(kind=kind, original="", message_id=TOKEN).encode()) == report
    assert told(ARF.format(kind=kind, original="", message_id="x").encode()) == []


@pytest.mark.parametrize(
    ("sender", "more", "text", "report"),
    [
        ("MAILER-DAEMON@old.example", "", "<anna@x>: Sorry, no mailbox here by that name. (#5.1.1)",
         [(Reported.ADDRESS_DEAD, "5.1.1")]),
        ("postmaster@old.example", "", "550 mailbox\n is full", [(Reported.UNDELIVERED, "mailbox-full")]),
        ("Mail Delivery Subsystem <md@old.example>", "", "Recipient address rejected: User unknown",
         [(Reported.ADDRESS_DEAD, "user-unknown")]),
        ("md@old.example", "Return-Path: <>\n", "host said: 554 5.7.1 refused", [(Reported.UNDELIVERED, "5.7.1")]),
        ("MAILER-DAEMON@old.example", "", "could not be delivered yet: 550 5.1.1; we will keep trying for 3 days", []),
        ("MAILER-DAEMON@old.example", "", "Something happened.", []),
        ("anna@patients.example", "", "The user unknown to you is me: 550 5.1.1", []),
        ("anna@patients.example", "Auto-Submitted: auto-replied\nReturn-Path: <>\n", "I am away until 5.1.1", []),
    ],
)  # fmt: skip
def test_what_is_of_no_standard_is_read_by_its_words(
    sender: str, more: str, text: str, report: list[tuple[Reported, str]]
) -> None:
    assert told(OLD.format(sender=sender, to=TO, more=more, text=text).encode()) == report


def test_what_is_no_mail_is_refused() -> None:
    for raw in (b"", b"\r\n\r\n", b"no header at all", b"\x00" * 100, b"x" * 10_000_001):
        with pytest.raises(Invalid):
            reports_of(raw, TO, KEY, NOON)


@given(st.binary(max_size=400), st.integers(0, len(DSN)))
def test_no_damage_is_more_than_damage(noise: bytes, at: int) -> None:
    raw = dsn()
    assert len(reports_of(b"To: " + TO.encode() + b"\n" + raw[:at] + noise + raw[at:], "", KEY, NOON)) <= 1


def test_mails_made_to_be_slow_are_read_in_no_time() -> None:
    """The standard library's parser takes half a minute for a megabyte of such; the test's time limit is the bound."""
    head = f"To: {TO}\n".encode()
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(20_000))
    status = b"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n"
    for body in (
        deep, status + b"\n\n" * 3_000_000, status + b"Action: failed\n" * 400_000, b"Subject: " + b"(" * 4_000_000,
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n" * 1_000_000,
        b"Content-Type: text/plain; charset=punycode\n\n" + b"a-" * 2_000_000,
        b"From: MAILER-DAEMON@x\n\n" + b"user mailbox " * 300_000,
    ):  # fmt: skip
        for _ in range(5):
            reports_of(head + body, TO, KEY, NOON)
