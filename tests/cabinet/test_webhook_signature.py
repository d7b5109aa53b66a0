"""Who signs a webhook: exactly these bytes, with this secret, within five minutes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.webhook_signature import TOLERANCE, is_signed, signed

SECRET = "whsec_test"
RAW = b'{"id": "evt_1"}'
AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
GOOD = signed(SECRET, RAW, AT)
MOMENT, PROOF = GOOD.removeprefix("t=").split(",v1=")


def test_a_signature_is_good_for_five_minutes_either_way() -> None:
    assert is_signed(SECRET, RAW, GOOD, AT)
    assert is_signed(SECRET, RAW, GOOD, AT + TOLERANCE)
    assert not is_signed(SECRET, RAW, GOOD, AT + TOLERANCE + SECOND)
    assert not is_signed(SECRET, RAW, GOOD, AT - TOLERANCE - SECOND)


def test_it_is_what_openssl_reckons() -> None:
    """HMAC-SHA256 of `<t>.<body>` in hex, reckoned apart with openssl."""
    header = signed("secret", b"{}", datetime.fromtimestamp(1_600_000_000, UTC))
    assert header == "t=1600000000,v1=1e56a11da123b137c26fa37b7c222060bdf22988aa9b3248c31244f8b2ef4a28"


@pytest.mark.parametrize(
    "header",
    [
        "", "t=", "v1=", GOOD.replace("v1=", "v0="), f"v1={PROOF}", f"t={MOMENT}", f"t={MOMENT},v1={PROOF[:-1]}0",
        f"t={MOMENT},t={MOMENT},v1={PROOF}", f"t=-{MOMENT},v1={PROOF}", f"t=٣{MOMENT[1:]},v1={PROOF}",
        f"t={MOMENT}{'0' * 400},v1={PROOF}", f"t={MOMENT},v1=é", "," * 5000,
    ],
)  # fmt: skip
def test_a_header_that_is_not_whole_signs_nothing(header: str) -> None:
    assert not is_signed(SECRET, RAW, header, AT)


def test_of_several_proofs_one_must_fit() -> None:
    assert is_signed(SECRET, RAW, f"t={MOMENT},v1={'0' * 64},v1={PROOF},v0=old", AT)


def test_without_a_secret_nothing_is_signed() -> None:
    assert not is_signed("", RAW, signed("", RAW, AT), AT)


@given(st.binary(max_size=200), st.text(max_size=20))
def test_another_body_or_another_secret_is_refused(raw: bytes, secret: str) -> None:
    assert is_signed(SECRET, raw, GOOD, AT) == (raw == RAW)
    assert is_signed(secret, RAW, GOOD, AT) == (secret == SECRET)
