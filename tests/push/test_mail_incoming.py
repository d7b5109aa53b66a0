"""A patient's answer by mail: their words and nothing else, and no message from a machine."""

import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from push.mail_incoming import LONGEST_TEXT, answered, incoming_of, own_words
from push.mail_token import mail_token
from push.report import Incoming
from tests.push.phones import NOON

KEY = "a key of thirty-two signs or more"
TOKEN = mail_token(KEY, UUID("01934c2e-0000-7000-8000-000000000001"), "anna@patients.example")
HEAD = "From: Anna B <anna@patients.example>\nTo: hello@clinic.example\nMessage-ID: <abc@patients.example>\n"


def words(raw: str | bytes) -> str | None:
    found = incoming_of(raw.encode() if isinstance(raw, str) else raw, NOON)
    return found[0].text if found else None


def test_an_answer_is_a_message_with_its_senders_address_and_its_own_name() -> None:
    raw = f"{HEAD}Content-Type: text/plain; charset=utf-8\n\nДа, приду!\n".encode()
    told = [Incoming("abc@patients.example", "anna@patients.example", "Да, приду!", NOON)]
    assert incoming_of(raw, NOON) == incoming_of(raw.replace(b"\n", b"\r\n"), NOON) == told
    nameless = incoming_of(raw.replace(b"Message-ID", b"X-Was"), NOON)
    assert nameless == incoming_of(raw.replace(b"Message-ID", b"X-Was"), NOON)
    assert len(nameless[0].external_id) == 64


@pytest.mark.parametrize(
    "text",
    [
        "Va bene, grazie.\n\nA che ora?\n\nIl giorno 17 giu 2030 alle ore 10:00 Studio <h@c.it> ha scritto:\n> Ciao",
        "Va bene, grazie.\n\nA che ora?\n\nOn Mon, 17 Jun 2030 at 10:00, Studio <hello@clinic.example>\nwrote:\n\n> Hi",
        "On 17 Jun 2030, Studio wrote:\n> Hi\n> there\n\nVa bene, grazie.\n\nA che ora?\n",
        "> Hi\nVa bene, grazie.\n> there\n\nA che ora?",
        "Va bene, grazie.\n\nA che ora?\n\n17 июня 2030 г., 10:00, Студия пишет:\nбез знаков\nистория",
        "Va bene, grazie.\n\nA che ora?\n\n17.06.2030 10:00, Студия <h@c.example>:\n> история",
        "Va bene, grazie.\n\nA che ora?\n\nStudio 在 2030年6月17日 10:00 写道：\n> 历史",
        "Va bene, grazie.\n\nA che ora?\n\n-----Original Message-----\nFrom: Studio\nhistory",
        "Va bene, grazie.\n\nA che ora?\n\n________________________________\nDa: Studio\nhistory",
        "Va bene, grazie.\n\nA che ora?\n\nFrom: Studio <h@c.example>\nSent: Monday\nTo: Anna\nhistory",
        "Va bene, grazie.\n\nA che ora?\n\n*От:* Студия\n*Отправлено:* понедельник\nистория",
        "Va bene, grazie.\n\n\n\n\nA che ora?\n-- \nAnna B\n+39 000",
        "Va bene, grazie.\n\nA che ora?\n\nSent from my iPhone",
        "Va bene, grazie.\n\nA che ora?\nInviato da iPhone\n\n> Ciao",
        "\u202eVa bene, grazie.\u202c\x00\x07\n\nA che ora?",
    ],
)
def test_what_was_quoted_or_signed_is_cut(text: str) -> None:
    assert own_words(text) == "Va bene, grazie.\n\nA che ora?"


@pytest.mark.parametrize(
    "text",
    [
        "Il dentista ha scritto: vieni",
        "Врач написал:\nпринимать после еды",
        "Con me verranno:\n- mio figlio",
        "From: what I know\nit hurts",
        "On Monday I wrote:\nnobody answered",
        "Sì -- certo\n- - -\ngrazie",
        "می\u200cخواهم 👩\u200d⚕️",
    ],
)
def test_words_that_only_look_like_history_stay(text: str) -> None:
    assert own_words(text) == text


