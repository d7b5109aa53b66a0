"""Campaigns from draft to end: everybody once, by two people where they are many, held and taken back."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from core.clock import now
from core.moments import rfc3339
from push.channel import Way
from push.commands.beginning import begin
from push.kinds import Lane
from tests.api.campaigning import (
    CAMPAIGNS,
    TWO,
    audience,
    books,
    change,
    drafted,
    launched,
    rows,
    running,
    said,
    shown,
    treated,
    worked,
)
from tests.api.loyalty_desk import published
from tests.api.test_tasks import colleague
from tests.conftest import Queries
from tests.push.lines import make_usual
from tests.world import DAY, World

HOUR = timedelta(hours=1)
NOTICES = "select patient_id, dedupe_key, wording, not_before, expires_at, state, reason, next_at from notice"
MEMBERS = "select patient_id, arm, handed_at, notice_id, tasked_at from campaign_member order by id"


async def claimed(world: World, at: datetime) -> int:
    """How many notices push would begin at this moment; they are given back."""
    async with world.database.sweeping() as sweeping:
        await begin(sweeping, at, 1_000, HOUR, list(Lane))
        await sweeping.rollback()
    found = await rows(world, "select count(*) from notice where state = 'due' and next_at <= :at", at=at)
    return int(found[0][0])


async def test_everybody_of_the_audience_is_told_once_and_nobody_else(world: World) -> None:
    mine, _ = await audience(world, 12), await audience(world, 3, world.there)
    campaign_id = await running(world)
    told = await rows(world, NOTICES)
    assert {row.patient_id for row in told} == set(mine)
    assert len(told) == 12
    await audience(world, 2)
    assert await worked(world, now() + HOUR) == 0, "who matches later is not in it"
    assert len(await rows(world, NOTICES)) == 12
    seen = await shown(world, campaign_id)
    assert (seen["state"], seen["size"], seen["handed"], seen["purpose"]) == ("running", 12, 12, "service")
    await worked(world, now() + 73 * HOUR)
    assert (await shown(world, campaign_id))["state"] == "finished"
    again = await running(world)
    assert len(await rows(world, NOTICES)) == 12 + 14, "another campaign tells them anew"
    assert (await shown(world, again))["handed"] == 14


async def test_many_workers_at_once_tell_everybody_once(world: World) -> None:
    people = await audience(world, 40)
    await launched(world)
    await launched(world, name="Another")
    for _ in range(12):
        await asyncio.gather(*(worked(world, at_once=7) for _ in range(4)))
    told = Counter(row.patient_id for row in await rows(world, NOTICES))
    assert told == dict.fromkeys(people, 2)
    assert {row.handed_at is None for row in await rows(world, MEMBERS)} == {False}


async def test_a_batch_is_as_many_statements_for_many_as_for_few(world: World, at_most: Queries) -> None:
    counts = []
    for people in (5, 300):
        await audience(world, people)
        await launched(world)
        with at_most(40) as statements:
            await worked(world)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert len(await rows(world, MEMBERS)) == 5 + 305


async def test_arms_have_their_words_and_the_holdout_is_told_nothing(world: World) -> None:
    await audience(world, 200)
    arms = [{**TWO[0], "wording": "autumn-a"}, {**TWO[1], "wording": "autumn-b"}]
    await running(world, arms=arms, holdout_percent=20)
    members = await rows(world, MEMBERS)
    counted = Counter(row.arm for row in members)
    assert set(counted) == {"a", "b", "holdout"}
    assert all((row.notice_id is None) == (row.arm == "holdout") for row in members)
    wordings = {row.patient_id: row.wording for row in await rows(world, NOTICES)}
    assert {f"autumn-{row.arm}" == wordings[row.patient_id] for row in members if row.arm != "holdout"} == {True}
    assert len(wordings) == 200 - counted["holdout"]


async def test_for_many_a_second_person_is_needed(world: World) -> None:
    await audience(world, 6)
    policy = "/v1/staff/campaign-policy"
    assert (await world.get(policy, world.here.staff)).json() == {"confirm_above": 500}
    await world.http.put(policy, headers=world.here.staff, json={"confirm_above": 5})
    _, marketer = await colleague(world, "marketer")
    refused = await world.http.put(policy, headers=marketer, json={"confirm_above": 5_000})
    assert refused.status_code == 403
    campaign_id = (await world.post(CAMPAIGNS, marketer, said())).json()["campaign_id"]
    path = f"{CAMPAIGNS}/{campaign_id}"
    asked = await world.post(f"{path}/launch", world.here.staff, None)
    assert (asked.json()["state"], asked.json()["size"]) == ("asked", 6)
    assert await worked(world) == 0
    for caller in (world.here.staff, marketer):
        answer = await world.post(f"{path}/confirm", caller, None)
        assert (answer.status_code, answer.json()["code"]) == (403, "second-person-needed")
    _, second = await colleague(world, "marketer")
    said_yes = await asyncio.gather(*(world.post(f"{path}/confirm", second, None) for _ in range(5)))
    assert Counter(each.status_code for each in said_yes) == {200: 1, 409: 4}
    await worked(world)
    assert len(await rows(world, NOTICES)) == 6
    kinds = [row[0] for row in await rows(world, "select kind from event where kind like 'campaign.%' order by id")]
    assert kinds == [f"campaign.{each}" for each in ("drafted", "asked", "confirmed", "launched", "begun")]


async def test_what_grew_beyond_the_size_until_it_began_is_asked_for_again(world: World) -> None:
    await audience(world, 3)
    await world.http.put("/v1/staff/campaign-policy", headers=world.here.staff, json={"confirm_above": 5})
    campaign_id = await launched(world)
    await audience(world, 3)
    await worked(world)
    seen = await shown(world, campaign_id)
    assert (seen["state"], seen["size"], await rows(world, MEMBERS), await rows(world, NOTICES)) == ("asked", 6, [], [])
    _, second = await colleague(world, "marketer")
    assert (await world.post(f"{CAMPAIGNS}/{campaign_id}/confirm", second, None)).status_code == 200
    await worked(world)
    assert len(await rows(world, NOTICES)) == 6


async def test_what_was_asked_for_and_changed_is_a_draft_again(world: World) -> None:
    await audience(world, 2)
    await world.http.put("/v1/staff/campaign-policy", headers=world.here.staff, json={"confirm_above": 1})
    path = f"{CAMPAIGNS}/{await drafted(world)}"
    version = (await world.post(f"{path}/launch", world.here.staff, None)).json()["version"]
    body = {"version": version, "draft": said(name="Another")}
    _, second = await colleague(world, "marketer")
    changed = await world.http.put(path, headers=second, json=body)
    assert (changed.json()["state"], changed.json()["size"]) == ("draft", None)
    assert (await world.http.put(path, headers=second, json=body)).json()["code"] == "stale-version"
    assert (await world.post(f"{path}/confirm", second, None)).json()["code"] == "campaign-not-there"


async def test_a_pause_holds_what_waits_in_the_outbox_and_it_goes_on_once(world: World) -> None:
    await audience(world, 9)
    campaign_id = await running(world)
    path, soon = f"{CAMPAIGNS}/{campaign_id}", now() + HOUR
    before = {row.dedupe_key: row.next_at for row in await rows(world, NOTICES)}
    assert await claimed(world, soon) == 9
    for _ in range(2):
        assert (await world.post(f"{path}/pause", world.here.staff, None)).json()["state"] == "paused"
    assert (await claimed(world, soon), await claimed(world, now() + 71 * HOUR)) == (0, 0)
    assert await worked(world, soon) == 0
    assert (await world.post(f"{path}/resume", world.here.staff, None)).json()["state"] == "running"
    assert await claimed(world, soon) == 9
    after = {row.dedupe_key: row.next_at for row in await rows(world, NOTICES)}
    assert all(before[key] <= after[key] <= now() for key in before)
    await worked(world, soon)
    assert len(await rows(world, NOTICES)) == 9
    refused = await world.post(f"{path}/resume", world.here.staff, None)
    assert (refused.status_code, refused.json()["code"]) == (409, "campaign-not-there")


async def test_tries_that_have_begun_are_held_and_go_on_at_their_time(world: World) -> None:
    await audience(world, 1)
    campaign_id = await running(world)
    at = now()
    await change(
        world,
        "insert into delivery (clinic_id, id, notice_id, channel, way, address, state, attempt, next_at, reason,"
        " created_at) select clinic_id, gen_random_uuid(), id, 'sms', 'sms', '+39', 'due', 1, :at, '', :at from notice",
        at=at + 2 * HOUR,
    )
    looks = "select d.next_at from delivery d join notice n on n.id = d.notice_id"
    await world.post(f"{CAMPAIGNS}/{campaign_id}/pause", world.here.staff, None)
    assert (await rows(world, looks))[0][0] > at + 72 * HOUR
    await world.post(f"{CAMPAIGNS}/{campaign_id}/resume", world.here.staff, None)
    assert (await rows(world, looks))[0][0] == at + 2 * HOUR


async def test_what_is_paused_to_its_end_is_over_and_says_so(world: World) -> None:
    await audience(world, 3)
    campaign_id = await running(world)
    await world.post(f"{CAMPAIGNS}/{campaign_id}/pause", world.here.staff, None)
    await worked(world, now() + 73 * HOUR)
    assert (await shown(world, campaign_id))["state"] == "finished"
    assert {(row.state, row.reason) for row in await rows(world, NOTICES)} == {("cancelled", "campaign-over")}


async def test_an_abort_stops_at_once_and_takes_back_what_waits(world: World) -> None:
    await audience(world, 9)
    campaign_id = await running(world, per_hour=60)
    path = f"{CAMPAIGNS}/{campaign_id}"
    handed = len(await rows(world, NOTICES))
    assert handed == 6, "five minutes ahead at a message a minute"
    for _ in range(2):
        assert (await world.post(f"{path}/abort", world.here.staff, None)).json()["state"] == "aborted"
    assert await claimed(world, now() + HOUR) == 0, "before any worker has looked"
    await worked(world, now(), at_once=4)
    assert {(row.state, row.reason) for row in await rows(world, NOTICES)} == {("cancelled", "campaign-aborted")}
    told = await rows(world, "select kind, cause_id, facts->>'reason' from event where kind = 'push.suppressed'")
    causes = {row[0] for row in await rows(world, "select id from campaign_member where notice_id is not null")}
    assert ({row[1] for row in told}, {row[2] for row in told}, len(told)) == (causes, {"campaign-aborted"}, 6)
    assert await worked(world, now() + HOUR) == 0
    assert len(await rows(world, NOTICES)) == handed
    refused = await world.post(f"{path}/resume", world.here.staff, None)
    assert refused.json()["code"] == "campaign-not-there"
    draft = await drafted(world)
    assert (await world.post(f"{CAMPAIGNS}/{draft}/abort", world.here.staff, None)).json()["state"] == "aborted"


async def test_an_abort_waits_for_a_batch_and_takes_it_back_too(world: World) -> None:
    await audience(world, 30)
    campaign_id = await launched(world)
    path = f"{CAMPAIGNS}/{campaign_id}/abort"
    await worked(world, at_once=0)
    _, answer = await asyncio.gather(worked(world), world.post(path, world.here.staff, None))
    assert answer.status_code == 200
    await worked(world)
    assert {row.state for row in await rows(world, NOTICES)} <= {"cancelled"}
    assert await claimed(world, now() + HOUR) == 0


async def test_a_pace_is_kept_over_rounds(world: World) -> None:
    await audience(world, 20)
    await launched(world, per_hour=60, lasts_hours=1)
    begins = now()
    for minute in range(0, 61, 2):
        await worked(world, begins + timedelta(minutes=minute))
    moments = sorted(row.not_before for row in await rows(world, NOTICES))
    assert {later - earlier for earlier, later in pairwise(moments)} == {timedelta(minutes=1)}
    assert len(moments) == 20
    assert {row.expires_at - begins for row in await rows(world, NOTICES)} == {HOUR}


async def test_what_cannot_be_said_before_the_end_is_not_said(world: World) -> None:
    await audience(world, 10)
    campaign_id = await launched(world, per_hour=6, lasts_hours=1)
    begins = now()
    for minute in range(0, 70, 5):
        await worked(world, begins + timedelta(minutes=minute))
    assert len(await rows(world, NOTICES)) == 6
    answer = await world.get(f"{CAMPAIGNS}/{campaign_id}/results", world.here.staff)
    assert (answer.json()["audience"], answer.json()["waiting"]) == (10, 9), "the others' turn has not come"


@pytest.mark.parametrize(("winner", "finding"), [("b", "clear"), (None, "not_clear")])
async def test_the_rest_gets_the_arm_that_did_better_only_where_it_clearly_did(
    world: World, winner: str | None, finding: str
) -> None:
    await audience(world, 300)
    rule = {"by": "opened", "after_hours": 24, "test_percent": 40}
    campaign_id = await running(world, arms=TWO, winner=rule)
    assert len(await rows(world, NOTICES)) == 120
    if winner:
        opened = (
            "update notice set opened_at = now() from campaign_member m where m.notice_id = notice.id and arm = :arm"
        )
        await change(world, opened, arm=winner)
    assert await worked(world, now() + 23 * HOUR) == 0
    await worked(world, now() + 25 * HOUR)
    seen = await shown(world, campaign_id)
    assert (seen["finding"], seen["winner"], seen["handed"]) == (finding, winner, 300)
    rest = "select arm from campaign_member where handed_at > now() + interval '20 hours'"
    arms = Counter(row[0] for row in await rows(world, rest))
    assert sum(arms.values()) == 180
    assert set(arms) == ({winner} if winner else {"a", "b"})


async def test_who_responded_becomes_a_task_once_and_who_booked_none(world: World) -> None:
    people = await audience(world, 4)
    follow = {"on": ["opened"], "preset": "reception", "script": "Would you like a time?", "within_hours": 4}
    await running(world, follow_up=follow)
    opened = "update notice set opened_at = now() where patient_id = any(:people)"
    await change(world, opened, people=people[:3])
    at = now() + 5 * timedelta(minutes=1)
    await books(world, people[0])
    for _ in range(2):
        await asyncio.gather(*(worked(world, at) for _ in range(3)))
        at += timedelta(minutes=5)
    listed = (await world.get("/v1/staff/tasks", world.here.staff)).json()["items"]
    assert {each["patient_id"] for each in listed} == {str(each) for each in people[1:3]}
    assert {(each["origin"], each["kind"], each["preset"]) for each in listed} == {("campaign", "call", "reception")}
    assert {each["title"] for each in listed} == {"Get in touch: the patient responded to a message of a campaign"}
    texts = (await world.get(f"/v1/staff/tasks/{listed[0]['task_id']}", world.here.staff)).json()["texts"]
    assert (texts["script"], texts["description"]) == ("Would you like a time?", "Hygiene in autumn")


async def test_an_offer_for_few_is_opened_to_who_is_told_and_its_coupons_are_counted(world: World) -> None:
    here, nobody = world.here, {"kind": "procedure_last", "procedure": "implant", "older_than_days": 5_000}
    promotion_id = await published(world, criteria=nobody)
    await treated(world, here.patient_id)
    assert (await world.get("/v1/me/promotions", here.patient)).json()["items"] == []
    follow = {"on": ["coupon"], "kind": "follow_up"}
    campaign_id = await running(world, kind="offer", promotion_id=promotion_id, follow_up=follow)
    [offer] = (await world.get("/v1/me/promotions", here.patient)).json()["items"]
    assert offer["promotion_id"] == promotion_id
    await world.post(f"/v1/me/promotions/{promotion_id}/coupon", here.patient, None)
    await worked(world, now() + timedelta(minutes=2))
    found = (await world.get(f"{CAMPAIGNS}/{campaign_id}/results", here.staff)).json()
    counts = {each["step"]: each["count"] for each in found["arms"][0]["steps"]}
    assert (counts["coupon"], counts["acted"], counts["booked"]) == (1, 1, 0)
    [task] = (await world.get("/v1/staff/tasks", here.staff)).json()["items"]
    assert (task["origin"], task["patient_id"]) == ("campaign", str(here.patient_id))


@pytest.mark.parametrize(
    ("promotion", "code"),
    [({"starts_on": "2120-01-01"}, "not-open-then"), ({"with_coupon": False}, "without-coupon")],
)
async def test_an_offer_that_is_not_open_then_is_refused_at_the_launch(
    world: World, promotion: dict[str, Any], code: str
) -> None:
    promotion_id = await published(world, **promotion)
    follow = {"on": ["coupon"], "kind": "follow_up"}
    path = f"{CAMPAIGNS}/{await drafted(world, kind='offer', promotion_id=promotion_id, follow_up=follow)}"
    refused = await world.post(f"{path}/launch", world.here.staff, None)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"pointer": "/promotion_id", "code": code}]


async def test_it_begins_at_its_time_by_the_clock_of_the_first_branch(world: World) -> None:
    await audience(world, 2)
    day = (now().astimezone(ZoneInfo("Europe/Rome")) + 3 * DAY).date()
    campaign_id = await launched(world, day=day.isoformat(), at="10:00")
    begins = datetime.combine(day, datetime.min.time(), ZoneInfo("Europe/Rome")).replace(hour=10)
    assert (await shown(world, campaign_id))["begins_at"] == rfc3339(begins)
    await worked(world, begins - timedelta(seconds=1))
    assert await rows(world, MEMBERS) == []
    await worked(world, begins)
    assert len(await rows(world, NOTICES)) == 2
    past = f"{CAMPAIGNS}/{await drafted(world, day='2020-01-01', at='10:00')}/launch"
    assert (await world.post(past, world.here.staff, None)).json()["errors"] == [
        {"pointer": "/day", "code": "not-ahead"}
    ]


async def test_a_day_beyond_every_calendar_is_refused_as_it_is_said(world: World) -> None:
    for day in ("0001-01-01", "9999-12-31"):  # in some zones these lie beyond what a moment can be
        said = {
            "name": "When",
            "kind": "organisational",
            "criteria": {"kind": "appointment_ahead"},
            "day": day,
            "at": "23:59",
        }
        answer = await world.post(CAMPAIGNS, world.here.staff, said)
        assert answer.status_code == 422, answer.text
        assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/day"]


async def test_a_campaign_that_fails_is_put_off_and_the_others_go_on(world: World) -> None:
    await audience(world, 3)
    broken = await launched(world)
    await change(world, "update campaign set definition = '{}', next_at = now() - interval '1 day'")
    whole = await running(world, name="Whole")
    assert (await shown(world, whole))["handed"] == 3
    again = "select failures, next_at - now() > interval '20 seconds' from campaign where id = :id"
    assert [tuple(row) for row in await rows(world, again, id=broken)] == [(1, True)]


async def test_results_say_what_was_not_sent_and_why_and_nothing_of_few(world: World) -> None:
    await audience(world, 30)
    campaign_id = await running(world, holdout_percent=20, kind="offer")
    async with world.database.sweeping() as sweeping:
        await begin(sweeping, now() + HOUR, 1_000, HOUR, list(Lane))
    held = [row.arm for row in await rows(world, MEMBERS)].count("holdout")
    await change(world, "update campaign_member set handed_at = handed_at - interval '1 minute'")
    path = f"{CAMPAIGNS}/{campaign_id}/results"
    found = (await world.get(path, world.here.staff)).json()
    arms = {each["arm"]: each for each in found["arms"]}
    assert (found["audience"], arms["a"]["handed"], arms.get("holdout", {"handed": 0})["handed"]) == (
        30,
        30 - held,
        held,
    )
    assert {each["step"]: each["count"] for each in arms["a"]["steps"]}["sent"] == 0
    assert {(each["channel"], each["reason"]): each["count"] for each in found["not_sent"]} == {
        ("push", "no-consent"): 30 - held
    }
    _, marketer = await colleague(world, "marketer")
    hidden = (await world.get(path, marketer)).json()
    assert hidden["audience"] == 30
    small = [each for each in hidden["arms"] if (each["handed"] or 0) < 5]
    assert all(step["count"] is None for each in small for step in each["steps"])


async def test_a_preview_says_how_many_are_reached_how_and_in_which_words(world: World) -> None:
    here = world.here
    await audience(world, 4)
    await audience(world, 6, language="ru")
    await change(world, "update patient set phone = '+3902' || id where language = 'ru'")
    await make_usual(world.database, here, Way.SMS)
    body = said(arms=TWO, per_hour=3)
    answer = await world.post(f"{CAMPAIGNS}/preview", here.staff, body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["size"], found["nobody"], found["hours_needed"]) == (10, 4, 4)
    channels = {each["channel"]: (each["people"], each["first"]) for each in found["channels"]}
    assert channels == {"push": (0, 0), "sms": (6, 6)}
    assert {(each["language"], each["arm"]) for each in found["texts"]} == {
        (language, arm) for language in ("it", "ru") for arm in ("a", "b")
    }
    [russian] = [each for each in found["texts"] if (each["language"], each["arm"]) == ("ru", "a")]
    units = {line["channel"]: line["length"]["cost_units"] for line in russian["lines"]}
    assert found["sms_units_least"] == found["sms_units_most"] == 6 * units["sms"] > 0
    assert await rows(world, "select 1 from campaign") == []
    offer = (await world.post(f"{CAMPAIGNS}/preview", here.staff, said(kind="offer"))).json()
    assert offer["nobody"] == 10, "nobody said yes to offers"
    _, marketer = await colleague(world, "marketer")
    seen = (await world.post(f"{CAMPAIGNS}/preview", marketer, body)).json()
    assert (seen["size"], seen["nobody"]) == (10, None)


async def test_what_could_not_run_is_refused_with_its_place(world: World) -> None:
    arms = [{"key": "a", "percent": 10}]
    for path in (CAMPAIGNS, f"{CAMPAIGNS}/preview"):
        refused = await world.post(path, world.here.staff, said(arms=arms))
        assert (refused.status_code, refused.json()["errors"]) == (422, [{"pointer": "/arms", "code": "not-a-hundred"}])
    unknown = {"on": ["opened"], "team_id": str(world.here.clinic_id)}
    refused = await world.post(CAMPAIGNS, world.here.staff, said(follow_up=unknown))
    assert refused.json()["errors"] == [{"pointer": "/follow_up/team_id", "code": "unknown-reference"}]


async def test_an_audience_of_few_has_no_size_for_who_may_not_read_clinical_facts(world: World) -> None:
    await audience(world, 3)
    campaign_id = await running(world)
    _, marketer = await colleague(world, "marketer")
    seen = (await world.get(f"{CAMPAIGNS}/{campaign_id}", marketer)).json()
    assert (seen["size"], seen["handed"]) == (None, None)
    results = (await world.get(f"{CAMPAIGNS}/{campaign_id}/results", marketer)).json()
    assert (results["audience"], results["arms"][0]["handed"]) == (None, None)


async def test_what_is_read_no_more_is_listed_refused_and_can_be_thrown_away(world: World) -> None:
    broken, sound = await drafted(world), await drafted(world)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(
            text('update campaign set definition = \'{"format": "of old"}\' where id = :id'), {"id": broken}
        )
    listed = (await world.get(CAMPAIGNS, world.here.staff)).json()["items"]
    told = {each["campaign_id"]: (each["campaign"] is None, each["purpose"]) for each in listed}
    assert told == {broken: (True, None), sound: (False, "service")}
    assert (await world.get(f"{CAMPAIGNS}/{broken}", world.here.staff)).status_code == 200
    for answer in (
        await world.post(f"{CAMPAIGNS}/{broken}/launch", world.here.staff, None),
        await world.get(f"{CAMPAIGNS}/{broken}/results", world.here.staff),
    ):
        assert (answer.status_code, answer.json()["errors"]) == (
            422, [{"pointer": "/campaign", "code": "no-longer-read"}]
        )  # fmt: skip
    assert (await world.post(f"{CAMPAIGNS}/{broken}/abort", world.here.staff, None)).status_code == 200
