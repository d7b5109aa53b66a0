"""Guardians and wards: what is given, how it ends, who may end it, and what nobody can give back."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from clinic.commands import take_guardians
from clinic.facts import GuardianFact
from core.clock import now
from core.events import SYSTEM
from core.ids import new_id
from tests.api.household import (
    EMMA,
    FATHER,
    MOTHER,
    SignedIn,
    accesses,
    aged,
    child,
    comes_of_age,
    invited,
    linked,
    sign_in,
    today,
)
from tests.conftest import Queries
from tests.world import World, patient_fact

ALL = ["book", "chat", "pay", "sign", "view_chart", "view_documents", "view_media", "view_plan"]


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else ""


async def gone(world: World, path: str, who: dict[str, str]) -> tuple[int, str]:
    answer = await world.http.delete(path, headers=who)
    return answer.status_code, answer.json()["code"] if answer.content else ""


async def opens(world: World, who: SignedIn, patient_id: object) -> tuple[int, str]:
    return told(await world.get(f"/v1/patients/{patient_id}/cabinet", who.headers))


async def events(world: World, patient_id: object) -> list[str]:
    async with world.database.reading(world.here.scope) as reading:
        kinds = text("select kind from event where patient_id = :patient and kind ~ 'record|guardian' order by id")
        return list((await reading.execute(kinds, {"patient": patient_id})).scalars())


async def test_a_guardian_sees_of_the_cabinet_what_the_desk_gave_and_is_told_what_is_hidden(world: World) -> None:
    emma, mother = await child(world), await sign_in(world, MOTHER)
    await linked(world, mother, emma, scopes=["view_chart", "book"])
    cabinet = (await world.get(f"/v1/patients/{emma}/cabinet", mother.headers)).json()
    assert (cabinet["patient"]["relation"], cabinet["hidden"]) == (
        "guardian",
        ["plans", "pictures", "documents", "balances", "points"],
    )
    assert cabinet["chart"]["teeth"]
    (access,) = await accesses(world, emma)
    path = f"/v1/staff/patients/{emma}/access/{access['access_id']}"
    narrowed = await world.http.put(path, headers=world.here.staff, json={"scopes": ["view_plan"]})
    assert narrowed.status_code == 204
    cabinet = (await world.get(f"/v1/patients/{emma}/cabinet", mother.headers)).json()
    assert (cabinet["chart"], cabinet["hidden"]) == (
        None, ["chart", "pictures", "documents", "balances", "points", "offers"],
    )  # fmt: skip
    refused = await world.get(f"/v1/patients/{emma}/conversation", mother.headers)
    assert told(refused) == (403, "access-too-narrow")


async def test_a_wards_chart_and_pictures_need_their_scopes(world: World) -> None:
    emma, mother = await child(world), await sign_in(world, MOTHER)
    await linked(world, mother, emma, scopes=["chat"])
    for part in ("chart", "chart.svg", "pictures", "plans"):
        answer = await world.get(f"/v1/patients/{emma}/{part}", mother.headers)
        assert told(answer) == (403, "access-too-narrow"), part


async def test_nothing_is_hidden_of_ones_own_record(world: World) -> None:
    assert (await world.get("/v1/me/cabinet", world.here.patient)).json()["hidden"] == []


async def test_a_guardians_access_ends_on_the_day_the_child_comes_of_age_and_a_carers_does_not(world: World) -> None:
    emma, mother, father = await child(world), await sign_in(world, MOTHER), await sign_in(world, FATHER)
    await linked(world, mother, emma)
    await linked(world, father, emma, "carer")
    assert await opens(world, mother, emma) == (200, "")
    await comes_of_age(world, emma)
    assert await opens(world, mother, emma) == (404, "not-found")
    assert told(await world.get(f"/v1/patients/{emma}/conversation", mother.headers)) == (404, "not-found")
    said = {"client_id": str(new_id()), "body": "Ancora io"}
    assert told(await world.post(f"/v1/patients/{emma}/conversation/messages", mother.headers, said))[0] == 404
    assert (await world.get("/v1/me/wards", mother.headers)).json() == {"items": []}
    assert (await world.get("/v1/me", mother.headers)).json()["records"] == []
    assert await opens(world, father, emma) == (200, "")
    states = {each["relation"]: each["state"] for each in await accesses(world, emma)}
    assert states == {"guardian": "ward_of_age", "carer": "standing"}


async def test_a_birth_date_corrected_back_opens_the_record_again(world: World) -> None:
    emma, mother = await child(world, born=aged(18) + timedelta(days=1)), await sign_in(world, MOTHER)
    await linked(world, mother, emma)
    assert await opens(world, mother, emma) == (200, "")
    await child(world, born=aged(18), version=2)
    assert await opens(world, mother, emma) == (404, "not-found")
    await child(world, born=aged(17), version=3)
    assert await opens(world, mother, emma) == (200, "")


async def test_at_majority_the_ward_claims_the_record(world: World) -> None:
    emma, mother, own = await child(world), await sign_in(world, MOTHER), await sign_in(world, EMMA)
    await linked(world, mother, emma)
    await comes_of_age(world, emma)
    await linked(world, own, emma, "self")
    assert (await world.get("/v1/me/cabinet", own.headers)).json()["patient"]["patient_id"] == str(emma)
    assert (await world.get("/v1/me/access", own.headers)).json() == {"items": []}


async def test_a_grown_up_is_given_no_guardian(world: World) -> None:
    path = f"/v1/staff/patients/{world.here.other_patient_id}/link-codes"
    assert told(await world.post(path, world.here.staff, {"relation": "guardian"})) == (409, "ward-of-age")
    assert told(await world.post(path, world.here.staff, {"relation": "carer"})) == (201, "")


async def test_access_ends_on_the_day_the_desk_named(world: World) -> None:
    emma, mother = await child(world), await sign_in(world, MOTHER)
    path = f"/v1/staff/patients/{emma}/link-codes"
    late = {"relation": "guardian", "ends_on": today().isoformat()}
    assert told(await world.post(path, world.here.staff, late)) == (422, "access-ends-in-the-past")
    assert (await world.post(path, world.here.staff, {**late, "relation": "self"})).status_code == 422
    await linked(world, mother, emma, ends_on=(today() + timedelta(days=1)).isoformat())
    (ward,) = (await world.get("/v1/me/wards", mother.headers)).json()["items"]
    assert (ward["given_name"], ward["scopes"]) == ("Emma", ALL)
    assert ward["ends_at"].endswith(("T23:00:00.000Z", "T22:00:00.000Z"))
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update access set ends_at = now() where relation = 'guardian'"))
    assert await opens(world, mother, emma) == (404, "not-found")


async def test_a_guardian_lays_a_ward_down_and_only_the_desk_gives_it_anew(world: World) -> None:
    emma, mother = await child(world), await sign_in(world, MOTHER)
    await linked(world, mother, emma)
    assert await gone(world, f"/v1/me/wards/{emma}", mother.headers) == (204, "")
    assert await opens(world, mother, emma) == (404, "not-found")
    assert await gone(world, f"/v1/me/wards/{emma}", mother.headers) == (404, "not-found")
    await linked(world, mother, emma)
    assert await opens(world, mother, emma) == (200, "")
    assert await events(world, emma) == [
        "record.invited", "record.linked", "record.unlinked", "record.invited", "record.linked",
    ]  # fmt: skip


async def test_nobody_lays_down_their_own_record_that_way(world: World) -> None:
    assert await gone(world, f"/v1/me/wards/{world.here.patient_id}", world.here.patient) == (404, "not-found")


async def test_a_grown_up_sees_who_may_open_the_record_and_shuts_it(world: World) -> None:
    here, daughter = world.here, await sign_in(world, FATHER)
    await linked(world, daughter, await child(world, "dora", aged(40)), "self")
    await linked(world, daughter, here.patient_id, "carer", scopes=["book"])
    (opener,) = (await world.get("/v1/me/access", here.patient)).json()["items"]
    assert (opener["name"], opener["phone_ending"], opener["scopes"]) == ("Dora Rossi", "62", ["book"])
    path = f"/v1/me/access/{opener['access_id']}"
    assert await gone(world, path, here.patient) == (204, "")
    assert await opens(world, daughter, here.patient_id) == (404, "not-found")
    assert await gone(world, path, here.patient) == (404, "not-found")


async def test_a_minor_sees_the_guardians_but_does_not_shut_them_out(world: World) -> None:
    emma, mother, own = await child(world), await sign_in(world, MOTHER), await sign_in(world, EMMA)
    await linked(world, mother, emma)
    await linked(world, own, emma, "self")
    (opener,) = (await world.get("/v1/me/access", own.headers)).json()["items"]
    assert (opener["name"], opener["relation"]) == ("", "guardian")
    assert await gone(world, f"/v1/me/access/{opener['access_id']}", own.headers) == (403, "ward-not-of-age")
    assert await opens(world, mother, emma) == (200, "")


# --- Blocks ---


async def blocked(world: World, patient_id: object, phone: str) -> str:
    path = f"/v1/staff/patients/{patient_id}/blocks"
    answer = await world.post(path, world.here.staff, {"phone": phone, "reason": "Court of Rome 12/2026"})
    assert answer.status_code == 201, answer.text
    access_id: str = answer.json()["access_id"]
    return access_id


async def test_a_block_wins_over_every_grant_before_and_after_it_and_nobody_is_told(world: World) -> None:
    emma, father, mother = await child(world), await sign_in(world, FATHER), await sign_in(world, MOTHER)
    await linked(world, father, emma)
    access_id = await blocked(world, emma, FATHER)
    assert await opens(world, father, emma) == (404, "not-found")
    code = await invited(world, emma)
    assert told(await world.post("/v1/me/link", father.headers, {"code": code})) == (404, "link-code-wrong")
    assert told(await world.post("/v1/me/link", mother.headers, {"code": code})) == (200, "")
    assert await opens(world, father, emma) == (404, "not-found")
    assert [each["state"] for each in await accesses(world, emma)] == ["standing", "blocked"]
    reasons = [each["block_reason"] for each in await accesses(world, emma)]
    assert reasons == [None, "Court of Rome 12/2026"]
    assert await gone(world, f"/v1/staff/patients/{emma}/blocks/{access_id}", world.here.staff) == (204, "")
    assert await opens(world, father, emma) == (200, "")
    async with world.database.reading(world.here.scope) as reading:
        facts = (await reading.execute(text("select facts::text from event where kind = 'record.blocked'"))).scalars()
        assert "Court" not in "".join(facts)


async def test_somebody_is_blocked_before_they_ever_came(world: World) -> None:
    emma = await child(world)
    await blocked(world, emma, FATHER)
    father, code = await sign_in(world, FATHER), await invited(world, emma)
    assert told(await world.post("/v1/me/link", father.headers, {"code": code})) == (404, "link-code-wrong")
    assert await opens(world, father, emma) == (404, "not-found")


async def test_a_block_and_a_grant_at_once_leave_it_blocked(world: World) -> None:
    emma, father = await child(world), await sign_in(world, FATHER)
    codes = [await invited(world, emma, relation) for relation in ("guardian", "carer")]
    await asyncio.gather(
        *(world.post("/v1/me/link", father.headers, {"code": code}) for code in codes), blocked(world, emma, FATHER)
    )
    assert await opens(world, father, emma) == (404, "not-found")


async def test_only_who_manages_privacy_blocks(world: World) -> None:
    emma = await child(world)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = array['patients.invite']"))
    path = f"/v1/staff/patients/{emma}/blocks"
    answer = await world.post(path, world.here.staff, {"phone": FATHER, "reason": "He says so"})
    assert told(answer) == (403, "not-allowed")


# --- What the clinic's own system says ---


def fact(**more: Any) -> dict[str, Any]:
    return {"external_id": "g1", "version": 1, "patient": "emma", "phone": MOTHER, **more}


async def pushed(world: World, *facts: dict[str, Any]) -> dict[str, Any]:
    answer = await world.post("/v1/partner/sync/guardians", world.here.partner, {"items": list(facts)})
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


async def test_a_synced_guardian_waits_for_the_desks_code_and_then_opens_every_ward(world: World) -> None:
    emma, leo, mother = await child(world), await child(world, "leo", aged(8)), await sign_in(world, MOTHER)
    await pushed(world, fact(), fact(external_id="g2", patient="leo", scopes=["view_chart"]))
    assert await opens(world, mother, emma) == (404, "not-found")
    await linked(world, mother, emma)
    assert await opens(world, mother, emma) == (200, "")
    assert await opens(world, mother, leo) == (200, "")
    wards = (await world.get("/v1/me/wards", mother.headers)).json()["items"]
    assert {ward["given_name"]: ward["scopes"] for ward in wards} == {"Emma": ALL, "Leo": ["view_chart"]}


async def test_a_patient_who_is_known_here_opens_a_synced_ward_at_once(world: World) -> None:
    emma, here = await child(world), world.here
    report = await pushed(world, fact(phone=here.phone))
    assert (report["created"], report["refused"]) == (1, 0)
    assert told(await world.get(f"/v1/patients/{emma}/cabinet", here.patient)) == (200, "")
    assert await events(world, emma) == ["guardian.created", "record.linked"]
    assert (await pushed(world, fact(phone=here.phone)))["unchanged"] == 1
    assert await events(world, emma) == ["guardian.created", "record.linked"]


async def test_the_system_narrows_ends_and_corrects_what_it_gave(world: World) -> None:
    emma, here, father = await child(world), world.here, await sign_in(world, FATHER)
    await linked(world, father, await child(world, "dora", aged(40)), "self")
    await pushed(world, fact(phone=here.phone))
    await pushed(world, fact(phone=here.phone, version=2, scopes=["chat"]))
    (ward,) = (await world.get("/v1/me/wards", here.patient)).json()["items"]
    assert ward["scopes"] == ["chat"]
    await pushed(world, fact(phone=here.phone, version=3, ends_on=today().isoformat()))
    assert (await world.get("/v1/me/wards", here.patient)).json()["items"] == []
    await pushed(world, fact(phone=here.phone, version=4))
    assert len((await world.get("/v1/me/wards", here.patient)).json()["items"]) == 1
    await pushed(world, fact(phone=FATHER, version=5))
    assert (await world.get("/v1/me/wards", here.patient)).json()["items"] == []
    assert await opens(world, father, emma) == (200, "")


async def test_the_system_narrows_and_ends_what_a_code_opened_and_opens_other_wards_to_the_same_account(
    world: World,
) -> None:
    """A mother without a record of her own: her one code proves her, also when the access has the system's bounds."""
    emma, leo, mother = await child(world), await child(world, "leo", aged(8)), await sign_in(world, MOTHER)
    await linked(world, mother, emma)
    await pushed(world, fact())
    await pushed(world, fact(version=2, scopes=["chat"]))
    (ward,) = (await world.get("/v1/me/wards", mother.headers)).json()["items"]
    assert ward["scopes"] == ["chat"]
    await pushed(world, fact(version=3, ends_on=(today() - timedelta(days=1)).isoformat()))
    assert await opens(world, mother, emma) == (404, "not-found")
    await pushed(world, fact(external_id="g2", patient="leo"))
    assert await opens(world, mother, leo) == (200, "")


