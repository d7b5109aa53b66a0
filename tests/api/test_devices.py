"""Phones, inbox, receipts and consents over the API."""

from typing import Any

import httpx
from sqlalchemy import text

from clinic.commands import grant_access
from core.clock import now
from core.ids import new_id
from identity.commands import Device, account_of_phone, open_session
from identity.sign_in import Audience
from push.commands import cancel_across, claim, enqueue_across
from push.notice import NoticeKind, Purpose
from tests.push.phones import HOUR, MINUTE, notice
from tests.world import Party, World, bearer

PHONE = {
    "platform": "android", "app_build": "it.example.clinic", "token": "token-of-a-phone",
    "locale": "it-IT", "zone": "Europe/Rome", "app_version": "1.0.0",
}  # fmt: skip


async def register(world: World, headers: dict[str, str], **more: Any) -> httpx.Response:
    return await world.http.put("/v1/me/devices/push", headers=headers, json={**PHONE, **more})


async def tell(world: World, party: Party, **more: Any) -> str:
    at = now()
    told = notice(party, **{"not_before": at, "expires_at": at + HOUR, **more})
    async with world.database.writing(party.scope) as writing:
        (notice_id,) = (await enqueue_across(writing, [(party.clinic_id, told)], at)).values()
    return str(notice_id)


async def reached(world: World) -> list[str]:
    """The tokens that a worker would send to now; the row is then on its way."""
    async with world.database.sweeping() as sweeping:
        return sorted(due.target.token for due in await claim(sweeping, now(), 100, MINUTE))


async def another_account(world: World, party: Party) -> dict[str, str]:
    async with world.database.writing(party.scope) as writing:
        account = await account_of_phone(writing, "+390255599999", now())
        device = Device("the-same-phone-0123456789")
        pair = await open_session(writing, world.keys, Audience.PATIENT, account, party.clinic_id, device, now())
    return bearer(pair.access_token)


async def receipts(world: World, headers: dict[str, str], *items: tuple[str, str]) -> dict[str, Any]:
    body = {"items": [{"notice_id": notice_id, "event": event} for notice_id, event in items]}
    answer = await world.post("/v1/me/notices/receipts", headers, body)
    assert answer.status_code == 200, answer.text
    taken: dict[str, Any] = answer.json()
    return taken