@pytest.mark.parametrize(
    "line",
    ["Auto-Submitted: auto-replied", "Auto-Submitted: auto-generated (vacation)", "Precedence: bulk",
     "Precedence: auto_reply", "List-Id: <x.example>", "X-Autoreply: yes", "Return-Path: <>", "Feedback-ID: a:b:c",
     "Content-Type: multipart/report; boundary=x", "From: MAILER-DAEMON@x.example", "From: noreply@x.example",
     "From: anna@x.example, boris@x.example", "From: nobody", "From: a@localhost"],
)  # fmt: skip
def test_a_machine_says_nothing(line: str) -> None:
    head = HEAD if not line.startswith("From") else "Message-ID: <x@y.example>\n"
    assert words(f"{line}\n{head}\nI am away until Monday.") is None
    assert words(f"Auto-Submitted: no\n{HEAD}\nI am here.") == "I am here."


def test_only_the_text_part_is_read_and_html_where_there_is_no_other() -> None:
    html = "<style>p{}</style><p>Va&nbsp;bene,</p><div>grazie.</div><script>x</script><blockquote>Ciao</blockquote>"
    both = (
        f"{HEAD}Content-Type: multipart/mixed; boundary=m\n\n"
        "--m\nContent-Type: multipart/alternative; boundary=a\n\n"
        f"--a\nContent-Type: text/html\n\n{html}\n--a\n\nPlain.\n--a--\n"
        "--m\nContent-Type: text/plain\nContent-Disposition: attachment; filename=x.txt\n\nA file.\n--m--\n"
    )
    assert words(both) == "Plain."
    assert words(f"{HEAD}Content-Type: text/html; charset=utf-8\n\n{html}") == "Va bene,\ngrazie."
    assert words(f"{HEAD}Content-Type: image/png\n\nPNG") is None
    assert words(f"{HEAD}\n> only history\n") is None


def test_encodings_and_their_damage_are_survived() -> None:
    coded = base64.b64encode("Приду завтра".encode("koi8-r"))
    head = f"{HEAD}Content-Transfer-Encoding: base64\nContent-Type: text/plain; charset=".encode()
    assert words(head + b"koi8-r\n\n" + coded) == "Приду завтра"
    assert words(head + b'"KOI8-R"\n\n' + coded[:8] + b"\n!!" + coded[8:-1]) is not None
    quoted = f"{HEAD}Content-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; charset=utf-8\n\n"
    assert words(quoted + "S=C3=AC, =\nvengo=ZZ") == "Sì, vengo=ZZ"
    assert words(HEAD.encode() + b"\ncaff\xe8 alle 9") == "caff\ufffd alle 9"
    for named in ("punycode", "unicode_escape", "rot13", "no-such", "idna", "zlib", ""):
        assert words(f"{HEAD}Content-Type: text/plain; charset={named}\n\nok \\n") == "ok \\n"
    flowed = f"{HEAD}Content-Type: text/plain; format=flowed\n\nUna riga \nlunga.\n-- \nAnna"
    assert words(flowed) == "Una riga lunga."


def test_it_is_proven_that_the_writer_got_our_mail_only_by_its_own_name() -> None:
    ours = f"<{TOKEN}@clinic.example>"
    assert answered(f"{HEAD}In-Reply-To: {ours}\n\nok".encode(), KEY) == TOKEN
    assert answered(f"{HEAD}References: <x@y>\n {ours}\n\nok".encode(), KEY) == TOKEN
    assert answered(f"{HEAD}In-Reply-To: <{'a' * 48}@clinic.example>\n\nok {TOKEN}".encode(), KEY) is None


def test_a_long_answer_is_cut_and_no_mail_is_refused() -> None:
    assert len(words(f"{HEAD}\n" + "слово " * 5000) or "") <= LONGEST_TEXT
    for raw in (b"", b"hello", b"x" * 10_000_001):
        with pytest.raises(Invalid):
            incoming_of(raw, NOON)


@given(st.binary(max_size=300), st.sampled_from(["text/plain", "text/html", "multipart/mixed; boundary=x", ";;;"]))
def test_whatever_comes_is_a_message_or_nothing(noise: bytes, kind: str) -> None:
    found = incoming_of(f"{HEAD}Content-Type: {kind}\n\n".encode() + noise, NOON)
    assert all(each.text.isprintable() or "\n" in each.text or each.text for each in found)


def test_answers_made_to_be_slow_are_read_in_no_time() -> None:
    """The test's time limit is the bound."""
    for body in ("<" * 3_000_000, "<a " * 1_000_000, "> " * 1_000_000, "On 1 " * 500_000 + "\n", "a\n" * 1_000_000,
                 "<<<<@@@@" * 30 + ":\n" * 100_000, ("0" * 299 + "\n") * 10_000):  # fmt: skip
        for kind in ("text/plain", "text/html", "text/plain; format=flowed"):
            incoming_of(f"{HEAD}Content-Type: {kind}\n\n{body}".encode(), NOON)
