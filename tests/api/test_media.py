"""Pictures: a clinic's system or staff sends them, the worker looks into them, their patient opens them."""

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from core.clock import now
from core.ids import new_id
from media.kinds import LARGEST_FILE, Variant
from media.links import LINK_LIFE, GivenTo, Holder, signature
from tests.conftest import Queries
from tests.media.looking import look
from tests.media.samples import bomb, photo, xray
from tests.world import World

PICTURE = "/v1/partner/patients/anna/pictures/x-1"


async def send(world: World, content: bytes, path: str = PICTURE, said: dict[str, str] | None = None) -> httpx.Response:
    form = {"kind": "xray", "released": "true", **(said or {})}
    return await world.http.put(path, headers=world.here.partner, data=form, files={"file": ("scan.jpg", content)})


async def sent(world: World, content: bytes, path: str = PICTURE, **said: str) -> dict[str, Any]:
    answer = await send(world, content, path, said)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def add(world: World, path: str, content: bytes) -> httpx.Response:
    """A picture that staff adds."""
    form = {"kind": "photo", "released": "true"}
    return await world.http.post(path, headers=world.here.staff, data=form, files={"file": ("a.png", content)})


async def work(world: World) -> None:
    """What the worker does until nothing waits."""
    await look(world)


async def link(world: World, picture_id: str, variant: str = "download") -> str:
    answer = await world.post(f"/v1/me/pictures/{picture_id}/links", world.here.patient, {"variant": variant})
    assert answer.status_code == 200, answer.text
    url = urlsplit(answer.json()["url"])
    return f"{url.path}?{url.query}"


async def listed(world: World) -> list[dict[str, Any]]:
    answer = await world.get("/v1/me/pictures", world.here.patient)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def refused(answer: httpx.Response, status: int, code: str) -> bool:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return True


async def test_an_xray_comes_from_the_clinic_and_is_opened_by_its_patient(world: World) -> None:
    original = xray(header={"Modality": "IO"})
    receipt = await sent(world, original, taken_on="2026-03-02")
    assert (receipt["outcome"], receipt["state"]) == ("created", "uploaded")
    assert await listed(world) == [], "nobody is shown what was not looked into"
    await work(world)
    (seen,) = await listed(world)
    blurhash, download = seen.pop("blurhash"), seen.pop("download")
    assert seen == {
        "picture_id": receipt["picture_id"], "kind": "xray", "state": "ready", "taken_on": "2026-03-02",
        "teeth": [], "width": 64, "height": 32, "frames": 1, "row_spacing_mm": None, "column_spacing_mm": None,
        "comment": None, "has_drawing": False,
        "acquired": {
            "modality": "IO", "acquired_at": None, "body_part": None, "laterality": None, "view": None,
            "exposure_kv": None, "exposure_uas": None,
        },
    }  # fmt: skip
    assert len(blurhash) >= 6
    preview = await world.http.get(await link(world, receipt["picture_id"], "preview_256"))
    assert (preview.status_code, preview.headers["content-type"]) == (200, "image/webp")
    assert preview.headers["content-disposition"] == 'inline; filename="xray-2026-03-02.webp"'
    assert preview.content[8:12] == b"WEBP"
    whole = await world.http.get(await link(world, receipt["picture_id"]))
    assert download == {"media_type": "application/dicom", "size_bytes": len(whole.content)}
    assert b"Rossi" in original
    assert b"Rossi" not in whole.content
    assert whole.headers["content-type"] == "application/dicom"
    assert whole.headers["content-disposition"] == 'attachment; filename="xray-2026-03-02.dcm"'
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["cache-control"] == "no-store"


async def test_the_address_of_a_picture_says_nothing_of_the_patient(world: World) -> None:
    picture = (await sent(world, photo()))["picture_id"]
    await work(world)
    address = await link(world, picture)
    for word in (str(world.here.patient_id), world.here.patient_id.hex, "anna", "xray", "x-1"):
        assert word not in address
    assert set(urlsplit(address).path.split("/")) == {"", "v1", "media", picture, "download"}


async def test_sending_a_picture_again_changes_nothing_and_another_is_refused(world: World) -> None:
    content = photo()
    first = await sent(world, content)
    again = await sent(world, content)
    assert again == {**first, "outcome": "unchanged"}
    refused(await send(world, photo(80, 80)), 409, "picture-differs")
    refused(await send(world, content, "/v1/partner/patients/boris/pictures/x-1"), 409, "picture-differs")
    await work(world)
    assert len(await listed(world)) == 1