async def inbox(world: World, party: Party, **query: Any) -> dict[str, Any]:
    answer = await world.get("/v1/me/notices", party.patient, params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def opened_events(world: World) -> int:
    async with world.database.sweeping() as sweeping:
        counted = await sweeping.execute(text("select count(*) from event where kind = 'push.opened'"))
        return int(counted.scalar_one())


async def test_a_registered_phone_is_reached_and_an_unregistered_one_is_not(world: World) -> None:
    first = await register(world, world.here.patient)
    assert first.status_code == 200, first.text
    assert (await register(world, world.here.patient)).json() == first.json()
    await tell(world, world.here)
    assert await reached(world) == [PHONE["token"]]
    gone = await world.http.delete("/v1/me/devices/push", headers=world.here.patient)
    assert gone.status_code == 204, gone.text
    await tell(world, world.here)
    assert await reached(world) == []


async def test_a_rotated_token_takes_the_old_ones_place(world: World) -> None:
    await register(world, world.here.patient)
    await register(world, world.here.patient, token="token-after-rotation")
    await tell(world, world.here)
    assert await reached(world) == ["token-after-rotation"]


async def test_a_token_moves_to_the_last_sign_in_on_that_phone(world: World) -> None:
    await register(world, world.here.patient)
    stranger = await another_account(world, world.here)
    assert (await register(world, stranger)).status_code == 200
    await tell(world, world.here)
    assert await reached(world) == []


async def test_a_session_that_was_signed_out_cannot_take_a_phone(world: World) -> None:
    stranger = await another_account(world, world.here)
    me = (await world.get("/v1/me", stranger)).json()
    session = next(each["session_id"] for each in me["devices"] if each["is_this"])
    await register(world, world.here.patient)
    ended = await world.http.delete(f"/v1/me/devices/{session}", headers=stranger)
    assert ended.status_code == 204, ended.text
    refused = await register(world, stranger)
    assert (refused.status_code, refused.json()["code"]) == (401, "session-ended")
    await tell(world, world.here)
    assert await reached(world) == [PHONE["token"]]


async def test_a_phone_is_refused_by_its_faults_and_nothing_of_it_comes_back(world: World) -> None:
    wrong = await register(world, world.here.patient, zone="Mars/Olympus", token="no spaces in tokens")
    assert wrong.status_code == 422
    assert {error["pointer"] for error in wrong.json()["errors"]} == {"/zone", "/token"}
    assert "Mars" not in wrong.text


async def test_the_inbox_shows_what_was_said_to_this_patient_newest_first_page_by_page(world: World) -> None:
    at = now()
    told = [await tell(world, world.here, not_before=at - age * MINUTE) for age in (3, 2, 1)]
    await tell(world, world.here, not_before=at + HOUR / 2)
    await tell(world, world.there)
    await tell(world, world.here, patient_id=world.here.other_patient_id)
    first = await inbox(world, world.here, limit=2)
    assert [item["notice_id"] for item in first["items"]] == [told[2], told[1]]
    second = await inbox(world, world.here, limit=2, cursor=first["next_cursor"])
    assert [item["notice_id"] for item in second["items"]] == [told[0]]
    assert second["next_cursor"] is None


async def test_receipts_count_once(world: World) -> None:
    await register(world, world.here.patient)
    told = await tell(world, world.here)
    assert await reached(world) == [PHONE["token"]]
    assert await receipts(world, world.here.patient, (told, "delivered"), (told, "opened")) == {"known": 1}
    opened = (await inbox(world, world.here))["items"][0]["opened_at"]
    assert opened is not None
    assert await receipts(world, world.here.patient, (told, "opened")) == {"known": 1}
    assert (await inbox(world, world.here))["items"][0]["opened_at"] == opened
    assert await opened_events(world) == 1


async def test_a_receipt_closes_what_a_lost_answer_left_open(world: World) -> None:
    await register(world, world.here.patient)
    told = await tell(world, world.here)
    assert await reached(world) == [PHONE["token"]]
    for _ in range(2):
        await receipts(world, world.here.patient, (told, "opened"))
    async with world.database.sweeping() as sweeping:
        assert await claim(sweeping, now() + MINUTE, 100, MINUTE) == []
        assert (await sweeping.execute(text("select state from notice"))).scalars().all() == ["done"]
        proven = text("select state, accepted_at is not null from delivery")
        assert (await sweeping.execute(proven)).all() == [("accepted", True)]
        kinds = text("select kind from event where subject_id = :told order by kind")
        assert (await sweeping.execute(kinds, {"told": told})).scalars().all() == ["push.accepted", "push.opened"]


async def test_what_was_opened_is_not_taken_back(world: World) -> None:
    await register(world, world.here.patient)
    cause = new_id()
    told = await tell(world, world.here, cause_id=cause)
    assert await reached(world) == [PHONE["token"]]
    await receipts(world, world.here.patient, (told, "opened"))
    async with world.database.writing(world.here.scope) as writing:
        assert await cancel_across(writing, [(world.here.clinic_id, cause)], "booked", now()) == 0


async def test_foreign_and_absent_notices_are_passed_over_alike(world: World) -> None:
    others = await tell(world, world.here, patient_id=world.here.other_patient_id)
    there = await tell(world, world.there)
    for foreign in (others, there, str(new_id())):
        assert await receipts(world, world.here.patient, (foreign, "opened")) == {"known": 0}
    assert (await inbox(world, world.there))["items"][0]["opened_at"] is None
    assert await opened_events(world) == 0


async def test_a_guardian_reports_what_was_said_to_a_ward(world: World) -> None:
    here = world.here
    async with world.database.writing(here.scope) as writing:
        await grant_access(writing, here.clinic_id, here.account_id, here.other_patient_id, "carer", now())
    told = await tell(world, here, patient_id=here.other_patient_id)
    assert await receipts(world, here.patient, (told, "opened")) == {"known": 1}
    assert await opened_events(world) == 1


async def test_a_patients_no_is_obeyed_and_so_is_a_later_yes(world: World) -> None:
    await register(world, world.here.patient)
    marketing = {"purpose": Purpose.MARKETING, "kind": NoticeKind.OFFER}
    await tell(world, world.here, **marketing)
    assert await reached(world) == []
    for granted, tokens in ((True, [PHONE["token"]]), (False, []), (False, [])):
        word = {"granted": granted, "text_version": "2026-11", "language": "it"}
        said = await world.http.put("/v1/me/consents/marketing", headers=world.here.patient, json=word)
        assert said.status_code == 204, said.text
        await tell(world, world.here, **marketing)
        assert await reached(world) == tokens
    async with world.database.sweeping() as sweeping:
        words = (await sweeping.execute(text("select granted from consent order by at, id"))).scalars().all()
    assert words == [True, False]


async def test_consents_know_their_purposes(world: World) -> None:
    wrong = await world.http.put("/v1/me/consents/spam", headers=world.here.patient, json={"granted": True})
    assert wrong.status_code == 422


async def test_nobody_gets_in_without_signing_in(world: World) -> None:
    notices = await world.get("/v1/me/notices", {})
    phone = await register(world, world.here.staff)
    assert (notices.status_code, phone.status_code) == (401, 401)


async def test_two_carers_of_one_child_see_and_report_each_what_they_were_told(world: World) -> None:
    """What is said to one account alone (the other has read it already) is in no inbox but that one's."""
    mother, child = world.here.patient, world.here.other_patient_id
    father = await another_account(world, world.here)
    async with world.database.writing(world.here.scope) as writing:
        his = await account_of_phone(writing, "+390255599999", now())
        for account in (world.here.account_id, his):
            await grant_access(writing, world.here.clinic_id, account, child, "carer", now())
    to_both = await tell(world, world.here, patient_id=child, dedupe_key="both")
    to_her = await tell(world, world.here, patient_id=child, dedupe_key="hers", account_id=world.here.account_id)
    to_him = await tell(world, world.here, patient_id=child, dedupe_key="his", account_id=his)
    seen = []
    for headers in (mother, father):
        answer = await world.get(f"/v1/patients/{child}/notices", headers)
        assert answer.status_code == 200, answer.text
        seen.append({item["notice_id"] for item in answer.json()["items"]})
    assert seen == [{to_both, to_her}, {to_both, to_him}]
    assert (await receipts(world, father, (to_her, "opened"), (to_him, "opened"))) == {"known": 1}
    assert await opened_events(world) == 1
