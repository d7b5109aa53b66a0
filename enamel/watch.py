"""Watches over the processes that serving needs: when one of them ends by itself, serving ends too, and says so.

A server without its database, or a demo without its worker, would look alive and do nothing. Whoever started us
(a person, systemd, a container's runtime) starts everything again; all state is in PostgreSQL.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import uvicorn

_LOOK_SECONDS = 0.3


class Watch:
    """`failed` names the process that ended, once one did."""

    def __init__(self) -> None:
        self.failed: str | None = None


@contextmanager
def ends_with(server: uvicorn.Server, processes: Mapping[str, subprocess.Popen[bytes] | None]) -> Iterator[Watch]:
    """While the block runs, tell `server` to drain and exit as soon as one of `processes` is gone."""
    watch, over = Watch(), threading.Event()

    def look() -> None:
        # Ctrl-C reaches the whole group: what ends while we are ending did not end by itself.
        while not over.wait(_LOOK_SECONDS) and not server.should_exit:
            ended = [name for name, process in processes.items() if process is not None and process.poll() is not None]
            if ended:
                watch.failed = ended[0]
                print(f"enamel: {ended[0]} ended by itself, so this ends too; start it again", file=sys.stderr)
                server.should_exit = True
                return

    thread = threading.Thread(target=look, name="watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
