"""The mail adapter against a real SMTP server: each fault is one outcome, and costs one transaction."""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from core.ids import new_id
from push.channel import Message, Target
from push.email import Email
from push.mail_line import MailLine, Security
from push.mail_token import is_ours, notice_of
from push.notice import NoticeKind
from push.outcome import Outcome, Result
from tests.push.peers.smtp import DRIP, DROP, HANG, HUGE, PASSWORD, USER, SmtpPeer
from tests.push.peers.stall import longest_stall
from tests.push.phones import HOUR, MINUTE, NOON

KEY = "a key of thirty-two signs or more"
ANNA = Target("", "mail", "anna@patients.example")
CANARY = "Pulpitis-17"


def line_of(peer: SmtpPeer, **more: Any) -> MailLine:
    facts: dict[str, Any] = {
        "host": "localhost", "port": peer.port, "user": USER, "password": PASSWORD, "authority": peer.authority,
        "from_address": "hello@clinic.example", "from_name": "Studio Rossi", "bounce_domain": "bounces.clinic.example",
        "token_key": KEY,
    }  # fmt: skip
    return MailLine.model_validate({**facts, **more})


def message(**more: Any) -> Message:
    made = Message(new_id(), NoticeKind.VISIT, "Your clinic", f"Dear Anna,\n{CANARY}\n.\n..", None, NOON, HOUR)
    return replace(made, **more)


@asynccontextmanager
async def relay(**more: Any) -> AsyncIterator[SmtpPeer]:
    peer = SmtpPeer(**more)
    await peer.start()
    yield peer
    await peer.stop()


@asynccontextmanager
async def mailing(peer: SmtpPeer, **more: Any) -> AsyncIterator[Email]:
    made = Email(line_of(peer, **more), {"localhost"})
    yield made
    await made.close()


@pytest.fixture
async def peer() -> AsyncIterator[SmtpPeer]:
    async with relay() as made:
        yield made


@pytest.fixture
async def mail(peer: SmtpPeer) -> AsyncIterator[Email]:
    async with mailing(peer) as made:
        yield made


async def send(mail: Email, seconds: float = 5, **more: Any) -> Outcome:
    return await mail.send(ANNA, message(**more), timedelta(seconds=seconds))