async def test_a_picture_is_seen_only_while_it_is_released(world: World) -> None:
    picture = (await sent(world, photo(), released="false"))["picture_id"]
    await work(world)
    assert await listed(world) == []
    asked = await world.post(f"/v1/me/pictures/{picture}/links", world.here.patient, {"variant": "download"})
    refused(asked, 404, "not-found")
    assert (await sent(world, photo(), released="true"))["outcome"] == "updated"
    assert len(await listed(world)) == 1
    await sent(world, photo(), released="false")
    assert await listed(world) == []


async def test_a_picture_of_somebody_else_is_as_if_it_were_not_there(world: World) -> None:
    mine = (await sent(world, photo()))["picture_id"]
    others = (await sent(world, photo(), "/v1/partner/patients/boris/pictures/b-1"))["picture_id"]
    await work(world)
    body = {"variant": "download"}
    for party, picture in ((world.there, mine), (world.here, others), (world.here, str(new_id()))):
        refused(await world.post(f"/v1/me/pictures/{picture}/links", party.patient, body), 404, "not-found")
    ward = f"/v1/patients/{world.here.other_patient_id}/pictures"
    refused(await world.get(ward, world.here.patient), 404, "not-found")
    refused(await world.post(f"{ward}/{others}/links", world.here.patient, body), 404, "not-found")
    own = await world.get(f"/v1/patients/{world.here.patient_id}/pictures", world.here.patient)
    assert [item["picture_id"] for item in own.json()["items"]] == [mine]


async def test_a_picture_for_a_patient_unknown_here_is_refused(world: World) -> None:
    refused(await send(world, photo(), "/v1/partner/patients/nobody/pictures/x-1"), 404, "not-found")
    path = f"/v1/staff/patients/{world.there.patient_id}/pictures"
    refused(await add(world, path, photo()), 404, "not-found")
    refused(await world.get(path, world.here.staff), 404, "not-found")


async def test_a_tampered_link_is_refused_and_an_old_one_says_so(world: World) -> None:
    picture = (await sent(world, photo()))["picture_id"]
    await work(world)
    address = await link(world, picture, "preview_256")
    refused(await world.http.get(address.replace("preview_256", "original")), 403, "media-link-refused")
    refused(await world.http.get(address.replace(picture, str(new_id()))), 403, "media-link-refused")
    refused(await world.http.get(address[:-1] + ("A" if address[-1] != "A" else "B")), 403, "media-link-refused")
    refused(await world.http.get(address[:-1]), 422, "invalid-input")
    key = world.keys.secrets.keyed_hash("media links", "")
    file = (world.here.patient_id, UUID(picture), Variant.DOWNLOAD)
    holder = GivenTo(Holder.PATIENT, world.here.account_id, new_id())
    expired = signature(key, world.here.clinic_id, *file, holder, now() - LINK_LIFE)
    refused(await world.http.get(f"/v1/media/{picture}/download?signature={expired}"), 410, "media-link-expired")
    elsewhere = signature(key, world.there.clinic_id, *file, holder, now() + LINK_LIFE)
    refused(await world.http.get(f"/v1/media/{picture}/download?signature={elsewhere}"), 404, "not-found")


async def test_a_link_only_reads(world: World) -> None:
    picture = (await sent(world, photo()))["picture_id"]
    await work(world)
    address = await link(world, picture)
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        assert (await world.http.request(method, address)).status_code == 405
    looked, fetched = await world.http.head(address), await world.http.get(address)
    assert looked.content == b""
    same = ("content-length", "content-type", "etag", "accept-ranges")
    assert [looked.headers[name] for name in same] == [fetched.headers[name] for name in same]


async def test_a_file_comes_in_pieces(world: World) -> None:
    picture = (await sent(world, photo()))["picture_id"]
    await work(world)
    address = await link(world, picture)
    content = (await world.http.get(address)).content
    size = len(content)
    for asked, first, last in (
        ("0-9", 0, 9),
        ("10-", 10, size - 1),
        ("-5", size - 5, size - 1),
        ("3-99999", 3, size - 1),
    ):
        piece = await world.http.get(address, headers={"range": f"bytes={asked}"})
        assert (piece.status_code, piece.content) == (206, content[first : last + 1]), asked
        assert piece.headers["content-range"] == f"bytes {first}-{last}/{size}"
    for asked in (f"{size}-", "-0"):
        beyond = await world.http.get(address, headers={"range": f"bytes={asked}"})
        refused(beyond, 416, "range-not-satisfiable")
        assert beyond.headers["content-range"] == f"bytes */{size}"
    for ignored in ("bytes=9-3", "bytes=0-1,4-5", "lines=0-1", "bytes=-", "bytes=a-b"):
        whole = await world.http.get(address, headers={"range": ignored})
        assert (whole.status_code, whole.content) == (200, content), ignored


