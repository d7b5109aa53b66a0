"""Cards that would lapse soon: the query for automation and the rule name the same ones."""

from datetime import date, timedelta

import pytest

from cabinet.commands.cards import take_cards
from cabinet.prepaid import Card, expires_soon
from cabinet.prepaid_facts import CardFact
from cabinet.queries.cards import cards_ending
from core.clock import now
from core.events import SYSTEM
from tests.world import World

TODAY = date(2026, 3, 10)


@pytest.mark.parametrize("used", [0, 4, 5])
@pytest.mark.parametrize("days", [None, -1, 0, 1, 29, 30, 31])
async def test_sql_and_rule_agree_which_cards_lapse_soon(world: World, used: int, days: int | None) -> None:
    last = None if days is None else TODAY + timedelta(days=days)
    fact = CardFact(
        external_id="c", patient="anna", title="Five", service="Hygiene", sessions=5, used=used, expires_on=last
    )
    async with world.database.writing(world.here.scope) as writing:
        done, _ = await take_cards(writing, world.here.clinic_id, "mis", [(0, fact)], SYSTEM, now())
        found = (await writing.execute(cards_ending(TODAY))).all()
    expected = [(world.here.clinic_id, world.here.patient_id, done[0].id)]
    assert [tuple(row) for row in found] == (expected if expires_soon(Card(5, used, last), TODAY) else [])
