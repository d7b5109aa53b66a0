"""The bus that wakes other nodes: ids only, after the commit, and allowed to lose everything.

What it loses, each node's sweep finds within a second (`chat.hub`); so any of the four serves, and a faulty one
costs time and no message. Beside ids it carries hints, which are never stored and which nobody misses.
"""

from chat.wakeups.choice import BusNotInstalled, is_bus, wakeups_of
from chat.wakeups.gathered import GatheredWakeups, Tell
from chat.wakeups.memory import MemoryWakeups
from chat.wakeups.payload import MOST_AT_ONCE, hints_of, payload_of, payloads_of_hints, threads_of
from chat.wakeups.port import Heard, Hint, Hinted, Wakeups, nobody
from chat.wakeups.postgres import PostgresWakeups

__all__ = [
    "MOST_AT_ONCE",
    "BusNotInstalled",
    "GatheredWakeups",
    "Heard",
    "Hint",
    "Hinted",
    "MemoryWakeups",
    "PostgresWakeups",
    "Tell",
    "Wakeups",
    "hints_of",
    "is_bus",
    "nobody",
    "payload_of",
    "payloads_of_hints",
    "threads_of",
    "wakeups_of",
]
