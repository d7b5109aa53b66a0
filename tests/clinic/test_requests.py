"""What patients ask of the clinic: asked once, answered once, taken back by who asked."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from clinic.appointment import AppointmentStatus
from clinic.commands.requests import RequestAlreadyOpen, TooManyOpenRequests, make_request
from clinic.household import EVERY_SCOPE
from clinic.queries.requests import RequestView
from clinic.request import (
    MOST_OPEN,
    RequestKind,
    RequestStatus,
    RequestVerdict,
    kinds_within,
    settled,
    status_after,
)
from core.clock import now
from core.errors import NotFound, Refusal
from core.events import Actor, ActorKind
from core.ids import new_id
from tests.world import Party, World


async def asked(
    world: World, subject_id: UUID | None = None, party: Party | None = None, by: UUID | None = None
) -> RequestView:
    whose = party or world.here
    actor = Actor(ActorKind.PATIENT, by or whose.account_id)
    async with world.database.writing(whose.scope) as writing:
        return await make_request(
            writing,
            whose.clinic_id,
            whose.patient_id,
            RequestKind.MOVE_VISIT,
            subject_id,
            {"wish": "soon"},
            actor,
            now(),
        )


async def answered(world: World, request_id: UUID, verdict: str = "accepted") -> tuple[int, Any]:
    answer = await world.post(
        f"/v1/staff/requests/{request_id}/answer", world.here.staff, {"verdict": verdict, "note": "See you"}
    )
    return answer.status_code, answer.json()


async def withdrawn(world: World, request_id: UUID) -> tuple[int, Any]:
    answer = await world.http.post(f"/v1/me/requests/{request_id}/withdrawal", headers=world.here.patient)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("verdict", RequestVerdict)
def test_every_verdict_is_a_state_a_request_may_end_in(verdict: RequestVerdict) -> None:
    assert status_after(verdict) not in (RequestStatus.OPEN, RequestStatus.WITHDRAWN)


def test_every_kind_belongs_to_something_that_an_access_extends_to() -> None:
    assert kinds_within(set()) == []
    assert set(kinds_within(EVERY_SCOPE)) == set(RequestKind)


K, V, R = RequestKind, AppointmentStatus, RequestStatus


@pytest.mark.parametrize(
    ("kind", "visit", "moved", "becomes"),
    [
        (K.CANCEL_VISIT, V.CANCELLED, False, R.ACCEPTED),
        (K.CANCEL_VISIT, V.BOOKED, True, None),
        (K.CANCEL_VISIT, V.COMPLETED, False, R.LAPSED),
        (K.MOVE_VISIT, V.BOOKED, True, R.ACCEPTED),
        (K.MOVE_VISIT, V.CONFIRMED, False, None),
        (K.MOVE_VISIT, V.CANCELLED, True, R.LAPSED),
        (K.BOOK_VISIT, V.BOOKED, False, R.ACCEPTED),
        (K.BOOK_VISIT, V.DECLINED, False, R.DECLINED),
        (K.BOOK_VISIT, V.CANCELLED, False, R.LAPSED),
    ],
)
def test_a_change_of_the_visit_answers_what_was_asked_of_it(
    kind: RequestKind, visit: AppointmentStatus, moved: bool, becomes: RequestStatus | None
) -> None:
    assert settled(kind, visit, moved=moved) is becomes


async def test_a_request_is_seen_by_the_desk_and_its_answer_by_the_patient(world: World) -> None:
    made = await asked(world)
    inbox = (await world.get("/v1/staff/requests", world.here.staff)).json()["items"]
    assert [(each["patient_name"], each["request"]["details"]) for each in inbox] == [("Anna Rossi", {"wish": "soon"})]
    assert (await answered(world, made.request_id, "declined"))[0] == 200
    mine = (await world.get("/v1/me/requests", world.here.patient)).json()["items"]
    assert [(each["status"], each["note"]) for each in mine] == [("declined", "See you")]
    assert (await world.get("/v1/staff/requests", world.here.staff)).json()["items"] == []
    closed = await world.get("/v1/staff/requests", world.here.staff, params={"status": "declined"})
    assert len(closed.json()["items"]) == 1


async def test_a_request_is_answered_once(world: World) -> None:
    made = await asked(world)
    answers = await asyncio.gather(*(answered(world, made.request_id) for _ in range(10)))
    assert sorted(status for status, _ in answers) == [200] + [409] * 9
    assert {answer["code"] for status, answer in answers if status == 409} == {"request-not-open"}
    assert (await withdrawn(world, made.request_id))[1]["code"] == "request-not-open"


async def test_of_one_thing_the_same_is_asked_once_until_it_is_answered(world: World) -> None:
    subject = new_id()
    results = await asyncio.gather(*(asked(world, subject) for _ in range(10)), return_exceptions=True)
    made = [each for each in results if isinstance(each, RequestView)]
    assert len(made) == 1
    assert {type(each) for each in results if isinstance(each, Refusal)} == {RequestAlreadyOpen}
    assert (await withdrawn(world, made[0].request_id))[1]["status"] == "withdrawn"
    await asked(world, subject)


async def test_what_somebody_else_asked_is_not_mine_to_withdraw(world: World) -> None:
    made = await asked(world, by=new_id())
    status, answer = await withdrawn(world, made.request_id)
    assert (status, answer["code"]) == (403, "request-of-another")


async def test_a_patient_has_no_more_than_so_many_open_requests(world: World) -> None:
    for _ in range(MOST_OPEN):
        await asked(world)
    with pytest.raises(TooManyOpenRequests):
        await asked(world)


async def test_nobody_asks_for_a_patient_who_is_not_there(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        with pytest.raises(NotFound):
            await make_request(
                writing, world.here.clinic_id, new_id(), RequestKind.MOVE_VISIT, None, {},
                Actor(ActorKind.PATIENT), now(),
            )  # fmt: skip


async def test_the_inbox_goes_on_page_by_page_and_shows_no_other_clinics(world: World) -> None:
    made = [(await asked(world)).request_id for _ in range(3)]
    await asked(world, party=world.there)
    first = (await world.get("/v1/staff/requests", world.here.staff, params={"limit": 2})).json()
    rest = await world.get("/v1/staff/requests", world.here.staff, params={"limit": 2, "cursor": first["next_cursor"]})
    seen = [each["request"]["request_id"] for each in [*first["items"], *rest.json()["items"]]]
    assert seen == [str(each) for each in made]
    mine = await world.get("/v1/me/requests", world.here.patient, params={"limit": 2})
    later = await world.get(
        "/v1/me/requests", world.here.patient, params={"limit": 2, "cursor": mine.json()["next_cursor"]}
    )
    both = [*mine.json()["items"], *later.json()["items"]]
    assert [each["request_id"] for each in both] == [str(each) for each in reversed(made)]


async def test_every_step_is_told_with_ids_and_codes_only(world: World) -> None:
    made = await asked(world, new_id())
    await answered(world, made.request_id)
    async with world.database.reading(world.here.scope) as reading:
        rows = (
            await reading.execute(text("select kind, facts from event where kind like 'request.%' order by id"))
        ).all()
    assert [row.kind for row in rows] == ["request.made", "request.accepted"]
    assert {name for row in rows for name in row.facts} == {"kind", "subject_id"}
