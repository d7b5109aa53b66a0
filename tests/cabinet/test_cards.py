"""Cards that would lapse soon, with sessions left that would be lost."""

from datetime import date, timedelta

import pytest

from cabinet.prepaid import Card, expires_soon

TODAY = date(2026, 3, 10)


@pytest.mark.parametrize("used", [0, 4, 5])
@pytest.mark.parametrize(("days", "soon"), [(None, False), (-1, False), (0, True), (1, True), (30, True), (31, False)])
def test_a_card_lapses_soon_while_sessions_are_left(used: int, days: int | None, *, soon: bool) -> None:
    last = None if days is None else TODAY + timedelta(days=days)
    assert expires_soon(Card(5, used, last), TODAY) == (soon and used < 5)
