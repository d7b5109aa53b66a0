"""`GET /v1/me/changes` when nothing is new, and for a whole record, against a hand-written floor, in one run.

The first is what every app asks each time it is opened; it should cost little more than one indexed look.
"""

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path

import httpx

from benchmarks.cabinet import ROUNDS, SECONDS, database_on, get, running
from benchmarks.cabinet_people import Person, settled
from benchmarks.harness import Contender, Server, compare, cores, postmaster, table

_LEAST_BYTES = 4_000


def main() -> int:
    app_core, other_core = cores()
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="enamel-bench-", ignore_cleanup_errors=True))
        )
        folder.chmod(0o711)
        database = stack.enter_context(database_on(folder, other_core))
        people = asyncio.run(settled(database.url("bench")))
        environment = {"BENCH_URL": database.url("bench"), "BENCH_FOLDER": str(folder)}
        enamel = stack.enter_context(running("cabinet_apps:enamel", app_core, environment))
        floor = stack.enter_context(running("cabinet_apps:changes_floor", app_core, environment))
        contenders = _contenders(enamel, floor, people)
        compare(contenders, rounds=ROUNDS, seconds=SECONDS, core=other_core, database_pid=postmaster(database))
    return _verdict(contenders)


def _contenders(enamel: Server, floor: Server, people: list[Person]) -> list[Contender]:
    path = "/v1/me/changes"
    whole = [get(f"{path}?limit=200", f"authorization: Bearer {person.token}") for person in people]
    idle = [
        get(f"{path}?cursor={_settled_cursor(enamel, person)}", f"authorization: Bearer {person.token}")
        for person in people
    ]
    by_id = [get(f"/changes/{person.clinic_id}/{person.patient_id}") for person in people]
    return [
        Contender("enamel: nothing new", enamel, idle),
        Contender("floor: one indexed look", floor, by_id),
        Contender("enamel: a whole record", enamel, whole, least_bytes=_LEAST_BYTES),
    ]


def _settled_cursor(server: Server, person: Person) -> str:
    """The cursor after which nothing is new: asked twice, since the first walk's horizon may lie before its marks."""
    cursor: str | None = None
    for _ in range(2):
        parameters = {"limit": "200"} if cursor is None else {"cursor": cursor}
        answer = httpx.get(
            f"http://127.0.0.1:{server.port}/v1/me/changes",
            params=parameters,
            headers={"authorization": f"Bearer {person.token}"},
        ).raise_for_status()
        cursor = answer.json()["next_cursor"]
    assert answer.json()["items"] == [], "something is new on every ask"
    assert cursor is not None
    return cursor


def _verdict(contenders: list[Contender]) -> int:
    idle, floor, _ = contenders
    print(table(contenders, floor))
    print(f"changes: {idle.rate / floor.rate:.2f} times the floor (no bar is set)")
    return 0
