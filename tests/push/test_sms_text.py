"""What a text costs as SMS, against another's tables of the same alphabet and against the rules of the standard."""

import string

import gsm0338
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from push.sms_text import Alphabet, alphabet_of, cheapest, counted, octets, parts, plain, read

REFERENCE = gsm0338.Codec()
GSM_SIGNS = REFERENCE.decode(bytes(code for code in range(128) if code != 0x1B))[0] + "^{}\\[~]|€\f"
PER_SEGMENT = {Alphabet.GSM: (160, 153), Alphabet.UCS2: (70, 67)}

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
GSM_TEXT = st.text(st.sampled_from(GSM_SIGNS), max_size=500)
ESCAPED = st.text(st.sampled_from("a€[]"), max_size=500)
WIDE = st.text(st.sampled_from("яa😀牙"), max_size=300)


def units_of(text: str, alphabet: Alphabet) -> int:
    return len(REFERENCE.encode(text)[0]) if alphabet is Alphabet.GSM else len(text.encode("utf-16-be")) // 2


def test_the_alphabet_has_a_hundred_and_twenty_seven_signs_and_ten_escaped_ones() -> None:
    assert len(set(GSM_SIGNS)) == 137
    assert all(alphabet_of(sign) is Alphabet.GSM for sign in GSM_SIGNS)


@pytest.mark.parametrize("plane", range(0, 0x3000, 0x1000))
def test_no_other_sign_is_of_the_alphabet(plane: int) -> None:
    signs = [chr(code) for code in range(plane, plane + 0x1000) if chr(code) not in GSM_SIGNS]
    assert {alphabet_of(sign) for sign in signs} == {Alphabet.UCS2}


@given(GSM_TEXT)
def test_the_octets_are_those_of_the_reference_and_are_read_back(text: str) -> None:
    assert octets(text, Alphabet.GSM) == REFERENCE.encode(text)[0]
    assert read(octets(text, Alphabet.GSM)) == text


@given(st.binary(max_size=40))
@example(b"\x1b")
@example(b"\x1b\x1b\x65")
@example(b"\x1bA")
def test_whatever_comes_can_be_read(raw: bytes) -> None:
    assert len(read(raw)) <= len(raw)


@given(st.one_of(ANY_TEXT, GSM_TEXT, ESCAPED, WIDE))
def test_segments_hold_the_text_whole_are_full_and_split_no_sign(text: str) -> None:
    length, cut = counted(text), parts(text)
    single, concatenated = PER_SEGMENT[length.alphabet]
    sizes = [units_of(part, length.alphabet) for part in cut]
    assert "".join(cut) == text
    assert (length.units, length.segments) == (units_of(text, length.alphabet), len(cut))
    assert sum(sizes) == length.units
    assert (len(cut) == 1) is (length.units <= single)
    if len(cut) > 1:
        assert max(sizes) <= concatenated
        assert all(sizes[n] + units_of(cut[n + 1][0], length.alphabet) > concatenated for n in range(len(cut) - 1))


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "segments"),
    [
        ("", Alphabet.GSM, 0, 1),
        ("a" * 160, Alphabet.GSM, 160, 1),
        ("a" * 161, Alphabet.GSM, 161, 2),
        ("a" * 306, Alphabet.GSM, 306, 2),
        ("a" * 307, Alphabet.GSM, 307, 3),
        ("€" * 80, Alphabet.GSM, 160, 1),
        ("€" * 81, Alphabet.GSM, 162, 2),
        ("a" * 152 + "€" + "a" * 152, Alphabet.GSM, 306, 3),  # the escape would stand on the cut
        ("я" * 70, Alphabet.UCS2, 70, 1),
        ("я" * 71, Alphabet.UCS2, 71, 2),
        ("я" * 134, Alphabet.UCS2, 134, 2),
        ("я" * 66 + "😀" + "я" * 66, Alphabet.UCS2, 134, 3),  # so would half of the face
        ("牙" * 70, Alphabet.UCS2, 70, 1),
        ("Perché no? È più là", Alphabet.UCS2, 19, 1),  # È alone is not in the alphabet
        ("Perché no? Così è più là", Alphabet.GSM, 24, 1),
    ],
)
def test_known_lengths(text: str, alphabet: Alphabet, units: int, segments: int) -> None:
    found = counted(text)
    assert (found.alphabet, found.units, found.segments) == (alphabet, units, segments)


@given(ANY_TEXT)
def test_plain_changes_no_letter_and_no_digit_and_is_plain_for_good(text: str) -> None:
    once = plain(text)
    letters = [sign for sign in text if sign.isalnum()]
    marks = any("\u0300" <= sign <= "\u036f" for sign in text)
    assert marks or [sign for sign in once if sign.isalnum()] == letters
    assert plain(once) == once


@given(ANY_TEXT)
def test_the_cheapest_form_never_costs_more(text: str) -> None:
    assert counted(cheapest(text)).segments <= counted(text).segments
    assert cheapest(text) in {text, plain(text)}


def test_what_a_phone_made_clever_is_made_plain() -> None:
    clever = "“Dr Rossi’s” office – 10:30\u00a0today… see you\u200b"
    assert plain(clever) == '"Dr Rossi\'s" office - 10:30 today... see you'
    assert alphabet_of(plain(clever)) is Alphabet.GSM
    assert plain("perche\u0301") == "perché"
    assert plain("№5, naïve, Ő, œ, ё, 牙") == "№5, naïve, Ő, œ, ё, 牙"


def test_a_text_is_made_plain_only_where_it_pays() -> None:
    assert cheapest("“Да”") == "“Да”"
    assert cheapest("a – b") == "a – b"  # one segment either way
    assert cheapest("a" * 100 + "–") == "a" * 100 + "-"


def test_half_a_surrogate_pair_harms_nobody() -> None:
    assert octets("\ud83d", Alphabet.UCS2) == "?".encode("utf-16-be")
    assert counted(string.ascii_letters + "\ud83d").alphabet is Alphabet.UCS2


def test_a_sign_of_another_alphabet_is_refused() -> None:
    with pytest.raises(ValueError, match="alphabet"):
        octets("я", Alphabet.GSM)
