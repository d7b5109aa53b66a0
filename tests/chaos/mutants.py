"""Enamel with one rule taken out, in a process of these tests alone. The proof is worth what it says about these.

Some are patched into a node after its fork, others into a copy of the database (`SQL`). Where a wrong order needs a
race, the mutant is slowed at that place, so that it shows itself each time.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from chat import listener
from chat.conversation import Rate
from chat.hub import Hub
from core.database import Database

Change = tuple[str, str]
"""Words of a database function, and what stands there instead."""


def _acknowledges_before_the_commit() -> None:
    trip = Database.trip

    async def too_early(self: Database, sql: str, *arguments: Any, sweeping: bool = False) -> bytes | None:
        if "chat_all" not in sql:
            return await trip(self, sql, *arguments, sweeping=sweeping)
        connection = await self.engine.raw_connection()
        driver: Any = connection.driver_connection
        await driver.execute("begin")
        answer = await driver.fetchval(sql, *arguments)

        async def commit() -> None:
            await asyncio.sleep(0.3)
            await driver.execute("commit")
            connection.close()

        _running.append(asyncio.create_task(commit()))
        return str(answer).encode()

    Database.trip = too_early  # type: ignore[method-assign]


def _never_sweeps() -> None:
    async def not_at_all(self: Hub) -> None:
        """Nothing is looked for."""

    Hub._sweep = not_at_all  # type: ignore[method-assign]


def _queues_without_end() -> None:
    listener.MOST_WAITING = listener.MOST_WAITING_BYTES = 2**60
    listener.SLOWEST_READER_SECONDS = 2.0**30


def _never_slows_anybody_down() -> None:
    """No mutant: so that nonsense gets past the gate that would end it after ten frames."""

    def take(self: Rate, free_at: float, at: float) -> tuple[float, float]:  # noqa: ARG001
        return free_at, 0.0

    Rate.take = take  # type: ignore[method-assign]


UNHURRIED = "never slows anybody down"
_running: list[asyncio.Task[None]] = []

MUTANTS: dict[str, Callable[[], None]] = {
    "acknowledges before the commit": _acknowledges_before_the_commit,
    "never sweeps": _never_sweeps,
    "queues without end": _queues_without_end,
    UNHURRIED: _never_slows_anybody_down,
}

# Numbers come from sequences, and the row is locked last: the order of numbers is no longer that of commits.
_NUMBERED: dict[str, Sequence[Change]] = {
    "chat_all": [("if not p_wait then", "if false then")],
    "chat_post": [
        (
            """    update conversation c set last_seq = c.last_seq + 1, last_rev = c.last_rev + 1, last_at = p_at,
        n_patient = c.n_patient + v_patient, n_clinic = c.n_clinic + 1 - v_patient
    where c.clinic_id = p_clinic and c.patient_id = p_patient returning * into v_thread;
""",
            """    select * into v_thread from conversation c where c.clinic_id = p_clinic and c.patient_id = p_patient;
    v_thread.last_seq := nextval('mutant_seq');
    v_thread.last_rev := nextval('mutant_rev');
    v_thread.n_patient := v_thread.last_seq;
    perform pg_sleep(random() * 0.2);
""",
        ),
        (
            "    v_last := v_thread.last_rev;\n",
            """    update conversation c set last_seq = greatest(c.last_seq, v_thread.last_seq),
        last_rev = greatest(c.last_rev, v_thread.last_rev) where c.clinic_id = p_clinic and c.id = v_thread.id;
    v_last := v_thread.last_rev;
""",
        ),
    ],
}
_ON_CONFLICT = "\n        on conflict (clinic_id, sender_id, client_id) do nothing"
_NOT_UNIQUE: dict[str, Sequence[Change]] = {
    "chat_post": [
        (_ON_CONFLICT, ""),
        ("    if v_media is not null then\n", "    perform pg_sleep(0.05);\n    if v_media is not null then\n"),
    ],
}
_SHARED_NOTES: dict[str, Sequence[Change]] = {"chat_note_down": [("'p', 'note'", "'s', 'note'")]}


async def number_by_sequence(owner: asyncpg.Connection, conversation: str) -> None:
    """For this one conversation, as it stands."""
    head = await owner.fetchrow("select last_seq, last_rev from conversation where id = $1::text::uuid", conversation)
    for name, last in (("mutant_seq", head["last_seq"]), ("mutant_rev", head["last_rev"])):
        await owner.execute(f"create sequence {name} start {last + 1}; grant usage on sequence {name} to public")
    await _change(owner, _NUMBERED)


async def drop_unique(owner: asyncpg.Connection, _conversation: str) -> None:
    await owner.execute("alter table chat_event drop constraint chat_event_client_id")
    await _change(owner, _NOT_UNIQUE)


async def share_notes(owner: asyncpg.Connection, _conversation: str) -> None:
    await _change(owner, _SHARED_NOTES)


async def _change(owner: asyncpg.Connection, changes: dict[str, Sequence[Change]]) -> None:
    for name, words in changes.items():
        body: str = await owner.fetchval("select pg_get_functiondef($1::text::regproc)", name)
        for before, after in words:
            assert before in body, f"{name} is another now: the mutant has to be made anew"
            body = body.replace(before, after)
        await owner.execute(body)
