"""Which bus an operator chose."""

from chat.wakeups.memory import MemoryWakeups
from chat.wakeups.port import Wakeups
from chat.wakeups.postgres import PostgresWakeups

_REDIS, _NATS = ("redis://", "rediss://", "unix://"), ("nats://", "tls://")


class BusNotInstalled(Exception):
    """The bus needs a package that is not there; its name is the message."""


def is_bus(choice: str) -> bool:
    """Whether it names a bus at all: `postgres`, `memory`, or the address of a Redis or of NATS."""
    return choice in ("postgres", "memory") or choice.startswith(_REDIS + _NATS)


def wakeups_of(choice: str, database_url: str) -> Wakeups:
    """The bus. Raises `BusNotInstalled`, and ValueError for what names none."""
    try:
        if choice.startswith(_REDIS):
            from chat.wakeups.over_redis import RedisWakeups

            return RedisWakeups(choice)
        if choice.startswith(_NATS):
            from chat.wakeups.over_nats import NatsWakeups

            return NatsWakeups(choice)
    except ImportError as error:
        raise BusNotInstalled(error.name) from None
    if not is_bus(choice):
        raise ValueError("no bus")  # without its words, which may hold a password
    return MemoryWakeups() if choice == "memory" else PostgresWakeups(database_url)