async def test_the_system_narrows_and_ends_what_it_gave_to_an_account_that_lost_its_proof(world: World) -> None:
    emma, leo, mother = await child(world), await child(world, "leo", aged(8)), await sign_in(world, MOTHER)
    await linked(world, mother, leo)
    await pushed(world, fact())
    (access,) = await accesses(world, leo)
    assert await gone(world, f"/v1/staff/patients/{leo}/access/{access['access_id']}", world.here.staff) == (204, "")
    await pushed(world, fact(version=2, scopes=["chat"]))
    (ward,) = (await world.get("/v1/me/wards", mother.headers)).json()["items"]
    assert ward["scopes"] == ["chat"]
    await pushed(world, fact(version=3, ends_on=(today() - timedelta(days=1)).isoformat()))
    assert await opens(world, mother, emma) == (404, "not-found")
    await pushed(world, fact(version=4))
    assert await opens(world, mother, emma) == (404, "not-found"), "what ended needs a proof to open again"


async def test_what_the_desk_gave_by_a_code_is_not_overwritten_by_what_the_system_said_before(world: World) -> None:
    emma, leo, mother = await child(world), await child(world, "leo", aged(8)), await sign_in(world, MOTHER)
    await pushed(world, fact(), fact(external_id="g2", patient="leo", ends_on="2025-01-01"))
    await linked(world, mother, emma, scopes=["view_plan"], ends_on=(today() + timedelta(days=30)).isoformat())
    (ward,) = (await world.get("/v1/me/wards", mother.headers)).json()["items"]
    assert (ward["scopes"], ward["ends_at"] is None) == (["view_plan"], False)
    await linked(world, mother, leo)
    assert await opens(world, mother, leo) == (200, "")


