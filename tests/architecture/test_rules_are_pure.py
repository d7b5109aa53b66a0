"""Rules decide and touch nothing: no table, no session, no setting, no clock, no vendor, not even through others."""

from functools import cache

import grimp
import pytest

from tests.architecture.house import DOMAIN, PACKAGES, SHELLS, modules

# What else in a domain package touches the world, and with what. Everything not named here is rules.
TOUCHES = {
    "automation.holdings": "its tables, so that who copies or erases knows them",
    "cabinet.holdings": "its tables, so that who copies or erases knows them",
    "chat.holdings": "its tables, so that who copies or erases knows them",
    "clinic.holdings": "its tables, so that who copies or erases knows them",
    "media.holdings": "its tables, so that who copies or erases knows them",
    "push.holdings": "its tables, so that who copies or erases knows them",
    "cabinet.stripe_payments": "the network: a payment provider",
    "chat.attendance": "PostgreSQL: who is connected",
    "chat.bot_http": "the network: clinics' own bots",
    "chat.departures": "PostgreSQL: whose session or right is over",
    "chat.desk_news": "PostgreSQL: whose desk is open",
    "chat.functions": "PostgreSQL: the functions that a send is made of",
    "chat.functions.media": "PostgreSQL: one of those functions",
    "chat.functions.party": "PostgreSQL: one of those functions",
    "chat.hub": "sockets, and the database they are woken from",
    "chat.inbox_news": "PostgreSQL: lines of the inbox",
    "chat.sending": "PostgreSQL: what is sent together",
    "chat.unread_push": "PostgreSQL: who did not see a message",
    "chat.wakeups": "whichever bus was chosen",
    "chat.wakeups.choice": "whichever bus was chosen",
    "chat.wakeups.over_nats": "the network: NATS",
    "chat.wakeups.over_redis": "the network: Redis",
    "chat.wakeups.postgres": "PostgreSQL: LISTEN and NOTIFY",
    "chat.each_second": "PostgreSQL: which conversations moved, and who may go on hearing them",
    "chat.watch": "PostgreSQL: what was said, for all sockets of a node",
    "clinic.keys": "foreign keys of the tables above",
    "identity.keys": "the two files that hold the keys",
    "identity.passwords": "passlib",
    "identity.tokens": "jose",
    "media.blurhash": "Pillow",
    "media.cut_off": "Pillow",
    "media.dicom.bits": "pydicom",
    "media.dicom.codes": "pydicom",
    "media.dicomweb_http": "the network: clinics' picture archives",
    "media.dicom": "pydicom",
    "media.dicom.codestream": "pydicom",
    "media.dicom.cut_off": "pydicom",
    "media.dicom.facts": "pydicom",
    "media.dicom.file": "pydicom",
    "media.dicom.fragments": "pydicom",
    "media.dicom.frame": "pydicom",
    "media.dicom.named": "pydicom",
    "media.dicom.pixels": "pydicom",
    "media.dicom.profile": "pydicom",
    "media.dicom.shades": "pydicom",
    "media.dicom.values": "pydicom",
    "media.draw": "Pillow",
    "media.formats": "Pillow",
    "media.grey": "Pillow",
    "media.imaging": "Pillow",
    "media.lettering": "Pillow",
    "media.s3": "boto3",
    "media.s3_bucket": "boto3",
    "media.s3_parts": "boto3",
    "media.s3_signed": "boto3",
    "media.sheet": "Pillow",
    "automation.webhook_http": "the network: clinics' own systems",
    "media.shrinking": "Pillow",
    "push.apns": "the network: Apple",
    "push.fcm": "the network, with firebase-admin's credentials",
    "push.fcm_token": "firebase-admin",
    "push.hooks": "the lines of adapters that speak to messengers",
    "push.http2": "the network, over HTTP/2",
    "push.http2_line": "the network, over HTTP/2",
    "push.http_answer": "answers of aiohttp",
    "push.webpush": "the network: push services of browsers",
    "push.smpp.channel": "the network: message centers",
    "push.sms_http": "the network: SMS gateways",
    "push.messenger_http": "the network: messengers",
    "push.telegram": "the network: Telegram",
    "push.whatsapp": "the network: WhatsApp",
    "push.email": "the network: a clinic's mail relay",
    "push.mail_wire": "the network: one connection to a mail relay",
    "push.line_forms": "the adapters, for what they want to know",
    "push.line_seal": "the house's keys",
    "push.switchboard": "the adapters, which it makes",
    "push.mail_wires": "the network: the connections to a mail relay",
}
FORBIDDEN = (
    "aiosmtplib", "sqlalchemy", "sqlmodel", "asyncpg", "fastapi", "starlette", "aiohttp", "httpx", "boto3", "botocore",
    "firebase_admin", "h2", "jose", "nats", "passlib", "PIL", "pydicom", "redis",
    "core.database", "core.settings", "core.clock",
)  # fmt: skip

RULES = [
    module.name
    for module in modules()
    if module.package in DOMAIN and module.kind and module.kind not in SHELLS and module.name not in TOUCHES
]


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, include_external_packages=True)


def reached(module: str) -> list[str]:
    """How a module comes to something forbidden, one chain for each."""
    known = [name for name in FORBIDDEN if name in graph().modules]
    chains = [graph().find_shortest_chain(importer=module, imported=name) for name in known]
    return [" > ".join(chain) for chain in chains if chain]


@pytest.mark.parametrize("module", RULES)
def test_a_rules_file_touches_nothing(module: str) -> None:
    assert reached(module) == [], "rules take values and `now`; what touches the world is named in TOUCHES"


def test_there_are_rules() -> None:
    assert len(RULES) >= 20


@pytest.mark.parametrize("module", TOUCHES)
def test_no_file_is_excused_that_needs_no_excuse(module: str) -> None:
    assert reached(module) != []
