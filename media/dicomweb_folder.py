"""The plain twin of a picture archive: a folder of DICOM files that answers the same. For development and tests."""

import asyncio
from pathlib import Path

from media.dicomweb import ArchiveUnreachable, Instance, InstanceGone, Server, Trouble
from media.pieces import pieces_of, write_pieces


class FolderArchive:
    """Files lie as `<study uid>/<series uid>/<instance uid>.dcm`; whatever server is asked for, it is this folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def fetch(self, server: Server, instance: Instance, path: Path) -> str:  # noqa: ARG002
        source = self._root / instance.study_uid / instance.series_uid / f"{instance.instance_uid}.dcm"
        try:
            return await asyncio.to_thread(_copied, source, path)
        except FileNotFoundError:
            raise InstanceGone from None
        except OSError:
            raise ArchiveUnreachable(Trouble.UNREACHABLE) from None

    async def check(self, address: str) -> None:
        """Every address is this folder."""

    async def close(self) -> None:
        """Nothing is held open."""


def _copied(source: Path, path: Path) -> str:
    with source.open("rb") as file:
        return write_pieces(path, pieces_of(file))
