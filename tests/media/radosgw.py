"""Ceph's own S3 server on loopback, in a folder that is thrown away: one monitor, one store in memory, one gateway.

The only S3 besides AWS that really checks signatures, for the conformity tests. Nothing of the system is touched:
no service, no user, no file outside the folder. Authentication between the daemons (cephx) must be on: without it
the gateway waits 300 seconds for a key that nobody gives.
"""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

NEEDED = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "ceph-authtool", "monmaptool")
PATIENCE = 60.0
ACCESS_KEY, SECRET_KEY = "enamel-tests", "a-secret-of-the-tests"
KMS_KEY = "key-of-the-tests"

_CONF = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_port}/0]
public addr = 127.0.0.1
keyring = {folder}/keyring
log file = {folder}/$name.log
run dir = {folder}
admin socket = {folder}/$name.asok
mon data = {folder}/mon
osd data = {folder}/osd
crash dir = {folder}
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
osd objectstore = memstore
memstore device bytes = 1073741824
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {folder}/rgw
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = {kms_name}={kms_key}
"""


def why_not() -> str:
    """Why it cannot be started here, or nothing."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    return f"Ceph is not installed here: {', '.join(missing)} not found" if missing else ""


@dataclass(frozen=True, slots=True)
class Radosgw:
    endpoint: str
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY

    @staticmethod
    @contextmanager
    def started(folder: Path) -> Iterator["Radosgw"]:
        """A running gateway with one user; everything is ended when the block ends."""
        port = _free_port()
        with ExitStack() as daemons:
            cluster = _Cluster(folder, daemons)
            cluster.configure(port)
            cluster.start_monitor()
            cluster.start_store()
            user = ("--uid=enamel", "--display-name=enamel", f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}")
            cluster.run("radosgw-admin", "user", "create", *user)
            cluster.start("radosgw", "-n", "client.admin")
            endpoint = f"http://127.0.0.1:{port}"
            _wait_for(endpoint)
            yield Radosgw(endpoint)


class _Cluster:
    def __init__(self, folder: Path, daemons: ExitStack) -> None:
        self._folder = folder
        self._daemons = daemons
        self._fsid = str(uuid4())
        self._mon_port = _free_port()

    def configure(self, port: int) -> None:
        for name in ("mon", "osd", "rgw"):
            (self._folder / name).mkdir()
        conf = _CONF.format(
            fsid=self._fsid,
            mon_port=self._mon_port,
            port=port,
            folder=self._folder,
            kms_name=KMS_KEY,
            kms_key=b64encode(b"k" * 32).decode(),
        )
        (self._folder / "ceph.conf").write_text(conf)

    def start_monitor(self) -> None:
        keyring, monmap = str(self._folder / "keyring"), str(self._folder / "monmap")
        everything = [part for daemon in ("mon", "osd", "mds", "mgr") for part in ("--cap", daemon, "allow *")]
        self._tool("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        self._tool("ceph-authtool", keyring, "--gen-key", "-n", "client.admin", *everything)
        address = f"[v2:127.0.0.1:{self._mon_port}]"
        self._tool("monmaptool", "--create", "--addv", "a", address, "--fsid", self._fsid, monmap)
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
        self.start("ceph-mon", "-i", "a")

    def start_store(self) -> None:
        osd = str(uuid4())
        self.run("ceph", "osd", "new", osd)
        rights = ("mon", "allow profile osd", "osd", "allow *")
        self.run("ceph", "auth", "get-or-create", "osd.0", *rights, "-o", str(self._folder / "osd" / "keyring"))
        own = ("-i", "0", "--keyring", str(self._folder / "osd" / "keyring"))
        self.run("ceph-osd", *own, "--mkfs", "--osd-uuid", osd)
        self.start("ceph-osd", *own)

    def run(self, *command: str) -> None:
        name, *rest = command
        self._tool(name, "-c", str(self._folder / "ceph.conf"), *rest)

    def start(self, *command: str) -> None:
        name, *rest = command
        log = self._daemons.enter_context((self._folder / f"{name}.out").open("wb"))
        arguments = [name, "-f", "-c", str(self._folder / "ceph.conf"), *rest]
        daemon = subprocess.Popen(arguments, stdout=log, stderr=log, cwd=self._folder)
        self._daemons.callback(_end, daemon)

    def _tool(self, *command: str) -> None:
        with (self._folder / "tools.out").open("ab") as log:
            subprocess.run(command, stdout=log, stderr=log, cwd=self._folder, check=True, timeout=PATIENCE)


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.kill()  # its store is memory and its folder is thrown away: nothing to save
    daemon.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(endpoint: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(endpoint, timeout=5):  # noqa: S310  an address of our own making
                return
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
