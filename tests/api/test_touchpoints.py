"""One list of everything that was said to a patient, on all channels, page by page."""

from typing import Any

from core.clock import now
from core.ids import new_id
from enamel.worker.told import forget_told, join_late
from push.channel import Way
from push.commands import cancel_across
from push.commands.reports import take_reports
from push.commands.strangers import keep_stranger
from push.commands.wishes import Heard, take_wish
from push.report import Incoming, Report, Reported
from push.stop_words import Wish
from tests.api.test_devices import tell
from tests.push.sent import send
from tests.world import DAY, World


async def listed(world: World, **query: Any) -> dict[str, Any]:
    path = f"/v1/staff/patients/{world.here.patient_id}/touchpoints"
    answer = await world.get(path, world.here.staff, params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def a_history(world: World) -> None:
    """Sent and opened, failed, waiting, taken back, stopped."""
    here, line = world.here, new_id()
    await send(world, here, Way.SMS, line, "SM1", address=here.phone)
    await send(world, here, Way.EMAIL, line, "mail-1", address="anna@mail.example")
    await tell(world, here)
    cause = new_id()
    await tell(world, here, cause_id=cause)
    async with world.database.writing(here.scope) as writing:
        await cancel_across(writing, [(here.clinic_id, cause)], "booked", now())
    async with world.database.writing(here.scope) as writing:
        told = [Report("SM1", Reported.OPENED, now()), Report("mail-1", Reported.UNDELIVERED, now(), "mailbox-full")]
        await take_reports(writing, here.clinic_id, line, Way.SMS, told, now())
    async with world.database.writing(here.scope) as writing:
        await take_wish(writing, here.clinic_id, Heard(line, Way.SMS, here.phone, "SM2"), Wish.STOP, now())


async def test_everything_that_was_said_and_was_not_stands_in_one_list(world: World) -> None:
    await a_history(world)
    items = (await listed(world))["items"]
    told = {(each["what"], each["channel"], each["state"], each["reason"]) for each in items}
    assert told == {
        ("sent", "sms", "accepted", ""), ("sent", "email", "failed", "mailbox-full"),
        ("waiting", "", "due", ""), ("waiting", "", "cancelled", "booked"), ("stopped", "sms", None, "stop-word"),
    }  # fmt: skip
    assert [each["at"] for each in items] == sorted((each["at"] for each in items), reverse=True)
    sent = next(each for each in items if each["channel"] == "sms" and each["what"] == "sent")
    assert sent["delivered_at"]
    assert sent["opened_at"]
    assert world.here.phone not in str(items)


async def test_its_pages_hold_each_line_once(world: World) -> None:
    await a_history(world)
    whole = [each["touchpoint_id"] for each in (await listed(world))["items"]]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await listed(world, limit=2, **cursor)
        found += [each["touchpoint_id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == whole
    assert len(set(found)) == len(found) == 7


async def test_what_is_old_is_let_go_and_what_is_under_way_is_not(world: World) -> None:
    await a_history(world)
    async with world.database.writing(world.here.scope) as writing:
        incoming = Incoming("x", "+393330000001", "Hello", now())
        await keep_stranger(writing, world.here.clinic_id, new_id(), Way.SMS, incoming, now())
    assert await forget_told(world.database, now()) == 0
    assert await join_late(world.database, now()) == 0
    assert await forget_told(world.database, now() + 800 * DAY) == 2  # what was taken back, and the stranger
    left = (await listed(world))["items"]
    assert {each["what"] for each in left} <= {"stopped", "waiting", "sent"}
