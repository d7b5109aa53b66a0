"""Pictures that stay in a clinic's archive: named, fetched once, looked into, shown; and what holds when it is down."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from core.clock import now
from core.errors import Unavailable
from core.ids import new_id
from enamel.worker.elsewhere import look_elsewhere
from enamel.worker.files import sweep_files
from enamel.worker.media import look_into_pictures
from media.archives import Archives
from media.commands.files import PATIENCE
from media.dicomweb_http import HttpArchive
from media.folder import FolderStorage
from media.storage import Given
from media.upload import Quota
from tests.api.test_media import link, listed, refused, send, sent
from tests.conftest import Queries
from tests.media import wado_peer as wado
from tests.media.dicom_files import RAMP, dicom
from tests.media.looking import look, looking_into
from tests.media.samples import photo
from tests.media.wado_peer import PASSWORD, WadoPeer, instance
from tests.world import Party, World

MINE = "/v1/partner/patients/anna/pictures/x-1/dicomweb"
SOURCES = "/v1/staff/dicomweb-sources"
SCAN = dicom(PatientName="Rossi^Anna", PatientBirthDate="19850517", Modality="IO")
PREVIEWS = ("preview_1024", "preview_256", "download")


@pytest.fixture
async def peer(world: World) -> AsyncIterator[WadoPeer]:
    """An archive with one scan, which the API and the worker may call."""
    made, archive = WadoPeer(), HttpArchive(("127.0.0.1",), seconds=1.0)
    await made.start()
    made.kept[instance().instance_uid] = SCAN
    object.__setattr__(world.ports, "archives", Archives(archive, bytes(32), plain_http=True))
    yield made
    await archive.close()
    await made.stop()


async def named(world: World, peer: WadoPeer, party: Party | None = None, **more: str) -> str:
    body = {"name": "radiology", "address": peer.url, **more}
    answer = await world.post(SOURCES, (party or world.here).staff, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["source_id"])


def there(number: int = 1, **more: Any) -> dict[str, Any]:
    uids = {"study_uid": "1.2.3", "series_uid": "1.2.3.4", "instance_uid": f"1.2.3.4.{number}"}
    return {"source": "radiology", **uids, "released": True, **more}


async def tell(world: World, path: str = MINE, body: dict[str, Any] | None = None) -> httpx.Response:
    return await world.http.put(path, headers=world.here.partner, json=body or there())


async def told(world: World, path: str = MINE, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await tell(world, path, body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def fetch(world: World, later: timedelta = timedelta()) -> int:
    """What the worker's loop does until nothing may be asked; how many were claimed."""
    assert world.ports.archives is not None
    claimed = 0
    async with looking_into(world) as looking:
        while count := await look_elsewhere(looking, world.ports.archives, now() + later):
            claimed += count
    return claimed


async def staff_link(world: World, picture_id: str, variant: str = "original") -> str:
    path = f"/v1/staff/pictures/{picture_id}/links"
    answer = await world.post(path, world.here.staff, {"variant": variant})
    assert answer.status_code == 200, answer.text
    url = urlsplit(answer.json()["url"])
    return f"{url.path}?{url.query}"


async def shown(world: World, picture_id: str) -> dict[str, Any]:
    answer = await world.get(f"/v1/staff/pictures/{picture_id}", world.here.staff)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def keys(world: World) -> set[str]:
    found = await world.ports.storage.keys_under(str(world.here.clinic_id))
    return {key.rpartition("/")[2] for key in found}


