"""The cabinet in one trip: whole, exact, and never of another clinic."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlmodel import col

from cabinet.commands.chart import take_findings
from cabinet.commands.plans import take_plans
from cabinet.commands.promotions import take_promotions
from cabinet.facts import FindingFact
from cabinet.plan import Answer, PlanStatus, plan_status
from cabinet.plan_facts import ItemFact, PlanFact, StageFact
from cabinet.promotion import PatientFacts, Promotion, open_to
from cabinet.promotion_facts import PromotionFact, PromotionText
from cabinet.queries.cabinet import CABINET, Cabinet, cabinet_document, lacks_chart, with_folded_chart
from cabinet.queries.plans import MOST_PLANS, plans
from cabinet.queries.promotions import promotions
from clinic.appointment import NewVisit
from clinic.commands import book_visit, take_patients
from clinic.tables import Patient
from core.clock import now
from core.database import Database, Document, scope_row
from core.dates import latest_today
from core.embedded_postgres import EmbeddedPostgres
from core.events import SYSTEM
from core.ids import new_id
from core.money import Money
from identity.sign_in import Audience
from tests.conftest import Queries
from tests.world import DAY, Party, World, patient_fact


def plan_fact(name: str, **more: Any) -> PlanFact:
    price = Money(amount_minor=9_990, currency="EUR")
    items = [ItemFact(name="Filling", notation="fdi", tooth="16", unit_price=price, discount_basis_points=333)]
    told = {"external_id": name, "version": 1, "patient": "anna", "title": name, "currency": "EUR"}
    stages = [StageFact(title=f"Stage {number}", items=items * 4) for number in range(5)]
    return PlanFact.model_validate({**told, "stages": stages, **more})


def finding_fact(name: str) -> FindingFact:
    told = {"external_id": name, "version": 1, "patient": "anna", "notation": "fdi", "tooth": "16"}
    return FindingFact.model_validate({**told, "code": "caries", "surfaces": ["O"], "observed_on": date(2026, 1, 9)})


def promotion_fact(name: str, **more: Any) -> PromotionFact:
    texts = [PromotionText(language="ru", title=name, terms="Раз\nдва"), PromotionText(language="en", title=name)]
    told = {"external_id": name, "starts_on": date(2020, 1, 1), "ends_on": date(2120, 1, 1), "texts": texts}
    return PromotionFact.model_validate({**told, **more})


async def furnish(world: World, party: Party, title: str) -> None:
    """A finding, two plans, a promotion and a visit to come, for the party's patient."""
    async with world.database.writing(party.scope) as writing:
        facts = [plan_fact(title), plan_fact(f"{title} hidden", status=PlanStatus.DRAFT)]
        taken, faults = await take_plans(writing, party.clinic_id, "mis", list(enumerate(facts)), SYSTEM, now())
        assert (len(taken), faults) == (2, {})
        findings = [(0, finding_fact(title))]
        await take_findings(writing, party.clinic_id, "mis", findings, SYSTEM, now())
        offers = [(0, promotion_fact(f"offer of {title}"))]
        await take_promotions(writing, party.clinic_id, "mis", offers, SYSTEM, now())
        start = now() + DAY
        new = NewVisit(start, start + DAY / 24, "Hygiene", "Dr. B")
        await book_visit(writing, party.clinic_id, party.patient_id, new, SYSTEM, now())


def asked(world: World, party: Party, **other: Any) -> dict[str, Any]:
    claims = world.keys.tokens.verify(party.patient_token, Audience.PATIENT, now())
    told = {"clinic_id": party.clinic_id, "account_id": party.account_id, "session_id": claims.session_id}
    return {**told, "patient_id": None, "now": now(), **other}


async def whole(world: World, party: Party) -> Cabinet:
    found = await cabinet_document(world.database, **asked(world, party))
    assert found is not None
    if lacks_chart(found):
        async with world.database.reading(party.scope) as reading:
            found = await with_folded_chart(reading, found, now())
    return Cabinet.model_validate_json(found)


