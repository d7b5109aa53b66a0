"""A signed link opens one file of one picture of one clinic for five minutes, and knows for whom it was made."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import new_id
from media.kinds import Variant
from media.links import (
    LINK_LIFE,
    SIGNATURE_LENGTH,
    GivenTo,
    Holder,
    Link,
    LinkExpired,
    LinkRefused,
    opened_link,
    patient_mark,
    signature,
)
from media.variant import PatientVariant

KEY = b"k" * 32
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
CLINIC, PATIENT, PICTURE, ACCOUNT, SESSION = new_id(), new_id(), new_id(), new_id(), new_id()
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def signed(clinic: UUID = CLINIC, patient: UUID = PATIENT, holder: Holder = Holder.PATIENT) -> str:
    return signature(
        KEY, clinic, patient, PICTURE, Variant.PREVIEW_256, GivenTo(holder, ACCOUNT, SESSION), NOW + LINK_LIFE
    )


def opened(given: str, now: datetime = NOW, picture: UUID = PICTURE, variant: Variant = Variant.PREVIEW_256) -> Link:
    return opened_link(KEY, picture, variant, given, now)


SIGNED = signed()


@pytest.mark.parametrize("holder", Holder)
def test_a_link_names_its_clinic_and_its_holder_until_it_expires(holder: Holder) -> None:
    given = signed(holder=holder)
    assert len(given) == SIGNATURE_LENGTH
    whole = Link(CLINIC, GivenTo(holder, ACCOUNT, SESSION), patient_mark(KEY, PATIENT, PICTURE))
    assert opened(given) == whole
    assert opened(given, NOW + LINK_LIFE - timedelta(milliseconds=1)) == whole
    with pytest.raises(LinkExpired):
        opened(given, NOW + LINK_LIFE)


@given(place=st.integers(0, SIGNATURE_LENGTH - 1), letter=st.sampled_from(LETTERS))
def test_no_letter_can_be_changed(place: int, letter: str) -> None:
    """Neither the proof, nor the clinic, nor the expiry, nor for whom it was made."""
    tampered = SIGNED[:place] + letter + SIGNED[place + 1 :]
    if tampered != SIGNED:
        with pytest.raises(LinkRefused):
            opened(tampered)


def test_it_opens_no_other_picture() -> None:
    with pytest.raises(LinkRefused):
        opened(SIGNED, picture=new_id())


@pytest.mark.parametrize("variant", [each for each in Variant if each is not Variant.PREVIEW_256])
def test_it_opens_no_other_file_of_the_picture(variant: Variant) -> None:
    with pytest.raises(LinkRefused):
        opened(SIGNED, variant=variant)


def test_another_key_signs_nothing_here() -> None:
    with pytest.raises(LinkRefused):
        opened_link(b"another key", PICTURE, Variant.PREVIEW_256, SIGNED, NOW)


def test_the_same_picture_id_in_another_clinic_has_another_signature() -> None:
    other = new_id()
    given = signed(clinic=other)
    assert given[-43:] != SIGNED[-43:]
    assert opened(given).clinic_id == other


def test_the_mark_tells_patients_apart_and_names_none() -> None:
    other = new_id()
    assert opened(signed(patient=other)).mark != opened(SIGNED).mark
    assert opened(signed(patient=other)).mark not in (other.bytes[:8], other.bytes[8:])


def test_a_patient_may_ask_for_everything_but_the_file_as_it_came() -> None:
    assert {each.value for each in PatientVariant} == {each.value for each in Variant} - {Variant.ORIGINAL.value}


@given(text=st.text(max_size=100))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(LinkRefused):
        opened(text)
