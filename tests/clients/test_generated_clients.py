"""Clients made from the documents do a patient's whole journey against a real server; the other doors compile."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.documents import Door
from chat.wakeups import MemoryWakeups
from core.clock import now
from core.ids import new_id
from core.moments import rfc3339
from tests.api.household import invited
from tests.api.paperwork import FORM, NOTE, sent
from tests.api.test_account import entry, money, plan, push
from tests.api.test_waiting_list import offered_by_desk
from tests.api.visits import published, rules
from tests.clients.generated import generated, run, typescript_compiler
from tests.node import node
from tests.push.phones import HOUR, notice, tell
from tests.world import World

HERE = Path(__file__).parent
PYTHON = [sys.executable, "-P"]  # without our own folder on the path: the client stands alone
PACKAGES = {Door.PATIENT: "enamel_patient", Door.STAFF: "enamel_staff", Door.PARTNER: "enamel_partner"}
_IMPORT_ALL = (
    "import {0} as it, pkgutil; [__import__(each.name) for each in pkgutil.walk_packages(it.__path__, '{0}.')]"
)
_OPTIONS = {
    "target": "es2022", "module": "commonjs", "moduleResolution": "bundler", "strict": True, "types": [],
    "lib": ["es2022", "dom"], "noEmitOnError": True,
}  # fmt: skip

pytestmark = pytest.mark.timeout(600)  # a generator, an installer and a compiler, each a program of its own

JOURNEY = {
    "name": "Anna", "next_visit": "Igiene", "teeth": 32, "plan": "A", "answered": "accepted",
    "payment": ["pending", "succeeded"], "payable": [9_000, 0],
    "move": ["move_visit", "open", "Dopo la scuola"],
    "booked": ["booked", "Hygiene", "Dr. Bianchi", 0],
    "waited": ["waiting", "open", "booked", "fulfilled"],
    "visits": ["Hygiene", "Igiene", "Hygiene"],
    "document": "acknowledged", "form": ["answers-refused", "seen", "filled", 7, "Anna"],
    "family": ["Boris", "carer", ["book", "view_chart"], "access-too-narrow"],
    "message": "Buongiorno, 你好", "notices": ["visit"], "refused": "not-found",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Served:
    """A clinic with something of everything for its patient, and where it is served."""

    world: World
    address: str
    link_code: str

    @property
    def told(self) -> dict[str, str]:
        here = self.world.here
        return {
            "ADDRESS": f"http://{self.address}", "PHONE": here.phone, "CLINIC": str(here.clinic_id),
            "TEXTS": str(self.world.printed), "MESSAGE_ID": str(new_id()), "LINK_CODE": self.link_code,
            "UNTIL": f"{now() + timedelta(days=60):%Y-%m-%d}",
        }  # fmt: skip


@pytest.fixture
async def served(world: World, migrated: str) -> AsyncIterator[Served]:
    at = now()
    start = at + timedelta(days=3)
    visit = {"starts_at": rfc3339(start), "ends_at": rfc3339(start + timedelta(hours=1)), "service": "Igiene"}
    await push(world, "appointments", {"external_id": "v", "version": 1, "patient": "anna", **visit})
    await push(world, "plans", {**plan(), "status": "proposed"})
    await push(world, "ledger", entry("c", "charge", 9_000, amount=money(9_000)))
    await sent(world, NOTE)
    await sent(world, FORM)
    await rules(world)
    await published(world, at + timedelta(days=10))
    link_code = await invited(world, world.here.other_patient_id, "carer", scopes=["view_chart", "book"])
    await tell(world.database, world.here, notice(world.here, not_before=at, expires_at=at + HOUR))
    with node(world, migrated, MemoryWakeups()) as address:
        yield Served(world, address, link_code)


def python_client(door: Door, folder: Path) -> Path:
    """The Python client of a door, every module of which can be imported."""
    client = generated(door, "python", folder, packageName=PACKAGES[door])
    run([*PYTHON, "-c", _IMPORT_ALL.format(PACKAGES[door])], PYTHONPATH=str(client))
    return client


async def walked(served: Served, program: list[object], **environment: str) -> Any:
    """What a journey tells at its end."""
    desk = asyncio.create_task(_desk(served.world))
    try:
        said = await asyncio.to_thread(run, program, **environment, **served.told)
    finally:
        desk.cancel()
    return json.loads(said)


async def _desk(world: World) -> None:
    """Frees a time as soon as somebody waits for one."""
    for _ in range(600):
        if (await world.get("/v1/staff/waiting-list", world.here.staff)).json()["items"]:
            await offered_by_desk(world)
            break
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("door", [Door.STAFF, Door.PARTNER])
def test_the_python_client_of_the_other_doors_imports_as_a_whole(door: Door, tmp_path: Path) -> None:
    assert python_client(door, tmp_path).is_dir()


async def test_a_patients_journey_in_python(served: Served, tmp_path: Path) -> None:
    client = await asyncio.to_thread(python_client, Door.PATIENT, tmp_path)
    assert await walked(served, [*PYTHON, HERE / "journey.py"], PYTHONPATH=str(client)) == JOURNEY


async def test_a_patients_journey_in_typescript(served: Served, tmp_path: Path) -> None:
    program = await asyncio.to_thread(_typescript_journey, tmp_path)
    assert await walked(served, ["node", program]) == JOURNEY


@pytest.mark.parametrize("door", [Door.STAFF, Door.PARTNER])
def test_the_typescript_client_of_the_other_doors_compiles_strictly(door: Door, tmp_path: Path) -> None:
    compiler = typescript_compiler(tmp_path)
    _compile(compiler, generated(door, "typescript-fetch", tmp_path), tmp_path)


def _typescript_journey(folder: Path) -> Path:
    compiler = typescript_compiler(folder)
    source = folder / "source"
    source.mkdir()
    generated(Door.PATIENT, "typescript-fetch", folder).rename(source / "client")
    (source / "journey.ts").write_text((HERE / "journey.ts").read_text(encoding="utf-8"), encoding="utf-8")
    _compile(compiler, source, folder)
    return folder / "out" / "journey.js"


def _compile(compiler: Path, source: Path, folder: Path) -> None:
    options: dict[str, Any] = {**_OPTIONS, "rootDir": str(source), "outDir": str(folder / "out")}
    project = folder / "tsconfig.json"
    project.write_text(json.dumps({"compilerOptions": options, "include": [f"{source}/**/*.ts"]}))
    run([compiler, "-p", project])
