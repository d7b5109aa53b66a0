"""A clinic that begins with nothing: founded, its owner and its system admitted, all by the words of the terminal."""

import asyncio
import os
import sys

import pytest

from core.ids import new_id
from tests.world import SECRET, World

FOUND = (
    "--name", "Studio Rossi", "--country", "IT", "--currency", "EUR", "--language", "it", "--branch", "Centro",
    "--zone", "Europe/Rome",
)  # fmt: skip


async def enamel(database_url: str, *words: str) -> tuple[int, str]:
    """The exit status, and what stands on the terminal."""
    environment = {**os.environ, "ENAMEL_DATABASE_URL": database_url, "ENAMEL_SECRET": SECRET}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "enamel", "clinic", *words, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode().strip()


async def told(database_url: str, *words: str) -> dict[str, str]:
    status, said = await enamel(database_url, *words)
    assert status == 0, said
    return dict(line.split(" ", 1) for line in said.splitlines())


async def test_an_owner_and_a_system_of_a_new_clinic_can_work_at_once(world: World, migrated: str) -> None:
    clinic = (await told(migrated, "found", *FOUND))["clinic"]
    owner = ("--clinic", clinic, "--name", "Olga", "--email", "Olga@Rossi.example", "--role", "owner")
    password = (await told(migrated, "admit", *owner))["password"]
    who = {"email": "olga@rossi.example", "password": password, "clinic_id": clinic, "device_key": "k" * 43}
    session = await world.http.post("/v1/auth/staff", json=who)
    assert session.status_code == 201, session.text
    bearer = {"authorization": f"Bearer {session.json()['access_token']}"}
    assert (await world.http.get("/v1/staff/lines", headers=bearer)).json()["items"] == []
    app = await told(migrated, "app", "--clinic", clinic, "--name", "Our MIS", "--system", "mis")
    token = await world.http.post("/v1/auth/partner/token", data={"grant_type": "client_credentials", **app})
    assert token.status_code == 200, token.text
    status, said = await enamel(migrated, "admit", *owner)
    assert (status, "e-mail" in said, "Traceback" in said) == (1, True, False)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("found", *FOUND[:-1], "Europe/Atlantis"), "--zone"),
        (("found", *FOUND[:3], "Italy", *FOUND[4:]), "--country"),
        (("app", "--clinic", str(new_id()), "--name", "MIS", "--system", "mis"), "no such clinic"),
    ],
)
async def test_what_cannot_be_is_refused_in_a_sentence(migrated: str, words: tuple[str, ...], why: str) -> None:
    status, said = await enamel(migrated, *words)
    assert (status, "Traceback" in said) == (1, False)
    assert why in said
