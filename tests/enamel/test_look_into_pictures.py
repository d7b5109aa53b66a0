"""The worker's step that looks into pictures: it may crash anywhere, and may be many."""

import asyncio
import hashlib
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from api.uploads import Admitted, take_whole
from core.clock import now
from core.database import Reading
from core.errors import Unavailable
from core.events import SYSTEM, Actor, Event
from enamel.worker.media import look_into_pictures, settle
from media.commands import Stored, claim_pictures
from media.commands.pictures import LEASE
from media.folder import FolderStorage
from media.kinds import MOST_ATTEMPTS, MediaType, PictureKind, PictureState, Reason, Variant
from media.queries import KeptPicture, picture_files
from media.storage import Missing, file_key
from media.upload import Announced
from tests.media.looking import looking_into
from tests.media.samples import photo
from tests.world import World


async def uploaded(world: World, content: bytes | None = None, sha256: str | None = None) -> UUID:
    """A picture that came in one request; `sha256`: what its sender announced instead of the truth."""
    content = content or photo()
    here, facts = world.here, (PictureKind.PHOTO, MediaType.JPEG, len(content), sha256 or digest(content))

    async def stand(_: Reading) -> Actor:
        return SYSTEM

    async def admit(_: Reading) -> Admitted:
        return Admitted(here.patient_id, SYSTEM)

    _, picture = await take_whole(world.ports, here.scope, admit, stand, Announced(*facts), content)
    return picture.picture_id


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def kept(world: World) -> list[KeptPicture]:
    async with world.database.reading(world.here.scope) as reading:
        return await picture_files(reading, world.here.patient_id, before=None, limit=100)


async def told(world: World, picture_id: UUID) -> list[str]:
    async with world.database.reading(world.here.scope) as reading:
        statement = select(col(Event.kind)).where(col(Event.subject_id) == picture_id).order_by(col(Event.id))
        return list((await reading.execute(statement)).scalars())


async def test_a_picture_becomes_ready_and_says_so_once(world: World) -> None:
    picture = await uploaded(world)
    async with looking_into(world) as looking:
        assert await look_into_pictures(looking, now()) == 1
        assert await look_into_pictures(looking, now()) == 0
    (file,) = await kept(world)
    assert (file.state, file.width, file.height) == (PictureState.READY, 60, 40)
    assert await told(world, picture) == ["picture.uploaded", "picture.ready"]


async def test_a_picture_whose_worker_died_is_taken_again_when_its_lease_ends(world: World) -> None:
    await uploaded(world)
    at = now()
    async with world.database.sweeping() as sweeping:
        assert len(await claim_pictures(sweeping, at, 10)) == 1
    async with looking_into(world) as looking:
        assert await look_into_pictures(looking, at + LEASE - timedelta(seconds=1)) == 0
        assert await look_into_pictures(looking, at + LEASE) == 1
    assert [file.state for file in await kept(world)] == [PictureState.READY]


async def test_many_workers_share_the_pictures_and_settle_each_once(world: World) -> None:
    pictures = [await uploaded(world, photo(60 + n, 40)) for n in range(6)]
    at = now()
    async with looking_into(world, processes=2) as looking:
        claims = await asyncio.gather(*(look_into_pictures(looking, at) for _ in range(4)))
    assert sum(claims) == len(pictures)
    for picture in pictures:
        assert await told(world, picture) == ["picture.uploaded", "picture.ready"]


async def test_two_workers_on_one_picture_settle_it_once(world: World) -> None:
    """A lease that ended while its worker was still busy."""
    picture = await uploaded(world)
    at = now()
    async with looking_into(world) as one, looking_into(world) as other:
        await asyncio.gather(look_into_pictures(one, at), look_into_pictures(other, at + LEASE))
    assert await told(world, picture) == ["picture.uploaded", "picture.ready"]


KILLED = (
    "import os, sys; from media.parcels import Parcel, send; "
    "send(Parcel({}), sys.stdout.buffer); sys.stdin.buffer.read(1); os.kill(os.getpid(), 9)"
)
"""A process of the darkroom that is ready, and is killed by its first job."""