async def test_what_staff_narrowed_stays_narrow_when_the_guardian_enters_another_code(world: World) -> None:
    emma, leo, mother = await child(world), await child(world, "leo", aged(8)), await sign_in(world, MOTHER)
    await pushed(world, fact())
    await linked(world, mother, emma)
    (access,) = await accesses(world, emma)
    path = f"/v1/staff/patients/{emma}/access/{access['access_id']}"
    await world.http.put(path, headers=world.here.staff, json={"scopes": ["view_chart"]})
    await linked(world, mother, leo)
    wards = (await world.get("/v1/me/wards", mother.headers)).json()["items"]
    assert {ward["given_name"]: ward["scopes"] for ward in wards} == {"Emma": ["view_chart"], "Leo": ALL}


async def test_a_phone_that_was_mistyped_and_corrected_back_opens_the_ward_again(world: World) -> None:
    emma, mother = await child(world), await sign_in(world, MOTHER)
    await linked(world, mother, await child(world, "leo", aged(8)))
    for version, phone, answer in ((1, MOTHER, 200), (2, FATHER, 404), (3, MOTHER, 200)):
        await pushed(world, fact(version=version, phone=phone))
        assert (await opens(world, mother, emma))[0] == answer


async def test_a_sync_and_a_code_at_the_same_moment_do_not_miss_each_other(world: World) -> None:
    emma, leo, mother = await child(world), await child(world, "leo", aged(8)), await sign_in(world, MOTHER)
    code, here = await invited(world, leo), world.here
    one = GuardianFact.model_validate(fact())
    async with world.database.writing(here.scope) as writing:
        await take_guardians(writing, here.clinic_id, "mis", [(0, one)], SYSTEM, now())
        entering = asyncio.create_task(world.post("/v1/me/link", mother.headers, {"code": code}))
        await asyncio.wait([entering], timeout=0.5)
    assert (await entering).status_code == 200
    assert [await opens(world, mother, each) for each in (leo, emma)] == [(200, "")] * 2