PAUSE = 5 * MINUTE
FAULTS: list[tuple[str, str, Outcome]] = [
    ("GREETING", "421 4.3.2 shutting down", Outcome(Result.THROTTLED, "smtp-421-4.3.2", retry_after=MINUTE)),
    ("GREETING", "554 no service", Outcome(Result.CONFIG, "smtp-554")),
    ("GREETING", "HTTP/1.1 400 Bad Request", Outcome(Result.NOT_SENT, "answer-garbled")),
    ("GREETING", DROP, Outcome(Result.NOT_SENT, "no-connection")),
    ("GREETING", HANG, Outcome(Result.NOT_SENT, "no-connection")),
    ("GREETING", DRIP, Outcome(Result.NOT_SENT, "no-connection")),
    ("GREETING", HUGE, Outcome(Result.NOT_SENT, "answer-garbled")),
    ("EHLO", "550 5.7.1 who are you", Outcome(Result.CONFIG, "smtp-550-5.7.1")),
    ("STARTTLS", "454 4.7.0 no TLS now", Outcome(Result.NOT_SENT, "tls-failed")),
    ("STARTTLS", "220 ready, but nothing follows", Outcome(Result.NOT_SENT, "tls-failed")),
    ("AUTH", "535 5.7.8 wrong password", Outcome(Result.CONFIG, "smtp-535-5.7.8")),
    ("AUTH", "454 4.7.0 later", Outcome(Result.THROTTLED, "smtp-454-4.7.0", retry_after=PAUSE)),
    ("AUTH", HANG, Outcome(Result.NOT_SENT, "no-connection")),
    ("MAIL", "550 5.7.26 not aligned", Outcome(Result.CONFIG, "smtp-550-5.7.26")),
    ("MAIL", "552 5.3.4 too large", Outcome(Result.BAD_MESSAGE, "smtp-552-5.3.4")),
    ("MAIL", "530 5.7.0 authenticate first", Outcome(Result.CONFIG, "smtp-530-5.7.0")),
    ("MAIL", "451 4.7.1 slow down", Outcome(Result.THROTTLED, "smtp-451-4.7.1", retry_after=PAUSE)),
    ("MAIL", DROP, Outcome(Result.NOT_SENT, "connection-lost")),
    ("RCPT", "550 5.1.1 no such user", Outcome(Result.DEAD, "smtp-550-5.1.1")),
    ("RCPT", "550-5.1.1 no such user\r\n550 5.1.1 really", Outcome(Result.DEAD, "smtp-550-5.1.1")),
    ("RCPT", "550 5.1.10 null MX", Outcome(Result.DEAD, "smtp-550-5.1.10")),
    ("RCPT", "550 5.2.1 disabled", Outcome(Result.DEAD, "smtp-550-5.2.1")),
    ("RCPT", "550 unknown or not wanted", Outcome(Result.BAD_MESSAGE, "smtp-550")),
    ("RCPT", "554 5.7.1 relaying denied", Outcome(Result.CONFIG, "smtp-554-5.7.1")),
    ("RCPT", "552 5.2.2 full", Outcome(Result.BAD_MESSAGE, "mailbox-full")),
    ("RCPT", "452 4.2.2 full", Outcome(Result.BAD_MESSAGE, "mailbox-full")),
    ("RCPT", "450 4.2.0 Greylisted, see you later", Outcome(Result.THROTTLED, "greylisted", retry_after=PAUSE)),
    ("RCPT", "421 4.7.0 too many", Outcome(Result.THROTTLED, "smtp-421-4.7.0", retry_after=MINUTE)),
    ("RCPT", HANG, Outcome(Result.NOT_SENT, "connection-lost")),
    ("RCPT", "hello", Outcome(Result.NOT_SENT, "answer-garbled")),
    ("DATA", "451 4.3.0 no disk", Outcome(Result.THROTTLED, "smtp-451-4.3.0", retry_after=PAUSE)),
    ("DATA", "250 what?", Outcome(Result.NOT_SENT, "answer-garbled")),
    ("DATA", DROP, Outcome(Result.NOT_SENT, "connection-lost")),
    ("DATA", DRIP, Outcome(Result.NOT_SENT, "connection-lost")),
]
AT_THE_END: list[tuple[str, Outcome]] = [
    ("554 5.7.1 spam", Outcome(Result.BAD_MESSAGE, "smtp-554-5.7.1")),
    ("550 5.7.27 SPF failed", Outcome(Result.CONFIG, "smtp-550-5.7.27")),
    ("550 5.1.1 no such user", Outcome(Result.DEAD, "smtp-550-5.1.1")),
    ("552 too large", Outcome(Result.BAD_MESSAGE, "smtp-552")),
    ("452 4.3.1 no disk", Outcome(Result.THROTTLED, "smtp-452-4.3.1", retry_after=PAUSE)),
    ("421 4.4.2 closing", Outcome(Result.THROTTLED, "smtp-421-4.4.2", retry_after=MINUTE)),
    ("354 once more", Outcome(Result.AMBIGUOUS, "answer-garbled")),
    ("garbage", Outcome(Result.AMBIGUOUS, "answer-garbled")),
    (DROP, Outcome(Result.AMBIGUOUS, "answer-lost")),
    (HANG, Outcome(Result.AMBIGUOUS, "answer-lost")),
    (DRIP, Outcome(Result.AMBIGUOUS, "answer-lost")),
    (HUGE, Outcome(Result.AMBIGUOUS, "answer-garbled")),
]


@pytest.mark.parametrize(("step", "told", "outcome"), FAULTS)
async def test_before_the_last_dot_each_fault_is_one_outcome_and_nothing_was_sent(
    peer: SmtpPeer, mail: Email, step: str, told: str, outcome: Outcome
) -> None:
    peer.script[step] = told
    assert await send(mail, 1) == outcome
    assert (peer.mails, peer.connections, peer.said.count(step)) == ([], 1, 1)
    peer.script.clear()
    assert (await send(mail)).result is Result.ACCEPTED  # and the next mail does not suffer from it


@pytest.mark.parametrize(("told", "outcome"), AT_THE_END)
async def test_after_the_last_dot_only_an_answer_tells_what_became_of_it(
    peer: SmtpPeer, mail: Email, told: str, outcome: Outcome
) -> None:
    peer.script["DOT"] = told
    found = await send(mail, 1)
    assert replace(found, provider_id=None) == outcome
    assert (found.provider_id is not None) is (outcome.result is Result.AMBIGUOUS)
    assert len(peer.mails) == 1
    peer.script.clear()
    assert (await send(mail)).result is Result.ACCEPTED
    assert len(peer.mails) == 2