async def test_a_picture_is_fetched_once_and_shown_while_its_original_stays_where_it_is(
    world: World, peer: WadoPeer
) -> None:
    await named(world, peer)
    receipt = await told(world, body=there(taken_on="2026-03-02", teeth=["36"]))
    assert (receipt["outcome"], receipt["state"]) == ("created", "uploaded")
    assert (await told(world, body=there(taken_on="2026-03-02", teeth=["36"])))["outcome"] == "unchanged"
    assert await fetch(world) == 1
    (seen,) = await listed(world)
    assert (seen["picture_id"], seen["teeth"], seen["width"]) == (receipt["picture_id"], ["36"], 64)
    assert len(peer.calls) == 1
    for variant in PREVIEWS:
        answer = await world.http.get(await link(world, receipt["picture_id"], variant))
        assert answer.status_code == 200, answer.text
        assert b"Rossi" not in answer.content
    assert len(peer.calls) == 1
    assert await keys(world) == {"preview_1024", "preview_256", "download"}, "the original is not kept here"
    original = await world.http.get(await staff_link(world, receipt["picture_id"]))
    assert original.content == SCAN
    assert original.headers["content-type"] == "application/dicom"
    assert original.headers["content-disposition"].startswith("attachment")
    assert (original.headers["accept-ranges"], original.headers["content-length"]) == ("none", str(len(SCAN)))
    piece = await world.http.get(await staff_link(world, receipt["picture_id"]), headers={"range": "bytes=0-9"})
    assert (piece.status_code, piece.content) == (200, SCAN), "whole, whatever piece was asked for"
    calls = len(peer.calls)
    head = await world.http.head(await staff_link(world, receipt["picture_id"]))
    assert (head.status_code, head.headers["content-length"], len(peer.calls)) == (200, str(len(SCAN)), calls)
    known = await shown(world, receipt["picture_id"])
    assert (known["size_bytes"], known["dicom"]["modality"]) == (len(SCAN), "IO")


async def test_a_frame_is_a_picture_of_its_own(world: World, peer: WadoPeer) -> None:
    dark, light = np.zeros((32, 64), np.uint16), np.full((32, 64), 4000, np.uint16)
    both = dicom(np.vstack([dark, light]), Rows=32, NumberOfFrames=2, WindowCenter="2000", WindowWidth="4000")
    peer.kept[instance(2).instance_uid] = both
    await named(world, peer)
    paths = [MINE.replace("x-1", f"frame-{frame}") for frame in (1, 2, 3)]
    made = [await told(world, path, there(2, frame=frame)) for frame, path in enumerate(paths, 1)]
    await fetch(world)
    shades = []
    for each in made[:2]:
        answer = await world.http.get(await link(world, each["picture_id"], "preview_256"))
        shades.append(Image.open(BytesIO(answer.content)).convert("L").getpixel((5, 5)))
    assert shades == [0, 255]
    third = await shown(world, made[2]["picture_id"])
    assert (third["state"], third["reason"]) == ("quarantined", "no-picture")
    for each in made[:2]:
        assert (await world.http.get(await staff_link(world, each["picture_id"]))).content == both


async def test_the_name_of_a_picture_stands_for_one_instance_and_one_patient(world: World, peer: WadoPeer) -> None:
    await named(world, peer)
    await told(world)
    refused(await tell(world, body=there(2)), 409, "picture-differs")
    refused(await tell(world, body=there(frame=1)), 409, "picture-differs")
    refused(await tell(world, MINE.replace("anna", "boris")), 409, "picture-differs")
    refused(await send(world, SCAN), 409, "picture-differs")
    await sent(world, SCAN, MINE.replace("/x-1/dicomweb", "/x-2"))
    refused(await tell(world, MINE.replace("x-1", "x-2")), 409, "picture-differs")
    assert (await told(world, body=there(kind="photo")))["outcome"] == "updated"
    refused(await tell(world, body=there(source="cellar")), 422, "invalid-input")
    refused(await tell(world, MINE.replace("anna", "nobody")), 404, "not-found")
    refused(await tell(world, body=there(instance_uid="1.2/../3")), 422, "invalid-input")
    refused(await tell(world, body=there(taken_on="2999-01-01")), 422, "invalid-input")


async def test_of_twenty_who_tell_at_once_one_makes_the_picture(world: World, peer: WadoPeer) -> None:
    await named(world, peer)
    receipts = await asyncio.gather(*(told(world) for _ in range(20)))
    assert sorted(each["outcome"] for each in receipts) == ["created"] + ["unchanged"] * 19
    assert len({each["picture_id"] for each in receipts}) == 1


