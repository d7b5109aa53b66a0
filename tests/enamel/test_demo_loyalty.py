"""What the demo says of offers and points can be seen on Anna's phone."""

from core.clock import now
from enamel.demo.loyalty import be_generous
from tests.world import World


async def test_anna_has_a_coupon_points_a_card_and_a_code_for_friends(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await be_generous(writing, world.keys.secrets, world.here.clinic_id, "mis", now())
    seen = {
        path: (await world.get(f"/v1/me/{path}", world.here.patient)).json()
        for path in ("promotions", "coupons", "points", "cards", "referral")
    }
    assert [each["title"] for each in seen["promotions"]["items"]] == ["Sbiancamento -15%"]
    assert seen["coupons"]["items"][0]["code"] is not None
    assert seen["points"]["next_tier"] == {"name": "Argento", "points_left": 20}
    assert seen["cards"]["items"][0]["expires_soon"]
    assert seen["referral"]["code"] is not None
