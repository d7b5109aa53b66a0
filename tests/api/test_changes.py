"""An app that asks with its cursor hears of everything, whoever changed it, and of nothing that is another's."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from api.paging import List, cursor_of, place_of
from api.patient.changes import ONE_BY_ONE, WHOLE, Shown
from core.clock import now
from core.moments import rfc3339
from enamel.worker.changes import keep_changes
from tests.api.visits import JSON, times
from tests.conftest import Queries
from tests.core.test_changes import add_pictures
from tests.world import DAY, World, bearer

MINE = "/v1/me/changes"


async def asked(world: World, cursor: str | None = None, **more: Any) -> JSON:
    """One page, by the app of Anna."""
    params = {key: value for key, value in {"cursor": cursor, **more}.items() if value is not None}
    answer = await world.get(MINE, world.here.patient, params=params)
    assert answer.status_code == 200, answer.text
    page: JSON = answer.json()
    for item in page["items"]:
        held = {name for name in Shown.model_fields if item[name] is not None}
        assert held == (set() if item["gone"] else {item["kind"]}), "exactly the member that the kind names"
    return page


async def visit(world: World, name: str, version: int = 1, patient: str = "anna", **more: Any) -> None:
    row = {"external_id": name, "version": version, "patient": patient, **times(now() + 3 * DAY), **more}
    answer = await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": [row]})
    assert answer.status_code == 200, answer.text


def kinds(page: JSON) -> list[str]:
    return sorted(item["kind"] for item in page["items"])


async def test_first_everything_then_nothing_then_only_what_is_new(world: World) -> None:
    await visit(world, "a")
    await visit(world, "b")
    first = await asked(world)
    assert kinds(first) == ["visit", "visit"]
    assert not first["more"]
    second = await asked(world, first["next_cursor"])
    third = await asked(world, second["next_cursor"])
    assert third["items"] == []
    await visit(world, "b", 2, status="confirmed")
    (changed,) = (await asked(world, third["next_cursor"]))["items"]
    assert changed["visit"]["status"] == "confirmed"
    assert changed["id"] == changed["visit"]["appointment_id"]


async def test_what_cannot_be_seen_any_more_is_told_as_gone(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        kept, hidden, deleted = await add_pictures(writing, world.here, 3)
        await writing.execute(text("update picture set released_at = now()"))
    page = await asked(world)
    assert {item["id"] for item in page["items"] if not item["gone"]} == {str(kept), str(hidden), str(deleted)}
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update picture set released_at = null where id = :id"), {"id": hidden})
        await writing.execute(text("delete from picture where id = :id"), {"id": deleted})
    page = await asked(world, page["next_cursor"])
    assert {item["id"] for item in page["items"] if item["gone"]} == {str(hidden), str(deleted)}


async def test_pages_hold_everything_once_and_the_last_says_so(world: World) -> None:
    for number in range(7):
        await visit(world, f"v{number}")
    seen, cursor, more = [], None, True
    while more:
        page = await asked(world, cursor, limit=3)
        assert len(page["items"]) <= 3
        seen += [item["id"] for item in page["items"]]
        cursor, more = page["next_cursor"], page["more"]
    assert len(seen) == len(set(seen)) == 7


async def test_what_a_slow_transaction_commits_behind_the_cursor_is_still_found(world: World) -> None:
    """Its id is older than those of the rows that were told before it could be seen."""
    async with world.database.writing(world.here.scope) as slow:
        (late,) = await add_pictures(slow, world.here, 1)
        await slow.execute(text("update picture set released_at = now()"))
        for number in range(3):
            await visit(world, f"v{number}")
        page = await asked(world, limit=2)
        assert page["more"]
        rest = await asked(world, page["next_cursor"], limit=2)
        assert kinds(page) + kinds(rest) == ["visit"] * 3
    after = await asked(world, rest["next_cursor"])
    assert str(late) in {item["id"] for item in after["items"]}


async def test_a_mark_of_everybody_reaches_each_and_lists_come_whole(world: World) -> None:
    texts = [{"language": "it", "title": "Igiene", "terms": "Una volta."}]
    row = {"external_id": "o", "texts": texts, "starts_on": "2020-01-01", "ends_on": "2120-01-01"}
    cursor = (await asked(world))["next_cursor"]
    answer = await world.post("/v1/partner/sync/promotions", world.here.partner, {"items": [row]})
    assert answer.status_code == 200, answer.text
    (told,) = (await asked(world, cursor))["items"]
    assert [offer["title"] for offer in told["promotions"]] == ["Igiene"]


WARD = text(
    "insert into access (clinic_id, id, account_id, patient_id, relation, scopes, granted_at)"
    " select clinic_id, gen_random_uuid(), account_id, :boris, 'guardian', '{view_plan}', now() from access"
)


@pytest.fixture
async def family(world: World) -> World:
    """Anna is the guardian of Boris, who is a child, for his plans only; he has a picture and a visit of his own."""
    boris = {"boris": world.here.other_patient_id}
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(WARD, boris)
        young = {**boris, "young": (now() - 5000 * DAY).date()}
        await writing.execute(text("update patient set birth_date = :young where id = :boris"), young)
        await add_pictures(writing, world.here, 1)
        await writing.execute(text("update picture set released_at = now(), patient_id = :boris"), boris)
    await visit(world, "hidden", patient="boris", private=True)
    return world


async def of_ward(world: World, cursor: str | None = None) -> httpx.Response:
    path = f"/v1/patients/{world.here.other_patient_id}/changes"
    return await world.get(path, world.here.patient, params={} if cursor is None else {"cursor": cursor})


async def test_a_guardian_hears_only_what_the_access_extends_to_and_nothing_of_what_is_private(family: World) -> None:
    first = (await of_ward(family)).json()
    assert [(item["kind"], item["gone"]) for item in first["items"]] == [("picture", True)]
    await visit(family, "open", patient="boris")
    told = (await of_ward(family, first["next_cursor"])).json()
    assert [item["gone"] for item in told["items"] if item["kind"] == "visit"] == [False]
    await visit(family, "open", 2, patient="boris", private=True)
    hidden = (await of_ward(family, told["next_cursor"])).json()
    assert [item["gone"] for item in hidden["items"] if item["kind"] == "visit"] == [True], "it was seen, so it is told"
    await visit(family, "open", 3, patient="boris", private=True, service="Braces")
    after = (await of_ward(family, hidden["next_cursor"])).json()
    later = (await of_ward(family, after["next_cursor"])).json()
    assert later["items"] == []


async def test_who_is_given_more_or_less_begins_anew(family: World) -> None:
    cursor = (await of_ward(family)).json()["next_cursor"]
    async with family.database.writing(family.here.scope) as writing:
        await writing.execute(text("update access set scopes = '{view_media}' where relation = 'guardian'"))
    refused = await of_ward(family, cursor)
    assert (refused.status_code, refused.json()["code"]) == (410, "changes-start-over")
    assert [item["gone"] for item in (await of_ward(family)).json()["items"]] == [False]


async def test_an_offer_that_opens_today_is_told_though_no_row_changed(world: World) -> None:
    today = now().date().isoformat()
    texts = [{"language": "it", "title": "Igiene", "terms": ""}]
    row = {"external_id": "o", "texts": texts, "starts_on": today, "ends_on": "2120-01-01"}
    await world.post("/v1/partner/sync/promotions", world.here.partner, {"items": [row]})
    cursor = (await asked(world, (await asked(world))["next_cursor"]))["next_cursor"]
    assert (await asked(world, cursor))["items"] == []
    await keep_changes(world.database, now())
    assert kinds(await asked(world, cursor)) == ["promotions"]
    await keep_changes(world.database, now() + 3 * DAY)
    cursor = (await asked(world, cursor))["next_cursor"]
    assert kinds(await asked(world, (await asked(world, cursor))["next_cursor"])) == []


async def test_cursors_are_the_callers_own_and_of_this_database(world: World) -> None:
    mine = (await asked(world))["next_cursor"]
    assert (await world.get(MINE, world.there.patient, params={"cursor": mine})).status_code == 422
    assert (await world.get(MINE, world.here.patient, params={"cursor": "x" + mine[1:]})).status_code == 422
    key = List(world.keys.secrets.cursor_key, "changes", world.here.account_id)
    ahead = cursor_of(key, ["0", "", "00000000-0000-0000-0000-000000000000", "", "another.1", "self"])
    answer = await world.get(MINE, world.here.patient, params={"cursor": ahead})
    assert (answer.status_code, answer.json()["code"]) == (410, "changes-start-over")


async def test_a_database_put_back_from_a_snapshot_tells_its_readers_to_begin_anew(world: World) -> None:
    """The same timeline, but the cursor saw transactions that this database has not come to."""
    await visit(world, "a")
    key = List(world.keys.secrets.cursor_key, "changes", world.here.account_id)
    told = place_of(key, (await asked(world))["next_cursor"])
    assert told is not None
    lost = [str(int(told[0]) + 1_000_000), *told[1:]]
    answer = await world.get(MINE, world.here.patient, params={"cursor": cursor_of(key, lost)})
    assert (answer.status_code, answer.json()["code"]) == (410, "changes-start-over")


async def test_who_may_not_open_the_record_hears_nothing(world: World) -> None:
    path = f"/v1/patients/{world.here.other_patient_id}/changes"
    assert (await world.get(path, world.here.patient)).status_code == 404
    assert (await world.get(MINE, bearer("x.y.z"))).status_code == 401


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        (f"{MINE}?limit=0", ("/limit", "greater-than-equal")),
        (f"{MINE}?limit=2&limit=3", ("/limit", "given-twice")),
        (f"{MINE}?cursor=%21", ("/cursor", "string-pattern-mismatch")),
        (f"{MINE}?limits=2", ("/limits", "unknown-parameter")),
        ("/v1/patients/none/changes", ("/patient_id", "uuid-parsing")),
    ],
)
async def test_what_is_asked_is_checked_without_the_frameworks_solver_too(
    world: World, path: str, fault: tuple[str, str]
) -> None:
    answer = await world.get(path, world.here.patient)
    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [fault]


async def test_a_poll_that_finds_nothing_is_one_statement(world: World, at_most: Queries) -> None:
    await visit(world, "a")
    cursor = (await asked(world, (await asked(world))["next_cursor"]))["next_cursor"]
    with at_most(1):
        assert (await asked(world, cursor))["items"] == []
    for number in range(50):
        await visit(world, f"v{number}", starts_at=_later(number, 0), ends_at=_later(number, 1))
    with at_most(4):
        assert len((await asked(world, cursor, limit=200))["items"]) == 50


def _later(days: int, hours: int) -> str:
    return rfc3339(now() + timedelta(days=days + 4, hours=hours))


async def test_every_kind_a_table_tells_of_can_be_read(world: World) -> None:
    async with world.database.reading(world.here.scope) as reading:
        rows = await reading.execute(
            text("select distinct tgargs from pg_trigger where tgfoid = 'note_change'::regproc and not tgisinternal")
        )
        told = {bytes(row.tgargs).split(b"\0")[0].decode() for row in rows}
    assert told == set(ONE_BY_ONE) | set(WHOLE) == set(Shown.model_fields)
