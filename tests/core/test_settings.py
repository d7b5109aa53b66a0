"""Settings: development starts with nothing set; elsewhere a weak secret or a plain address stops the start."""

import os

import pytest
from pydantic import ValidationError

from core.settings import DEVELOPMENT_SECRET, Environment, Settings

GOOD = "Zk3v8wq1Lr7xYt5nBc2mHs9dFg4jPa6u-of-our-own"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ENAMEL_")]:
        monkeypatch.delenv(name)


def production(monkeypatch: pytest.MonkeyPatch, secret: str | None, url: str = "https://clinic.example") -> Settings:
    monkeypatch.setenv("ENAMEL_ENVIRONMENT", "production")
    monkeypatch.setenv("ENAMEL_PUBLIC_URL", url)
    if secret is not None:
        monkeypatch.setenv("ENAMEL_SECRET", secret)
    return Settings()


def test_development_starts_without_a_word() -> None:
    assert Settings().environment is Environment.DEVELOPMENT


def test_production_starts_with_a_secret_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert production(monkeypatch, GOOD).secret.get_secret_value() == GOOD


@pytest.mark.parametrize("secret", [None, "", DEVELOPMENT_SECRET, "short", GOOD[:31]])
def test_production_refuses_the_default_and_any_short_secret(
    monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    with pytest.raises(ValidationError, match="ENAMEL_SECRET must be set to at least 32 characters"):
        production(monkeypatch, secret)


@pytest.mark.parametrize("url", ["", "http://clinic.example", "clinic.example"])
def test_production_refuses_a_plain_address(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ValidationError, match="https"):
        production(monkeypatch, GOOD, url)


def test_a_refusal_does_not_tell_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError) as refused:
        production(monkeypatch, "hunter2-and-more")
    assert "hunter2" not in str(refused.value)


def test_settings_do_not_print_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    assert GOOD not in repr(production(monkeypatch, GOOD))


@pytest.mark.parametrize("name", ["port", "secret", "environment"])
def test_settings_cannot_be_changed_afterwards(name: str) -> None:
    with pytest.raises(ValidationError):
        setattr(Settings(), name, 1)


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENAMEL_DATA", "")
    assert Settings().data == Settings.model_fields["data"].default


def test_another_database_than_postgresql_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENAMEL_DATABASE_URL", "mysql://somewhere/x")
    with pytest.raises(ValidationError, match="postgresql://"):
        Settings()


def test_the_published_secret_never_leaves_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENAMEL_HOST", "0.0.0.0")
    with pytest.raises(ValidationError, match="ENAMEL_SECRET"):
        Settings()
    monkeypatch.setenv("ENAMEL_SECRET", "a secret of this clinic's own, 32 signs")
    assert Settings().host == "0.0.0.0"