def arguments(world: World) -> list[Any]:
    told = asked(world, world.here)
    ask = {name: str(told[f"{name}_id"]) if told[f"{name}_id"] else None for name in ("account", "session", "patient")}
    values = {"clinic": told["clinic_id"], "now": told["now"], "today": latest_today(told["now"]), "language": "en"}
    return CABINET.arguments({**values, "asks": json.dumps([{"n": 0, **ask}])})


@pytest.fixture
async def one_connection(postgres: EmbeddedPostgres, world: World) -> AsyncIterator[Database]:
    """A pool of one: whatever a statement leaves behind, the next one would meet."""
    assert world
    database = Database(postgres.url("enamel_test"), pool=1)
    yield database
    await database.close()


async def test_the_document_is_exactly_its_response_model(world: World) -> None:
    await furnish(world, world.here, "here")
    found = await cabinet_document(world.database, **asked(world, world.here))
    assert found is not None
    cabinet = Cabinet.model_validate_json(found)
    assert json.loads(cabinet.model_dump_json()) == json.loads(found)
    assert cabinet.patient.patient_id == world.here.patient_id
    assert [plan.title for plan in cabinet.plans] == ["here"]
    assert [len(stage.items) for stage in cabinet.plans[0].stages] == [4] * 5
    assert [promotion.title for promotion in cabinet.promotions] == ["offer of here"]
    assert cabinet.next_visit is not None
    assert cabinet.next_visit.service == "Hygiene"


def test_who_may_open_the_record_is_looked_up_once() -> None:
    """A fragment that is not correlated with the record's row would look it up again, in secret and slowly."""
    assert CABINET.sql.count("JOIN access") == 1


async def test_a_chart_folded_on_the_way_is_the_one_that_would_be_stored(world: World) -> None:
    empty = await whole(world, world.here)
    assert empty.chart is not None
    assert len(empty.chart.teeth) >= 28
    await furnish(world, world.here, "here")
    stored = await cabinet_document(world.database, **asked(world, world.here))
    assert stored is not None
    assert not lacks_chart(stored)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("delete from chart"))
    folded = await whole(world, world.here)
    assert folded.chart == Cabinet.model_validate_json(stored).chart
    assert folded.chart != empty.chart


async def test_its_sums_are_those_of_the_rules(world: World) -> None:
    await furnish(world, world.here, "here")
    async with world.database.reading(world.here.scope) as reading:
        found = await plans(reading, world.here.patient_id, now(), with_account=True)
    assert found is not None
    shown = next(plan for plan in found if plan.title == "here")
    lines = [item.cost.patient.amount_minor for stage in shown.stages for item in stage.items]
    assert lines == [9_990 - 333] * 20
    assert shown.cost.patient.amount_minor == sum(lines)


async def test_sql_and_rule_agree_on_the_status_of_a_plan_on_a_day(world: World) -> None:
    at = now().replace(hour=12)  # the same day in Rome and in UTC
    today = at.date()
    told = list(product(PlanStatus, (None, *Answer), (None, today - DAY, today, today + DAY)))
    cases = {f"plan {number}": case for number, case in enumerate(told)}
    expected = {name: plan_status(*case, today) for name, case in cases.items()}
    seen: dict[str, PlanStatus] = {}
    async with world.database.writing(world.here.scope) as writing:
        for batch in batched_names(cases, MOST_PLANS):
            await writing.execute(text("update plan set patient_id = :other"), {"other": world.here.other_patient_id})
            facts = [plan_fact(name, status=cases[name][0], valid_until=cases[name][2]) for name in batch]
            await take_plans(writing, world.here.clinic_id, "mis", list(enumerate(facts)), SYSTEM, at)
            for name in batch:
                answer = text("update plan set answer = :answer where title = :name")
                await writing.execute(answer, {"answer": cases[name][1], "name": name})
            found = await plans(writing, world.here.patient_id, at, with_account=True)
            assert found is not None
            seen |= {plan.title: plan.status for plan in found}
    assert seen == expected


def batched_names(cases: dict[str, Any], most: int) -> list[list[str]]:
    names = list(cases)
    return [names[start : start + most] for start in range(0, len(names), most)]


