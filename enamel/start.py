"""Puts the parts together: the settings are read here, once, and everything is handed down from here."""

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from pydantic import SecretStr

from automation.webhook_http import Webhooks
from cabinet.payment_provider import PaymentProvider
from cabinet.printed_payments import PrintedPayments
from cabinet.seal import Seal, SealFileUnusable
from cabinet.stripe_payments import StripePayments
from chat.bot_http import HttpBots
from core.connection_loss import CONNECTION_LOST
from core.embedded_postgres import EmbeddedPostgres, create_database
from core.settings import Environment, Settings
from enamel.problems import CannotStart
from enamel.worker.bot import Bots, bots_of
from enamel.worker.webhooks import Calling
from identity.keys import Keys
from media.archives import Archives
from media.clamd import scanner_at
from media.dicomweb_folder import FolderArchive
from media.dicomweb_http import HttpArchive
from media.folder import FolderStorage
from media.s3 import S3Storage
from media.scanner import Scanner
from media.storage import Storage
from media.upload import Quota
from push.channel import Channel, Way
from push.fcm import Fcm
from push.fcm_line import FcmLine
from push.line import PHONE_WAYS, Line
from push.line_seal import LineSeal
from push.links import KEY, Links
from push.printed import Printed, PrintedPushes
from push.smpp.channel import KeepTold
from push.switchboard import Places, Switchboard

DATABASE = "enamel"


@dataclass(frozen=True, slots=True)
class Server:
    """Where PostgreSQL is: for the application, and for the owner of the tables."""

    url: str
    owner_url: str
    process: subprocess.Popen[bytes] | None = None
    """The embedded server where we own it; whoever serves should end with it."""


@contextmanager
def postgres(settings: Settings) -> Iterator[Server]:
    """The server of the settings, or the embedded one in the data folder for as long as the block lasts."""
    if settings.database_url:
        asyncio.run(_check_server(settings.database_url, settings.environment))
        yield Server(settings.database_url, settings.database_owner_url or settings.database_url)
        return
    prepare_data_folder(settings)
    embedded = EmbeddedPostgres.start(settings.data, binaries=settings.postgres_bin)
    try:
        asyncio.run(create_database(embedded, DATABASE))
        yield Server(embedded.url(DATABASE), embedded.url(DATABASE), embedded.process)
    finally:
        embedded.stop()


async def _check_server(url: str, environment: Environment) -> None:
    """A sentence instead of a stack; without the address, which may hold a password.

    Where patients are, what was acknowledged must be on disk: asynchronous commits are refused.
    """
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (ValueError, asyncpg.PostgresError, *CONNECTION_LOST) as error:
        raise CannotStart(f"no PostgreSQL lets us in at ENAMEL_DATABASE_URL ({type(error).__name__})") from None
    try:
        durable = await connection.fetchval("select current_setting('synchronous_commit') <> 'off'")
    finally:
        await connection.close()
    if not durable and environment is not Environment.DEVELOPMENT:
        raise CannotStart(
            "PostgreSQL has synchronous_commit off for us: what was acknowledged could be lost; set it to on"
        )


def prepare_data_folder(settings: Settings) -> None:
    """The data folder holds health data: a new one is closed to others.

    As root it may be passed through, because PostgreSQL then runs as another user inside it; what lies in
    it is private either way.
    """
    try:
        if not settings.data.exists():
            settings.data.mkdir(parents=True)
            settings.data.chmod(0o711 if os.geteuid() == 0 else 0o700)
        if not os.access(settings.data, os.W_OK | os.X_OK):
            raise CannotStart(f"cannot write into the data folder {settings.data}: set ENAMEL_DATA to another")
    except OSError as error:
        raise CannotStart(f"cannot make the data folder {settings.data}: {error.strerror}; set ENAMEL_DATA") from None


def quota_of(settings: Settings) -> Quota:
    return Quota(settings.media_patient_gib * 1024**3, settings.media_clinic_gib * 1024**3)


def seal_of(settings: Settings) -> Seal:
    """The operator's own certificate where there is one, else a key made from the secret."""
    if settings.seal_file is None:
        return Seal.from_secret(settings.secret.get_secret_value())
    try:
        return Seal(settings.seal_file.read_bytes(), settings.seal_password.get_secret_value().encode() or None)
    except (OSError, SealFileUnusable):
        raise CannotStart("ENAMEL_SEAL_FILE is no PKCS#12 file that ENAMEL_SEAL_PASSWORD opens") from None


