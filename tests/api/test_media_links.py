"""Links to pictures: which files there are, who is still let in when one is opened, and a storage that is down."""

import hashlib
from dataclasses import replace
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import text

from api.app import create_app
from core.errors import Unavailable
from media.kinds import Variant
from media.scanner import EICAR
from media.storage import Storage
from tests.api.picturing import address, done, own_link, ready, refused, staff, staff_link
from tests.api.test_private import family, marked
from tests.conftest import Queries
from tests.media.looking import look
from tests.media.samples import photo, xray
from tests.world import HOST, World


def plain(width: int = 60, height: int = 40) -> bytes:
    """A JPEG that says nothing but the picture."""
    out = BytesIO()
    Image.new("RGB", (width, height), (255, 0, 0)).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("variant", "media_type", "form"),
    [
        ("preview_1024", "image/webp", "WEBP"),
        ("preview_256", "image/webp", "WEBP"),
        ("preview_1024_jpeg", "image/jpeg", "JPEG"),
        ("preview_256_jpeg", "image/jpeg", "JPEG"),
        ("preview_1024_avif", "image/avif", "AVIF"),
        ("preview_256_avif", "image/avif", "AVIF"),
        ("download", "image/jpeg", "JPEG"),
    ],
)
async def test_a_picture_comes_in_the_form_that_is_asked_for(
    world: World, variant: str, media_type: str, form: str
) -> None:
    picture = await ready(world, photo(600, 400, artist="Dr. Verdi"), taken_on="2026-03-02")
    opened = await world.http.get(await own_link(world, picture, variant))
    assert (opened.status_code, opened.headers["content-type"]) == (200, media_type)
    assert opened.headers["content-length"] == str(len(opened.content))
    place = "attachment" if variant == "download" else "inline"
    ending = {"WEBP": "webp", "JPEG": "jpg", "AVIF": "avif"}[form]
    assert opened.headers["content-disposition"] == f'{place}; filename="photo-2026-03-02.{ending}"'
    with Image.open(BytesIO(opened.content)) as shown:
        assert (shown.format, max(shown.size)) == (form, 256 if "256" in variant else 600)
    assert b"Verdi" not in opened.content


async def test_each_file_has_its_own_tag(world: World) -> None:
    picture = await ready(world)
    tags = set()
    for variant in ("preview_1024", "preview_256", "preview_256_jpeg", "preview_256_avif", "download"):
        tags.add((await world.http.head(await own_link(world, picture, variant))).headers["etag"])
    assert len(tags) == 5