async def test_a_file_larger_than_a_piece_comes_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = (await sent(world, photo()))["picture_id"]
    await work(world)
    address = await link(world, picture)
    content = (await world.http.get(address)).content
    monkeypatch.setattr("api.media.PIECE", 100)
    assert (await world.http.get(address)).content == content
    piece = await world.http.get(address, headers={"range": "bytes=50-449"})
    assert piece.content == content[50:450]


async def test_a_picture_whose_file_was_lost_is_said_to_be_lost(world: World) -> None:
    picture = (await sent(world, photo()))["picture_id"]
    await work(world)
    url = await link(world, picture)
    await world.ports.storage.erase_under(str(world.here.clinic_id))
    assert refused(await world.get(url, {}), 404, "file-lost")


async def test_a_client_that_has_the_file_is_not_sent_it_again(world: World) -> None:
    picture = (await sent(world, photo()))["picture_id"]
    await work(world)
    address = await link(world, picture)
    etag = (await world.http.get(address)).headers["etag"]
    known = await world.http.get(address, headers={"if-none-match": etag})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    resumed = await world.http.get(address, headers={"range": "bytes=0-1", "if-range": etag})
    changed = await world.http.get(address, headers={"range": "bytes=0-1", "if-range": '"another"'})
    assert (resumed.status_code, changed.status_code) == (206, 200)


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<!doctype html>", b"GIF89a", b"%PDF-1.7", b"MZ" + bytes(200)],
)
async def test_what_is_no_picture_is_refused_whatever_it_calls_itself(world: World, content: bytes) -> None:
    answer = await send(world, content)
    refused(answer, 422, "picture-type-refused")
    assert "svg" not in answer.text


async def test_a_file_too_large_is_refused(world: World) -> None:
    refused(await send(world, b"\xff\xd8\xff".ljust(LARGEST_FILE + 1, b"\0")), 413, "picture-too-large")
    refused(await send(world, b"\xff\xd8\xff".ljust(LARGEST_FILE + 3 * 1024 * 1024, b"\0")), 413, "too-large")


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"kind": "selfie"}, "/kind"),
        ({"taken_on": "2999-01-01"}, "/taken_on"),
        ({"taken_on": "1850-01-01"}, "/taken_on"),
        ({"taken_on": "1709251200"}, "/taken_on"),
        ({"taken_on": "2024-03-01T00:00:00"}, "/taken_on"),
        ({"title": "Caries 36"}, "/title"),
    ],
)
async def test_what_is_said_of_a_picture_is_checked(world: World, said: dict[str, str], pointer: str) -> None:
    answer = await send(world, photo(), said=said)
    refused(answer, 422, "invalid-input")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_two_files_in_one_form_are_refused(world: World) -> None:
    two = [("file", ("a", photo())), ("file", ("b", photo()))]
    answer = await world.http.put(PICTURE, headers=world.here.partner, data={"kind": "photo"}, files=two)
    refused(answer, 422, "invalid-input")


async def test_a_bomb_is_rejected_and_staff_is_told_why(world: World) -> None:
    path = f"/v1/staff/patients/{world.here.patient_id}/pictures"
    added = await add(world, path, bomb())
    assert (added.status_code, added.json()["state"]) == (201, "uploaded")
    await work(world)
    (item,) = (await world.get(path, world.here.staff)).json()["items"]
    assert (item["state"], item["reason"], item["width"]) == ("quarantined", "too-many-pixels", None)
    assert await listed(world) == []


async def test_that_staff_looked_up_the_pictures_is_recorded(world: World) -> None:
    path = f"/v1/staff/patients/{world.here.patient_id}/pictures"
    assert (await world.get(path, world.here.staff)).status_code == 200
    async with world.database.sweeping() as sweeping:
        asked = text("select actor_id, patient_id from event where kind = 'pictures.read'")
        (looked,) = (await sweeping.execute(asked)).all()
    assert tuple(looked) == (world.here.staff_id, world.here.patient_id)


async def test_pages_of_pictures_follow_each_other(world: World) -> None:
    ids = [(await sent(world, photo(60 + n, 40), f"{PICTURE}-{n}"))["picture_id"] for n in range(3)]
    await work(world)
    first = (await world.get("/v1/me/pictures?limit=2", world.here.patient)).json()
    second = (await world.get(f"/v1/me/pictures?limit=2&cursor={first['next_cursor']}", world.here.patient)).json()
    assert [item["picture_id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None


async def test_pictures_cost_few_statements(world: World, at_most: Queries) -> None:
    with at_most(21):  # the app, the patient held and not being erased, twice; the quota; upload, picture, event
        picture = (await sent(world, photo()))["picture_id"]
    await work(world)
    with at_most(2):
        await listed(world)
    with at_most(2):
        address = await link(world, picture)
    with at_most(2):
        await world.http.get(address)
