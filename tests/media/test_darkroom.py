"""The darkroom: whatever a job does to its process, it is told, and the next job is served."""

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import Unavailable
from media.darkroom import Darkroom, Limits, Unfinished
from media.darkroom_child import _resident_bytes_by_ps, resident_bytes
from media.kinds import MediaType, Reason, Rejected
from media.parcels import Parcel
from tests.media.developing import developed
from tests.media.samples import bomb, photo

MISBEHAVING = (sys.executable, "-m", "tests.media.jobs")
LIMITS = Limits(wall_seconds=20, cpu_seconds=10)


def darkroom(processes: int = 1, **limits: float) -> Darkroom:
    return Darkroom(processes, replace(LIMITS, **limits), MISBEHAVING)  # type: ignore[arg-type]


@pytest.fixture
async def room() -> AsyncIterator[Darkroom]:
    async with darkroom() as opened:
        yield opened


async def pid(room: Darkroom) -> int:
    found: int = (await room.do("tell", {"limits": []})).facts["pid"]
    return found


async def test_the_darkroom_answers_what_its_process_found(tmp_path: Path) -> None:
    content = photo(600, 400, orientation=6, artist="Anna Rossi")
    path = tmp_path / "picture"
    path.write_bytes(content)
    async with Darkroom(1) as room:
        assert await room.develop(content, MediaType.JPEG) == developed(content)
        assert await room.develop(path, MediaType.JPEG) == developed(content)
        with pytest.raises(Rejected) as caught:
            await room.develop(bomb())
        assert caught.value.reason is Reason.TOO_MANY_PIXELS
        assert (await room.develop(content)).width == 400


async def test_a_preview_is_given_in_other_forms() -> None:
    async with Darkroom(1) as room:
        preview = (await room.develop(photo(600, 400))).preview_256
        assert (await room.convert(preview, MediaType.JPEG)).startswith(b"\xff\xd8\xff")
        assert (await room.convert(preview, MediaType.AVIF))[4:12] == b"ftypavif"
        with pytest.raises(Unfinished):
            await room.convert(preview, MediaType.DICOM)


async def test_files_of_any_size_come_back_as_they_went(room: Darkroom) -> None:
    files = (b"", b"x", os.urandom(5_000_000))
    answer = await room.do("echo", {"said": "да\n", "many": [1, None, 2.5]}, *files)
    assert (answer.facts, answer.files) == ({"said": "да\n", "many": [1, None, 2.5]}, files)


async def test_one_process_serves_many_jobs_and_is_replaced_before_it_grows_old() -> None:
    async with darkroom(jobs=3) as room:
        seen = [await pid(room) for _ in range(7)]
    assert len(set(seen)) == 3
    assert seen[0] == seen[2] != seen[3] == seen[5] != seen[6]


async def test_jobs_run_side_by_side_as_many_as_there_are_processes() -> None:
    async with darkroom(2) as room:
        await asyncio.gather(*(room.do("sleep", {"seconds": 0.2}) for _ in range(2)))  # both are up now
        seen = await asyncio.gather(*(room.do("tell", {"limits": []}) for _ in range(20)))
        assert len({each.facts["pid"] for each in seen}) <= 2


async def test_a_process_that_ends_may_be_tried_again_and_the_next_job_is_served(room: Darkroom) -> None:
    first = await pid(room)
    with pytest.raises(Unfinished):
        await room.do("leave", {})
    assert await pid(room) != first


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
async def test_a_file_that_crashes_its_decoder_is_broken_at_once_and_the_next_job_is_served(
    room: Darkroom, number: signal.Signals
) -> None:
    first = await pid(room)
    with pytest.raises(Rejected) as caught:
        await room.do("crash", {"signal": number.value})
    assert caught.value.reason is Reason.BROKEN
    assert await pid(room) != first


async def test_a_process_that_died_while_idle_costs_nobody_a_job(room: Darkroom) -> None:
    os.kill(await pid(room), signal.SIGKILL)
    await asyncio.sleep(0.2)
    assert (await room.do("echo", {"here": True})).facts == {"here": True}


async def test_what_takes_too_long_is_ended(room: Darkroom) -> None:
    first = await pid(room)
    room._limits = replace(LIMITS, wall_seconds=0.3)
    with pytest.raises(Unfinished):
        await room.do("sleep", {"seconds": 30})
    room._limits = LIMITS
    assert await pid(room) != first