async def test_two_guardians_hold_a_code_each(world: World) -> None:
    emma, mother, father = await child(world), await sign_in(world, MOTHER), await sign_in(world, FATHER)
    codes = [await invited(world, emma) for _ in range(2)]
    for who, code in zip((mother, father), codes, strict=True):
        assert told(await world.post("/v1/me/link", who.headers, {"code": code})) == (200, "")


@pytest.mark.parametrize("end", ["majority", "last day"])
async def test_a_code_that_would_open_nothing_any_more_is_refused_and_not_spent(world: World, end: str) -> None:
    emma, mother = await child(world), await sign_in(world, MOTHER)
    code = await invited(world, emma, ends_on=(today() + timedelta(days=1)).isoformat())
    if end == "majority":
        await comes_of_age(world, emma)
    async with world.database.writing(world.here.scope) as writing:
        if end == "last day":
            await writing.execute(text("update link_code set ends_at = now()"))
    assert told(await world.post("/v1/me/link", mother.headers, {"code": code})) == (404, "link-code-wrong")
    async with world.database.reading(world.here.scope) as reading:
        assert (await reading.execute(text("select count(*) from link_code where used_at is not null"))).scalar() == 0


@pytest.mark.parametrize("how", ["revoked", "blocked"])
async def test_who_is_shut_out_does_not_come_in_again_with_a_spare_code(world: World, how: str) -> None:
    emma, mother, father = await child(world), await sign_in(world, MOTHER), await sign_in(world, FATHER)
    await linked(world, mother, emma)
    spare, own = await invited(world, emma), await invited(world, emma, "self")
    (access,) = await accesses(world, emma)
    if how == "revoked":
        await gone(world, f"/v1/staff/patients/{emma}/access/{access['access_id']}", world.here.staff)
    else:
        await blocked(world, emma, MOTHER)
    for who in (mother, father):
        assert told(await world.post("/v1/me/link", who.headers, {"code": spare}))[1] == "link-code-wrong"
    assert told(await world.post("/v1/me/link", (await sign_in(world, EMMA)).headers, {"code": own})) == (200, "")