async def test_another_form_is_made_once_and_found_afterwards(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = await ready(world)
    first = await world.http.get(await own_link(world, picture, "preview_256_avif"))

    def never(*_: object) -> bytes:
        raise AssertionError("made again")

    monkeypatch.setattr("api.media.converted", never)
    again = await world.http.get(await own_link(world, picture, "preview_256_avif"))
    assert again.content == first.content
    piece = await world.http.get(await own_link(world, picture, "preview_256_avif"), headers={"range": "bytes=4-11"})
    assert (piece.status_code, piece.content) == (206, first.content[4:12])


async def test_a_clear_picture_becomes_white_where_a_form_has_no_clear(world: World) -> None:
    out = BytesIO()
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(out, "PNG")
    picture = await ready(world, out.getvalue())
    opened = await world.http.get(await own_link(world, picture, "preview_256_jpeg"))
    with Image.open(BytesIO(opened.content)) as shown:
        assert shown.convert("L").getextrema()[0] > 250  # type: ignore[operator]


async def test_a_file_that_says_nothing_but_the_picture_is_the_copy_itself(world: World) -> None:
    content = plain()
    picture = await ready(world, content)
    assert (await world.http.get(await own_link(world, picture, "download"))).content == content
    assert (await done(world, "GET", f"pictures/{picture}"))["download"]["size_bytes"] == len(content)


async def test_the_file_as_it_came_is_for_staff_alone(world: World) -> None:
    content = xray()
    picture = await ready(world, content, kind="xray")
    asked = await world.post(f"/v1/me/pictures/{picture}/links", world.here.patient, {"variant": "original"})
    refused(asked, 422, "invalid-input")
    opened = await world.http.get(await staff_link(world, picture))
    assert opened.content == content
    assert opened.headers["content-disposition"] == 'attachment; filename="xray.dcm"'
    copied = await world.http.get(await own_link(world, picture, "download"))
    assert b"Rossi" not in copied.content


async def test_staff_opens_what_waits_for_a_verdict_and_nobody_what_would_harm(world: World) -> None:
    stranger = xray(header={"PatientName": "Bianchi^Carla", "PatientBirthDate": "19510203"})
    picture = await ready(world, stranger, kind="xray")
    assert (await world.http.get(await staff_link(world, picture))).content == stranger
    refused(await staff(world, "POST", f"pictures/{picture}/links", {"variant": "preview_256"}), 404, "not-found")
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update picture set reason = 'infected'"))
    refused(await staff(world, "POST", f"pictures/{picture}/links", {"variant": "original"}), 404, "not-found")


async def test_what_no_scanner_has_looked_at_is_handed_out_to_nobody(world: World) -> None:
    """A patient sends a virus for a photo and lies about its hash, so that it is held back before it is scanned."""
    sent = plain()[: -len(EICAR)] + EICAR
    told = {"media_type": "image/jpeg", "size_bytes": len(sent), "sha256": hashlib.sha256(plain()).hexdigest()}
    mine = world.here.patient
    begun = (await world.post("/v1/me/conversation/uploads", mine, told)).json()
    path = f"/v1/me/conversation/uploads/{begun['upload_id']}"
    octets = {**mine, "content-type": "application/octet-stream"}
    await world.http.put(f"{path}/parts/1", content=sent, headers=octets)
    picture = (await world.post(f"{path}/complete", mine, None)).json()["picture_id"]
    for state, reason in (("uploaded", None), ("quarantined", "file-differs")):
        seen = await done(world, "GET", f"pictures/{picture}")
        assert (seen["state"], seen["reason"]) == (state, reason)
        refused(await staff(world, "POST", f"pictures/{picture}/links", {"variant": "original"}), 404, "not-found")
        await look(world)


async def test_a_link_ends_when_the_picture_is_hidden(world: World) -> None:
    picture = await ready(world)
    mine, theirs = await own_link(world, picture), await staff_link(world, picture)
    await done(world, "POST", f"pictures/{picture}/hide")
    refused(await world.http.get(mine), 404, "not-found")
    assert (await world.http.get(theirs)).status_code == 200


async def test_a_link_ends_when_the_picture_moves_and_does_not_begin_again(world: World) -> None:
    picture = await ready(world)
    mine, theirs = await own_link(world, picture), await staff_link(world, picture)
    body = {"patient_id": str(world.here.other_patient_id), "reason": "wrong_record"}
    await done(world, "POST", f"pictures/{picture}/move", body)
    refused(await world.http.get(mine), 404, "not-found")
    await done(world, "POST", f"pictures/{picture}/release", {})
    for link in (mine, theirs):
        refused(await world.http.get(link), 404, "not-found")


async def test_a_guardians_link_ends_when_the_picture_becomes_private(world: World) -> None:
    emma, own, mother = await family(world)
    picture = await ready(world, patient="emma")
    path, body = f"/v1/patients/{emma}/pictures/{picture}", {"variant": "preview_256"}
    hers = address(await world.post(f"{path}/links", own.headers, body))
    mothers = address(await world.post(f"{path}/links", mother.headers, body))
    assert (await world.get(path, mother.headers)).status_code == 200
    assert (await world.http.get(mothers)).status_code == 200
    hidden = await marked(world, f"/v1/staff/patients/{emma}/private/picture/{picture}", world.here.staff)
    assert hidden.status_code == 204
    refused(await world.http.get(mothers), 404, "not-found")
    refused(await world.get(path, mother.headers), 404, "not-found")
    refused(await world.post(f"{path}/links", mother.headers, body), 404, "not-found")
    assert (await world.http.get(hers)).status_code == 200
    shown = await marked(world, f"/v1/staff/patients/{emma}/private/picture/{picture}", world.here.staff, private=False)
    assert shown.status_code == 204
    assert (await world.http.get(mothers)).status_code == 200


async def test_a_link_costs_two_statements_and_its_file_two(world: World, at_most: Queries) -> None:
    picture = await ready(world)
    with at_most(2):
        link = await own_link(world, picture)
    with at_most(2):  # the file, and whether they still may
        await world.http.get(link)
    with at_most(4):  # who calls, the file, that it was looked at, and whose it is
        await staff_link(world, picture, "preview_256")


class _Down:
    """A storage that nobody answers at."""

    def __getattr__(self, name: str) -> Any:
        async def refuse(*_: object) -> None:
            raise Unavailable(retry_after_seconds=5)

        return refuse


async def test_while_the_storage_is_down_everything_answers_but_the_files_themselves(world: World) -> None:
    picture = await ready(world)
    before = await own_link(world, picture, "preview_1024_jpeg")
    down: Storage = _Down()
    app = create_app(replace(world.ports, storage=down), {"127.0.0.1"})
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as http:
        here = world.here
        path, chart = f"/v1/staff/patients/{here.patient_id}/pictures", "/v1/me/cabinet"
        for asked, who in (("/v1/me/pictures", here.patient), (chart, here.patient), (path, here.staff)):
            answer = await http.get(asked, headers=who)
            assert answer.status_code == 200, answer.text
            assert picture in answer.text
        links = f"/v1/me/pictures/{picture}/links"
        given = await http.post(links, headers=here.patient, json={"variant": "preview_256"})
        fetched = [await http.get(address(given)), await http.get(before)]
        fetched.append(await http.post(links, headers=here.patient, json={"variant": "preview_1024_avif"}))
        form, file = {"kind": "photo"}, {"file": ("a.jpg", photo(70, 70))}
        fetched.append(await http.post(path, headers=here.staff, data=form, files=file))
        fetched.append(await http.head(before))
    assert [(each.status_code, each.headers["retry-after"]) for each in fetched] == [(503, "5")] * 5
    assert (await world.http.get(await own_link(world, picture))).status_code == 200
    await look(world)


@pytest.mark.parametrize("variant", [each.value for each in Variant if each is not Variant.ORIGINAL])
async def test_of_a_picture_that_is_not_ready_there_is_nothing_but_the_file(world: World, variant: str) -> None:
    picture = await ready(world, b"\xff\xd8\xff" + bytes(50))
    refused(await staff(world, "POST", f"pictures/{picture}/links", {"variant": variant}), 404, "not-found")
    assert (await world.http.get(await staff_link(world, picture))).content[:3] == b"\xff\xd8\xff"
