"""A visit as a file and a calendar to subscribe to: a secret address that can be ended, and tells no reason."""

from typing import Any

from icalendar import Calendar, Event
from sqlalchemy import text

from core.clock import now
from tests.api.visits import booked, pushed
from tests.world import DAY, World


def entries(body: bytes) -> list[dict[str, Any]]:
    parts = [part for part in Calendar.from_ical(body).walk("VEVENT") if isinstance(part, Event)]
    return [{name: part.get(name) for name in ("uid", "sequence", "status", "summary")} for part in parts]


async def subscribed(world: World) -> str:
    answer = await world.http.post("/v1/me/calendar", headers=world.here.patient)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"]).removeprefix("http://127.0.0.1")


async def fetched(world: World, path: str) -> tuple[int, bytes]:
    answer = await world.http.get(path)
    return answer.status_code, answer.content


async def test_one_visit_is_a_file_for_the_phones_calendar(world: World) -> None:
    visit = await booked(world, now() + DAY, service="Root canal", practitioner="Dr. Bianchi")
    answer = await world.get(f"/v1/me/appointments/{visit['appointment_id']}/calendar.ics", world.here.patient)
    assert answer.headers["content-type"].startswith("text/calendar")
    (entry,) = entries(answer.content)
    assert (entry["summary"], entry["status"]) == ("Visita dal dentista", "CONFIRMED")
    assert "Root" not in answer.text
    assert "Bianchi" not in answer.text


async def test_a_file_speaks_the_language_of_who_asks_and_a_subscription_that_of_the_patient(world: World) -> None:
    visit = await booked(world, now() + DAY)
    headers = {**world.here.patient, "accept-language": "zh"}
    answer = await world.get(f"/v1/me/appointments/{visit['appointment_id']}/calendar.ics", headers)
    assert [each["summary"] for each in entries(answer.content)] == ["牙科就诊"]
    feed = await world.http.get(await subscribed(world), headers={"accept-language": "zh"})
    assert [each["summary"] for each in entries(feed.content)] == ["Visita dal dentista"]


async def test_a_subscription_shows_each_change_under_the_same_name(world: World) -> None:
    path = await subscribed(world)
    start = now() + 3 * DAY
    await pushed(world, start)
    first = entries((await fetched(world, path))[1])
    await pushed(world, start, version=2, status="cancelled")
    second = entries((await fetched(world, path))[1])
    assert [each["uid"] for each in first] == [each["uid"] for each in second]
    assert [(each["sequence"], each["status"]) for each in first + second] == [(0, "CONFIRMED"), (1, "CANCELLED")]


async def test_a_new_address_ends_the_one_before_and_the_end_ends_both(world: World) -> None:
    first, second = await subscribed(world), await subscribed(world)
    assert first != second
    assert [(await fetched(world, path))[0] for path in (first, second)] == [404, 200]
    for _ in range(2):
        assert (await world.http.delete("/v1/me/calendar", headers=world.here.patient)).status_code == 204
    assert (await fetched(world, second))[0] == 404


async def test_an_address_ends_with_the_access_to_the_record(world: World) -> None:
    path = await subscribed(world)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update access set revoked_at = now()"))
    assert (await fetched(world, path))[0] == 404


async def test_a_wrong_address_shows_nothing_and_is_kept_nowhere(world: World) -> None:
    path = await subscribed(world)
    token = path.split("/")[-1].removesuffix(".ics")
    wrong = "A" if token[30] != "A" else "B"
    assert (await fetched(world, path.replace(token, token[:30] + wrong + token[31:])))[0] == 404
    assert (await fetched(world, path.replace(token, "A" * 64)))[0] == 404
    assert (await fetched(world, path.replace(token, "short")))[0] in (404, 422)
    async with world.database.reading(world.here.scope) as reading:
        rows = (
            await reading.execute(
                text("select to_jsonb(calendar_feed)::text || encode(token_hash, 'escape') from calendar_feed")
            )
        ).scalars()
        assert all(token not in row for row in rows)


async def test_what_is_private_is_in_the_patients_own_calendar_and_in_no_guardians(world: World) -> None:
    await booked(world, now() + DAY)
    await booked(world, now() + 2 * DAY, private=True)
    path = await subscribed(world)
    assert len(entries((await fetched(world, path))[1])) == 2
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update access set relation = 'guardian'"))
        await writing.execute(text("update patient set birth_date = current_date - 3650"))  # nobody guards an adult
    assert len(entries((await fetched(world, path))[1])) == 1