async def test_it_is_one_trip(world: World, at_most: Queries) -> None:
    await furnish(world, world.here, "here")
    with at_most(1):
        assert await cabinet_document(world.database, **asked(world, world.here))


async def test_nobody_else_gets_anything(world: World) -> None:
    here, there = world.here, world.there
    await furnish(world, here, "here")
    strange: list[dict[str, Any]] = [
        {"clinic_id": there.clinic_id},
        {"clinic_id": new_id()},
        {"account_id": there.account_id},
        {"session_id": asked(world, there)["session_id"]},
        {"session_id": new_id()},
        {"patient_id": here.other_patient_id},
        {"patient_id": there.patient_id},
        {**asked(world, there), "patient_id": here.patient_id},
    ]
    for other in strange:
        assert await cabinet_document(world.database, **asked(world, here, **other)) is None, other


# Counts every patient in sight, held to the clinic by nothing but the policies.
_SCOPED = scope_row()
_IN_SIGHT = Document(
    select(select(func.count()).select_from(Patient).where(_SCOPED.is_not(None)).correlate(_SCOPED.table).scalar_subquery())
    .select_from(_SCOPED.table)
)  # fmt: skip


async def _in_sight(database: Database, clinic_id: UUID) -> int:
    return int(await database.document(_IN_SIGHT, clinic=clinic_id) or b"-1")


async def _settings(database: Database) -> bytes | None:
    return await database.trip("select coalesce(current_setting('enamel.clinic_id', true), '')")


async def test_row_level_security_knows_the_clinic_within_the_one_trip(world: World, one_connection: Database) -> None:
    async with world.database.writing(world.there.scope) as writing:
        third = [(0, patient_fact("chen", "Chen", None))]
        await take_patients(writing, world.there.clinic_id, "mis", third, SYSTEM, now())
    for _ in range(10):  # past the fifth run PostgreSQL may change to a generic plan
        assert await _in_sight(one_connection, world.here.clinic_id) == 2
        assert await _in_sight(one_connection, world.there.clinic_id) == 3
        assert await _in_sight(one_connection, new_id()) == 0


async def test_nothing_of_the_clinic_stays_on_the_connection(world: World, one_connection: Database) -> None:
    assert await cabinet_document(one_connection, **asked(world, world.here))
    assert await _settings(one_connection) == b""
    assert await one_connection.trip("select count(*)::text from patient") == b"0"


async def test_two_clinics_on_one_connection_never_mix(world: World, one_connection: Database) -> None:
    for party, title in ((world.here, "here"), (world.there, "there")):
        await furnish(world, party, title)

    async def titles(party: Party) -> list[str]:
        found = await cabinet_document(one_connection, **asked(world, party))
        assert found is not None
        return [plan["title"] for plan in json.loads(found)["plans"]]

    rounds = [(world.here, ["here"]), (world.there, ["there"])] * 12
    assert await asyncio.gather(*(titles(party) for party, _ in rounds)) == [told for _, told in rounds]


_BELONG_TO_NO_CLINIC = {"session"}


def _scans(node: dict[str, Any], guarded: bool) -> Iterator[tuple[str, bool]]:
    """Every table of a plan, and whether its policy's filter stands on it or above it."""
    conditions = " ".join(
        str(node.get(name, "")) for name in ("One-Time Filter", "Index Cond", "Filter", "Recheck Cond")
    )
    guarded = guarded or "current_setting('enamel.clinic_id'" in conditions
    if "Relation Name" in node:
        yield node["Relation Name"], guarded
    for child in node.get("Plans", []):
        yield from _scans(child, guarded and child.get("Parent Relationship") != "SubPlan")


async def test_the_policies_stand_in_the_plan_over_every_table(world: World) -> None:
    raw = await world.database.engine.raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    explained = await driver.fetchval(f"explain (format json) {CABINET.sql}", *arguments(world))
    raw.close()
    plan = explained[0]["Plan"]
    scans = [(name, guarded) for name, guarded in _scans(plan, guarded=False) if name not in _BELONG_TO_NO_CLINIC]
    assert {name for name, _ in scans} >= {"patient", "access", "chart", "plan", "picture", "promotion", "appointment"}
    assert [name for name, guarded in scans if not guarded] == []


