"""What the API works with: everything is handed in by `enamel`, nothing is looked up."""

from dataclasses import dataclass, field
from typing import Annotated, Protocol, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from cabinet.payment_provider import PaymentProvider
from cabinet.seal import Seal
from chat.hub import Hub
from chat.pace import Paces
from core.database import Database
from identity.commands import Keys
from media.archives import Archives
from media.storage import Storage
from media.upload import USUAL_QUOTA, Quota
from push.switchboard import Places


class Texts(Protocol):
    """Sends one short text to one phone. Raises nothing that a caller could mend: a lost code is asked for again."""

    async def send(self, phone: str, text: str) -> None: ...

    async def close(self) -> None: ...


class MediaPorts(Protocol):
    """The part of `Ports` that files are taken in with; whoever takes them in without an API has these alone."""

    @property
    def database(self) -> Database: ...
    @property
    def storage(self) -> Storage: ...
    @property
    def quota(self) -> Quota: ...


@dataclass(frozen=True, slots=True)
class Ports:
    database: Database
    keys: Keys
    texts: Texts
    storage: Storage
    hub: Hub
    public_url: str
    seal: Seal
    origins: frozenset[str] = frozenset()
    """Browser origins that may open a socket; apps send none and bear a token."""
    quota: Quota = USUAL_QUOTA
    """How many bytes of pictures may be kept."""
    archives: Archives | None = None
    """None: no picture archive of a clinic can be asked."""
    bot_private_hosts: frozenset[str] = frozenset()
    """Hosts that a clinic's bot may have although they are not public."""
    webhook_private_hosts: frozenset[str] = frozenset()
    """Hosts that a clinic's own system may have although they are not public."""
    payments: PaymentProvider | None = None
    """None: nothing can be paid in the app, and no link can be made."""
    push_private_hosts: frozenset[str] = frozenset()
    """Hosts of a clinic's gateways, relays and push services that may be called although they are not public."""
    push_places: Places = field(default_factory=Places)
    starts: Paces = field(default_factory=Paces)
    """Who asked lately what an app starts with, by address."""
    app_url: str = ""
    """Where the app's own links begin; empty: whoever follows the link of a message is told to open the app."""
    followed: Paces = field(default_factory=Paces)
    """Which links of messages were followed lately, and from where such as there are not."""


def ports_of(connection: HTTPConnection) -> Ports:
    return cast("Ports", connection.app.state.ports)


async def _ports_here(connection: HTTPConnection) -> Ports:
    return ports_of(connection)  # FastAPI would send a plain function through a thread: 100 us a request


PortsHere = Annotated[Ports, Depends(_ports_here)]
