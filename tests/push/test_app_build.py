"""Versions of apps, by their numbers; and what a build may say of itself."""

import pytest
from pydantic import ValidationError

from push.app_build import Branding, BuildDraft, is_older


@pytest.mark.parametrize(
    ("version", "minimum"),
    [("3.9", "3.10"), ("3.1.0", "3.1.1"), ("", "1"), ("beta", "0.1"), ("2.99.99-rc1", "3"), ("3", "3.0.1")],
)
def test_an_older_version_is_older(version: str, minimum: str) -> None:
    assert is_older(version, minimum)


@pytest.mark.parametrize(
    ("version", "minimum"),
    [("3.10", "3.9"), ("3.1", "3.1.0"), ("3.1.0-beta+7", "3.1"), ("", ""), ("anything", ""), ("4 (1287)", "4")],
)
def test_the_same_or_a_newer_one_is_not(version: str, minimum: str) -> None:
    assert not is_older(version, minimum)


@pytest.mark.parametrize(
    "more",
    [
        {"primary_colour": "red"}, {"logo_url": "http://clinic.example/logo.png"}, {"logo_url": "javascript:alert(1)"},
        {"link_scheme": "https"}, {"link_scheme": "javascript"}, {"link_scheme": "No"}, {"link_hosts": ["https://a.b"]},
        {"link_hosts": ["clinic"]}, {"link_hosts": ["*.clinic.example"]}, {"display_name": ""},
    ],
)  # fmt: skip
def test_what_would_lead_astray_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Branding.model_validate({"display_name": "Studio Rossi", **more})


@pytest.mark.parametrize("minimum", ["v3", "3.", "3.1-beta", "1.2.3.4.5"])
def test_a_minimum_is_numbers(minimum: str) -> None:
    with pytest.raises(ValidationError):
        BuildDraft.model_validate({"name": "a.b", "branding": {"display_name": "X"}, "minimum_version": minimum})
