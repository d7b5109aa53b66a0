"""What the API works with: everything is handed in by `enamel`, nothing is looked up."""

from dataclasses import dataclass
from typing import Annotated, Protocol, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from core.database import Database
from identity.commands import Keys


class Texts(Protocol):
    """Sends one short text to one phone. Raises nothing that a caller could mend: a lost code is asked for again."""

    async def send(self, phone: str, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    database: Database
    keys: Keys
    texts: Texts
    public_url: str


def ports_of(connection: HTTPConnection) -> Ports:
    return cast("Ports", connection.app.state.ports)


PortsHere = Annotated[Ports, Depends(ports_of)]
