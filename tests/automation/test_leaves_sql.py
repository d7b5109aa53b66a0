"""Every kind of leaf, and trees of them: SQL finds the very people whom the pure question finds, and its evidence."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from automation.criteria.registry import LEAVES
from automation.criteria.said import CriterionKind
from automation.evidence import evidence
from automation.queries.crossings import crossed_statement
from automation.queries.patients import known_patients
from automation.queries.segments import segment_statement
from automation.segment import Criterion, leaves, matches
from cabinet.tables.documents import Document
from core.database import Database
from core.ids import new_id
from tests.automation.drawn import ZONES, Drawn, add_drawn, id_at, people_at
from tests.automation.leaves import BRANCH, OF_KIND, trees
from tests.automation.people import add_clinic

# Nights in which clocks change, both ways, at two and at midnight; the leap day; ends of months and of the year.
NIGHTS = [(2026, 3, 29), (2026, 10, 25), (2026, 11, 1), (2026, 4, 5), (2026, 9, 6), (2026, 3, 8), (2028, 2, 29),
          (2026, 2, 28), (2026, 3, 1), (2026, 3, 31), (2027, 1, 1)]  # fmt: skip
AS_OF = st.builds(
    lambda night, minutes: datetime(night[0], night[1], night[2], tzinfo=UTC) + timedelta(minutes=minutes),
    st.sampled_from(NIGHTS),
    st.integers(-720, 1439),
)
SCENES = AS_OF.flatmap(lambda as_of: st.tuples(st.just(as_of), st.lists(people_at(as_of), min_size=1, max_size=4)))
Scene = tuple[datetime, list[Drawn]]

# A failing scene is told as it was drawn: making it smaller would take minutes of statements.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


def test_every_kind_is_drawn() -> None:
    assert set(OF_KIND) == set(LEAVES)
    assert set(LEAVES) == set(CriterionKind) - {CriterionKind.ALL, CriterionKind.ANY, CriterionKind.NOT}


async def agrees(database: Database, scene: Scene, asked: list[Criterion]) -> None:
    as_of, people = scene
    async with database.sweeping() as sweeping:
        clinic_id, branches = await add_clinic(sweeping, ZONES, as_of, {ZONES[0]: BRANCH})
        await add_drawn(sweeping, clinic_id, branches, people, as_of)
        known = await known_patients(sweeping, [(clinic_id, who.id) for who in people], as_of)
        for tree in asked:
            rows = await sweeping.execute(segment_statement(tree), {"as_of": as_of})
            by_sql = {row.patient_id for row in rows if row.clinic_id == clinic_id} & {who.id for who in people}
            by_rule = {who.id for who in people if matches(tree, who.facts(), as_of, who.zone)}
            assert by_sql == by_rule, tree
            for (_, patient_id), who in known.items():
                assert matches(tree, who.facts, as_of, who.zone) is (patient_id in by_sql), tree
                told = evidence(tree, who.facts, as_of, who.zone)
                each = [matches(leaf, who.facts, as_of, who.zone) for leaf in leaves(tree)]
                assert [line.holds for line in told] == each
        await sweeping.rollback()


@settings(max_examples=15, deadline=None, phases=PHASES, suppress_health_check=SLOW)
@given(scene=SCENES, asked=st.tuples(*OF_KIND.values()))
async def test_sql_rule_and_evidence_agree_on_every_leaf(
    database: Database, scene: Scene, asked: tuple[Criterion, ...]
) -> None:
    await agrees(database, scene, list(asked))


@settings(max_examples=25, deadline=None, phases=PHASES, suppress_health_check=SLOW)
@given(scene=SCENES, asked=st.lists(trees(4), min_size=3, max_size=3))
async def test_and_on_every_tree(database: Database, scene: Scene, asked: list[Criterion]) -> None:
    await agrees(database, scene, asked)


@settings(max_examples=8, deadline=None, phases=PHASES, suppress_health_check=SLOW)
@given(scene=SCENES, asked=st.tuples(*OF_KIND.values()), minutes=st.sampled_from([0, 1, 30, 1440, 2 * 1440, 32 * 1440]))
async def test_who_changes_by_the_clock_alone_is_found(
    database: Database, scene: Scene, asked: tuple[Criterion, ...], minutes: int
) -> None:
    await changed_by_the_clock(database, scene, asked, timedelta(minutes=minutes))


async def changed_by_the_clock(
    database: Database, scene: Scene, asked: Sequence[Criterion], passes: timedelta
) -> set[UUID]:
    """Everybody of whom something asked became true or untrue; each of them is found."""
    as_of, people = scene
    later, changed = as_of + passes, set[UUID]()
    async with database.sweeping() as sweeping:
        clinic_id, branches = await add_clinic(sweeping, ZONES, as_of, {ZONES[0]: BRANCH})
        await add_drawn(sweeping, clinic_id, branches, people, as_of)
        for tree in asked:
            then, now = [
                {row.patient_id for row in await sweeping.execute(segment_statement(tree), {"as_of": moment})}
                for moment in (as_of, later)
            ]
            crossed = await sweeping.execute(crossed_statement(tree), {"since": as_of, "as_of": later})
            assert then ^ now <= {row.patient_id for row in crossed}, tree
            changed |= then ^ now
        await sweeping.rollback()
    return changed


async def test_whose_document_runs_out_is_found(database: Database) -> None:
    at, born = datetime(2026, 4, 4, 16, 26, tzinfo=UTC), date(1985, 5, 17)
    who = Drawn(ZONES[0], at, id_at(at), born, "en", None, None)
    paper = {"kind": "contract", "title": "D", "asks": "sign", "state": "sent", "sent_at": at - timedelta(days=3)}
    who.rows.append((Document, {"id": new_id(), "patient_id": who.id, **paper, "expires_at": at}))
    asked = [Criterion(kind=CriterionKind.DOCUMENT_WAITING, older_than_days=0)]
    assert await changed_by_the_clock(database, (at, [who]), asked, timedelta(hours=5)) == set()
    assert await changed_by_the_clock(database, (at, [who]), asked, timedelta(days=1)) == {who.id}


@pytest.mark.parametrize("kind", sorted(OF_KIND))
def test_every_kind_says_who_may_see_why(kind: CriterionKind) -> None:
    assert LEAVES[kind].kind is kind
    assert all(shape <= set(Criterion.model_fields) for shape in LEAVES[kind].shapes)
