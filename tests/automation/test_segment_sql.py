"""A segment as SQL finds the very people whom the pure question finds, in one statement."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automation.facts import Booking
from automation.queries.patients import known_patients
from automation.queries.segments import segment_preview, segment_statement
from automation.segment import Criterion, CriterionKind, matches
from automation.templates import OVERDUE_FOR_HYGIENE
from cabinet.facts import ServiceKind
from clinic.appointment import AppointmentStatus
from core.database import Database
from tests.automation.people import Done, Person, add_clinic, add_people
from tests.conftest import Queries
from tests.world import World

K = CriterionKind
ZONES = ["Europe/Rome", "Asia/Kathmandu", "America/Los_Angeles", "Pacific/Apia"]
KINDS = [ServiceKind.HYGIENE, ServiceKind.IMPLANT]
LANGUAGES = ["en", "ru"]
# Everything is drawn close to a line: days beside the limit, minutes beside the moment, births beside the birthday.
LIMITS = [0, 1, 2, 180]
AS_OF = st.builds(
    lambda day, minutes: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=day, minutes=minutes),
    st.sampled_from([-2, -1, 0, 27, 28, 238]),
    st.integers(0, 1439),
)

LEAVES = st.one_of(
    st.builds(
        Criterion,
        kind=st.just(K.PROCEDURE_LAST),
        procedure=st.sampled_from(KINDS),
        older_than_days=st.sampled_from(LIMITS),
    ),
    st.builds(Criterion, kind=st.just(K.PROCEDURE_NEVER), procedure=st.sampled_from(KINDS)),
    st.just(Criterion(kind=K.APPOINTMENT_AHEAD)),
    st.builds(Criterion, kind=st.just(K.AGE_AT_LEAST), years=st.sampled_from([0, 17, 18])),
    st.builds(Criterion, kind=st.just(K.LANGUAGE_IS), language=st.sampled_from(LANGUAGES)),
)


def trees(depth: int) -> st.SearchStrategy[Criterion]:
    if depth == 1:
        return LEAVES
    items = st.lists(trees(depth - 1), min_size=1, max_size=3)
    groups = st.builds(Criterion, kind=st.sampled_from([K.ALL, K.ANY]), items=items)
    negations = st.builds(Criterion, kind=st.just(K.NOT), items=st.lists(trees(depth - 1), min_size=1, max_size=1))
    return st.one_of(LEAVES, groups, negations)


@st.composite
def people_at(draw: st.DrawFn, as_of: datetime) -> Person:
    zone = draw(st.sampled_from(ZONES))
    today = as_of.astimezone(ZoneInfo(zone)).date()
    days_ago = st.builds(lambda limit, off: limit + off, st.sampled_from(LIMITS), st.integers(-1, 2))
    done = st.builds(
        lambda kind, ago, wrong: Done(kind, today - timedelta(days=ago), wrong),
        st.sampled_from(KINDS),
        days_ago,
        st.sampled_from([False, False, False, True]),
    )
    visit = st.builds(
        lambda status, minutes: Booking(status, as_of + timedelta(minutes=minutes)),
        st.sampled_from([AppointmentStatus.BOOKED, AppointmentStatus.CANCELLED, AppointmentStatus.REQUESTED]),
        st.sampled_from([-1, 0, 1, 1440]),
    )
    years_ago = today.year - draw(st.sampled_from([0, 17, 18]))
    born = st.one_of(
        st.just(date(2008, 2, 29)),
        st.integers(-1, 1).map(lambda off: (today + timedelta(days=off)).replace(day=1, year=years_ago)),
        st.integers(-1, 1).map(lambda off: _same_day(today + timedelta(days=off), years_ago)),
    )
    return Person(
        zone, draw(born), draw(st.sampled_from(LANGUAGES)), draw(st.lists(done, max_size=3)),
        draw(st.lists(visit, max_size=2)),
    )  # fmt: skip


def _same_day(day: date, year: int) -> date:
    return day.replace(year=year, day=min(day.day, 28))


SCENES = AS_OF.flatmap(lambda as_of: st.tuples(st.just(as_of), st.lists(people_at(as_of), min_size=1, max_size=6)))


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(scene=SCENES, tree=trees(4))
async def test_sql_and_rule_agree_on_everybody(
    database: Database, scene: tuple[datetime, list[Person]], tree: Criterion
) -> None:
    as_of, people = scene
    async with database.sweeping() as sweeping:
        clinic_id, branches = await add_clinic(sweeping, ZONES, as_of)
        await add_people(sweeping, clinic_id, branches, people, as_of)
        rows = await sweeping.execute(segment_statement(tree), {"as_of": as_of})
        by_sql = {row.patient_id for row in rows if row.clinic_id == clinic_id}
        known = await known_patients(sweeping, [(clinic_id, person.id) for person in people], as_of)
        await sweeping.rollback()
    assert by_sql == {person.id for person in people if matches(tree, person.facts(), as_of, person.zone)}
    assert by_sql == {key[1] for key, who in known.items() if matches(tree, who.facts, as_of, who.zone)}
    assert len(known) == len(people)


async def test_the_widest_tree_is_one_statement_and_counts_whom_it_does_not_show(
    world: World, at_most: Queries
) -> None:
    now = datetime(2026, 7, 15, 12, tzinfo=UTC)
    overdue = Done(ServiceKind.HYGIENE, date(2025, 12, 1))
    people = [Person(done=[overdue]) for _ in range(7)] + [Person()]
    async with world.database.writing(world.here.scope) as writing:
        await add_people(writing, world.here.clinic_id, {"Europe/Rome": world.here.branch_id}, people, now)
    widest = Criterion(kind=K.ANY, items=[OVERDUE_FOR_HYGIENE] * 20)
    async with world.database.reading(world.here.scope) as reading:
        with at_most(1):
            count, ids = await segment_preview(reading, widest, now, 3)
    assert (count, len(ids)) == (7, 3)
    async with world.database.reading(world.there.scope) as reading:
        assert await segment_preview(reading, widest, now, 3) == (0, [])
