"""What a worker lacks for a while (a process, the storage, the scanner, PostgreSQL) costs no picture and no drawing."""

import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.clock import now
from core.errors import Unavailable
from enamel.worker.drawings import draw_pending
from enamel.worker.elsewhere import look_elsewhere
from enamel.worker.media import Looking, look_into_pictures
from media.archives import Archives
from media.commands.drawings import LEASE as DRAWING_LEASE
from media.commands.pictures import LEASE
from media.darkroom import Darkroom, Limits, Unfinished
from media.dicomweb_http import HttpArchive
from media.folder import FolderStorage
from media.kinds import MOST_ATTEMPTS, Developed, MediaType
from media.scanner import Clean, PlainScanner
from media.storage import Span, upload_key
from tests.api.picturing import came, done, noted, ready
from tests.api.test_drawings import LINE
from tests.api.test_uploads import begun, completed, put_all
from tests.enamel.test_erasing import folder
from tests.media.dicom_files import dicom
from tests.media.looking import look, looking_into
from tests.media.samples import photo
from tests.media.wado_peer import WadoPeer, instance
from tests.world import World

MISBEHAVING = (sys.executable, "-m", "tests.media.jobs")
TOO_WIDE = 61


class Hindered(FolderStorage):
    """The storage of the world; what of it cannot be reached now: `away`, a part of a key."""

    def __init__(self, world: World, away: str = "") -> None:
        super().__init__(folder(world))
        self._away = away

    async def get(self, key: str, span: Span | None = None) -> bytes:
        if self._away in key:
            raise Unavailable
        return await super().get(key, span)

    async def get_file(self, key: str, path: Path) -> str:
        if self._away in key:
            raise Unavailable
        return await super().get_file(key, path)


class Overtaken(FolderStorage):
    """The storage of the world; before it copies, another worker, whose lease overlaps, is done with everything."""

    def __init__(self, world: World, at: datetime) -> None:
        super().__init__(folder(world))
        self._world, self._at = world, at

    async def copy(self, key: str, to: str) -> None:
        await look(self._world, self._at)
        await super().copy(key, to)


class Boundless(Darkroom):
    """Finds in pictures of this width more than PostgreSQL takes."""

    async def develop(
        self,
        file: bytes | Path,
        announced: MediaType | None = None,
        frame: int | None = None,
        copy_to: Path | None = None,
    ) -> Developed:
        made = await super().develop(file, announced, frame, copy_to)
        return replace(made, width=2**40) if made.width == TOO_WIDE else made


class AwayScanner:
    """A scanner that does not answer."""

    async def scan(self, file: bytes | Path) -> Clean:  # noqa: ARG002
        raise Unavailable


async def uploaded(world: World, content: bytes) -> tuple[str, str]:
    """A picture that came in parts, and where its bytes lie with its upload."""
    view = await begun(world, content)
    await put_all(world, view, content)
    receipt: dict[str, Any] = (await completed(world, view["upload_id"])).json()
    return receipt["picture_id"], upload_key(world.here.clinic_id, UUID(view["upload_id"]))


async def pictures(world: World) -> list[tuple[str, int]]:
    """State and tries of each, oldest first."""
    async with world.database.sweeping() as sweeping:
        rows = await sweeping.execute(text("select state, attempts from picture order by id"))
        return [(state, attempts) for state, attempts in rows]


async def drawn_on(world: World, width: int = 400) -> str:
    """A picture with a drawing that waits."""
    picture = await ready(world, photo(width, 300))
    await done(world, "PUT", f"pictures/{picture}/drawing", {"version": 0, "shapes": [LINE]})
    return picture


async def is_drawn(world: World, picture: str) -> bool:
    return (await done(world, "GET", f"pictures/{picture}"))["drawn_version"] is not None


@pytest.fixture
async def peer(world: World) -> AsyncIterator[WadoPeer]:
    """An archive that the worker may call."""
    made, archive = WadoPeer(), HttpArchive(("127.0.0.1",), seconds=1.0)
    await made.start()
    object.__setattr__(world.ports, "archives", Archives(archive, bytes(32), plain_http=True))
    yield made
    await archive.close()
    await made.stop()


async def kept_elsewhere(world: World, peer: WadoPeer) -> None:
    """A picture that waits to be fetched."""
    source = {"name": "radiology", "address": peer.url}
    assert (await world.post("/v1/staff/dicomweb-sources", world.here.staff, source)).status_code == 201
    uids = {"study_uid": "1.2.3", "series_uid": "1.2.3.4", "instance_uid": "1.2.3.4.1"}
    path = "/v1/partner/patients/anna/pictures/x-1/dicomweb"
    told = await world.http.put(path, headers=world.here.partner, json={"source": "radiology", **uids})
    assert told.status_code == 200, told.text