async def test_what_people_and_staff_took_back_no_sync_gives_again(world: World) -> None:
    emma, here = await child(world), world.here
    await pushed(world, fact(phone=here.phone))
    assert await gone(world, f"/v1/me/wards/{emma}", here.patient) == (204, "")
    await pushed(world, fact(phone=here.phone, version=2, scopes=["chat"]))
    assert told(await world.get(f"/v1/patients/{emma}/cabinet", here.patient)) == (404, "not-found")
    await blocked(world, emma, here.phone)
    await pushed(world, fact(external_id="other", phone=here.phone))
    assert told(await world.get(f"/v1/patients/{emma}/cabinet", here.patient)) == (404, "not-found")


async def test_a_guardian_of_nobody_we_know_is_refused_and_named(world: World) -> None:
    report = await pushed(world, fact(patient="nobody"))
    assert [each["errors"] for each in report["refusals"]] == [[{"pointer": "/patient", "code": "unknown-reference"}]]


async def test_a_batch_of_guardians_costs_the_same_few_statements_whatever_its_size(
    world: World, at_most: Queries
) -> None:
    names = [f"child-{number}" for number in range(60)]
    kids = [patient_fact(name, name, None, aged(8)).model_dump(mode="json") for name in names]
    await world.post("/v1/partner/sync/patients", world.here.partner, {"items": kids})
    with at_most(12):
        await pushed(world, *[fact(external_id=name, patient=name, phone=world.here.phone) for name in names])
    assert len((await world.get("/v1/me/wards", world.here.patient)).json()["items"]) == 60


