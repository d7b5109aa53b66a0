"""The circuit of one line: when it is opened, for how long, who may try it again, and what closes it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

MOST_FAULTS = 2
"""Refusals of our credentials in a row that open it."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=60)
PROBE = timedelta(minutes=2)
"""How long the one who tries it again may take to say what came of it."""
WINDOW = timedelta(minutes=10)
MOST_DEAD, MOST_DEAD_PERCENT = 50, 5
CONFIG, MASS_DEATH = "config", "mass-death"


@dataclass(frozen=True, slots=True)
class Circuit:
    """Closed where `open_until` is None; half open once that has come: then one at a time tries."""

    faults: int = 0
    opens: int = 0
    open_until: datetime | None = None
    reason: str = ""
    probe_until: datetime | None = None
    closed_at: datetime | None = None

    def is_half_open(self, now: datetime) -> bool:
        return self.open_until is not None and self.open_until <= now

    def passes(self, now: datetime) -> bool:
        """Whether anything may go: all of it where it is closed, one message where nobody else is trying."""
        if self.open_until is None:
            return True
        return self.open_until <= now and (self.probe_until is None or self.probe_until <= now)

    def probing(self, now: datetime) -> "Circuit":
        return replace(self, probe_until=now + PROBE)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of a line's sends ended how."""

    accepted: int = 0
    dead: int = 0
    bad_message: int = 0
    config: int = 0
    throttled: int = 0
    not_sent: int = 0
    ambiguous: int = 0

    @property
    def sent(self) -> int:
        return self.accepted + self.dead + self.bad_message + self.config + self.ambiguous


def is_mass_death(window: Tally) -> bool:
    """Many phones die at once where the project or the key is another's; then they are not dead."""
    return window.dead > MOST_DEAD and window.dead * 100 > MOST_DEAD_PERCENT * window.sent


def after(circuit: Circuit, told: Tally, window: Tally, now: datetime) -> Circuit:
    """The circuit after `told`; `window` is what the last ten minutes came to, these among them.

    What was under way while it opened neither closes nor opens it again.
    """
    if circuit.open_until is not None and not circuit.is_half_open(now):
        return circuit
    if circuit.open_until is None and is_mass_death(window):
        return _opened(circuit, MASS_DEATH, now)
    if circuit.open_until is None:
        faults = 0 if told.accepted else circuit.faults + told.config
        return _opened(circuit, CONFIG, now) if faults >= MOST_FAULTS else replace(circuit, faults=faults)
    if told.config or (told.dead and circuit.reason == MASS_DEATH):
        return _opened(circuit, circuit.reason, now)
    # A word about the message or the phone proves the credentials too.
    proves = told.accepted or (circuit.reason == CONFIG and (told.dead or told.bad_message))
    return closed(now) if proves else circuit


def closed(now: datetime) -> Circuit:
    return Circuit(closed_at=now)


def _opened(circuit: Circuit, reason: str, now: datetime) -> Circuit:
    pause = min(FIRST_PAUSE * 2 ** min(circuit.opens, 10), LONGEST_PAUSE)
    return Circuit(0, circuit.opens + 1, now + pause, reason, None, circuit.closed_at)
