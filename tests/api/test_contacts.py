"""How a patient wishes to be reached, the clinic's rules of it."""

from typing import Any

import pytest
from sqlalchemy import text

from clinic.commands import take_patients
from core.clock import now
from core.events import SYSTEM
from push.caps import USUAL_CAPS
from push.channel import Way
from push.commands.addresses import link_messenger
from tests.world import World, patient_fact

WISHES = {
    "zone": "Asia/Shanghai", "quiet": {"starts": "21:00", "ends": "09:30"}, "mute_until": "2030-01-01T00:00:00.000Z",
    "channel_order": ["email", "push"], "never": ["call"],
}  # fmt: skip
MINE = "/v1/me/contact-preferences"
POLICY = "/v1/staff/contact-policy"


async def put(world: World, path: str, headers: dict[str, str], body: Any) -> Any:
    return await world.http.put(path, headers=headers, json=body)


async def test_who_said_nothing_wishes_nothing_and_what_was_said_stands(world: World) -> None:
    nothing: dict[str, Any] = {"zone": None, "quiet": None, "mute_until": None, "channel_order": [], "never": []}
    assert (await world.get(MINE, world.here.patient)).json() == nothing
    assert (await put(world, MINE, world.here.patient, WISHES)).json() == WISHES
    assert (await world.get(MINE, world.here.patient)).json() == WISHES
    assert (await world.get(MINE, world.there.patient)).json() == nothing
    assert (await put(world, MINE, world.here.patient, {})).json() == nothing


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "Rome"}, {"quiet": {"starts": "21:00", "ends": "21:00"}}, {"quiet": {"starts": "9", "ends": "21:00"}},
        {"never": ["use"]}, {"channel_order": ["sms", "sms"]}, {"never": ["pigeon"]}, {"loud": True},
    ],
)  # fmt: skip
async def test_wishes_that_nobody_could_keep_are_refused(world: World, wrong: dict[str, Any]) -> None:
    assert (await put(world, MINE, world.here.patient, wrong)).status_code == 422


async def test_a_clinic_without_rules_has_the_usual_ones_and_may_set_its_own(world: World) -> None:
    usual = (await world.get(POLICY, world.here.staff)).json()
    assert usual["caps"] == [cap.model_dump(mode="json") for cap in USUAL_CAPS]
    own = {
        "caps": [{"purpose": "marketing", "channel": "sms", "most": 1, "days": 30}],
        "ladders": [{"kind": "reminding", "rungs": [{"channel": "sms", "minutes": 30}]}],
        "quiet": {"starts": "20:00", "ends": "08:00"}, "closed_on": ["2026-12-25"], "calls": True,
    }  # fmt: skip
    assert (await put(world, POLICY, world.here.staff, own)).json() == own
    assert (await world.get(POLICY, world.here.staff)).json() == own
    assert (await world.get(POLICY, world.there.staff)).json() == usual


@pytest.mark.parametrize(
    "wrong",
    [
        {"caps": [{"purpose": "marketing", "most": 1, "days": 0}]},
        {"caps": [{"purpose": "marketing", "most": 1, "days": 1}, {"purpose": "marketing", "most": 2, "days": 2}]},
        {"caps": [], "ladders": [{"kind": "confirming", "rungs": [{"channel": "email", "minutes": 5}]}]},
        {"caps": [], "ladders": [{"kind": "advertising", "rungs": [{"channel": "call", "minutes": 5}]}]},
        {},
    ],
)
async def test_rules_that_contradict_the_kinds_or_themselves_are_refused(world: World, wrong: dict[str, Any]) -> None:
    assert (await put(world, POLICY, world.here.staff, wrong)).status_code == 422


async def test_a_chat_is_linked_once_by_its_start_and_by_no_other(world: World) -> None:
    first = (await world.post("/v1/me/messengers/telegram", world.here.patient, None)).json()["start_token"]
    second = (await world.post("/v1/me/messengers/telegram", world.here.patient, None)).json()["start_token"]
    assert await link(world, first, "100") is None  # the later one has made it void
    assert await link(world, second, "100") == world.here.patient_id
    assert await link(world, second, "200") is None
    assert await chats(world) == ["100"]
    ended = await world.http.delete("/v1/me/messengers/telegram", headers=world.here.patient)
    assert ended.status_code == 204
    assert await chats(world) == []


async def link(world: World, token: str, chat: str) -> Any:
    digest = world.keys.secrets.keyed_hash(f"telegram {world.here.clinic_id}", token)
    async with world.database.writing(world.here.scope) as writing:
        return await link_messenger(writing, world.here.clinic_id, Way.TELEGRAM, digest, chat, None, now())


async def chats(world: World) -> list[str]:
    async with world.database.sweeping() as sweeping:
        live = "select address from messenger_link where ended_at is null and address is not null"
        return list((await sweeping.execute(text(live))).scalars())


async def test_a_patients_mail_address_comes_with_the_sync_and_without_one_nothing_changes(world: World) -> None:
    here = world.here
    fact = patient_fact("anna", "Anna", here.phone)
    for number, (email, outcome) in enumerate([(None, "unchanged"), ("anna@MÜLLER.example", "updated")]):
        told = type(fact).model_validate({**fact.model_dump(), "version": 2 + number, "email": email})
        async with world.database.writing(here.scope) as writing:
            taken, faults = await take_patients(writing, here.clinic_id, "mis", [(0, told)], SYSTEM, now())
        assert (taken[0].outcome.value, faults) == (outcome, {})
    async with world.database.sweeping() as sweeping:
        found = await sweeping.execute(text("select email from patient where id = :id"), {"id": here.patient_id})
        assert found.scalar_one() == "anna@xn--mller-kva.example"
