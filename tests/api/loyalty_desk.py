"""What the tests of offers, points, cards and referrals do at the desk and on the phone, in one place."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from clinic.commands import grant_access, take_patients
from core.clock import now
from core.events import SYSTEM
from core.ids import new_id
from identity.commands import Device, account_of_phone, open_session
from identity.sign_in import Audience
from tests.world import Party, World, bearer, patient_fact

TEXTS = [{"language": "it", "title": "Igiene -10%", "terms": "Una volta."}]
PERIOD = {"starts_on": "2020-01-01", "ends_on": "2120-01-01"}
TEN_PERCENT = {"basis_points": 1_000}
PROGRAMME = {
    "worth": {"amount_minor": 100, "currency": "EUR"}, "basis_points": 500, "per_visit": 10,
    "tiers": [{"name": "Silver", "from_points": 100}, {"name": "Gold", "from_points": 500}],
    "referrer_points": 50, "friend_points": 20,
}  # fmt: skip


def euro(minor: int) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": "EUR"}


async def published(world: World, party: Party | None = None, **more: Any) -> str:
    """A promotion with a coupon, made and published by the desk; its id."""
    party = party or world.here
    body = {"texts": TEXTS, **PERIOD, "reduction": TEN_PERCENT, "with_coupon": True, **more}
    made = await world.post("/v1/staff/promotions", party.staff, body)
    assert made.status_code == 201, made.text
    promotion_id = str(made.json()["promotion_id"])
    shown = await world.post(f"/v1/staff/promotions/{promotion_id}/publication", party.staff, None)
    assert shown.status_code == 200, shown.text
    return promotion_id


async def picked(world: World, promotion_id: str, token: dict[str, str] | None = None) -> dict[str, Any]:
    answer = await world.post(f"/v1/me/promotions/{promotion_id}/coupon", token or world.here.patient, None)
    assert answer.status_code == 201, answer.text
    coupon: dict[str, Any] = answer.json()
    return coupon


async def with_programme(world: World, **more: Any) -> None:
    answer = await world.http.put("/v1/staff/loyalty", headers=world.here.staff, json={**PROGRAMME, **more})
    assert answer.status_code == 200, answer.text


async def given(world: World, points: int, patient_id: UUID | None = None, **more: Any) -> dict[str, Any]:
    """Points given or taken by the desk; the patient's points afterwards."""
    body = {"client_id": str(new_id()), "points": points, "reason": "Because", **more}
    path = f"/v1/staff/patients/{patient_id or world.here.patient_id}/points"
    answer = await world.post(path, world.here.staff, body)
    assert answer.status_code == 200, answer.text
    seen: dict[str, Any] = answer.json()
    return seen


async def signed_in(world: World, name: str, phone: str) -> tuple[UUID, dict[str, str]]:
    """A new patient of the clinic here, with an app of their own."""
    here, at = world.here, now()
    async with world.database.writing(here.scope) as writing:
        fact = patient_fact(name, name.title(), phone)
        taken, _ = await take_patients(writing, here.clinic_id, "mis", [(0, fact)], SYSTEM, at)
        account = await account_of_phone(writing, phone, at)
        await grant_access(writing, here.clinic_id, account, taken[0].id, "self", at)
        device = Device(f"phone-of-{name}-0123456789")
        pair = await open_session(writing, world.keys, Audience.PATIENT, account, here.clinic_id, device, at)
    return taken[0].id, bearer(pair.access_token)


async def events(world: World, *kinds: str) -> list[str]:
    """The kinds of what happened here, of these beginnings, in the order of the alphabet."""
    async with world.database.reading(world.here.scope) as reading:
        found = (await reading.execute(text("select kind from event order by kind"))).scalars()
        return [kind for kind in found if kind.startswith(kinds)]


async def ledger_sums(world: World) -> list[tuple[int, int, int]]:
    """Of each account: its balance, the sum of its ledger, and the sum of what its lots hold."""
    sums = text(
        "select a.balance, coalesce((select sum(points) from point_entry e where e.patient_id = a.patient_id), 0),"
        " coalesce((select sum(left_points) from point_lot l where l.patient_id = a.patient_id), 0)"
        " from point_account a order by a.patient_id"
    )
    async with world.database.sweeping() as sweeping:
        return [(int(row[0]), int(row[1]), int(row[2])) for row in await sweeping.execute(sums)]


# --- For the matrix of rights: one of ours, one of somebody elsewhere ---

A_FRIENDS_CODE = "4T8KQ2M9XA"


async def ready_for_points(world: World) -> None:
    """The clinic here gives points, and the neighbour's code for friends is known beforehand."""
    await with_programme(world)
    code = text(
        "insert into referral_code (clinic_id, patient_id, code) values (:clinic, :patient, :code)"
        " on conflict do nothing"
    )
    whose = {"clinic": world.here.clinic_id, "patient": world.here.other_patient_id, "code": A_FRIENDS_CODE}
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(code, whose)


async def promotions_of_both(world: World, *, drafts: bool) -> list[str]:
    if not drafts:
        return [await published(world, party) for party in (world.here, world.there)]
    body = {"texts": TEXTS, **PERIOD}
    made = [await world.post("/v1/staff/promotions", party.staff, body) for party in (world.here, world.there)]
    return [str(each.json()["promotion_id"]) for each in made]


async def cards_of_both(world: World) -> list[str]:
    made = []
    for party in (world.here, world.there):
        body = {"client_id": str(new_id()), "title": "Three", "service": "Hygiene", "sessions": 3}
        made.append(await world.post(f"/v1/staff/patients/{party.patient_id}/cards", party.staff, body))
    return [str(each.json()["card_id"]) for each in made]


async def bills_of_both(world: World) -> list[str]:
    made = []
    for party, card_id in zip((world.here, world.there), await cards_of_both(world), strict=True):
        body = {
            "bill": "R-1",
            "price": euro(900),
            "card_id": card_id,
            "service": "Hygiene",
            "patient_id": str(party.patient_id),
        }
        made.append(await world.post("/v1/staff/redemptions", party.staff, body))
    return [str(each.json()["redemption_id"]) for each in made]