async def test_while_the_archive_is_down_previews_stay_and_the_original_says_when_to_come_again(
    world: World, peer: WadoPeer
) -> None:
    await named(world, peer)
    receipt = await told(world)
    await fetch(world)
    for speak in (
        wado.status(503),
        wado.slow,
        wado.status(401),
        wado.a_page,
        wado.elsewhere("http://169.254.169.254/"),
    ):
        peer.speak = speak
        answer = await world.http.get(await staff_link(world, receipt["picture_id"]))
        refused(answer, 503, "dicomweb-unreachable")
        assert int(answer.headers["retry-after"]) > 0
        for variant in PREVIEWS:
            assert (await world.http.get(await link(world, receipt["picture_id"], variant))).status_code == 200
    peer.speak = wado.related
    assert (await world.http.get(await staff_link(world, receipt["picture_id"]))).content == SCAN


async def test_an_archive_that_fails_rests_longer_each_time_and_keeps_nothing_else_waiting(
    world: World, peer: WadoPeer
) -> None:
    await named(world, peer)
    peer.speak = wado.status(503)
    for number in range(5):
        await told(world, MINE.replace("x-1", f"x-{number}"), there())
    uploaded = await sent(world, SCAN, MINE.replace("/x-1/dicomweb", "/uploaded"))
    assert await fetch(world) == 1, "one failure is enough to let it rest"
    await look(world)
    assert (await shown(world, uploaded["picture_id"]))["state"] == "ready"
    (source,) = (await world.get(SOURCES, world.here.staff)).json()["items"]
    assert source["trouble"] == "unreachable"
    assert await fetch(world, timedelta(seconds=50)) == 0
    assert await fetch(world, timedelta(seconds=61)) == 1
    assert await fetch(world, timedelta(seconds=61 + 110)) == 0, "twice as long"
    peer.speak = wado.related
    assert await fetch(world, timedelta(hours=2)) == 5
    (source,) = (await world.get(SOURCES, world.here.staff)).json()["items"]
    assert (source["trouble"], source["rests_until"]) == (None, None)
    async with world.database.sweeping() as sweeping:
        assert set((await sweeping.execute(text("select state from picture"))).scalars()) == {"ready"}


async def test_a_picture_that_is_not_there_is_asked_for_again_and_given_up_in_the_end(
    world: World, peer: WadoPeer
) -> None:
    await named(world, peer)
    late, never = await told(world, body=there(2)), await told(world, MINE.replace("x-1", "x-3"), there(3))
    await fetch(world)
    peer.kept[instance(2).instance_uid] = SCAN
    for minutes in (11, 22, 33):
        await fetch(world, timedelta(minutes=minutes))
    assert (await shown(world, late["picture_id"]))["state"] == "ready"
    given_up = await shown(world, never["picture_id"])
    assert (given_up["state"], given_up["reason"]) == ("quarantined", "lost")
    answer = await world.post(
        f"/v1/staff/pictures/{never['picture_id']}/links", world.here.staff, {"variant": "original"}
    )
    refused(answer, 404, "not-found")


async def test_a_file_that_names_somebody_else_is_held_until_somebody_decides(world: World, peer: WadoPeer) -> None:
    peer.kept[instance().instance_uid] = dicom(PatientName="Verdi^Giuseppe", PatientBirthDate="18131010")
    await named(world, peer)
    receipt = await told(world)
    await fetch(world)
    held = await shown(world, receipt["picture_id"])
    assert (held["state"], held["reason"]) == ("quarantined", "another-person")
    assert await keys(world) == set(), "nothing of it was stored"
    path = f"/v1/staff/pictures/{receipt['picture_id']}/verdict"
    assert (await world.post(path, world.here.staff, {"verdict": "confirm_person"})).status_code == 200
    await fetch(world)
    assert (await shown(world, receipt["picture_id"]))["state"] == "ready"


async def test_what_was_not_looked_into_is_not_passed_on(world: World, peer: WadoPeer) -> None:
    await named(world, peer)
    receipt = await told(world)
    path = f"/v1/staff/pictures/{receipt['picture_id']}/links"
    refused(await world.post(path, world.here.staff, {"variant": "original"}), 404, "not-found")
    await fetch(world)
    opened = await staff_link(world, receipt["picture_id"])
    peer.kept[instance().instance_uid] = b"MZ" + SCAN
    refused(await world.http.get(opened), 409, "dicomweb-instance-changed")
    del peer.kept[instance().instance_uid]
    refused(await world.http.get(opened), 404, "dicomweb-instance-gone")


