"""Opens a clinic's picture archives: the server of a source with its secret unsealed, asked through the port."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from core.sealed import SealBroken, sealed, unsealed
from media.dicomweb import Archive, ArchiveUnreachable, Instance, Server, SignIn, SourceEnded, Trouble


@dataclass(frozen=True, slots=True)
class Source:
    """An archive as its row has it; `sealed_secret` is worth nothing without the house's key."""

    clinic_id: UUID
    source_id: UUID
    address: str
    sign_in: SignIn
    user_name: str
    sealed_secret: str | None
    is_ended: bool


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where a picture is kept: the instance, and the archive that has it."""

    source: Source
    instance: Instance


@dataclass(frozen=True, slots=True)
class Archives:
    """The archives of all clinics, and the key (32 bytes) that opens their secrets.

    `plain_http`: an archive may be called without TLS; in development alone.
    """

    archive: Archive
    key: bytes
    plain_http: bool = False

    async def fetch(self, elsewhere: Elsewhere, path: Path) -> str:
        """Write the instance into `path`; its SHA-256 in hex. Raises as the port does, and `SourceEnded`."""
        if elsewhere.source.is_ended:
            raise SourceEnded
        return await self.archive.fetch(self._server(elsewhere.source), elsewhere.instance, path)

    def seal(self, clinic_id: UUID, source_id: UUID, address: str, secret: str) -> str:
        return sealed(self.key, secret, _bound(clinic_id, source_id, address))

    def _server(self, source: Source) -> Server:
        if source.sealed_secret is None:
            return Server(source.address, source.sign_in, source.user_name)
        bound = _bound(source.clinic_id, source.source_id, source.address)
        try:
            secret = unsealed(self.key, source.sealed_secret, bound)
        except SealBroken:  # the house has another secret now: the clinic names the source anew
            raise ArchiveUnreachable(Trouble.SIGN_IN_REFUSED) from None
        return Server(source.address, source.sign_in, source.user_name, secret)


def _bound(clinic_id: UUID, source_id: UUID, address: str) -> str:
    """With the address: a row that was given another one would else send the secret there."""
    return f"dicomweb {clinic_id} {source_id} {address}"
