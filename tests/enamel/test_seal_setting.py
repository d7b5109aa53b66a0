"""Which key seals: the one made from the secret, or the file the operator brought."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from pydantic import SecretStr

from cabinet.seal import _certificate
from core.settings import Settings
from enamel.problems import CannotStart
from enamel.start import seal_of


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENAMEL_SEAL_FILE", raising=False)


def bundle(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    locked = serialization.BestAvailableEncryption(b"opens")
    file = folder / "seal.p12"
    file.write_bytes(pkcs12.serialize_key_and_certificates(b"clinic", key, _certificate(key), None, locked))
    return file


def test_without_a_file_the_secret_makes_the_key() -> None:
    assert seal_of(Settings()).fingerprint == seal_of(Settings()).fingerprint
    other = Settings(secret=SecretStr("another secret of 32 characters!!"))
    assert seal_of(other).fingerprint != seal_of(Settings()).fingerprint


def test_a_file_comes_before_the_secret(tmp_path: Path) -> None:
    own = Settings(seal_file=bundle(tmp_path), seal_password=SecretStr("opens"))
    assert seal_of(own).fingerprint != seal_of(Settings()).fingerprint


def test_a_file_that_does_not_open_is_told_in_a_sentence(tmp_path: Path) -> None:
    for settings in (
        Settings(seal_file=bundle(tmp_path), seal_password=SecretStr("wrong")),
        Settings(seal_file=tmp_path / "missing.p12"),
    ):
        with pytest.raises(CannotStart, match="ENAMEL_SEAL_FILE"):
            seal_of(settings)