async def test_nobody_there_means_that_nothing_was_sent(peer: SmtpPeer) -> None:
    async with mailing(peer, port=1) as nowhere:
        assert await send(nowhere) == Outcome(Result.NOT_SENT, "no-connection")
    async with mailing(peer, host="no-such-host.invalid") as nowhere:
        assert await send(nowhere) == Outcome(Result.NOT_SENT, "no-connection")


async def test_a_certificate_of_another_authority_or_for_another_name_gets_nothing(peer: SmtpPeer) -> None:
    async with mailing(peer, authority="") as trusting_the_system:
        assert await send(trusting_the_system) == Outcome(Result.NOT_SENT, "tls-failed")
    async with relay(host="elsewhere.test") as other, mailing(other) as deceived:
        assert await send(deceived) == Outcome(Result.NOT_SENT, "tls-failed")
        assert "AUTH" not in other.said
    async with relay(implicit=True, host="elsewhere.test") as other:
        async with mailing(other, security=Security.TLS) as deceived:
            assert await send(deceived) == Outcome(Result.NOT_SENT, "tls-failed")
        assert other.said == []


async def test_a_relay_that_offers_no_encryption_gets_neither_password_nor_mail() -> None:
    async with relay(tls_context=None, require_starttls=False, auth_require_tls=False) as bare, mailing(bare) as mail:
        assert await send(mail) == Outcome(Result.CONFIG, "no-starttls")
        assert set(bare.said) == {"GREETING", "EHLO"}


async def test_encrypted_from_the_first_byte_it_goes_as_well() -> None:
    async with relay(implicit=True) as peer, mailing(peer, security=Security.TLS) as mail:
        assert (await send(mail)).result is Result.ACCEPTED
        assert "STARTTLS" not in peer.said


@pytest.mark.parametrize("without", [["PLAIN"], ["LOGIN"]])
async def test_either_way_to_sign_in_will_do_and_is_tried_once(without: list[str]) -> None:
    async with relay(auth_exclude_mechanism=without) as peer:
        async with mailing(peer) as mail:
            assert (await send(mail)).result is Result.ACCEPTED
        async with mailing(peer, password="wrong") as mail:
            peer.said.clear()
            assert (await send(mail)).result is Result.CONFIG
            assert peer.said.count("AUTH") == 1
    async with relay(auth_exclude_mechanism=["PLAIN", "LOGIN"]) as peer, mailing(peer) as mail:
        assert await send(mail) == Outcome(Result.CONFIG, "no-login")


async def test_a_private_address_is_called_only_where_the_operator_named_it(peer: SmtpPeer) -> None:
    for host in ("localhost", "127.0.0.1", "2130706433"):
        outside = Email(line_of(peer, host=host))
        assert await send(outside) == Outcome(Result.CONFIG, "host-refused")
        assert await outside.check(HOUR) == Outcome(Result.CONFIG, "host-refused")
    assert peer.connections == 0


async def test_an_authority_that_is_none_is_our_own_fault(peer: SmtpPeer) -> None:
    async with mailing(peer, authority="not a certificate") as mail:
        assert await send(mail) == Outcome(Result.CONFIG, "bad-authority")


async def test_a_check_signs_in_and_writes_to_nobody(peer: SmtpPeer, mail: Email) -> None:
    assert await mail.check(HOUR) == Outcome(Result.ACCEPTED)
    assert (peer.mails, "RCPT" in peer.said) == ([], False)
    peer.script["MAIL"] = "550 5.7.1 not your domain"
    assert await mail.check(HOUR) == Outcome(Result.CONFIG, "smtp-550-5.7.1")
    peer.script["RSET"] = peer.script["AUTH"] = "535 5.7.8 wrong"
    assert await mail.check(HOUR) == Outcome(Result.CONFIG, "smtp-535-5.7.8")


async def test_one_connection_carries_many_mails_and_each_is_begun_anew(peer: SmtpPeer, mail: Email) -> None:
    peer.script["RCPT"] = "550 5.1.1 no"
    assert (await send(mail)).result is Result.DEAD
    peer.script.clear()
    for _ in range(3):
        assert (await send(mail)).result is Result.ACCEPTED
    assert (peer.connections, peer.said.count("RSET"), len(peer.mails)) == (1, 3, 3)


async def test_a_connection_that_the_relay_closed_meanwhile_costs_no_mail(peer: SmtpPeer, mail: Email) -> None:
    assert (await send(mail)).result is Result.ACCEPTED
    peer.hang_up()
    await asyncio.sleep(0.05)
    assert (await send(mail)).result is Result.ACCEPTED
    peer.script["RSET"] = "421 4.4.2 idle too long"
    assert (await send(mail)).result is Result.ACCEPTED
    assert (peer.connections, len(peer.mails)) == (3, 3)


