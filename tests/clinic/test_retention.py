"""How long a record is kept: by country, from the last treatment, longer for children."""

from datetime import date

import pytest

from clinic.retention import keep_until, retention_in, retentions

GROWN, CHILD = date(1985, 5, 17), date(2020, 5, 17)
TREATED = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("country", "born", "until"),
    [
        ("GB", GROWN, date(2041, 3, 1)),
        ("GB", CHILD, date(2046, 5, 17)),
        ("DE", GROWN, date(2036, 3, 1)),
        ("DE", CHILD, date(2048, 5, 17)),
        ("RU", CHILD, date(2051, 3, 1)),
        ("CN", GROWN, date(2041, 3, 1)),
        ("FR", GROWN, date(2046, 3, 1)),
        ("ZZ", GROWN, date(2051, 3, 1)),
    ],
)
def test_a_record_is_kept_as_long_as_the_country_wants(country: str, born: date, until: date) -> None:
    assert keep_until(retention_in(country), born, TREATED) == until


def test_who_was_grown_up_at_the_last_treatment_is_no_child() -> None:
    born = date(2008, 3, 1)
    assert keep_until(retention_in("GB"), born, TREATED) == date(2041, 3, 1)
    assert keep_until(retention_in("GB"), date(2008, 3, 2), TREATED) == max(date(2041, 3, 1), date(2034, 3, 2))


def test_no_country_keeps_less_than_ten_years_and_each_names_its_source() -> None:
    assert all(row.years >= 10 and row.source for row in retentions().values())
    default = retentions()["default"]
    assert default.years == max(row.years for row in retentions().values())
    assert default.until_age == max(row.until_age for row in retentions().values())
