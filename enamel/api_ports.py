"""What the API works with: put together apart, since a worker needs neither FastAPI nor sockets."""

from api.ports import Ports
from chat.conversation import a_minute
from chat.hub import Hub
from chat.wakeups import BusNotInstalled, Wakeups, wakeups_of
from core.database import Database
from core.settings import Environment, Settings
from enamel.line_texts import LineTexts
from enamel.problems import CannotStart
from enamel.start import (
    archives_of,
    payments_of,
    places_of,
    printed_file,
    public_url_of,
    quota_of,
    seal_of,
    storage_of,
    switchboard_of,
)
from identity.keys import Keys
from push.printed import Printed, PrintedTexts


def api_ports(settings: Settings, database_url: str) -> Ports:
    """What the API works with. In development codes are printed where a clinic has no SMS line; elsewhere a code must
    never stand in a log.
    """
    database = Database(database_url, pool=settings.database_pool)
    is_development = settings.environment is Environment.DEVELOPMENT
    spare = PrintedTexts(Printed(printed_file(settings), aloud=True)) if is_development else None
    return Ports(
        database=database,
        keys=Keys(settings.secret.get_secret_value()),
        texts=LineTexts(database, switchboard_of(settings, {}), spare),
        storage=storage_of(settings),
        hub=Hub(database, wakeups_from(settings, database_url), handshakes=a_minute(settings.chat_sockets_a_minute)),
        public_url=public_url_of(settings),
        app_url=settings.app_url.rstrip("/"),
        origins=frozenset(settings.allowed_origins),
        payments=payments_of(settings),
        archives=archives_of(settings),
        bot_private_hosts=frozenset(host.lower() for host in settings.bot_private_hosts),
        webhook_private_hosts=frozenset(host.lower() for host in settings.webhook_private_hosts),
        push_private_hosts=frozenset(host.lower() for host in settings.push_private_hosts),
        push_places=places_of(settings),
        quota=quota_of(settings),
        seal=seal_of(settings),
    )


def wakeups_from(settings: Settings, database_url: str) -> Wakeups:
    """The bus of the settings. Raises `CannotStart` for one that there is not; its address is not repeated."""
    try:
        return wakeups_of(settings.bus.get_secret_value(), database_url)
    except BusNotInstalled as missing:
        raise CannotStart(f"ENAMEL_BUS needs the package {missing}: install Enamel with its extra `bus`") from None
    except ValueError:
        raise CannotStart("ENAMEL_BUS must be postgres, memory, redis://…, rediss://…, nats://… or tls://…") from None
