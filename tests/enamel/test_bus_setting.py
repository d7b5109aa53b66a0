"""ENAMEL_BUS: which bus wakes the other nodes, and that its address is told to nobody."""

import pytest
from pydantic import SecretStr

from chat.wakeups import MemoryWakeups, PostgresWakeups
from core.settings import Settings
from enamel.api_ports import wakeups_from
from enamel.problems import CannotStart

URL = "postgresql://localhost/enamel"


def settings(bus: str) -> Settings:
    return Settings(bus=SecretStr(bus))


def test_postgresql_wakes_unless_another_is_chosen() -> None:
    assert isinstance(wakeups_from(Settings(), URL), PostgresWakeups)
    assert isinstance(wakeups_from(settings("memory"), URL), MemoryWakeups)


def test_what_is_no_bus_is_refused_without_its_words() -> None:
    with pytest.raises(CannotStart) as refused:
        wakeups_from(settings("kafka://enamel:hush-hush@bus"), URL)
    assert "hush-hush" not in str(refused.value)
    assert "hush-hush" not in repr(settings("redis://:hush-hush@bus"))
