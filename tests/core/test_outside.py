"""Hosts as they are written: which cannot be public."""

import pytest

from core.outside import leads_inside


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.5", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "127.0.0.0x1", "169.254.169.254", "127.0.0.1.",
        "::1", "fd00::1", "::ffff:10.0.0.5", "localhost", "localhost.", "intranet", "",
    ],
)  # fmt: skip
def test_a_number_that_is_not_public_and_a_single_label_lead_inside(host: str) -> None:
    assert leads_inside(host, ())


@pytest.mark.parametrize("host", ["bot.example", "bot.example.", "9.9.9.9", "2620:fe::fe"])
def test_names_and_public_numbers_do_not(host: str) -> None:
    assert not leads_inside(host, ())


def test_the_operator_lets_hosts_through() -> None:
    assert not leads_inside("10.0.0.5", {"10.0.0.5"})
    assert not leads_inside("Bot", {"bot"})
