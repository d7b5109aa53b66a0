"""The demo as a new user meets it: real processes, started, toured, stopped, started again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


def environment(data: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ENAMEL_")}
    return {**kept, "ENAMEL_DATA": str(data), "ENAMEL_PORT": "0"}


def enamel(data: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "enamel", *words]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment(data), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@contextmanager
def running_demo(data: Path) -> Iterator[dict[str, Any]]:
    process = enamel(data, "demo")
    try:
        yield wait_until_ready(process, data)
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output


def wait_until_ready(process: "subprocess.Popen[str]", data: Path) -> dict[str, Any]:
    started = time.time()
    while time.time() - started < PATIENCE:
        assert process.poll() is None, process.communicate()[0]
        told = told_after(data / "demo.json", started)
        if told and answers(told["url"] + "/health/ready"):
            return told
        time.sleep(0.05)
    process.kill()
    pytest.fail("the demo did not come up:\n" + process.communicate()[0])


def told_after(file: Path, moment: float) -> dict[str, Any] | None:
    """demo.json, once this start has written it (the port is another each time)."""
    if not file.exists() or file.stat().st_mtime < moment - 1:
        return None
    told: dict[str, Any] = json.loads(file.read_text())
    return told


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def postgres_of(data: Path) -> list[str]:
    """Command lines of the servers that run on this data folder."""
    shown = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout  # noqa: S607
    return [line for line in shown.splitlines() if str(data) in line and "postgres" in line and " -D " in line]


@pytest.fixture
def data() -> Iterator[Path]:
    # Not pytest's temp folder: as root PostgreSQL runs as another user, who must be able to pass.
    folder = Path(tempfile.mkdtemp(prefix="enamel-demo-"))
    folder.chmod(0o711)
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.mark.timeout(300)
def test_a_fresh_demo_is_toured_stopped_and_started_again_on_its_data(data: Path) -> None:
    with running_demo(data) as told:
        assert (data / "demo.json").stat().st_mode & 0o777 == 0o600
        assert Path(told["printed"]).parent.stat().st_mode & 0o077 in (0o011, 0)
        toured = enamel(data, "tour")
        output, _ = toured.communicate(timeout=120)
        assert toured.returncode == 0, output
        assert "The story went well" in output
        code_of_the_printed_text = json.loads(Path(told["printed"]).read_text().splitlines()[0])
        assert code_of_the_printed_text["channel"] == "sms"
    assert postgres_of(data) == []
    with running_demo(data) as again:
        assert again["clinic_id"] == told["clinic_id"]
        assert again["staff"] == told["staff"]


@pytest.mark.parametrize("victim", ["enamel work", "postgres"])
def test_a_demo_whose_other_half_died_ends_and_says_so(data: Path, victim: str) -> None:
    process = enamel(data, "demo")
    wait_until_ready(process, data)
    children = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(process.pid)],  # noqa: S607
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    pid = next(line.split()[0] for line in children.stdout.splitlines() if victim in line)
    os.kill(int(pid), signal.SIGKILL)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "ended by itself" in output
    assert postgres_of(data) == []


def test_a_second_demo_on_the_same_data_is_refused(data: Path) -> None:
    with running_demo(data) as told:
        second = enamel(data, "demo")
        output, _ = second.communicate(timeout=PATIENCE)
        assert second.returncode == 1
        assert "already runs" in output
        assert answers(told["url"] + "/health/ready")


def test_a_database_that_does_not_answer_is_a_sentence(data: Path) -> None:
    place = {**environment(data), "ENAMEL_DATABASE_URL": "postgresql://someone:secret@127.0.0.1:1/x"}
    command = [sys.executable, "-m", "enamel", "serve"]
    done = subprocess.run(command, cwd=ROOT, env=place, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 1
    assert "ENAMEL_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_the_demo_touches_no_clinic_that_is_not_its_own(data: Path) -> None:
    with running_demo(data):
        pass
    (data / "demo.json").unlink()
    process = enamel(data, "demo")
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "ENAMEL_DATA" in output


def test_a_tour_without_a_demo_says_what_to_do(data: Path) -> None:
    toured = enamel(data, "tour")
    output, _ = toured.communicate(timeout=PATIENCE)
    assert toured.returncode == 1
    assert "make run" in output


def test_an_unknown_setting_of_place_is_refused_with_a_sentence(data: Path) -> None:
    command = [sys.executable, "-m", "enamel", "serve"]
    place = {**environment(data), "ENAMEL_ENVIRONMENT": "production"}
    done = subprocess.run(command, cwd=ROOT, env=place, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 1
    assert "ENAMEL_SECRET" in done.stderr
    assert "Traceback" not in done.stderr