async def test_sixty_mails_at_once_share_the_connections_that_are_allowed(peer: SmtpPeer, mail: Email) -> None:
    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            worst = max(worst, time.thread_time() - before)

    watching = asyncio.create_task(watch())
    sent = [message(html="<p>" + "ё" * 4000) for _ in range(60)]
    outcomes = await asyncio.gather(*(mail.send(ANNA, each, MINUTE) for each in sent))
    watching.cancel()
    assert {each.result for each in outcomes} == {Result.ACCEPTED}
    assert [notice_of(each.provider_id or "") for each in outcomes] == [each.notice_id for each in sent]
    assert (peer.most_at_once, len(peer.mails)) == (4, 60)
    assert worst < 0.05  # the processor's time between two turns of the loop: other processes do not count


async def test_who_gives_up_waiting_leaves_no_connection_taken(peer: SmtpPeer) -> None:
    async with mailing(peer, connections=1) as mail:
        peer.script["DOT"] = HANG
        outcomes = await asyncio.gather(*(send(mail, 0.5) for _ in range(3)))
        assert sorted(each.result for each in outcomes) == [Result.AMBIGUOUS, Result.NOT_SENT, Result.NOT_SENT]
        peer.script.clear()
        assert (await send(mail)).result is Result.ACCEPTED


async def test_a_mail_says_what_it_must_and_nothing_of_health_outside_of_its_parts(peer: SmtpPeer, mail: Email) -> None:
    stop, link = "https://clinic.example/s/a1b2", "https://clinic.example/o/c3d4"
    sent = message(html=f"<p>{CANARY}</p>", web_link=link, stop_link=stop, language="it")
    outcome = await mail.send(ANNA, sent, HOUR)
    [came] = peer.mails
    token = outcome.provider_id or ""
    assert is_ours(KEY, token)
    assert notice_of(token) == sent.notice_id
    assert (came.sender, came.recipient) == (f"b+{token}@bounces.clinic.example", ANNA.token)
    seen = came.read
    assert {name: str(seen[name]) for name in seen if name not in {"Date", "Content-Type"}} == {
        "From": "Studio Rossi <hello@clinic.example>", "To": ANNA.token, "Subject": "Your clinic",
        "Message-ID": f"<{token}@clinic.example>", "MIME-Version": "1.0", "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "OOF, AutoReply", "Feedback-ID": "visit:clinic.example:enamel",
        "Content-Language": "it", "List-Unsubscribe": f"<{stop}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }  # fmt: skip
    plain, html = seen.get_body(("plain",)), seen.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n").rstrip() == (
        f"Dear Anna,\n{CANARY}\n.\n..\n\n{link}\n\n-- \nAnnulla l'iscrizione: {stop}"
    )
    assert html.get_content().strip() == f"<p>{CANARY}</p>"
    head = came.raw.partition(b"\r\n\r\n")[0].decode()
    assert CANARY not in head
    assert link not in head
    assert max(len(each) for each in came.raw.split(b"\r\n")) <= 998
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", came.raw)


async def test_a_repeat_is_the_same_mail_and_without_a_stop_link_there_is_none_to_click(
    peer: SmtpPeer, mail: Email
) -> None:
    sent = message()
    for to in (ANNA, ANNA, Target("", "mail", "boris@patients.example")):
        assert (await mail.send(to, sent, HOUR)).result is Result.ACCEPTED
    first, again, other = peer.mails
    without_date = [re.sub(rb"Date: [^\r]+", b"", each.raw) for each in (first, again)]
    assert without_date[0] == without_date[1]
    assert first.sender == again.sender != other.sender
    assert first.read["List-Unsubscribe"] is first.read["List-Unsubscribe-Post"] is None


