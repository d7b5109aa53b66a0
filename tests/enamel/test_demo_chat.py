"""The demo's chat: the bot is on, prices are there, and a visit waits in the thread to be confirmed."""

from core.clock import now
from enamel.demo.chat import open_chat
from tests.world import DAY, World


async def test_anna_finds_a_visit_to_confirm_and_a_bot_that_knows_prices(world: World) -> None:
    start = now() + 3 * DAY
    body = {"starts_at": start.isoformat(), "ends_at": (start + DAY / 24).isoformat(), "service": "Hygiene"}
    await world.post(f"/v1/staff/patients/{world.here.patient_id}/appointments", world.here.staff, body)
    for _ in range(2):
        await open_chat(world.database, world.here.clinic_id, "mis", now())
    events = (await world.get("/v1/me/conversation/events", world.here.patient)).json()["events"]
    cards = [each["message"]["card"] for each in events if each["message"]]
    assert [each["kind"] for each in cards] == ["appointment"]
    assert (await world.get("/v1/staff/desk/bot", world.here.staff)).json()["kind"] == "rules"
    assert len((await world.get("/v1/me/price-list", world.here.patient)).json()["items"]) == 4