async def test_the_row_that_sets_the_clinic_is_read_before_any_table(world: World) -> None:
    """In the plan the first leaf of the outermost loop is the row of `scope`, which has no table under it."""
    raw = await world.database.engine.raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    explained = await driver.fetchval(f"explain (format json, verbose) {CABINET.sql}", *arguments(world))
    raw.close()
    node = explained[0]["Plan"]
    while "Plans" in node:
        node = next(child for child in node["Plans"] if child["Parent Relationship"] == "Outer")
    assert "set_config" in str(node["Output"])
    assert "Relation Name" not in node


async def test_of_many_asks_each_is_written_before_the_next_ones_record_is_read(world: World) -> None:
    """What is private is seen by a setting that the record's row makes: nothing may gather rows above it."""
    raw = await world.database.engine.raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    explained = await driver.fetchval(f"explain (format json, verbose) {CABINET.sql}", *arguments(world))
    raw.close()
    node, above = explained[0]["Plan"], []
    while not (node["Node Type"] == "Limit" and "enamel.viewer" in str(node["Output"])):
        above.append(node["Node Type"])
        children = [child for child in node["Plans"] if child["Parent Relationship"] in ("Outer", "Inner")]
        (node,) = [child for child in children if "enamel.viewer" in json.dumps(child)]
    assert set(above) == {"Nested Loop"}


@pytest.mark.parametrize("min_age", [None, 40, 41, 42])
@pytest.mark.parametrize("languages", [[], ["it"], ["zh", "ru"]])
@pytest.mark.parametrize("period", [(-2, -1), (-1, 0), (0, 1), (1, 2)])
async def test_sql_and_rule_agree_to_whom_a_promotion_is_open(
    world: World, min_age: int | None, languages: list[str], period: tuple[int, int]
) -> None:
    at = now().replace(hour=12)  # the same day in Rome and in UTC
    today = at.date()
    born = date(today.year - 41, today.month, 1)
    offer = Promotion(today + DAY * period[0], today + DAY * period[1], min_age, tuple(languages))
    told = {"starts_on": offer.starts_on, "ends_on": offer.ends_on, "min_age": min_age, "languages": languages}
    async with world.database.writing(world.here.scope) as writing:
        anna = [(0, patient_fact("anna", "Anna", None, born).model_copy(update={"version": 2}))]
        await take_patients(writing, world.here.clinic_id, "mis", anna, SYSTEM, at)
        facts = [(0, promotion_fact("offer", **told))]
        await take_promotions(writing, world.here.clinic_id, "mis", facts, SYSTEM, at)
        shown = await promotions(writing, world.here.patient_id, at)
    assert bool(shown) is open_to(offer, PatientFacts(born, "it"), today)


@pytest.mark.parametrize("day", [27, 28])
async def test_sql_and_rule_agree_when_a_leap_day_child_is_old_enough(world: World, day: int) -> None:
    at, born = datetime(2026, 2, day, 12, tzinfo=UTC), date(2008, 2, 29)
    async with world.database.writing(world.here.scope) as writing:
        anna = [(0, patient_fact("anna", "Anna", None, born).model_copy(update={"version": 2}))]
        await take_patients(writing, world.here.clinic_id, "mis", anna, SYSTEM, at)
        await take_promotions(
            writing, world.here.clinic_id, "mis", [(0, promotion_fact("offer", min_age=18))], SYSTEM, at
        )
        shown = await promotions(writing, world.here.patient_id, at)
    offer = Promotion(date(2020, 1, 1), date(2120, 1, 1), 18)
    assert bool(shown) is open_to(offer, PatientFacts(born, "it"), at.date()) is (day == 28)


async def test_a_document_takes_constants_into_its_text_and_only_parameters_by_name() -> None:
    document = Document(select(func.json_build_object("it's", col(Patient.given_name))).where(col(Patient.id).in_([])))
    assert document.order == []
    assert "'it''s'" in document.sql
