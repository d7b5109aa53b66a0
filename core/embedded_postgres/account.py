"""Under which system user PostgreSQL runs, and what that user can reach.

PostgreSQL refuses to run as root. As root we drop to an existing unprivileged user and never create
one, never change the mode of a folder we did not make: where that user cannot reach the data folder
(root's home is 0700, and stays so) the database lives in `/var/lib/enamel` instead.
"""

import hashlib
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from core.embedded_postgres.binaries import Binaries, NoPostgres

_SERVER_USERS = ("postgres", "daemon", "nobody")
_ROOTS_PLACE = Path("/var/lib/enamel")


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """The user that PostgreSQL runs as; `drops` is true where we are root and become somebody else."""

    name: str
    uid: int
    gid: int
    drops: bool

    def own(self, path: Path) -> None:
        if self.drops:
            os.chown(path, self.uid, self.gid)

    def make_private(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.own(folder)

    def reaches(self, path: Path) -> bool:
        """Whether this user may pass through every folder above `path`, by its mode bits."""
        return not self.drops or all(self._passes(parent) for parent in path.resolve().parents)

    def runs(self, program: Path) -> bool:
        """Whether this user may execute `program`: a strict umask at install time would forbid it."""
        return not self.drops or (self.reaches(program) and self._passes(program.resolve()))

    def _passes(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


def own_name() -> str:
    """Our user's name. Containers that run under a bare number have none, and initdb refuses them too."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise NoPostgres(
            f"the user with number {os.geteuid()} has no name on this machine, and PostgreSQL's programs want one:"
            " run as a named user, or set ENAMEL_DATABASE_URL"
        ) from None


def server_account() -> ServerAccount:
    """Ourselves, or as root the first existing user of the usual unprivileged ones."""
    if os.geteuid() != 0:
        return ServerAccount(own_name(), os.geteuid(), os.getegid(), drops=False)
    for name in _SERVER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerAccount(name, entry.pw_uid, entry.pw_gid, drops=True)
    raise NoPostgres("running as root and none of the users postgres, daemon, nobody exists: set ENAMEL_DATABASE_URL")


def cluster_home(data: Path, account: ServerAccount) -> Path:
    """The folder of the cluster: inside `data` where the server user gets there, else in root's place."""
    inside = data.resolve() / "postgres"
    inside.parent.mkdir(parents=True, exist_ok=True)  # first, for a strict umask may close what we make
    if account.reaches(inside):
        return inside
    digest = hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]
    if not _ROOTS_PLACE.exists():
        _ROOTS_PLACE.mkdir(parents=True)
        _ROOTS_PLACE.chmod(0o711)
    return _ROOTS_PLACE / digest


def readable_binaries(binaries: Binaries, home: Path, account: ServerAccount) -> Binaries:
    """`binaries`, or a copy of the install beside the cluster where the server user cannot read them."""
    if account.runs(binaries.postgres):
        return binaries
    install = binaries.folder.parent
    copy = home / f"binaries-{binaries.major}" / install.parent.name
    if not (copy / install.name / "bin" / "postgres").exists():
        _copy_install(install, copy, account)
    return Binaries(copy / install.name / binaries.folder.name, binaries.major)


def _copy_install(install: Path, copy: Path, account: ServerAccount) -> None:
    shutil.rmtree(copy.parent, ignore_errors=True)
    copy.parent.mkdir(parents=True)
    # The vendored libraries are found relative to the package: the sibling ".libs" folder goes along.
    libraries = install.parent.with_name(install.parent.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy.with_name(libraries.name))
    unfinished = copy.with_name(copy.name + ".unfinished")
    shutil.copytree(install, unfinished / install.name, symlinks=True, ignore=shutil.ignore_patterns("include", "doc"))
    # Owned by the server user, or modes that were strict for the original would shut it out.
    for path in (copy.parent, *copy.parent.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    unfinished.rename(copy)
