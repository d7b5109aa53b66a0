"""`enamel media import` as a process over a folder: what is taken, what is not and why, killed and run again."""

import asyncio
import csv
import os
import sys
from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import asyncpg
import pytest
from PIL import Image
from sqlalchemy import text

from core.ids import new_id
from enamel.media_import.found import files_in
from enamel.migrate import revisions
from media.upload import PART_BYTES
from tests.enamel.test_erasing import folder
from tests.media.dicom_files import dicom
from tests.media.looking import look
from tests.world import World

PATIENCE_SECONDS = 60
Run = asyncio.subprocess.Process


def picture(number: int) -> bytes:
    """A small JPEG that no other number has."""
    out = BytesIO()
    Image.new("RGB", (24, 16), (number % 256, number // 256, 99)).save(out, "JPEG", comment=str(number).encode())
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    out: str
    err: str


class Importing:
    """The command line over a folder of this test, against the test's own database and storage."""

    def __init__(self, world: World, url: str, archive: Path) -> None:
        self.world = world
        self.archive = archive
        self.report = archive.parent / "report.csv"
        self._settings = {"ENAMEL_DATABASE_URL": url, "ENAMEL_DATA": str(folder(world).parent)}

    def put(self, name: str, content: bytes) -> Path:
        path = self.archive / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    async def start(self, match: str, *more: str) -> Run:
        fixed = ["--match", match, "--clinic", str(self.world.here.clinic_id), "--source", "mis"]
        words = [sys.executable, "-m", "enamel", "media", "import", str(self.archive), *fixed, *more]
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *words, "--report", str(self.report), env={**os.environ, **self._settings}, stdout=pipe, stderr=pipe
        )

    async def worker(self) -> Run:
        words = [sys.executable, "-m", "enamel", "work"]
        return await asyncio.create_subprocess_exec(*words, env={**os.environ, **self._settings})

    async def run(self, match: str = "folder", *more: str) -> Ended:
        started = await self.start(match, *more)
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, err = await started.communicate()
        assert started.returncode is not None
        return Ended(started.returncode, out.decode(), err.decode())

    def reported(self) -> dict[str, str]:
        with self.report.open(newline="") as lines:
            return {row["path"]: row["reason"] for row in csv.DictReader(lines)}

    async def rows(self, columns: str = "external_id, sha256") -> list[tuple[object, ...]]:
        async with self.world.database.sweeping() as sweeping:
            return [tuple(row) for row in await sweeping.execute(text(f"select {columns} from picture"))]  # noqa: S608


@pytest.fixture
async def importing(world: World, migrated: str, owner: asyncpg.Connection, tmp_path: Path) -> Importing:
    # A schema made from the tables has no revision, and a process of ours starts on none but the newest.
    await owner.execute("create table if not exists alembic_version (version_num varchar(32) primary key)")
    await owner.execute("grant select on alembic_version to enamel_app")
    await owner.execute("insert into alembic_version values ($1) on conflict do nothing", revisions()[-1])
    archive = tmp_path / "archive"
    archive.mkdir()
    return Importing(world, migrated, archive)


async def test_killed_in_the_middle_and_run_again_every_picture_is_there_once(importing: Importing) -> None:
    for number in range(185):
        importing.put(f"{'anna' if number % 2 else 'boris'}/2019/{number:03}.jpg", picture(number))
    for number in range(5):
        importing.put(f"nobody/{number}.jpg", picture(500 + number))
        importing.put(f"anna/notes/{number}.txt", b"words")
        importing.put(f"anna/.thumbnails{number}/{number}.jpg", b"hidden")
    half_sent = picture(999)[:-2] + bytes(PART_BYTES * 5 + 9)
    importing.put("anna/large.jpg", half_sent)

    first = await importing.start("folder", "--workers", "2")
    while len(await importing.rows()) < 60:
        assert first.returncode is None, "too fast to be killed in the middle"
        await asyncio.sleep(0.005)
    first.kill()
    await first.wait()
    begun = await importing.rows()
    assert 60 <= len(begun) < 186

    second = await importing.run()
    assert second.status == 3, second.err
    assert Counter(importing.reported().values()) == {"unknown-patient": 5, "picture-type-refused": 5}
    rows = await importing.rows()
    assert len(rows) == len({name for name, _ in rows}) == len({digest for _, digest in rows}) == 186
    assert set(begun) <= set(rows)
    assert f"{len(begun):>9,}  there already" in second.out
    assert f"{5:>9,}  hidden, skipped" in second.out

    third = await importing.run()
    assert f"{0:>9,}  taken" in third.out
    assert await importing.rows() == rows
    await look(importing.world)
    states = Counter(state for (state,) in await importing.rows("state"))
    assert states == {"ready": 185, "quarantined": 1}, "the large one is no whole picture"


async def test_what_is_not_taken_is_told_with_its_reason_and_nothing_is_printed_that_names_anybody(
    importing: Importing,
) -> None:
    importing.put("anna/good.jpg", picture(1))
    importing.put("anna/program.jpg", b"MZ not a picture at all")
    importing.put("Anna Rossi/picture.jpg", picture(2))
    importing.put("=cmd|calc/picture.jpg", picture(3))
    importing.put("loose.jpg", picture(4))
    with importing.put("anna/huge.jpg", b"\xff\xd8\xff").open("r+b") as sparse:
        sparse.truncate(3 * 1024**3)
    outside = importing.archive.parent / "outside.jpg"
    outside.write_bytes(picture(5))
    (importing.archive / "anna/link.jpg").symlink_to(outside)
    (importing.archive / "anna/dangling.jpg").symlink_to("nowhere.jpg")
    (importing.archive / "anna/loop").symlink_to(importing.archive)
    os.mkfifo(importing.archive / "anna/pipe.jpg")
    ended = await importing.run()
    assert ended.status == 3, ended.err
    assert importing.reported() == {
        "'=cmd|calc/picture.jpg": "unknown-patient",
        "Anna Rossi/picture.jpg": "unknown-patient",
        "anna/dangling.jpg": "unreadable",
        "anna/huge.jpg": "picture-too-large",
        "anna/link.jpg": "link-out-of-folder",
        "anna/loop": "link-to-folder",
        "anna/pipe.jpg": "unreadable",
        "anna/program.jpg": "picture-type-refused",
        "loose.jpg": "no-patient",
    }
    assert importing.report.stat().st_mode & 0o777 == 0o600
    assert "anna" not in (ended.out + ended.err).lower()
    assert len(await importing.rows()) == 1


async def test_a_file_that_changed_under_its_name_is_told_and_not_taken(importing: Importing) -> None:
    importing.put("anna/one.jpg", picture(1))
    assert (await importing.run()).status == 0
    before = await importing.rows()
    importing.put("anna/one.jpg", picture(2) + b"longer")
    assert (await importing.run()).status == 3
    assert importing.reported() == {"anna/one.jpg": "picture-differs"}
    assert await importing.rows() == before


async def test_a_second_run_does_not_hide_what_the_clinic_released_nor_open_what_is_there(importing: Importing) -> None:
    path = importing.put("anna/one.jpg", picture(1))
    await importing.run("folder", "--release")
    assert await importing.rows("released_at is not null") == [(True,)]
    path.write_bytes(bytes(path.stat().st_size))  # what is known by name and size is not read again
    assert (await importing.run("folder", "--no-release")).status == 0
    assert await importing.rows("released_at is not null") == [(True,)]


async def test_a_dry_run_tells_the_same_and_takes_nothing(importing: Importing) -> None:
    importing.put("anna/one.jpg", picture(1))
    importing.put("nobody/one.jpg", picture(2))
    importing.put("anna/29990131.jpg", picture(3))
    days = b"anna/one.jpg,anna,2024-01-31\nnobody/one.jpg,nobody,\nanna/29990131.jpg,anna,2999-01-31\n"
    told = importing.put("list.csv", b"path,patient,taken_on\n" + days)
    ended = await importing.run(f"csv:{told}", "--dry-run")
    assert importing.reported() == {"nobody/one.jpg": "unknown-patient", "anna/29990131.jpg": "bad-day"}
    assert ended.status == 3
    assert f"{1:>9,}  would be taken" in ended.out
    assert await importing.rows() == []


async def test_names_tell_the_patient_the_day_and_the_tooth(importing: Importing) -> None:
    importing.put("a/anna_20240131_36.jpg", picture(1))
    importing.put("a/anna_20249931_36.jpg", picture(2))
    importing.put("a/anna_20240131_99.jpg", picture(3))
    importing.put("a/anna_29990131_36.jpg", picture(4))
    importing.put("a/other.jpg", picture(5))
    pattern = r"^(?P<patient>[a-z]+)_(?P<taken_on>\d{8})_(?P<tooth>\d\d)\."
    await importing.run("name:" + pattern, "--kind", "xray")
    assert importing.reported() == {
        "a/anna_20249931_36.jpg": "bad-day",
        "a/anna_20240131_99.jpg": "bad-tooth",
        "a/anna_29990131_36.jpg": "bad-day",
        "a/other.jpg": "no-patient",
    }
    assert await importing.rows("kind, taken_on::text, teeth") == [("xray", "2024-01-31", ["36"])]


async def test_dicom_files_say_their_patient_themselves(importing: Importing) -> None:
    importing.put("1/IM0001", dicom(PatientID=" anna ", StudyDate="20230507"))
    importing.put("1/IM0002", dicom(PatientID="unheard of"))
    importing.put("1/IM0003", dicom())
    importing.put("1/IM0004", bytes(128) + b"DICM" + b"\xff" * 40)
    importing.put("1/IM0005", dicom(PatientID="an\0na"))
    importing.put("1/photo.jpg", picture(1))
    await importing.run("dicom")
    assert importing.reported() == {
        "1/IM0002": "unknown-patient", "1/IM0003": "no-patient", "1/IM0004": "no-patient",
        "1/IM0005": "unknown-patient", "1/photo.jpg": "no-patient",
    }  # fmt: skip
    assert await importing.rows("kind, taken_on::text") == [("xray", "2023-05-07")]


async def test_a_list_tells_everything_and_is_held_against_the_folder(importing: Importing) -> None:
    importing.put("1.jpg", picture(1))
    importing.put("2.jpg", picture(2))
    importing.put("3.jpg", picture(3))
    importing.put("4.jpg", picture(4))
    importing.put("cafe\u0301.jpg", picture(5))
    lines = [
        "path;patient;kind;taken_on;teeth", "1.jpg;anna;xray;2024-01-31;21 11", "2.jpg;boris;drawing;;",
        "caf\u00e9.jpg;anna;photo;;", "4.jpg;anna;;;", "4.jpg;boris;;;", "gone.jpg;anna;;;",
    ]  # fmt: skip
    listed = importing.put("list.csv", ("\ufeff" + "\n".join(lines)).encode())
    await importing.run(f"csv:{listed}")
    assert importing.reported() == {
        "2.jpg": "bad-kind", "3.jpg": "not-listed", "4.jpg": "listed-twice", "gone.jpg": "missing",
    }  # fmt: skip
    assert sorted(await importing.rows("kind, taken_on::text, teeth"), key=str) == [
        ("photo", None, []), ("xray", "2024-01-31", ["11", "21"]),
    ]  # fmt: skip


async def test_waiting_tells_what_the_worker_held_back(importing: Importing) -> None:
    importing.put("anna/good.jpg", picture(1))
    importing.put("anna/cut.jpg", picture(2)[:-40])
    worker = await importing.worker()
    try:
        ended = await importing.run("folder", "--wait")
    finally:
        worker.terminate()
        await worker.wait()
    assert ended.status == 3, ended.err
    assert importing.reported() == {"anna/cut.jpg": "quarantined: broken"}
    assert f"{1:>9,}  taken\n" in ended.out, "a file is counted once"
    assert f"{1:>9,}  not taken, or held back" in ended.out
    again = await importing.run()
    assert again.status == 3, "it is held back still"
    assert f"{1:>9,}  there already" in again.out
    assert f"{1:>9,}  not taken, or held back" in again.out


@pytest.mark.parametrize("match", ["name:(", "name:no group", "file", "csv:/nowhere"])
async def test_what_cannot_be_meant_is_said_in_one_line(importing: Importing, match: str) -> None:
    ended = await importing.run(match)
    assert ended.status == 1
    assert ended.err.startswith("enamel: --match")
    assert ended.err.count("\n") == 1


async def test_a_report_that_cannot_be_written_is_said_before_anything_is_taken(importing: Importing) -> None:
    importing.put("anna/one.jpg", picture(1))
    importing.report.mkdir()
    ended = await importing.run()
    assert (ended.status, ended.err) == (1, "enamel: --report: no file can be written there\n")
    assert await importing.rows() == []


async def test_a_clinic_that_is_none_is_said(importing: Importing) -> None:
    ended = await importing.run("folder", "--clinic", str(new_id()))
    assert (ended.status, ended.err) == (1, "enamel: --clinic: there is no such clinic\n")


def test_the_name_of_a_picture_is_made_of_its_path_alone(tmp_path: Path) -> None:
    for place in ("x", "y"):
        (tmp_path / place / "anna").mkdir(parents=True)
        (tmp_path / place / "anna" / "1.jpg").write_bytes(place.encode())
    [one], [other] = list(files_in(tmp_path / "x")), list(files_in(tmp_path / "y"))
    assert one.external_id == other.external_id
    assert len(one.external_id) == 40


def test_folders_in_folders_are_walked_into_however_deep(tmp_path: Path) -> None:
    folders = [tmp_path / "a"]
    while len(folders) < 1_200:  # Python has a thousand frames
        folders.append(folders[-1] / "d")
    for each in folders:
        each.mkdir()
    deepest, last = folders[-1] / "1.jpg", tmp_path / "b.jpg"
    deepest.write_bytes(b"x")
    last.write_bytes(b"x")
    try:
        assert [each.path for each in files_in(tmp_path)] == [deepest, last]
    finally:
        deepest.unlink()
        for each in reversed(folders):  # nor could those who tidy up after tests
            each.rmdir()