async def test_an_archive_that_ended_is_asked_no_more_and_its_pictures_stay(world: World, peer: WadoPeer) -> None:
    source_id = await named(world, peer, sign_in="basic", user_name="enamel", secret=PASSWORD)
    peer.speak = wado.with_password
    receipt = await told(world)
    await fetch(world)
    opened = await staff_link(world, receipt["picture_id"])
    waiting = await told(world, MINE.replace("x-1", "x-2"), there(2))
    for _ in range(2):
        assert (await world.http.delete(f"{SOURCES}/{source_id}", headers=world.here.staff)).status_code == 204
    calls = len(peer.calls)
    refused(await world.http.get(opened), 410, "dicomweb-source-ended")
    await fetch(world)
    assert (await shown(world, waiting["picture_id"]))["reason"] == "lost"
    assert (await world.http.get(await link(world, receipt["picture_id"], "download"))).status_code == 200
    assert len(peer.calls) == calls
    refused(await tell(world, MINE.replace("x-1", "x-4"), there(4)), 422, "invalid-input")
    async with world.database.sweeping() as sweeping:
        assert (await sweeping.execute(text("select secret from dicomweb_source"))).scalar_one() is None
    await named(world, peer)  # the name is free again


async def test_secrets_are_sealed_and_told_to_nobody(world: World, peer: WadoPeer) -> None:
    secret = "correct-horse-battery"
    await named(world, peer, sign_in="bearer", secret=secret)
    (source,) = (await world.get(SOURCES, world.here.staff)).json()["items"]
    assert "secret" not in source
    async with world.database.sweeping() as sweeping:
        rows = (
            await sweeping.execute(text("select row_to_json(dicomweb_source)::text from dicomweb_source"))
        ).scalars()
        events = (await sweeping.execute(text("select row_to_json(event)::text from event"))).scalars()
        everything = json.dumps([*rows, *events])
    assert secret not in everything
    assert "dicomweb_source.named" in everything


async def test_a_source_needs_a_public_address_and_a_name_of_its_own(world: World, peer: WadoPeer) -> None:
    await named(world, peer)
    here = world.here.staff
    refused(
        await world.post(SOURCES, here, {"name": "radiology", "address": peer.url}), 409, "dicomweb-source-name-taken"
    )
    for address in (
        "http://169.254.169.254/latest", "http://localhost:1/", "http://[::1]/", "ftp://pacs.example", "https://a@b.example",
        "https://no-such-host.invalid/",
    ):  # fmt: skip
        answer = await world.post(SOURCES, here, {"name": "other", "address": address})
        refused(answer, 422, "dicomweb-address-refused")
        assert address not in answer.text
    wrong = {"name": "other", "address": peer.url, "sign_in": "bearer", "secret": "two\r\nlines"}
    refused(await world.post(SOURCES, here, wrong), 422, "invalid-input")
    refused(await world.post(SOURCES, here, {**wrong, "secret": ""}), 422, "invalid-input")
    archives = world.ports.archives
    assert archives is not None
    object.__setattr__(world.ports, "archives", Archives(archives.archive, archives.key))
    refused(await world.post(SOURCES, here, {"name": "other", "address": peer.url}), 422, "dicomweb-address-refused")


async def test_only_who_manages_the_clinic_names_archives_and_only_its_own(world: World, peer: WadoPeer) -> None:
    source_id = await named(world, peer)
    refused(await world.http.delete(f"{SOURCES}/{source_id}", headers=world.there.staff), 404, "not-found")
    refused(await world.http.delete(f"{SOURCES}/{new_id()}", headers=world.here.staff), 404, "not-found")
    assert (await world.get(SOURCES, world.there.staff)).json()["items"] == []
    theirs = await world.http.put(MINE, headers=world.there.partner, json=there())
    refused(theirs, 422, "invalid-input")
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = array['media.read', 'media.write']"))
    for answer in (
        await world.get(SOURCES, world.here.staff),
        await world.post(SOURCES, world.here.staff, {"name": "other", "address": "http://169.254.169.254"}),
        await world.http.delete(f"{SOURCES}/{source_id}", headers=world.here.staff),
    ):
        refused(answer, 403, "not-allowed")