@pytest.mark.parametrize("command", [("/no/such/program",), (sys.executable, "-c", "import no_such_library")])
async def test_a_darkroom_that_cannot_start_costs_no_picture(world: World, command: tuple[str, ...]) -> None:
    for number in range(2):
        await came(world, photo(60 + number, 40))
    at = now()
    async with looking_into(world, command=MISBEHAVING) as looking:
        looking.darkroom._command = command
        with pytest.raises(Unfinished):
            await looking.darkroom.do("leave", {})
        for turn in range(MOST_ATTEMPTS + 1):
            with pytest.raises(Unavailable):
                await look_into_pictures(looking, at + turn * LEASE)
    assert await pictures(world) == [("uploaded", 0)] * 2
    await look(world, at + 9 * LEASE)
    assert [state for state, _ in await pictures(world)] == ["ready"] * 2


async def test_a_storage_that_was_away_costs_no_drawing(world: World) -> None:
    picture, at = await drawn_on(world), now()
    async with Darkroom(1) as room:
        for turn in range(MOST_ATTEMPTS):
            with pytest.raises(Unavailable):
                await draw_pending(world.database, Hindered(world), room, at + turn * DRAWING_LEASE)
    storage = world.ports.storage
    async with Darkroom(1, Limits(wall_seconds=0.0)) as room:  # and then it goes wrong once, as anything may
        assert await draw_pending(world.database, storage, room, at + 3 * DRAWING_LEASE) == 1
    async with Darkroom(1) as room:
        assert await draw_pending(world.database, storage, room, at + 4 * DRAWING_LEASE) == 1
    assert await is_drawn(world, picture)


async def test_a_preview_that_cannot_be_read_does_not_stop_the_drawings_after_it(world: World) -> None:
    unread, *others = [await drawn_on(world, 400 + number) for number in range(3)]
    async with world.database.sweeping() as sweeping:
        asked = text("select sha256 from picture where id = :picture")
        away = (await sweeping.execute(asked, {"picture": unread})).scalar_one()
    async with Darkroom(1) as room:
        with pytest.raises(Unavailable):
            await draw_pending(world.database, Hindered(world, away), room, now())
    assert [await is_drawn(world, each) for each in (unread, *others)] == [False, True, True]


async def test_a_scanner_that_was_away_costs_no_picture_of_an_archive(world: World, peer: WadoPeer) -> None:
    await kept_elsewhere(world, peer)
    archives, at, uid = world.ports.archives, now(), instance().instance_uid
    assert archives is not None
    peer.kept[uid] = dicom(PatientName="Rossi^Anna", PatientBirthDate="19850517")
    async with looking_into(world) as looking:
        for turn in range(MOST_ATTEMPTS):
            with pytest.raises(Unavailable):
                await look_elsewhere(replace(looking, scanner=AwayScanner()), archives, at + turn * LEASE)
        scan = peer.kept.pop(uid)
        assert await look_elsewhere(looking, archives, at + 3 * LEASE) == 1
        assert await pictures(world) == [("uploaded", 1)], "only that it was not there counts"
        peer.kept[uid] = scan
        assert await look_elsewhere(looking, archives, at + 4 * LEASE) == 1
    assert [state for state, _ in await pictures(world)] == ["ready"]


async def test_what_postgresql_refuses_keeps_no_other_picture_from_being_excused_or_tidied(world: World) -> None:
    (_, away), _, (whole, at_upload) = [
        await uploaded(world, photo(width, 40)) for width in (TOO_WIDE - 1, TOO_WIDE, TOO_WIDE + 1)
    ]
    async with Boundless(1) as darkroom:
        looking = Looking(world.database, Hindered(world, away), darkroom, PlainScanner())
        with pytest.raises(DBAPIError):
            await look_into_pictures(looking, now())
    assert await pictures(world) == [("uploaded", 0), ("uploaded", 1), ("ready", 1)]
    assert (await done(world, "GET", f"pictures/{whole}"))["state"] == "ready"
    assert await world.ports.storage.size(at_upload) is None


async def test_a_worker_that_was_overtaken_before_it_copied_is_no_failure(world: World) -> None:
    at = now()
    picture, at_upload = await uploaded(world, photo())
    async with looking_into(world, Overtaken(world, at + LEASE)) as looking:
        assert await look_into_pictures(looking, at) == 1
    assert [kind for kind, _ in await noted(world, picture)] == ["picture.uploaded", "picture.ready"]
    assert await world.ports.storage.size(at_upload) is None
