"""What each provider's line must say, in the adapters' own words, and which of it is secret."""

from collections.abc import Collection, Mapping
from typing import Any

from cryptography.x509 import load_pem_x509_certificates
from pydantic import SecretStr, ValidationError

from core.errors import Fault
from core.outside import leads_inside, outside_fault
from core.values import Value
from push.apns import ApnsLine
from push.fcm_line import FcmLine
from push.line import LEADS, Provider
from push.mail_line import MailLine
from push.smpp.line import SmppLine
from push.sms_gateway import SmsGatewayLine, preset, presets
from push.telegram import TelegramLine
from push.webpush import WebPushLine
from push.whatsapp import WhatsAppLine

_FORMS: Mapping[Provider, type[Value]] = {
    Provider.FCM: FcmLine,
    Provider.APNS: ApnsLine,
    Provider.WEBPUSH: WebPushLine,
    Provider.SMS_HTTP: SmsGatewayLine,
    Provider.SMPP: SmppLine,
    Provider.SMTP: MailLine,
    Provider.TELEGRAM: TelegramLine,
    Provider.WHATSAPP: WhatsAppLine,
}


def secret_names(provider: Provider) -> frozenset[str]:
    fields = _FORMS[provider].model_fields
    return frozenset(name for name, field in fields.items() if field.annotation is SecretStr)


def value_of(provider: Provider, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> Value:
    """The adapter's own value. Raises pydantic's ValidationError, or KeyError for a gateway that has no preset."""
    whole = {**settings, **secrets}
    if provider is Provider.SMS_HTTP and isinstance(whole.get("shape"), str):
        whole["shape"] = preset(whole["shape"])
    return _FORMS[provider].model_validate(whole)


def faults_of(
    provider: Provider, settings: Mapping[str, Any], secrets: Mapping[str, str], private_hosts: Collection[str]
) -> list[Fault]:
    """What is wrong with them: pointers into `settings` and `secrets`, never a value."""
    secret = secret_names(provider)
    misplaced = [Fault(f"/settings/{name}", "is-a-secret") for name in sorted(secret & settings.keys())]
    misplaced += [Fault(f"/secrets/{_safe(name)}", "extra-forbidden") for name in sorted(secrets.keys() - secret)]
    if misplaced:
        return misplaced
    shape = settings.get("shape")
    if provider is Provider.SMS_HTTP and isinstance(shape, str) and shape not in presets():
        return [Fault("/settings/shape", "unknown-reference")]
    try:
        value = value_of(provider, settings, secrets)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        return [Fault(_pointer(each["loc"], secret), _code(each)) for each in found]
    return _places(value, private_hosts) + _unreadable(value)


def told_of(value: Value) -> dict[str, str]:
    """What of a line's secrets everybody may know."""
    match value:
        case FcmLine():
            return {"project_id": value.project_id}
        case WebPushLine():
            return {"public_key": value.public_key}
    return {}


def same_place(provider: Provider, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether secrets that were given for one go nowhere else by the other."""
    return all(before.get(name) == now.get(name) for name in LEADS.get(provider, frozenset()))


def _places(value: Value, private_hosts: Collection[str]) -> list[Fault]:
    """A clinic's own hosts must be public, or the operator's."""
    match value:
        case SmsGatewayLine():
            if not value.send_address:
                return [Fault("/settings/url", "missing")]
            asked = {"/settings/url": value.send_address, "/settings/check_url": value.check_address}
            return [Fault(spot, why) for spot, to in asked.items() if to and (why := outside_fault(to, private_hosts))]
        case SmppLine() | MailLine() if leads_inside(value.host.strip("[]"), private_hosts):
            return [Fault("/settings/host", "not-public")]
    return []


def _unreadable(value: Value) -> list[Fault]:
    """What looks right and says nothing to the other side."""
    match value:
        case MailLine() if not _certifies(value.authority):
            return [Fault("/settings/authority", "no-certificate")]
        case SmppLine():
            faults = [] if _certifies(value.tls_ca) else [Fault("/settings/tls_ca", "no-certificate")]
            is_plain = value.password.get_secret_value().isascii()
            return faults if is_plain else [*faults, Fault("/secrets/password", "not-ascii")]
    return []


def _certifies(pem: str) -> bool:
    try:
        return not pem or bool(load_pem_x509_certificates(pem.encode()))
    except ValueError:
        return False


def _pointer(location: tuple[int | str, ...], secret: frozenset[str]) -> str:
    inside = "secrets" if location and location[0] in secret else "settings"
    return "".join("/" + _safe(str(part)) for part in (inside, *location))


def _safe(part: str) -> str:
    return part[:80].replace("~", "~0").replace("/", "~1")


def _code(error: Mapping[str, Any]) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"]).replace(" ", "-").lower()[:100]
    return str(error["type"]).replace("_", "-")
