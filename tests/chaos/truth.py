"""The table, and what every device heard held against it: nothing lost, nothing doubled, nothing out of order."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from enamel.chat_client import LogCopy, Said
from tests.chaos.devices import Device

_EVENTS = """
select e.conversation_id::text as c, e.log, e.rev, e.kind, coalesce((e.data ->> 'seq')::int, 0) as seq,
    coalesce(e.client_id::text, '') as id
from chat_event e where e.clinic_id = $1 order by e.conversation_id, e.log, e.rev
"""
_MESSAGES = """
select m.conversation_id::text as c, m.seq, m.rev, m.client_id::text as id, m.body, m.deleted_at is not null as deleted
from message m where m.clinic_id = $1 order by m.conversation_id, m.seq
"""
_HEADS = "select id::text as c, last_seq, last_rev, last_srev from conversation where clinic_id = $1"
STAFF_KINDS = frozenset({"assign", "label", "note", "csat"})


@dataclass(frozen=True, slots=True)
class Table:
    """What stands in the database."""

    events: dict[tuple[str, str], list[asyncpg.Record]]
    messages: dict[str, list[asyncpg.Record]]
    heads: dict[str, asyncpg.Record]

    def head(self, conversation: str, log: str) -> int:
        found: int = self.heads[conversation]["last_rev" if log == "s" else "last_srev"]
        return found


async def read_table(url: str, clinic_id: UUID) -> Table:
    """Read as the owner: row-level security has no say in a proof."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = [await connection.fetch(sql, clinic_id) for sql in (_EVENTS, _MESSAGES, _HEADS)]
    finally:
        await connection.close()
    events, messages = defaultdict(list), defaultdict(list)
    for event in rows[0]:
        events[event["c"], event["log"]].append(event)
    for message in rows[1]:
        messages[message["c"]].append(message)
    heads = {head["c"]: head for head in rows[2]}
    return Table(dict(events), dict(messages), heads)


def unsaid(devices: Iterable[Device]) -> list[str]:
    """Who has something to say yet. Ask before the table is read: what is said by then stands in it."""
    waiting = {device.name: (len(device.client.outbox.waiting()), device.sent_away) for device in devices}
    return [f"{name} has {left} unsaid, sent away {code}" for name, (left, code) in waiting.items() if left]


def behind(table: Table, devices: Iterable[Device]) -> list[str]:
    """Whose log does not end where the table's does: before it, or (heard since it was read) after it."""
    return [
        f"{device.name} holds {log}{copy.held} of {log}{table.head(conversation, log)}"
        for device in devices
        for conversation, log, copy in _copies(device)
        if copy.held != table.head(conversation, log)
    ]


def violations(table: Table, devices: Sequence[Device], *, begun: int) -> list[str]:
    """Everything that is not as promised. `begun`: messages that stood before the devices came."""
    return [
        *_holes(table),
        *_lost_or_doubled(table, devices, begun),
        *_out_of_order(table, devices),
        *(fault for device in devices for fault in _differences(table, device)),
        *_not_private(table, devices),
    ]


def _holes(table: Table) -> list[str]:
    faults = []
    for (conversation, log), events in table.events.items():
        revs = [event["rev"] for event in events]
        if revs != list(range(1, table.head(conversation, log) + 1)):
            faults.append(f"holes: log {log} has {revs[-5:]} and its head {table.head(conversation, log)}")
    for conversation, messages in table.messages.items():
        seqs = [message["seq"] for message in messages]
        if seqs != list(range(1, table.heads[conversation]["last_seq"] + 1)):
            faults.append(f"holes: messages {seqs[-5:]}")
        by_rev = [message["seq"] for message in sorted(messages, key=lambda message: message["rev"])]
        if by_rev != seqs:
            faults.append("order: seq and rev do not agree")
    return faults


def _lost_or_doubled(table: Table, devices: Sequence[Device], begun: int) -> list[str]:
    kept = Counter(event["id"] for events in table.events.values() for event in events)
    said = [(device.name, each) for device in devices for each in device.said]
    faults = [
        f"{'doubled' if kept[each.id] else 'lost'}: {name}'s {each.frame['op']} stands {kept[each.id]} times"
        for name, each in said
        if kept[each.id] != 1 and not _was_refused(each)
    ]
    messages = Counter(message["id"] for each in table.messages.values() for message in each)
    if messages.total() != len(messages):
        faults.append("doubled: a message stands twice")
    unasked = len(messages.keys() - {each.id for _, each in said})
    if unasked != begun:
        faults.append(f"from nowhere: {unasked - begun} messages that nobody said")
    return faults


def _was_refused(said: Said) -> bool:
    return said.settled.done() and said.settled.exception() is not None


def _out_of_order(table: Table, devices: Sequence[Device]) -> list[str]:
    """What one device said in one conversation stands in the order it was said in."""
    place = {message["id"]: message["seq"] for each in table.messages.values() for message in each}
    faults = []
    for device in devices:
        said: dict[str, list[int]] = defaultdict(list)
        for each in device.said:
            if each.id in place:
                said[each.frame["c"]].append(place[each.id])
        faults += [f"order: {device.name} said {seqs}" for seqs in said.values() if seqs != sorted(seqs)]
    return faults


def _differences(table: Table, device: Device) -> list[str]:
    faults = []
    for conversation, log, copy in _copies(device):
        heard = [_heard(rev, event) for rev, event in sorted(copy.events.items())]
        stands = [_stands(event) for event in table.events.get((conversation, log), []) if event["rev"] > copy.since]
        if heard != stands:
            odd = sorted(set(heard) ^ set(stands))[:3]
            faults.append(f"log differs: {device.name} {log} heard {len(heard)} of {len(stands)}: {odd}")
    for conversation in device.follows:
        faults += _shown_otherwise(table.messages[conversation], device, conversation)
    return faults


def _shown_otherwise(stands: Sequence[asyncpg.Record], device: Device, conversation: str) -> list[str]:
    shown = device.copy_of(conversation).messages
    odd = [
        message["seq"] for message in stands
        if (mine := shown.get(message["seq"])) is not None
        and (mine.id, mine.body, mine.deleted) != (message["id"], message["body"], message["deleted"])
    ]  # fmt: skip
    return [f"shown otherwise: {device.name} has another {odd}"] if odd else []


def _not_private(table: Table, devices: Sequence[Device]) -> list[str]:
    kinds = {event["kind"] for (_, log), events in table.events.items() for event in events if log == "s"}
    faults = [f"not private: {kind} in the shared log" for kind in kinds & STAFF_KINDS]
    for device in devices:
        if device.person.patient_id is None:
            continue
        copies = device.client.conversations.values()
        heard = {event["k"] for copy in copies for log in copy.logs.values() for event in log.events.values()}
        if heard & STAFF_KINDS or any(copy.logs["p"].events for copy in copies):
            faults.append(f"not private: {device.name} heard the staff's log")
    return faults


def _copies(device: Device) -> list[tuple[str, str, LogCopy]]:
    logs = ("s",) if device.person.patient_id else ("s", "p")
    return [(each, log, device.copy_of(each).logs[log]) for each in device.follows for log in logs]


def _heard(rev: int, event: dict[str, Any]) -> tuple[int, str, int, str]:
    return rev, event["k"], event["d"].get("seq", 0), event["d"].get("id", "")


def _stands(event: asyncpg.Record) -> tuple[int, str, int, str]:
    return event["rev"], event["kind"], event["seq"], event["id"] if event["kind"] in ("msg", "form") else ""