async def test_a_system_makes_nobody_a_guardian_of_themself(world: World) -> None:
    await pushed(world, fact(patient="anna", phone=world.here.phone, relation="carer"))
    assert (await world.get("/v1/me/wards", world.here.patient)).json()["items"] == []
    assert told(await world.get("/v1/me/cabinet", world.here.patient)) == (200, "")


# --- Without a record of one's own ---


@pytest.mark.parametrize("who", ["guardian", "carer"])
async def test_a_guardian_without_a_record_talks_and_reads_the_inbox_for_the_ward(world: World, who: str) -> None:
    emma, mother = await child(world), await sign_in(world, MOTHER)
    await linked(world, mother, emma, who)
    talk = f"/v1/patients/{emma}/conversation"
    assert told(await world.get("/v1/me/conversation", mother.headers)) == (403, "no-record-linked")
    assert (await world.get(talk, mother.headers)).json()["last_seq"] == 0
    name = str(new_id())
    sent = await world.post(f"{talk}/messages", mother.headers, {"client_id": name, "body": "Emma ha male"})
    assert (sent.status_code, sent.json()["seq"]) == (201, 1)
    desk = (await world.get("/v1/staff/conversations", world.here.staff)).json()["items"]
    assert [line["patient_id"] for line in desk] == [str(emma)]
    path = f"/v1/staff/patients/{emma}/messages"
    await world.post(path, world.here.staff, {"client_id": str(new_id()), "body": "Venga alle dieci"})
    assert (await world.get(talk, mother.headers)).json()["unread"] == 1
    seen = await world.http.put(f"{talk}/marks", headers=mother.headers, json={"delivered": 2, "read": 2})
    assert seen.status_code == 204
    assert (await world.get(talk, mother.headers)).json()["unread"] == 0
    log = (await world.get(f"{talk}/events", mother.headers)).json()
    assert [each["kind"] for each in log["events"]] == ["msg", "msg", "mark"]
    assert (await world.get(f"/v1/patients/{emma}/notices", mother.headers)).json()["items"] == []


