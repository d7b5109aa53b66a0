"""Hosts as they are written: which cannot be public."""

import pytest

from core.outside import address_fault, leads_inside, outside_fault


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.5", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "127.0.0.0x1", "169.254.169.254", "127.0.0.1.",
        "::1", "fd00::1", "::ffff:10.0.0.5", "localhost", "localhost.", "intranet", "",
        "metadata.google.internal", "printer.local", "app.localhost.", "1.0.0.10.in-addr.arpa",
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


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("https://a..b/", "not-an-address"), ("https://.crm.example/", "not-an-address"),
        ("https://-crm.example/", "not-an-address"), ("https://crm-.example/", "not-an-address"),
        (f"https://{'a' * 64}.example/", "not-an-address"), ("https://crm.example:22/", "not-a-web-port"),
        ("https://crm.example:25/", "not-a-web-port"), ("https://crm.example:1023/", "not-a-web-port"),
        ("https://crm.example:443/", None), ("https://crm.example:8443/hear", None), ("https://crm.example./", None),
        ("https://[2620:fe::fe]:8443/", None), ("http://crm.example/", "not-https"),
    ],
)  # fmt: skip
def test_an_address_is_a_host_a_port_of_the_web_and_a_path(address: str, fault: str | None) -> None:
    assert address_fault(address) == fault


def test_without_tls_only_a_host_is_called_that_the_operator_named() -> None:
    assert outside_fault("http://10.0.0.5:8080/", {"10.0.0.5"}) is None
    assert outside_fault("http://crm.example/", {"10.0.0.5"}) == "not-https"
    assert outside_fault("https://169.254.169.254/latest", ()) == "not-public"
    assert outside_fault("https://[fd00::1]/", ()) == "not-public"
    assert outside_fault("https://[::1", ()) == "not-an-address"