async def test_nobody_breaks_out_of_a_header(peer: SmtpPeer) -> None:
    nasty = "Ciao\r\nBcc: thief@evil.example\r\n\r\nbody\u2028x\x00 =?utf-8?q?=0ABcc:_thief@evil.example?= \u202eevil"
    async with mailing(peer, from_name='Rossi, "Dent" <x@evil.example>', reply_to="desk@клиника.example") as mail:
        assert (await send(mail, title=nasty, language="it\r\nBcc: x@evil.example")).result is Result.ACCEPTED
        assert (await send(mail, title="Ваша клиника: " + "напоминание " * 30)).result is Result.ACCEPTED
    for came in peer.mails:
        assert came.read["Bcc"] is None
        assert came.read["From"].addresses[0].display_name == 'Rossi, "Dent" <x@evil.example>'
        assert came.read["From"].addresses[0].addr_spec == "hello@clinic.example"
        assert came.read["Reply-To"] == "desk@xn--80apagcdp.example"
        head = came.raw.partition(b"\r\n\r\n")[0]
        assert max(len(each) for each in head.split(b"\r\n")) <= 160
    subject = peer.mails[0].read["Subject"]
    assert subject.startswith("Ciao Bcc: thief@evil.example body x =?utf-8?q?")
    assert peer.mails[1].read["Subject"].startswith("Ваша клиника: напоминание напоминание")


@pytest.mark.parametrize(
    "address",
    ["", "anna", "@x.example", "anna@", "anna@localhost", "anna@10.0.0.1", "anna@[10.0.0.1]", "an na@x.example",
     "anna@x.example\r\nRCPT TO:<b@x.example>", "anna>@x.example", "a@b@x.example", "<anna@x.example>",
     "anna@x.example>", '"a b"@x.example', "a..b@x.example", f"{'a' * 65}@x.example", "a\u202eb@x.example"],
)  # fmt: skip
async def test_what_is_no_address_is_dead_and_nobody_is_asked(peer: SmtpPeer, mail: Email, address: str) -> None:
    assert await mail.send(Target("", "mail", address), message(), HOUR) == Outcome(Result.DEAD, "not-an-address")
    assert peer.connections == 0


async def test_addresses_of_every_script_are_written_to_where_the_relay_can(peer: SmtpPeer, mail: Email) -> None:
    assert (await mail.send(Target("", "", "anna@клиника.example"), message(), HOUR)).result is Result.ACCEPTED
    assert (await mail.send(Target("", "", "анна@клиника.example"), message(), HOUR)).result is Result.ACCEPTED
    assert [each.recipient for each in peer.mails] == ["anna@xn--80apagcdp.example", "анна@xn--80apagcdp.example"]
    assert ["SMTPUTF8" in each.options for each in peer.mails] == [False, True]
    assert "To: анна@".encode() in peer.mails[1].raw
    async with relay(utf8=False) as old, mailing(old) as through_it:
        refused = await through_it.send(Target("", "", "анна@клиника.example"), message(), HOUR)
        assert refused == Outcome(Result.BAD_MESSAGE, "no-smtputf8")
        assert "MAIL" not in old.said


async def test_what_cannot_be_a_mail_is_said_before_anybody_is_asked(peer: SmtpPeer, mail: Email) -> None:
    for more, code in (
        ({"stop_link": "https://x.example/>\r\nBcc: y@x.example"}, "bad-link"),
        ({"stop_link": "mailto:stop@x.example"}, "bad-link"),
        ({"web_link": "http://x.example/"}, "bad-link"),
        ({"text": "x" * 300_000}, "too-large"),
        ({"silent": True}, "silent"),
    ):
        assert await send(mail, **more) == Outcome(Result.BAD_MESSAGE, code)
    assert peer.connections == 0
    async with relay(data_size_limit=1000) as small, mailing(small) as through_it:
        assert await send(through_it, text="x" * 1000) == Outcome(Result.BAD_MESSAGE, "too-large")


def test_a_line_is_refused_where_it_could_never_work() -> None:
    good = {"host": "smtp.relay.example", "from_address": "a@x.example", "token_key": KEY}
    assert MailLine.model_validate(good).security is Security.STARTTLS
    for more in (
        {"host": "smtp.relay.example\r\n"}, {"port": 0}, {"security": "none"}, {"user": "x"}, {"password": "x"},
        {"from_address": "x"}, {"from_address": "анна@x.example"}, {"from_name": "x\r\nBcc: y"}, {"token_key": "short"},
        {"bounce_domain": "x y"}, {"connections": 0},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            MailLine.model_validate({**good, **more})
    secret = MailLine.model_validate({**good, "user": "x", "password": "very secret"})
    assert "very secret" not in repr(secret)
    assert KEY not in repr(secret)
    assert isinstance(secret.password, SecretStr)
    assert ssl.HAS_TLSv1_2


async def test_fifty_sends_at_once_never_hold_the_loop_up(mail: Email) -> None:
    await send(mail)

    async def fifty() -> None:
        outcomes = await asyncio.gather(*(send(mail) for _ in range(50)))
        assert {each.result for each in outcomes} == {Result.ACCEPTED}

    assert await longest_stall(fifty) < 0.05
