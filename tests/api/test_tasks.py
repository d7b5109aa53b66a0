"""What staff is to do: whose it is, taken once, done once, called again; lists, branches, figures."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from automation.commands.task_sweeps import take_over_calls
from clinic.commands import admit_staff, open_branch
from clinic.commands.clinic import tie_staff
from core.clock import now
from core.database import NOBODY
from core.events import SYSTEM
from core.ids import new_id
from core.moments import rfc3339
from enamel.worker.tasks import keep_tasks
from identity.commands import Device, make_staff_account, open_session
from identity.permissions import PRESETS
from identity.sign_in import Audience
from push.commands import cancel_across, enqueue_across
from push.commands.call_tasks import make_call_tasks
from push.notice import Notice, NoticeKind, Purpose
from push.tables import NoticeRow
from tests.api.foreign import own_task
from tests.world import DAY, PASSWORD, Party, World, bearer

TASKS = "/v1/staff/tasks"
Headers = dict[str, str]


async def colleague(
    world: World, preset: str, branches: list[UUID] | None = None, party: Party | None = None
) -> tuple[UUID, Headers]:
    here = party or world.here
    async with world.database.writing(NOBODY) as writing:
        account = await make_staff_account(writing, f"{new_id()}@rome.example", PASSWORD, now())
    async with world.database.writing(here.scope) as writing:
        staff_id = await admit_staff(writing, here.clinic_id, account, preset.title(), PRESETS[preset])
        if branches:
            await tie_staff(writing, here.clinic_id, staff_id, branches, SYSTEM, now())
        device = Device("desk-of-a-colleague-0123")
        pair = await open_session(writing, world.keys, Audience.STAFF, account, here.clinic_id, device, now())
    return staff_id, bearer(pair.access_token)


async def titles(world: World, headers: Headers, **asked: str) -> list[str]:
    answer = await world.get(TASKS, headers, params=asked)
    assert answer.status_code == 200, answer.text
    return [each["title"] for each in answer.json()["items"]]


async def events(world: World, kind: str) -> int:
    async with world.database.sweeping() as sweeping:
        counted = text("select count(*) from event where kind = :kind")
        return int((await sweeping.execute(counted, {"kind": kind})).scalar_one())


def codes(answers: list[httpx.Response]) -> dict[int, int]:
    return dict(Counter(answer.status_code for answer in answers))


async def test_a_task_said_twice_is_made_once_and_shows_whom_to_call(world: World) -> None:
    body = {
        "client_id": str(new_id()), "kind": "call", "title": "Ring up", "description": "After the crown",
        "due_at": rfc3339(now() + DAY), "patient_id": str(world.here.patient_id),
    }  # fmt: skip
    made = await asyncio.gather(*(world.post(TASKS, world.here.staff, body) for _ in range(5)))
    assert codes(made) == {201: 5}
    assert len({answer.json()["task_id"] for answer in made}) == 1
    (listed,) = (await world.get(TASKS, world.here.staff)).json()["items"]
    assert (listed["name"], listed["phone"], listed["branch_id"]) == (
        "Anna Rossi", world.here.phone, str(world.here.branch_id)
    )  # fmt: skip
    assert "description" not in listed
    whole = (await world.get(f"{TASKS}/{listed['task_id']}", world.here.staff)).json()
    assert whole["texts"]["description"] == "After the crown"
    assert await events(world, "task.made") == 1
    assert await titles(world, world.there.staff) == []


async def test_of_forty_colleagues_at_once_one_takes_it_and_one_ends_it(world: World) -> None:
    desks = [await colleague(world, "reception") for _ in range(8)]
    task = f"{TASKS}/{await own_task(world, world.here, preset='reception')}"
    taken = await asyncio.gather(*(world.post(f"{task}/take", desk, None) for _, desk in desks * 5))
    assert codes(taken) == {200: 5, 409: 35}, "the one who has it may say so again"
    (winner,) = {answer.json()["taken_by"] for answer in taken if answer.status_code == 200}
    done = {"outcome": "booked", "note": "Tuesday"}
    ended = await asyncio.gather(*(world.post(f"{task}/done", desk, done) for _, desk in desks * 5))
    assert codes(ended) == {200: 1, 409: 39}
    assert next(each.json() for each in ended if each.status_code == 200)["ended_by"] == winner
    assert (await events(world, "task.done"), await titles(world, world.here.staff)) == (1, [])
    refused = await world.post(f"{task}/take", world.here.staff, None)
    assert refused.json()["type"].endswith("task-not-open")


async def test_a_try_is_counted_once_and_the_same_task_is_due_again(world: World) -> None:
    task_id = await own_task(world, world.here)
    task, again = (
        f"{TASKS}/{task_id}",
        {"outcome": "no_answer", "again_at": rfc3339(now() + 3 * DAY), "note": "Rang off"},
    )
    refused = await world.post(f"{task}/tries", world.here.staff, again)
    assert refused.json()["type"].endswith("task-not-taken")
    for tries in (1, 2):
        await world.post(f"{task}/take", world.here.staff, None)
        said = await asyncio.gather(*(world.post(f"{task}/tries", world.here.staff, again) for _ in range(10)))
        assert codes(said) == {200: 1, 409: 9}
        (kept,) = (await world.get(TASKS, world.here.staff)).json()["items"]
        assert (kept["task_id"], kept["tries"], kept["state"], kept["due_at"]) == (
            task_id, tries, "open", again["again_at"]
        )  # fmt: skip
    whole = (await world.get(task, world.here.staff)).json()
    assert [(each["number"], each["outcome"], each["note"]) for each in whole["tries"]] == [
        (1, "no_answer", "Rang off"), (2, "no_answer", "Rang off")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
        ("call", "done", {"outcome": "sent"}), ("message", "done", {"outcome": "reached"}),
        ("call", "tries", {"outcome": "booked", "again_at": rfc3339(now() + DAY)}),
        ("call", "tries", {"outcome": "busy", "again_at": rfc3339(now() - DAY)}),
        ("call", "tries", {"outcome": "busy", "again_at": rfc3339(now() + 400 * DAY)}),
        ("other", "done", {"outcome": "vanished"}),
    ],
)  # fmt: skip
async def test_an_outcome_belongs_to_the_kind(world: World, kind: str, path: str, wrong: dict[str, Any]) -> None:
    task = f"{TASKS}/{await own_task(world, world.here, kind=kind)}"
    await world.post(f"{task}/take", world.here.staff, None)
    assert (await world.post(f"{task}/{path}", world.here.staff, wrong)).status_code == 422
    assert (await world.get(task, world.here.staff)).json()["task"]["state"] == "taken"


async def test_who_a_task_is_for_sees_it_in_theirs_and_others_may_not_take_it(world: World) -> None:
    rita, desk = await colleague(world, "reception")
    _, doctor = await colleague(world, "doctor")
    team = (await world.post("/v1/staff/teams", world.here.staff, {"name": "Recall", "staff_ids": [str(rita)]})).json()
    hers = await own_task(world, world.here, title="hers", assignee_id=str(rita))
    await own_task(world, world.here, title="the team's", team_id=team["team_id"])
    await own_task(world, world.here, title="the desk's", preset="reception")
    await own_task(world, world.here, title="a doctor's", preset="doctor")
    await own_task(world, world.here, title="anybody's")
    assert await titles(world, desk, part="mine") == ["hers"]
    assert await titles(world, desk, part="team") == ["the team's", "the desk's", "anybody's"]
    assert await titles(world, doctor, part="team") == ["a doctor's", "anybody's"]
    assert len(await titles(world, doctor)) == 5
    assert (await world.post(f"{TASKS}/{hers}/take", doctor, None)).status_code == 409
    assert (await world.post(f"{TASKS}/{hers}/done", doctor, {"outcome": "reached"})).status_code == 409
    gone = await world.http.delete(f"/v1/staff/people/{rita}", headers=world.here.staff)
    assert gone.status_code == 204
    assert (await world.post(f"{TASKS}/{hers}/take", doctor, None)).status_code == 200, "who has left does no work"


async def test_a_task_is_given_to_another_by_the_version_that_was_seen(world: World) -> None:
    rita, desk = await colleague(world, "reception")
    task = f"{TASKS}/{await own_task(world, world.here)}"
    seen = (await world.post(f"{task}/take", world.here.staff, None)).json()
    body = {"title": "Ring Anna", "due_at": rfc3339(now() + DAY), "assignee_id": str(rita), "version": seen["version"]}
    given = await asyncio.gather(*(world.http.put(task, headers=world.here.staff, json=body) for _ in range(5)))
    assert codes(given) == {200: 1, 412: 4}
    assert (await world.post(f"{task}/take", world.here.staff, None)).status_code == 409
    assert (await world.post(f"{task}/take", desk, None)).status_code == 200
    released = await world.post(f"{task}/release", desk, None)
    assert (released.json()["state"], released.json()["assignee_id"]) == ("open", str(rita))
    assert (await world.post(f"{task}/cancel", desk, None)).json()["state"] == "cancelled"
    assert (await world.post(f"{task}/cancel", desk, None)).status_code == 409


async def test_somebody_tied_to_a_branch_sees_its_tasks_and_their_own(world: World) -> None:
    here = world.here
    async with world.database.writing(here.scope) as writing:
        other = await open_branch(writing, here.clinic_id, "Nord", "Europe/Rome")
    tied, desk = await colleague(world, "reception", [here.branch_id])
    there = await own_task(world, here, title="there", branch_id=str(other))
    await own_task(world, here, title="here", branch_id=str(here.branch_id))
    await own_task(world, here, title="nowhere", patient_id=None)
    await own_task(world, here, title="mine there", branch_id=str(other), assignee_id=str(tied))
    assert await titles(world, desk) == ["here", "nowhere", "mine there"]
    for path in ("take", "cancel", "release"):
        assert (await world.post(f"{TASKS}/{there}/{path}", desk, None)).status_code == 404
    assert (await world.get(f"{TASKS}/{there}", desk)).status_code == 404


async def test_late_tasks_and_those_of_today_are_found_and_pages_miss_none(world: World) -> None:
    for days in (-2, -1, 0, 1, 2):
        due = rfc3339(now() + days * DAY + (0.001 if days == 0 else 0) * DAY)
        await own_task(world, world.here, title=str(days), due_at=due)
    assert await titles(world, world.here.staff, due="overdue") == ["-2", "-1"]
    today = await titles(world, world.here.staff, due="today")
    assert today[:2] == ["-2", "-1"]
    assert "2" not in today
    seen: list[str] = []
    asked: dict[str, str] = {"limit": "2"}
    while True:
        page = (await world.get(TASKS, world.here.staff, params=asked)).json()
        seen += [each["title"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        asked["cursor"] = page["next_cursor"]
    assert seen == ["-2", "-1", "0", "1", "2"]


async def test_whom_a_task_names_must_be_of_the_clinic(world: World) -> None:
    there = world.there
    body = {"client_id": str(new_id()), "kind": "call", "title": "Ring up", "due_at": rfc3339(now() + DAY)}
    for name, foreign in {
        "patient_id": there.patient_id, "branch_id": there.branch_id, "assignee_id": there.staff_id,
        "team_id": new_id(),
    }.items():  # fmt: skip
        refused = await world.post(TASKS, world.here.staff, {**body, name: str(foreign)})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/{name}")
    both = {**body, "assignee_id": str(world.here.staff_id), "preset": "reception"}
    assert (await world.post(TASKS, world.here.staff, both)).status_code == 422


async def wanted_call(world: World, days: float = 1) -> UUID:
    """What push writes down when nothing else has reached a patient."""
    here, at = world.here, now()
    told = Notice(
        here.patient_id, NoticeKind.REMINDING, Purpose.SERVICE, f"call {new_id()}", at - 2 * DAY, at + days * DAY,
        cause_id=new_id(),
    )  # fmt: skip
    async with world.database.sweeping() as sweeping:
        named = await enqueue_across(sweeping, [(here.clinic_id, told)], at)
        notice = await sweeping.get_one(NoticeRow, (here.clinic_id, named[here.clinic_id, told.dedupe_key]))
        notice.tried = ["push", "call"]
        await make_call_tasks(sweeping, [notice], at)
    assert told.cause_id is not None
    return told.cause_id


async def test_a_wanted_call_is_one_task_whoever_takes_it_over(world: World) -> None:
    await wanted_call(world)

    async def over() -> int:
        async with world.database.sweeping() as sweeping:
            return await take_over_calls(sweeping, now(), 100)

    assert sum(await asyncio.gather(*(over() for _ in range(6)))) == 1
    answer = await world.http.get(TASKS, headers={**world.here.staff, "accept-language": "it"})
    (listed,) = answer.json()["items"]
    assert (listed["kind"], listed["origin"], listed["name"]) == ("call", "ladder", "Anna Rossi")
    assert listed["title"] == "Chiamare: nessun messaggio ha raggiunto il paziente"


async def test_a_call_that_is_wanted_no_longer_leaves_the_list_and_one_too_late_is_missed(world: World) -> None:
    cause = await wanted_call(world)
    await wanted_call(world)
    assert await keep_tasks(world.database, now()) == 2
    async with world.database.writing(world.here.scope) as writing:
        assert await cancel_across(writing, [(world.here.clinic_id, cause)], "booked", now()) == 1
    await keep_tasks(world.database, now())
    assert len(await titles(world, world.here.staff)) == 1
    assert await events(world, "task.cancelled") == 1
    await keep_tasks(world.database, now() + 2 * DAY)
    assert (await titles(world, world.here.staff), await events(world, "task.missed")) == ([], 1)


async def test_a_reminder_is_said_once(world: World) -> None:
    await own_task(world, world.here, remind_at=rfc3339(now() + DAY / 2))
    assert await keep_tasks(world.database, now()) == 0
    await asyncio.gather(*(keep_tasks(world.database, now() + DAY) for _ in range(4)))
    assert await events(world, "task.reminded") == 1


async def test_figures_tell_of_each_colleague_what_they_did_and_what_they_left(world: World) -> None:
    rita, desk = await colleague(world, "reception")
    mine = {"assignee_id": str(rita)}
    for _ in range(3):
        task = await own_task(world, world.here, **mine)
        await world.post(f"{TASKS}/{task}/done", desk, {"outcome": "reached"})
    late = await own_task(world, world.here, **mine, due_at=rfc3339(now() - DAY / 24))
    await world.post(f"{TASKS}/{late}/done", desk, {"outcome": "reached"})
    await own_task(world, world.here, **mine, due_at=rfc3339(now() - DAY / 24))
    again = await own_task(world, world.here, **mine)
    await world.post(f"{TASKS}/{again}/take", desk, None)
    later = {"outcome": "busy", "again_at": rfc3339(now() + DAY)}
    assert (await world.post(f"{TASKS}/{again}/tries", desk, later)).status_code == 200
    async with world.database.sweeping() as sweeping:
        owed = text("update task set due_at = now() - interval '1 hour' where id = :id")
        await sweeping.execute(owed, {"id": again})
    await own_task(world, world.here, kind="other", due_at=rfc3339(now() - DAY / 24))
    asked = {"since": rfc3339(now() - DAY), "until": rfc3339(now() + DAY)}
    answer = await world.get("/v1/staff/task-figures", world.here.staff, params=asked)
    hers, nobodys = answer.json()["items"]
    assert hers == {
        "staff_id": str(rita), "name": "Reception", "done": 4, "late": 1, "calls": 5, "missed": 0, "overdue": 2,
        "not_called_back": 1, "completion_bp": 6666,
    }  # fmt: skip
    assert (nobodys["staff_id"], nobodys["overdue"], nobodys["completion_bp"]) == (None, 1, 0)
    assert (await world.get("/v1/staff/task-figures", desk, params=asked)).status_code == 403
    turned = {"since": asked["until"], "until": asked["since"]}
    assert (await world.get("/v1/staff/task-figures", world.here.staff, params=turned)).status_code == 422


async def test_a_teams_name_is_its_own_and_its_members_work_here(world: World) -> None:
    named = {"name": "Recall", "staff_ids": [str(world.here.staff_id)]}
    made = (await world.post("/v1/staff/teams", world.here.staff, named)).json()
    assert (await world.post("/v1/staff/teams", world.here.staff, named)).json()["type"].endswith("team-name-taken")
    assert (
        await world.post("/v1/staff/teams", world.there.staff, {"name": "Recall", "staff_ids": []})
    ).status_code == 201
    foreign = {"name": "Two", "staff_ids": [str(world.there.staff_id)]}
    assert (await world.post("/v1/staff/teams", world.here.staff, foreign)).status_code == 422
    path, body = f"/v1/staff/teams/{made['team_id']}", {"name": "Two", "staff_ids": [], "version": 1}
    changed = await asyncio.gather(*(world.http.put(path, headers=world.here.staff, json=body) for _ in range(4)))
    assert codes(changed) == {200: 1, 412: 3}
    await world.post("/v1/staff/teams", world.here.staff, named)
    taken = await world.http.put(path, headers=world.here.staff, json={**named, "version": 2})
    assert taken.json()["type"].endswith("team-name-taken")
    assert [each["name"] for each in (await world.get("/v1/staff/teams", world.here.staff)).json()["items"]] == [
        "Recall", "Two"
    ]  # fmt: skip


async def test_a_worker_that_dies_between_taking_over_and_the_commit_loses_no_call_and_doubles_none(
    world: World,
) -> None:
    await wanted_call(world)

    async def dies_before_the_commit() -> None:
        async with world.database.sweeping() as sweeping:
            assert await take_over_calls(sweeping, now(), 100) == 1
            raise ConnectionAbortedError

    for _ in range(2):
        with pytest.raises(ConnectionAbortedError):
            await dies_before_the_commit()
    assert await titles(world, world.here.staff) == []
    for _ in range(2):
        await keep_tasks(world.database, now())
    assert len(await titles(world, world.here.staff)) == 1
    assert await events(world, "task.made") == 1
