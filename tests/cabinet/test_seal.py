"""The seal: made by the same key each time, broken by any change, and comparable with what was noted."""

import random
from io import BytesIO

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from pypdf import PdfReader

from cabinet.paper import Letterhead, Paper, Paragraph, printed
from cabinet.seal import Seal, SealFileUnusable, _certificate, seal_check

SECRET = "a secret for tests only, 32 characters"
PDF = printed(Paper("Consent", "en", Letterhead("Rome Dental"), (Paragraph("I agree."),)))


@pytest.fixture(scope="module")
def seal() -> Seal:
    return Seal.from_secret(SECRET)


@pytest.fixture(scope="module")
def sealed(seal: Seal) -> bytes:
    return seal.sealed(PDF, "Consent")


def test_a_sealed_file_is_whole_and_can_still_be_read(seal: Seal, sealed: bytes) -> None:
    check = seal_check(sealed)
    assert (check.intact, check.whole, check.fingerprint) == (True, True, seal.fingerprint)
    assert "I agree." in PdfReader(BytesIO(sealed)).pages[0].extract_text()


def test_the_same_secret_makes_the_same_seal_and_another_one_another(seal: Seal) -> None:
    assert Seal.from_secret(SECRET).fingerprint == seal.fingerprint
    assert Seal.from_secret(SECRET + "x").fingerprint != seal.fingerprint


def test_any_changed_byte_under_the_seal_breaks_it(seal: Seal, sealed: bytes) -> None:
    gap = sealed.index(b"/Contents <")  # the signature itself, with the zeros that fill up its room
    dice = random.Random(7)  # noqa: S311  which bytes are flipped is no secret
    for place in [*range(gap - 2000, gap, 97), *(dice.randrange(len(PDF)) for _ in range(60))]:
        forged = bytearray(sealed)
        forged[place] ^= 1 << dice.randrange(8)
        check = seal_check(bytes(forged))
        assert not (check.intact and check.whole and check.fingerprint == seal.fingerprint), place


def test_what_is_added_after_the_seal_is_seen(sealed: bytes) -> None:
    assert not seal_check(sealed + b"\n% added").whole


def test_a_file_without_a_seal_or_no_file_is_not_intact() -> None:
    for content in (PDF, b"", b"GIF89a", PDF[:500]):
        assert not seal_check(content).intact


def test_a_file_sealed_by_somebody_else_is_told_apart(seal: Seal) -> None:
    forged = Seal.from_secret("another secret").sealed(PDF, "Consent")
    check = seal_check(forged)
    assert check.intact
    assert check.fingerprint != seal.fingerprint


def test_the_operator_may_bring_a_certificate_of_their_own() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    locked = serialization.BestAvailableEncryption(b"opens")
    bundle = pkcs12.serialize_key_and_certificates(b"clinic", key, _certificate(key), None, locked)
    own = Seal(bundle, b"opens")
    assert seal_check(own.sealed(PDF, "Consent")).fingerprint == own.fingerprint
    for content, password in ((bundle, b"wrong"), (b"no PKCS#12", None)):
        with pytest.raises(SealFileUnusable):
            Seal(content, password)
