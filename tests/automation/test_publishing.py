"""Versions of journeys: drafts, publishing with each choice for who is on the way, halting, ending, coming back."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from automation.commands.carrying import NotOnJourney, carry_over, take_out
from automation.commands.drafts import (
    JourneyDraftExists,
    JourneyNotDraft,
    change_draft,
    delete_draft,
    make_draft,
)
from automation.commands.publishing import (
    Deed,
    JourneyNeverPublished,
    JourneyNotRunning,
    pause,
    publish,
    publish_again,
    resume,
    stop,
)
from automation.journey.document import Journey, document
from automation.journey.words import Carrying, JourneyState
from automation.queries.journey_versions import JourneyView, journey_versions, publishing_choices, step_counts
from automation.tables import Enrolment, JourneyRow, Timer, Touchpoint
from cabinet.facts import ServiceKind
from core.errors import Fault, Invalid, NotFound, Refusal, Stale
from core.events import SYSTEM, Event
from enamel.worker.automation import run_journeys
from push.tables import NoticeRow
from tests.automation.journeys_drawn import OF_HYGIENE
from tests.automation.people import Done, Person, add_people
from tests.world import World

NOON = datetime(2026, 7, 15, 10, 0, tzinfo=UTC)  # 12:00 in Rome
DAY = timedelta(days=1)
NUDGE = {"id": "nudge", "kind": "message", "notice": "recall"}
THINK = {"id": "think", "kind": "wait", "days": 4}
AGAIN = {"id": "again", "kind": "message", "notice": "recall"}
DONE = {"id": "done", "kind": "exit"}


def recall(*steps: dict[str, Any], **more: Any) -> Journey:
    told = {"key": "recall", "name": "Recall", "purpose": "recall", "again_after_days": 150}
    trigger = {"kind": "segment", "criteria": OF_HYGIENE}
    return document(told | {"trigger": trigger, "steps": list(steps or (NUDGE, THINK, AGAIN, DONE))} | more)


def deed(world: World, at: datetime = NOON) -> Deed:
    return Deed(world.here.clinic_id, SYSTEM, at)


async def drafted(world: World, journey: Journey) -> JourneyView:
    async with world.database.writing(world.here.scope) as writing:
        return await make_draft(writing, world.here.clinic_id, journey, SYSTEM, NOON)


async def published(
    world: World, journey: Journey, carrying: Carrying = Carrying.NEWCOMERS, at: datetime = NOON
) -> JourneyView:
    draft = await drafted(world, journey)
    async with world.database.writing(world.here.scope) as writing:
        return await publish(writing, deed(world, at), draft.journey_id, draft.digest, carrying)


async def waiting(world: World, count: int = 3) -> JourneyView:
    """So many patients who wait on `think` of the first version, since noon."""
    late = [Person(done=[Done(ServiceKind.HYGIENE, (NOON - 200 * DAY).date())]) for _ in range(count)]
    async with world.database.writing(world.here.scope) as writing:
        await add_people(writing, world.here.clinic_id, {"Europe/Rome": world.here.branch_id}, late, NOON)
    first = await published(world, recall())
    while await run_journeys(world.database, NOON):
        pass
    return first


async def rows(world: World, table: Any, *order: Any) -> Sequence[Any]:
    async with world.database.sweeping() as sweeping:
        return (await sweeping.execute(select(table).order_by(*order))).scalars().all()


async def enrolments(world: World) -> Sequence[Enrolment]:
    return await rows(world, Enrolment, col(Enrolment.id))


async def story(world: World) -> set[tuple[str, ...]]:
    """What the log tells of each enrolment, in its order."""
    told: dict[UUID, list[str]] = {}
    for line in await rows(world, Touchpoint, col(Touchpoint.seq)):
        told.setdefault(line.enrolment_id, []).append(f"{line.step} {line.verdict} {line.reason}".strip())
    return {tuple(lines) for lines in told.values()}


async def test_a_draft_is_written_freely_and_published_as_the_next_version(world: World) -> None:
    draft = await drafted(world, recall())
    assert (draft.version, draft.state) == (0, JourneyState.DRAFT)
    async with world.database.writing(world.here.scope) as writing:
        changed = await change_draft(
            writing, world.here.clinic_id, draft.journey_id, draft.digest, recall(NUDGE, DONE), NOON
        )
    with pytest.raises(Stale):
        async with world.database.writing(world.here.scope) as writing:
            await publish(writing, deed(world), draft.journey_id, draft.digest, Carrying.NEWCOMERS)
    async with world.database.writing(world.here.scope) as writing:
        first = await publish(writing, deed(world), draft.journey_id, changed.digest, Carrying.NEWCOMERS)
    assert (first.journey_id, first.version, first.state) == (draft.journey_id, 1, JourneyState.ACTIVE)
    with pytest.raises(JourneyNotDraft):
        async with world.database.writing(world.here.scope) as writing:
            await change_draft(writing, world.here.clinic_id, first.journey_id, first.digest, recall(), NOON)
    second = await published(world, recall())
    assert second.version == 2
    states = {each.version: each.state for each in await rows(world, JourneyRow)}
    assert states == {1: "stopped", 2: "active"}  # nobody was on the first: it has ended


async def test_there_is_one_draft_of_a_journey_and_its_key_never_changes(world: World) -> None:
    draft = await drafted(world, recall())
    with pytest.raises(JourneyDraftExists):
        await drafted(world, recall(NUDGE))
    other = recall(key="other")
    with pytest.raises(Invalid) as refused:
        async with world.database.writing(world.here.scope) as writing:
            await change_draft(writing, world.here.clinic_id, draft.journey_id, draft.digest, other, NOON)
    assert refused.value.faults == (Fault("/journey/key", "never-changes"),)
    async with world.database.writing(world.here.scope) as writing:
        await delete_draft(writing, world.here.clinic_id, draft.journey_id)
    await drafted(world, recall(NUDGE))


async def test_a_journey_with_faults_is_refused_with_all_of_them_and_stays_a_draft(world: World) -> None:
    wrong = {"id": "gift", "kind": "coupon", "promotion_id": str(UUID(int=1))}
    team = {"id": "ring", "kind": "task", "task": "call", "title": "Ring", "team_id": str(UUID(int=2))}
    over = {"id": "over", "kind": "journey", "journey": "nowhere"}
    draft = await drafted(world, recall({**NUDGE, "next": "no"}, wrong, team, over))
    with pytest.raises(Invalid) as refused:
        async with world.database.writing(world.here.scope) as writing:
            await publish(writing, deed(world), draft.journey_id, draft.digest, Carrying.NEWCOMERS)
    pointers = [each.pointer for each in refused.value.faults]
    assert pointers[0] == "/steps/0/next"
    assert "/steps/2/team_id" in pointers
    assert [each.state for each in await rows(world, JourneyRow)] == ["draft"]


async def test_of_two_that_publish_at_once_one_wins(world: World) -> None:
    draft = await drafted(world, recall())

    async def once() -> JourneyView | Refusal:
        try:
            async with world.database.writing(world.here.scope) as writing:
                return await publish(writing, deed(world), draft.journey_id, draft.digest, Carrying.NEWCOMERS)
        except Refusal as refusal:
            return refusal

    answers = await asyncio.gather(*(once() for _ in range(6)))
    assert sum(isinstance(each, JourneyView) for each in answers) == 1
    assert sum(isinstance(each, JourneyNotDraft) for each in answers) == 5
    assert [(each.version, each.state) for each in await rows(world, JourneyRow)] == [(1, "active")]


async def test_newcomers_only_leaves_who_is_on_the_way_where_they_are(world: World) -> None:
    first = await waiting(world)
    second = await published(world, recall(NUDGE, DONE))
    assert {each.journey_id for each in await enrolments(world)} == {first.journey_id}
    states = {each.version: each.state for each in await rows(world, JourneyRow)}
    assert states == {1: "draining", 2: "active"}
    at = NOON + 4 * DAY
    while await run_journeys(world.database, at):
        pass
    assert {each.state for each in await enrolments(world)} == {"completed"}
    assert await story(world) == {
        ("nudge entered", "nudge sent", "think waited", "again sent", "done completed"),
    }
    states = {each.version: each.state for each in await rows(world, JourneyRow)}
    assert states[second.version] == "active"
    assert await run_journeys(world.database, at) == 0
    assert {each.version: each.state for each in await rows(world, JourneyRow)} == {1: "stopped", 2: "active"}


async def test_who_stands_on_a_step_that_still_is_goes_over_and_waits_on(world: World) -> None:
    await waiting(world)
    before = {each.enrolment_id: each.due_at for each in await rows(world, Timer)}
    second = await published(world, recall(THINK, {**AGAIN, "place": "booking"}, DONE), Carrying.MOVE, NOON + DAY)
    assert {(each.journey_id, each.step, each.waiting) for each in await enrolments(world)} == {
        (second.journey_id, "think", True)
    }
    assert {each.enrolment_id: each.due_at for each in await rows(world, Timer)} == before
    assert await story(world) == {("nudge entered", "nudge sent", "think migrated")}
    assert {each.version: each.state for each in await rows(world, JourneyRow)} == {1: "stopped", 2: "active"}


async def test_a_step_that_reads_otherwise_begins_anew(world: World) -> None:
    await waiting(world)
    longer = {**THINK, "days": 9}
    await published(world, recall(NUDGE, longer, AGAIN, DONE), Carrying.MOVE, NOON + DAY)
    assert {(each.waiting, each.step_since) for each in await enrolments(world)} == {(False, NOON + DAY)}
    assert {each.due_at for each in await rows(world, Timer)} == {NOON + DAY}
    while await run_journeys(world.database, NOON + DAY):
        pass
    assert {each.due_at for each in await rows(world, Timer)} == {NOON + 10 * DAY}


async def test_who_stands_on_a_step_that_is_gone_goes_over_at_the_next_that_is_there(world: World) -> None:
    first = await waiting(world)
    second = await published(world, recall(NUDGE, {**THINK, "id": "ponder"}, AGAIN, DONE), Carrying.MOVE)
    assert {each.journey_id for each in await enrolments(world)} == {first.journey_id}
    while await run_journeys(world.database, NOON + 4 * DAY):
        pass
    assert {each.state for each in await enrolments(world)} == {"completed"}
    assert {each.version: each.state for each in await rows(world, JourneyRow)}[second.version] == "active"


async def test_restart_takes_back_what_waits_and_begins_at_the_first_step(world: World) -> None:
    await waiting(world)
    second = await published(world, recall({**NUDGE, "id": "hello"}, THINK, DONE), Carrying.RESTART, NOON + DAY)
    assert {(each.journey_id, each.step, each.waiting) for each in await enrolments(world)} == {
        (second.journey_id, "hello", False)
    }
    assert {each.state for each in await rows(world, NoticeRow)} == {"cancelled"}
    while await run_journeys(world.database, NOON + DAY):
        pass
    assert await story(world) == {("nudge entered", "nudge sent", "hello migrated restart", "hello sent")}


async def test_leave_lets_everybody_out(world: World) -> None:
    await waiting(world)
    await published(world, recall(NUDGE, DONE), Carrying.LEAVE)
    assert {(each.state, each.exit_reason) for each in await enrolments(world)} == {("exited", "stopped")}
    assert await rows(world, Timer) == []
    assert {each.state for each in await rows(world, NoticeRow)} == {"cancelled"}
    assert {each.version: each.state for each in await rows(world, JourneyRow)} == {1: "stopped", 2: "active"}


async def test_the_worker_carries_over_what_the_answer_left(world: World) -> None:
    first = await waiting(world, 5)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(
            update(JourneyRow).where(col(JourneyRow.id) == first.journey_id).values(state="stopped", carries="leave")
        )
    async with world.database.sweeping() as sweeping:
        assert await carry_over(sweeping, NOON, 2) == 2
    both = [carried(world), carried(world)]
    assert sum(await asyncio.gather(*both)) == 3
    assert {each.state for each in await enrolments(world)} == {"exited"}
    seqs = [line.seq for line in await rows(world, Touchpoint) if line.verdict == "exited"]
    assert len(seqs) == 5


async def carried(world: World) -> int:
    async with world.database.sweeping() as sweeping:
        return await carry_over(sweeping, NOON, 100)


async def test_publishing_while_a_worker_moves_them_on_loses_nobody_and_doubles_nothing(world: World) -> None:
    await waiting(world, 12)
    at = NOON + 4 * DAY
    draft = await drafted(world, recall(NUDGE, THINK, {**AGAIN, "place": "booking"}, DONE))

    async def publishes() -> None:
        async with world.database.writing(world.here.scope) as writing:
            await publish(writing, deed(world, at), draft.journey_id, draft.digest, Carrying.MOVE)

    await asyncio.gather(run_journeys(world.database, at, 3), publishes(), run_journeys(world.database, at, 3))
    for _ in range(3):
        await run_journeys(world.database, at)
    assert {each.state for each in await enrolments(world)} == {"completed"}
    assert await rows(world, Timer) == []
    for lines in await story(world):
        told = [line for line in lines if "migrated" not in line]
        assert told == ["nudge entered", "nudge sent", "think waited", "again sent", "done completed"]


async def test_a_halted_journey_moves_nobody_until_it_is_resumed(world: World) -> None:
    first = await waiting(world)
    async with world.database.writing(world.here.scope) as writing:
        assert (await pause(writing, deed(world), first.journey_id)).state is JourneyState.PAUSED
        await pause(writing, deed(world), first.journey_id)
    assert await run_journeys(world.database, NOON + 4 * DAY) == 0
    second = await published(world, recall(), Carrying.MOVE)
    assert second.state is JourneyState.PAUSED
    async with world.database.writing(world.here.scope) as writing:
        await resume(writing, deed(world), first.journey_id)
    assert await run_journeys(world.database, NOON + 4 * DAY) > 0
    kinds = [each.kind for each in await rows(world, Event, col(Event.at)) if each.kind.startswith("journey.")]
    assert kinds.count("journey.paused") == 1
    assert kinds.count("journey.resumed") == 1


async def test_stopping_lets_out_whoever_is_on_any_version_and_is_for_good(world: World) -> None:
    first = await waiting(world)
    second = await published(world, recall(NUDGE, DONE))
    async with world.database.writing(world.here.scope) as writing:
        await stop(writing, deed(world), second.journey_id)
    assert {(each.state, each.exit_reason) for each in await enrolments(world)} == {("exited", "stopped")}
    assert {each.state for each in await rows(world, JourneyRow)} == {"stopped"}
    for verb in (pause, resume, stop):
        with pytest.raises(JourneyNotRunning):
            async with world.database.writing(world.here.scope) as writing:
                await verb(writing, deed(world), first.journey_id)


async def test_an_earlier_version_comes_back_under_a_new_number(world: World) -> None:
    first = await published(world, recall())
    second = await published(world, recall(NUDGE, DONE))
    draft = await drafted(world, recall(NUDGE, THINK, DONE))
    with pytest.raises(Stale):
        async with world.database.writing(world.here.scope) as writing:
            await publish_again(writing, deed(world), first.journey_id, first.digest, Carrying.NEWCOMERS)
    with pytest.raises(JourneyNeverPublished):
        async with world.database.writing(world.here.scope) as writing:
            await publish_again(writing, deed(world), draft.journey_id, second.digest, Carrying.NEWCOMERS)
    async with world.database.writing(world.here.scope) as writing:
        third = await publish_again(writing, deed(world), first.journey_id, second.digest, Carrying.NEWCOMERS)
        versions = await journey_versions(writing, world.here.clinic_id, first.journey_id, clinical=True)
    assert (third.version, third.digest) == (3, first.digest)
    assert [(each.version, each.state) for each in versions] == [
        (0, JourneyState.DRAFT), (3, JourneyState.ACTIVE), (2, JourneyState.STOPPED), (1, JourneyState.STOPPED),
    ]  # fmt: skip


async def test_the_preview_says_what_each_choice_would_do(world: World) -> None:
    first = await waiting(world)
    draft = await drafted(world, recall(NUDGE, THINK, DONE))
    async with world.database.reading(world.here.scope) as reading:
        choices = await publishing_choices(reading, world.here.clinic_id, draft.journey_id, clinical=True)
        counts = await step_counts(reading, world.here.clinic_id, first.journey_id, clinical=True)
    assert {each.carrying: (each.stay, each.move, each.restart, each.leave) for each in choices} == {
        Carrying.NEWCOMERS: (3, 0, 0, 0), Carrying.MOVE: (0, 3, 0, 0), Carrying.RESTART: (0, 0, 3, 0),
        Carrying.LEAVE: (0, 0, 0, 3),
    }  # fmt: skip
    assert {each.step: (each.standing, each.passed) for each in counts} == {"nudge": (0, 3), "think": (3, 0)}


async def test_one_patient_is_taken_out_by_hand_once(world: World) -> None:
    await waiting(world)
    one = (await enrolments(world))[0]
    async with world.database.writing(world.here.scope) as writing:
        await take_out(writing, world.here.clinic_id, one.id, SYSTEM, NOON)
    with pytest.raises(NotOnJourney):
        async with world.database.writing(world.here.scope) as writing:
            await take_out(writing, world.here.clinic_id, one.id, SYSTEM, NOON)
    with pytest.raises(NotFound):
        async with world.database.writing(world.there.scope) as writing:
            await take_out(writing, world.there.clinic_id, one.id, SYSTEM, NOON)
    states = [each.state for each in await enrolments(world)]
    assert sorted(states) == ["active", "active", "exited"]
    assert len(await rows(world, Timer)) == 2
