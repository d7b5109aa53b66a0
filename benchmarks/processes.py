"""What a process and its children use: CPU seconds, memory of their own, and how many files they may open."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_NOT_SOCKETS = 300
# user, nice, system, irq, softirq in a line of /proc/stat: all but idle, waiting and what the host took.
_WORK = (0, 1, 2, 5, 6)


def family(pid: int) -> Iterator[int]:
    """The process and all below it; nobody where there is no /proc."""
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text(encoding="ascii").split()]
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def family_cpu_seconds(pid: int) -> float:
    """User and system time, also of children that have ended."""
    return sum(map(_cpu_seconds, family(pid))) if pid else 0.0


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def core_cpu_seconds(core: int) -> float:
    """What a core has worked, whoever for."""
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    found = next((line.split()[1:] for line in lines if line.startswith(f"cpu{core} ")), ["0"] * 8)
    return sum(int(found[place]) for place in _WORK) / _TICKS


def family_memory(pid: int) -> int:
    """Bytes: proportional set size, so that what is shared counts once."""
    return sum(map(_memory, family(pid)))


def _memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def most_sockets(wanted: int) -> int:
    """Lets this process and those it starts open so many, and gives how many they may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _NOT_SOCKETS
    if soft < needed:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, max(hard, needed)))
        except (ValueError, OSError):  # only root raises the hard limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _NOT_SOCKETS)
