"""The demo's app: how it looks, and a key made for it with which browsers subscribe."""

from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core.database import Writing
from core.events import SYSTEM
from identity.keys import Keys
from push.app_build import Branding, BuildDraft
from push.commands.builds import make_build
from push.commands.lines import LineDraft, LineHouse, make_line
from push.line import USUAL_RATES, Provider
from push.line_seal import LineSeal

BUILD = "demo"


async def make_app(writing: Writing, keys: Keys, clinic_id: UUID, name: str, now: datetime) -> None:
    """A build and its Web Push line."""
    branding = Branding(display_name=name, primary_colour="#00796B", background_colour="#FFFFFF", link_scheme="enamel")
    await make_build(writing, clinic_id, BuildDraft(name=BUILD, branding=branding, minimum_version="1.0"), SYSTEM, now)
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    settings, secrets = {"contact": "mailto:desk@enamel.example"}, {"key": key.decode()}
    line = LineDraft(BUILD, Provider.WEBPUSH, USUAL_RATES[Provider.WEBPUSH], settings, secrets)
    await make_line(writing, LineHouse(LineSeal(keys)), clinic_id, line, SYSTEM, now)