async def test_a_picture_that_kills_its_process_is_tried_three_times(world: World) -> None:
    picture = await uploaded(world)
    at = now()
    async with looking_into(world, command=(sys.executable, "-c", KILLED)) as looking:
        for attempt in range(MOST_ATTEMPTS):
            assert [file.state for file in await kept(world)] == [PictureState.UPLOADED]
            assert await look_into_pictures(looking, at + attempt * LEASE) == 1
    (file,) = await kept(world)
    assert (file.state, file.reason) == (PictureState.QUARANTINED, Reason.TOO_COSTLY)
    assert await told(world, picture) == ["picture.uploaded", "picture.quarantined"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xd8\xff cut off", Reason.BROKEN),
        (b"\x89PNG\r\n\x1a\n and more", Reason.TYPE_DIFFERS),
        (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*", Reason.INFECTED),
    ],
)
async def test_what_is_no_honest_picture_stands_in_quarantine_and_is_shown_to_nobody(
    world: World, content: bytes, reason: Reason
) -> None:
    await uploaded(world, content)
    async with looking_into(world) as looking:
        await look_into_pictures(looking, now())
    (file,) = await kept(world)
    assert (file.state, file.reason) == (PictureState.QUARANTINED, reason)


async def test_bytes_that_are_not_what_was_announced_stand_in_quarantine(world: World) -> None:
    await uploaded(world, sha256="0" * 64)
    async with looking_into(world) as looking:
        await look_into_pictures(looking, now())
    (file,) = await kept(world)
    assert (file.state, file.reason) == (PictureState.QUARANTINED, Reason.FILE_DIFFERS)


class Away(FolderStorage):
    """A storage that cannot be reached."""

    async def get_file(self, key: str, path: Path) -> str:  # noqa: ARG002
        raise Unavailable


async def test_a_storage_that_is_away_costs_no_picture(world: World, tmp_path: Path) -> None:
    await uploaded(world)
    at: datetime = now()
    async with looking_into(world, Away(tmp_path)) as looking:
        for attempt in range(MOST_ATTEMPTS + 2):
            with pytest.raises(Unavailable):
                await look_into_pictures(looking, at + attempt * LEASE)
    async with world.database.sweeping() as sweeping:
        (claimed,) = await claim_pictures(sweeping, at + 9 * LEASE, 1)
    assert claimed.attempts == 1, "none of those tries counted"
    async with looking_into(world) as looking:
        assert await look_into_pictures(looking, at + 10 * LEASE) == 1
    assert [file.state for file in await kept(world)] == [PictureState.READY]


class Forgetful(FolderStorage):
    """A storage that lost one file, and cannot be reached for another."""

    def __init__(self, root: Path, lost: str, away: str = "none") -> None:
        super().__init__(root)
        self._lost, self._away = lost, away

    async def get_file(self, key: str, path: Path) -> str:
        if self._away in key:
            raise Unavailable
        if self._lost in key:
            raise Missing
        return await super().get_file(key, path)


async def test_a_picture_whose_bytes_are_lost_is_given_up(world: World, tmp_path: Path) -> None:
    content, at = photo(), now()
    picture = await uploaded(world, content)
    async with looking_into(world, Forgetful(tmp_path, digest(content))) as looking:
        for attempt in range(MOST_ATTEMPTS):
            assert [file.state for file in await kept(world)] == [PictureState.UPLOADED]
            assert await look_into_pictures(looking, at + attempt * LEASE) == 1
    (file,) = await kept(world)
    assert (file.state, file.reason) == (PictureState.QUARANTINED, Reason.LOST)
    assert await told(world, picture) == ["picture.uploaded", "picture.quarantined"]


async def test_what_one_picture_lacks_does_not_stop_its_neighbour(world: World, tmp_path: Path) -> None:
    first, second = photo(61, 40), photo(62, 40)
    unreached, whole = await uploaded(world, first), await uploaded(world, second)
    root = tmp_path / "both"
    for content in (first, second):
        key = file_key(world.here.clinic_id, digest(content), Variant.ORIGINAL)
        await FolderStorage(root).put(key, content, MediaType.JPEG)
    async with looking_into(world, Forgetful(root, "none", away=digest(first)), processes=2) as looking:
        with pytest.raises(Unavailable):
            await look_into_pictures(looking, now())
    assert await told(world, whole) == ["picture.uploaded", "picture.ready"]
    assert await told(world, unreached) == ["picture.uploaded"]


async def test_what_postgresql_refuses_of_one_picture_does_not_stop_its_neighbour(world: World) -> None:
    refused, whole = await uploaded(world, photo(61, 40)), await uploaded(world, photo(62, 40))
    async with world.database.sweeping() as sweeping:
        claimed = {each.picture_id: each for each in await claim_pictures(sweeping, now(), 10)}
    good = Stored(62, 40, 1, "L00000fQfQfQfQfQ", 10, 10, None, None)
    ends = {claimed[refused]: replace(good, width=2**40), claimed[whole]: good}
    async with looking_into(world) as looking:
        with pytest.raises(DBAPIError):
            await settle(looking, ends, now())
    assert await told(world, whole) == ["picture.uploaded", "picture.ready"]
    assert await told(world, refused) == ["picture.uploaded"]