async def test_what_takes_too_much_of_the_processor_is_final_and_each_job_has_a_share_of_its_own() -> None:
    async with darkroom(cpu_seconds=1) as room:
        first = await pid(room)
        for _ in range(4):  # more than any share together, and none of them alone
            await room.do("work", {"cpu_seconds": 0.7})
        assert await pid(room) == first
        with pytest.raises(Rejected) as caught:
            await room.do("spin", {})
        assert caught.value.reason is Reason.TOO_COSTLY
        assert await pid(room) != first


@pytest.mark.skipif(sys.platform != "linux", reason="MACOS HAS NO LIMIT ON ADDRESS SPACE: the watch stands alone")
async def test_what_asks_for_too_much_memory_is_final_and_its_process_is_replaced(room: Darkroom) -> None:
    first = await pid(room)
    with pytest.raises(Rejected) as caught:
        await room.do("hoard", {"bytes": 2 * 1024**3})
    assert caught.value.reason is Reason.TOO_COSTLY
    assert await pid(room) != first


async def test_what_holds_too_much_memory_is_seen_from_outside_too(room: Darkroom) -> None:
    await pid(room)
    room._limits = replace(LIMITS, memory_bytes=150 * 1024**2)
    with pytest.raises(Rejected) as caught:
        await room.do("hold", {"bytes": 300 * 1024**2})
    assert caught.value.reason is Reason.TOO_COSTLY


async def test_the_two_ways_to_see_memory_agree() -> None:
    told, by_ps = await resident_bytes(os.getpid()), await _resident_bytes_by_ps(os.getpid())
    assert told == pytest.approx(by_ps, rel=0.2)
    assert await resident_bytes(2**22 + 1) == await _resident_bytes_by_ps(2**22 + 1) == 0


async def test_an_error_of_ours_is_told_by_its_kind_alone(room: Darkroom) -> None:
    with pytest.raises(Unfinished) as caught:
        await room.do("raise_error", {})
    assert str(caught.value) == "LookupError"
    with pytest.raises(Unfinished):
        await room.do("no such job", {})


async def test_a_file_that_is_turned_down_keeps_its_process(room: Darkroom) -> None:
    first = await pid(room)
    with pytest.raises(Rejected):
        await room.do("turn_down", {})
    assert await pid(room) == first


async def test_what_a_library_prints_is_no_answer(room: Darkroom) -> None:
    assert (await room.do("print_noise", {})).facts == {"quiet": True}


async def test_an_answer_that_does_not_fit_is_not_believed(tmp_path: Path) -> None:
    liar = tmp_path / "liar.py"
    liar.write_text(
        "from media import darkroom_process as one\n"
        "one.JOBS['develop'] = 'tests.media.jobs:answer_nonsense'\n"
        "one.main()\n"
    )
    program = f"import runpy, sys; sys.path.insert(0, '.'); runpy.run_path({str(liar)!r})"
    async with Darkroom(1, LIMITS, (sys.executable, "-c", program)) as room:
        with pytest.raises(Unfinished):
            await room.develop(photo())


async def test_a_voice_that_no_message_could_tell_of_is_not_believed(tmp_path: Path) -> None:
    liar = tmp_path / "liar.py"
    liar.write_text(
        "from media import darkroom_process as one\n"
        "one.JOBS['listen'] = 'tests.media.jobs:answer_as_told'\n"
        "one.main()\n"
    )
    program = f"import runpy, sys; sys.path.insert(0, '.'); runpy.run_path({str(liar)!r})"
    honest: dict[str, object] = {"seconds": 900, "waveform": [0] * 63 + [31]}
    async with Darkroom(1, LIMITS, (sys.executable, "-c", program)) as room:
        assert (await room.listen(json.dumps(honest).encode(), MediaType.MP4_SOUND)).seconds == 900
        for lie in ({"seconds": 901}, {"seconds": 0}, {"waveform": [32] * 64}, {"waveform": [0] * 63}):
            with pytest.raises(Unfinished):
                await room.listen(json.dumps({**honest, **lie}).encode(), MediaType.MP4_SOUND)


