"""Starts the push benchmarks' sink, tells it what to answer, and asks what it saw."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from benchmarks.harness import Server, free_port, pinned, wait_for
from benchmarks.push_sink import Script, Seen


@dataclass(frozen=True, slots=True)
class SinkClient:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def begin(self, script: Script) -> None:
        """Forget all that came, and answer so from now on."""
        self._asked("POST", "/_begin", json.dumps(asdict(script)))

    def seen(self) -> Seen:
        return Seen(**json.loads(self._asked("GET", "/_seen")))

    def _asked(self, method: str, path: str, body: str = "") -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body)
        said = connection.getresponse().read()
        connection.close()
        return said


@contextmanager
def running_sink(core: int) -> Iterator[SinkClient]:
    port = free_port()
    with pinned(core):
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.push_sink", str(port)])
    server = wait_for(Server(port, process), "the sink")
    try:
        yield SinkClient(port)
    finally:
        server.process.kill()
        server.process.wait()
