"""The worker's step that looks into pictures: it may crash anywhere, and may be many."""

import asyncio
import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from core.clock import now
from core.errors import Unavailable
from core.events import SYSTEM, Event
from enamel.worker.media import make_previews
from media import darkroom
from media.commands import LEASE, Upload, claim_uploads, keep_upload
from media.folder import FolderStorage
from media.kinds import MOST_ATTEMPTS, MediaType, PictureKind, PictureState, Reason, Variant
from media.queries import PictureFile, picture_files
from media.storage import Missing, Span, Storage, picture_key
from tests.media.samples import photo
from tests.world import World


async def uploaded(world: World, content: bytes | None = None) -> UUID:
    content = content or photo()
    here, sha256 = world.here, hashlib.sha256(content or b"").hexdigest()
    key = picture_key(here.clinic_id, here.patient_id, sha256, Variant.ORIGINAL)
    await world.ports.storage.put(key, content, MediaType.JPEG)
    upload = Upload(PictureKind.PHOTO, MediaType.JPEG, sha256, len(content))
    async with world.database.writing(here.scope) as writing:
        _, picture = await keep_upload(writing, here.clinic_id, here.patient_id, upload, None, SYSTEM, now())
    return picture.picture_id


async def kept(world: World) -> list[PictureFile]:
    async with world.database.reading(world.here.scope) as reading:
        return await picture_files(reading, world.here.patient_id, before=None, limit=100)


async def told(world: World, picture_id: UUID) -> list[str]:
    async with world.database.reading(world.here.scope) as reading:
        statement = select(col(Event.kind)).where(col(Event.subject_id) == picture_id).order_by(col(Event.id))
        return list((await reading.execute(statement)).scalars())


async def test_a_picture_becomes_ready_and_says_so_once(world: World) -> None:
    picture = await uploaded(world)
    assert await make_previews(world.database, world.ports.storage, now()) == 1
    assert await make_previews(world.database, world.ports.storage, now()) == 0
    (file,) = await kept(world)
    assert (file.state, file.width, file.height) == (PictureState.READY, 60, 40)
    assert await told(world, picture) == ["picture.uploaded", "picture.ready"]


async def test_a_picture_whose_worker_died_is_taken_again_when_its_lease_ends(world: World) -> None:
    await uploaded(world)
    at = now()
    async with world.database.sweeping() as sweeping:
        assert len(await claim_uploads(sweeping, at, 10)) == 1
    assert await make_previews(world.database, world.ports.storage, at + LEASE - timedelta(seconds=1)) == 0
    assert await make_previews(world.database, world.ports.storage, at + LEASE) == 1
    assert [file.state for file in await kept(world)] == [PictureState.READY]


async def test_many_workers_share_the_pictures_and_settle_each_once(world: World) -> None:
    pictures = [await uploaded(world, photo(60 + n, 40)) for n in range(6)]
    at = now()
    claims = await asyncio.gather(*(make_previews(world.database, world.ports.storage, at) for _ in range(4)))
    assert sum(claims) == len(pictures)
    for picture in pictures:
        assert await told(world, picture) == ["picture.uploaded", "picture.ready"]


async def test_two_workers_on_one_picture_settle_it_once(world: World) -> None:
    """A lease that ended while its worker was still busy."""
    picture = await uploaded(world)
    at = now()
    first = make_previews(world.database, world.ports.storage, at)
    second = make_previews(world.database, world.ports.storage, at + LEASE)
    await asyncio.gather(first, second)
    assert await told(world, picture) == ["picture.uploaded", "picture.ready"]


async def test_a_picture_that_kills_its_process_is_tried_three_times(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = await uploaded(world)
    killed = tmp_path / "killed"
    killed.write_text("#!/bin/sh\nkill -KILL $$")
    killed.chmod(0o700)
    monkeypatch.setattr(darkroom, "PYTHON", str(killed))
    at = now()
    for attempt in range(MOST_ATTEMPTS):
        assert [file.state for file in await kept(world)] == [PictureState.UPLOADED]
        assert await make_previews(world.database, world.ports.storage, at + attempt * LEASE) == 1
    (file,) = await kept(world)
    assert (file.state, file.reason) == (PictureState.REJECTED, Reason.TOO_COSTLY)
    assert await told(world, picture) == ["picture.uploaded", "picture.rejected"]


class Away(FolderStorage):
    """A storage that cannot be reached."""

    async def get(self, key: str, span: Span | None = None) -> bytes:  # noqa: ARG002
        raise Unavailable


async def test_a_storage_that_is_away_costs_no_picture(world: World, tmp_path: Path) -> None:
    await uploaded(world)
    away: Storage = Away(tmp_path)
    at: datetime = now()
    for attempt in range(MOST_ATTEMPTS + 2):
        with pytest.raises(Unavailable):
            await make_previews(world.database, away, at + attempt * LEASE)
    assert await make_previews(world.database, world.ports.storage, at + 10 * LEASE) == 1
    assert [file.state for file in await kept(world)] == [PictureState.READY]


class Forgetful(FolderStorage):
    """A storage that lost one file, and cannot be reached for another."""

    def __init__(self, root: Path, lost: str, away: str = "none") -> None:
        super().__init__(root)
        self._lost, self._away = lost, away

    async def get(self, key: str, span: Span | None = None) -> bytes:
        if self._away in key:
            raise Unavailable
        if self._lost in key:
            raise Missing
        return await super().get(key, span)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def test_a_picture_whose_bytes_are_lost_is_given_up(world: World, tmp_path: Path) -> None:
    content, at = photo(), now()
    picture = await uploaded(world, content)
    forgetful = Forgetful(tmp_path, digest(content))
    for attempt in range(MOST_ATTEMPTS):
        assert [file.state for file in await kept(world)] == [PictureState.UPLOADED]
        assert await make_previews(world.database, forgetful, at + attempt * LEASE) == 1
    (file,) = await kept(world)
    assert (file.state, file.reason) == (PictureState.REJECTED, Reason.LOST)
    assert await told(world, picture) == ["picture.uploaded", "picture.rejected"]


async def test_what_one_picture_lacks_does_not_stop_its_neighbour(world: World, tmp_path: Path) -> None:
    first, second = photo(61, 40), photo(62, 40)
    unreached, whole = await uploaded(world, first), await uploaded(world, second)
    root = tmp_path / "both"
    for content in (first, second):
        key = picture_key(world.here.clinic_id, world.here.patient_id, digest(content), Variant.ORIGINAL)
        await FolderStorage(root).put(key, content, MediaType.JPEG)
    with pytest.raises(Unavailable):
        await make_previews(world.database, Forgetful(root, "none", away=digest(first)), now())
    assert await told(world, whole) == ["picture.uploaded", "picture.ready"]
    assert await told(world, unreached) == ["picture.uploaded"]