async def test_what_was_made_of_it_goes_with_the_picture_and_not_before(world: World, peer: WadoPeer) -> None:
    await named(world, peer)
    await told(world)
    await told(world, MINE.replace("anna", "boris").replace("x-1", "y-1"), there())
    await fetch(world)
    for patient, left in (("x-1", PREVIEWS), ("y-1", PREVIEWS)):
        async with world.database.sweeping() as sweeping:
            await sweeping.execute(text("delete from picture where external_id = :name"), {"name": patient})
        await sweep_files(world.database, world.ports.storage, now() + 2 * PATIENCE)
        assert await keys(world) == (set(left) if patient == "x-1" else set())


async def test_what_the_archive_keeps_takes_no_room_here(world: World, peer: WadoPeer) -> None:
    await named(world, peer)
    await told(world)
    await fetch(world)
    async with world.database.sweeping() as sweeping:
        sizes = text("select picture.size_bytes, t.size_bytes from picture_elsewhere t join picture using (id)")
        assert tuple((await sweeping.execute(sizes)).one()) == (len(SCAN), len(SCAN))
    object.__setattr__(world.ports, "quota", Quota(patient_bytes=len(photo()), clinic_bytes=10 * len(photo())))
    await told(world, MINE.replace("x-1", "x-2"), there(2))
    await sent(world, photo(), MINE.replace("x-1/dicomweb", "x-3"))
    refused(await tell(world, MINE.replace("x-1", "x-4"), there(3)), 409, "media-quota-of-patient")


async def test_the_uploads_worker_leaves_what_is_elsewhere_alone(
    world: World, peer: WadoPeer, at_most: Queries
) -> None:
    await named(world, peer)
    await told(world)
    async with looking_into(world) as looking:
        with at_most(1):
            assert await look_into_pictures(looking, now()) == 0
    assert peer.calls == []


async def test_two_workers_at_once_settle_a_picture_once(world: World, peer: WadoPeer) -> None:
    peer.kept = {instance(number).instance_uid: dicom(RAMP + number) for number in range(8)}
    await named(world, peer)
    for number in range(8):
        await told(world, MINE.replace("x-1", f"x-{number}"), there(number))
    await asyncio.gather(fetch(world), fetch(world))
    assert len(peer.calls) == 8
    async with world.database.sweeping() as sweeping:
        events = "select count(*) from event where kind = 'picture.ready'"
        assert (await sweeping.execute(text(events))).scalar_one() == 8


class TornStorage(FolderStorage):
    """A storage that is lost after the first preview."""

    async def put_all(self, given: Sequence[Given]) -> None:
        await super().put_all(given[:1])
        raise Unavailable


async def test_a_worker_that_ends_in_the_middle_leaves_nothing_wrong_and_the_next_goes_on(
    world: World, peer: WadoPeer, tmp_path: Path
) -> None:
    await named(world, peer)
    receipt = await told(world)
    assert world.ports.archives is not None
    async with looking_into(world, TornStorage(tmp_path / "files")) as looking:
        with pytest.raises(Unavailable):
            await look_elsewhere(looking, world.ports.archives, now())
    await sweep_files(world.database, world.ports.storage, now() + 2 * PATIENCE)
    assert await keys(world) == {"preview_1024"}, "whose file it is was noted before: no sweep erases it"
    assert (await shown(world, receipt["picture_id"]))["state"] == "uploaded"
    assert await fetch(world, timedelta(minutes=11)) == 1
    assert (await shown(world, receipt["picture_id"]))["state"] == "ready"


async def test_no_file_is_left_behind_by_what_was_fetched(world: World, peer: WadoPeer) -> None:
    await named(world, peer)
    receipt = await told(world)
    await fetch(world)
    await world.http.get(await staff_link(world, receipt["picture_id"]))
    peer.speak = wado.says_more
    await world.http.get(await staff_link(world, receipt["picture_id"]))
    assert os.listdir(world.ports.storage.workplace()) == []
