"""A signed link opens one file of one picture of one clinic for five minutes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import new_id
from media.kinds import Variant
from media.links import LINK_LIFE, SIGNATURE_LENGTH, LinkExpired, LinkRefused, signature, signed_clinic

KEY = b"k" * 32
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
CLINIC, PICTURE = new_id(), new_id()
SIGNED = signature(KEY, CLINIC, PICTURE, Variant.PREVIEW_256, NOW + LINK_LIFE)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_a_link_names_its_clinic_until_it_expires() -> None:
    assert len(SIGNED) == SIGNATURE_LENGTH
    assert signed_clinic(KEY, PICTURE, Variant.PREVIEW_256, SIGNED, NOW) == CLINIC
    last = NOW + LINK_LIFE - timedelta(milliseconds=1)
    assert signed_clinic(KEY, PICTURE, Variant.PREVIEW_256, SIGNED, last) == CLINIC
    with pytest.raises(LinkExpired):
        signed_clinic(KEY, PICTURE, Variant.PREVIEW_256, SIGNED, NOW + LINK_LIFE)


@given(place=st.integers(0, SIGNATURE_LENGTH - 1), letter=st.sampled_from(LETTERS))
def test_no_letter_can_be_changed(place: int, letter: str) -> None:
    """Neither the proof, nor the clinic, nor the expiry."""
    tampered = SIGNED[:place] + letter + SIGNED[place + 1 :]
    if tampered != SIGNED:
        with pytest.raises(LinkRefused):
            signed_clinic(KEY, PICTURE, Variant.PREVIEW_256, tampered, NOW)


def test_it_opens_no_other_picture() -> None:
    with pytest.raises(LinkRefused):
        signed_clinic(KEY, new_id(), Variant.PREVIEW_256, SIGNED, NOW)


@pytest.mark.parametrize("variant", [Variant.ORIGINAL, Variant.PREVIEW_1024])
def test_it_opens_no_other_file_of_the_picture(variant: Variant) -> None:
    with pytest.raises(LinkRefused):
        signed_clinic(KEY, PICTURE, variant, SIGNED, NOW)


def test_another_key_signs_nothing_here() -> None:
    with pytest.raises(LinkRefused):
        signed_clinic(b"another key", PICTURE, Variant.PREVIEW_256, SIGNED, NOW)


def test_the_same_picture_id_in_another_clinic_has_another_signature() -> None:
    other = new_id()
    signed = signature(KEY, other, PICTURE, Variant.PREVIEW_256, NOW + LINK_LIFE)
    assert signed[-43:] != SIGNED[-43:]
    assert signed_clinic(KEY, PICTURE, Variant.PREVIEW_256, signed, NOW) == other


@given(text=st.text(max_size=100))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(LinkRefused):
        signed_clinic(KEY, PICTURE, Variant.PREVIEW_256, text, NOW)