# --- Two guardians at once ---


async def offered(world: World, who: SignedIn, patient_id: object, name: str) -> tuple[str, str]:
    """A plan for Emma, as her guardian sees it: its path and the fingerprint of the offer."""
    stage = {"title": "Braces", "items": [{"name": "Braces", "unit_price": {"amount_minor": 100, "currency": "EUR"}}]}
    row = {"external_id": name, "version": 1, "patient": "emma", "title": name, "currency": "EUR", "stages": [stage]}
    pushing = await world.post("/v1/partner/sync/plans", world.here.partner, {"items": [row]})
    path = f"/v1/patients/{patient_id}/plans/{pushing.json()['rows'][0]['id']}"
    shown = (await world.get(path, who.headers)).json()
    return path, shown["offer"]["sha256"]


async def test_of_two_guardians_who_decide_at_once_one_does_and_the_other_is_told(world: World) -> None:
    emma, mother, father = await child(world), await sign_in(world, MOTHER), await sign_in(world, FATHER)
    for who in (mother, father):
        await linked(world, who, emma)
    for number in range(5):
        path, sha256 = await offered(world, mother, emma, f"plan {number}")
        said = {"offer_sha256": sha256, "language": "it"}
        answers = await asyncio.gather(
            world.post(f"{path}/acceptance", mother.headers, said),
            world.post(f"{path}/decline", father.headers, {**said, "reason": "too_expensive"}),
        )
        assert sorted(told(answer) for answer in answers) == [(200, ""), (409, "offer-decided")]
        winner = next(answer for answer in answers if answer.status_code == 200).json()["offer"]["answered"]
        seen = (await world.get(path, father.headers)).json()["offer"]["answered"]
        assert seen == winner
        loser = next(answer for answer in answers if answer.status_code == 409)
        assert str(mother.account_id) not in loser.text
        assert str(father.account_id) not in loser.text


async def test_who_may_not_sign_decides_nothing(world: World) -> None:
    emma, mother, father = await child(world), await sign_in(world, MOTHER), await sign_in(world, FATHER)
    await linked(world, mother, emma)
    await linked(world, father, emma, scopes=["view_plan"])
    path, sha256 = await offered(world, father, emma, "plan")
    said = {"offer_sha256": sha256, "language": "it"}
    assert told(await world.post(f"{path}/acceptance", father.headers, said)) == (403, "access-too-narrow")
    assert told(await world.post(f"{path}/acceptance", mother.headers, said)) == (200, "")


async def test_a_calendar_that_a_guardian_subscribed_to_ends_with_the_access(world: World) -> None:
    emma, mother = await child(world), await sign_in(world, MOTHER)
    await linked(world, mother, emma)
    made = await world.post(f"/v1/patients/{emma}/calendar", mother.headers, {})
    assert made.status_code == 201, made.text
    address = httpx.URL(made.json()["url"]).path
    assert (await world.get(address, {})).status_code == 200
    await comes_of_age(world, emma)
    assert (await world.get(address, {})).status_code == 404
