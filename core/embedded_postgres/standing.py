"""Whether a PostgreSQL runs on a cluster: its pid file, believed only as far as that process is what it says."""

import subprocess
from pathlib import Path

READY = "ready"
_STATUS_LINE = 7


def standing(cluster: Path) -> str:
    """PostgreSQL's own word for its state, `starting`, `ready`, `stopping`; empty where none runs on this cluster."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, ValueError, IndexError):
        return ""  # none, half written, or never one
    if not _is_postmaster(pid, cluster):
        return ""
    return lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else "starting"


def _is_postmaster(pid: int, cluster: Path) -> bool:
    """Not a zombie, and not a bystander with a reused PID: the command line begins as we begin ours."""
    state, command = _process(pid)
    program, found, _ = command.partition(f" -D {cluster} ")
    return bool(state) and state[0] not in "ZX" and bool(found) and Path(program).name == "postgres"


def _process(pid: int) -> tuple[str, str]:
    """State letter and command line of a process, empty where there is none."""
    proc = Path(f"/proc/{pid}")
    if Path("/proc/self").exists():
        try:
            state = proc.joinpath("stat").read_text().rpartition(")")[2].split()[0]
            return state, proc.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return "", ""
    shown = subprocess.run(
        ["ps", "-ww", "-o", "stat=,args=", "-p", str(pid)],  # noqa: S607  macOS: ps is /bin/ps everywhere
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    state, _, command = shown.stdout.strip().partition(" ")
    return state, command.strip()