async def test_an_answer_larger_than_its_question_allows_is_not_read(room: Darkroom) -> None:
    await room.do("echo", {}, bytes(1000))
    process = room._fit(await room._free.get())
    assert process is not None
    asked = Parcel({"job": "echo", "arguments": {}, "cpu_seconds": 5}, (bytes(1000),))
    with pytest.raises(Unfinished):
        await room._done(process, asked, 999)
    room._free.put_nowait(process)


async def test_the_process_is_told_no_secret_and_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENAMEL_SECRET", "of ours")
    names = ["RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_FSIZE"]
    async with darkroom() as opened:
        told = (await opened.do("tell", {"limits": names})).facts
    assert [name for name in told["environment"] if name.startswith("ENAMEL")] == []
    assert told["environment"]["OPENBLAS_NUM_THREADS"] == "1"
    assert told["session"] == told["pid"]
    assert told["limits"]["RLIMIT_CORE"] == told["limits"]["RLIMIT_FSIZE"] == [0, 0]
    if sys.platform == "linux":
        assert told["limits"]["RLIMIT_AS"] == [1024**3, 1024**3]


async def test_the_process_can_write_no_file(room: Darkroom, tmp_path: Path) -> None:
    with pytest.raises(Unfinished):
        await room.do("write_file", {"path": str(tmp_path / "written")})
    assert not (tmp_path / "written").exists() or (tmp_path / "written").stat().st_size == 0


async def test_a_job_nobody_waits_for_any_more_gives_its_place_back(room: Darkroom) -> None:
    first = await pid(room)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await room.do("sleep", {"seconds": 30})
    assert await pid(room) != first


async def test_a_darkroom_that_cannot_start_its_process_says_so_and_recovers(room: Darkroom) -> None:
    room._command = ("/no/such/program",)
    with pytest.raises(Unfinished):
        await room.do("leave", {})
    with pytest.raises(Unavailable):
        await room.do("echo", {})
    room._command = MISBEHAVING
    assert (await room.do("echo", {"again": 1})).facts == {"again": 1}


@pytest.mark.parametrize("program", ["import no_such_library", "print('no parcel')"])
async def test_a_process_that_ends_before_it_is_ready_is_not_the_files_fault(program: str) -> None:
    async with Darkroom(1, LIMITS, (sys.executable, "-c", program)) as room:
        for _ in range(2):
            with pytest.raises(Unavailable):
                await room.do("echo", {})
        room._command = MISBEHAVING
        with suppress(Unavailable):  # the next process was started with the old command already
            await room.do("echo", {})
        assert (await room.do("echo", {"again": 1})).facts == {"again": 1}


async def test_a_process_that_is_never_ready_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.darkroom._START_SECONDS", 0.2)
    async with Darkroom(1, LIMITS, (sys.executable, "-c", "import time; time.sleep(60)")) as room:
        with pytest.raises(Unavailable):
            await room.do("echo", {})


async def test_the_time_a_process_needs_to_begin_is_not_the_jobs() -> None:
    begins_late = "import time; time.sleep(1); from tests.media import jobs; jobs.main()"
    async with Darkroom(1, replace(LIMITS, wall_seconds=0.9), (sys.executable, "-c", begins_late)) as room:
        assert (await room.do("echo", {"here": True})).facts == {"here": True}


async def test_no_process_is_left_when_the_darkroom_closes() -> None:
    async with darkroom(2) as room:
        seen = {
            each.facts["pid"] for each in await asyncio.gather(*(room.do("tell", {"limits": []}) for _ in range(4)))
        }
    for each in seen:
        with pytest.raises(ProcessLookupError):
            os.kill(each, 0)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0


async def test_the_processes_of_a_worker_that_was_killed_end_by_themselves() -> None:
    program = (
        "import asyncio, os, sys\n"
        "sys.path.insert(0, '.')\n"
        "from media.darkroom import Darkroom\n"
        "async def main():\n"
        "    async with Darkroom(1, command=(sys.executable, '-m', 'tests.media.jobs')) as room:\n"
        "        told = await room.do('tell', {'limits': []})\n"
        "        print(told.facts['pid'], flush=True)\n"
        "        os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
    )
    out, _ = await worker.communicate()
    left = int(out)
    for _ in range(100):
        try:
            os.kill(left, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{left}/stat").exists() and ") Z " in Path(f"/proc/{left}/stat").read_text():  # noqa: ASYNC240
            return
        await asyncio.sleep(0.1)
    pytest.fail("it is still there")