def payments_of(settings: Settings) -> PaymentProvider | None:
    """The provider of the settings; else, in development alone, a page that one POST pays; else none."""
    key, public_url = settings.payments_secret_key.get_secret_value(), public_url_of(settings)
    if key:
        webhook_secret = settings.payments_webhook_secret.get_secret_value()
        return StripePayments(key, webhook_secret, settings.payments_return_url or public_url, settings.payments_url)
    if settings.environment is not Environment.DEVELOPMENT:
        return None
    return PrintedPayments(public_url, settings.secret.get_secret_value())


def archives_of(settings: Settings) -> Archives:
    """Clinics' own picture archives, over the network; in development a folder may stand for all of them."""
    key = Keys(settings.secret.get_secret_value()).secrets.keyed_hash("dicomweb sources", "")
    is_development = settings.environment is Environment.DEVELOPMENT
    if settings.dicomweb_folder is not None:
        if not is_development:
            raise CannotStart("ENAMEL_DICOMWEB_FOLDER stands for clinics' archives in development alone")
        return Archives(FolderArchive(settings.dicomweb_folder), key, plain_http=True)
    return Archives(HttpArchive(settings.dicomweb_private_hosts), key, plain_http=is_development)


def calling_from(settings: Settings) -> Calling:
    """Clinics' own systems that are told of journeys' steps, over the network."""
    secrets = Keys(settings.secret.get_secret_value()).secrets
    return Calling(Webhooks(settings.webhook_private_hosts), secrets)


def bots_from(settings: Settings) -> Bots:
    """Clinics' own bots, over the network."""
    return bots_of(Keys(settings.secret.get_secret_value()), HttpBots(settings.bot_private_hosts))


def links_from(settings: Settings) -> Links:
    """The links below messages, as the API reads them."""
    return Links(Keys(settings.secret.get_secret_value()).secrets.keyed_hash(KEY, ""), public_url_of(settings))


def public_url_of(settings: Settings) -> str:
    return settings.public_url or f"http://{settings.host}:{settings.port}"


def scanner_of(settings: Settings) -> Scanner:
    return scanner_at(settings.clamd_address)


def storage_of(settings: Settings) -> Storage:
    if settings.s3_bucket:
        return S3Storage(
            settings.s3_bucket,
            settings.s3_region,
            settings.s3_endpoint,
            path_style=settings.s3_path_style,
            encryption=settings.s3_encryption,
            kms_key=settings.s3_kms_key,
        )
    return FolderStorage(settings.data / "files")


def places_of(settings: Settings) -> Places:
    """Where providers speak: the operator may name another place for FCM alone."""
    return Places(fcm=settings.fcm_url)


def switchboard_of(
    settings: Settings, fallbacks: Mapping[Way, Channel], keep: Callable[[Line], KeepTold] | None = None
) -> Switchboard:
    """All lines of all clinics, and `fallbacks_of` where a clinic has none. Closing closes them too."""
    seal = LineSeal(Keys(settings.secret.get_secret_value()))
    return Switchboard(seal.opened, settings.push_private_hosts, fallbacks, places_of(settings), keep)


def fallbacks_of(settings: Settings) -> dict[Way, Channel]:
    """For phones of clinics without a line of their own: FCM with the operator's credentials, where there are any;
    in development what has no other way is printed.
    """
    found: dict[Way, Channel] = {}
    if settings.environment is Environment.DEVELOPMENT:
        printed = PrintedPushes(Printed(printed_file(settings), aloud=True))
        found = dict.fromkeys(PHONE_WAYS, printed)
    if settings.fcm_credentials is not None:
        try:
            line = FcmLine(account=SecretStr(settings.fcm_credentials.read_text(encoding="utf-8")))
            found[Way.FCM] = Fcm(line, settings.fcm_url, line.named_token_url)  # the operator's own file
        except (OSError, ValueError):
            raise CannotStart("ENAMEL_FCM_CREDENTIALS names no service-account JSON that can be read") from None
    return found


def printed_file(settings: Settings) -> Path:
    """What the plain twins of the channels would have sent, a line each."""
    return settings.data / "printed.jsonl"
