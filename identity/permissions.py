"""What staff may do and what a partner app may touch. Code asks for permissions, never for roles."""

from enum import StrEnum


class Permission(StrEnum):
    READ_CONTACT = "patients.read_contact"
    READ_CLINICAL = "patients.read_clinical"
    INVITE = "patients.invite"
    READ_MEDIA = "media.read"
    WRITE_MEDIA = "media.write"
    WRITE_APPOINTMENTS = "appointments.write"
    REPLY = "chat.reply"
    WRITE_PLANS = "plans.write"
    WRITE_JOURNEYS = "journeys.write"
    MANAGE_STAFF = "staff.manage"
    EXPORT = "exports.create"
    READ_AUDIT = "audit.read"
    WRITE_CHART = "chart.write"
    WRITE_DOCUMENTS = "documents.write"
    WRITE_PROMOTIONS = "promotions.write"
    REDEEM = "promotions.redeem"
    READ_FINANCE = "finance.read"
    ASK_PAYMENT = "finance.ask"
    ANSWER_REQUESTS = "requests.answer"
    MANAGE_PRIVACY = "privacy.manage"
    MANAGE_CLINIC = "clinic.manage"
    MANAGE_CHANNELS = "channels.manage"


class PartnerScope(StrEnum):
    READ = "clinic:read"
    WRITE = "clinic:write"


_DESK = {
    Permission.READ_CONTACT,
    Permission.WRITE_APPOINTMENTS,
    Permission.REPLY,
    Permission.INVITE,
    Permission.ANSWER_REQUESTS,
}
_CARE = {
    Permission.READ_CLINICAL,
    Permission.WRITE_CHART,
    Permission.READ_MEDIA,
    Permission.WRITE_MEDIA,
    Permission.WRITE_PLANS,
    Permission.WRITE_DOCUMENTS,
}

# Starting sets offered when somebody is invited. A call-centre operator sees no diagnosis, chart or
# image; only the owner exports. They are copied into the staff row and never asked for by name.
PRESETS: dict[str, frozenset[Permission]] = {
    "operator": frozenset(_DESK - {Permission.INVITE, Permission.ANSWER_REQUESTS}),
    "reception": frozenset(_DESK | {Permission.READ_FINANCE, Permission.ASK_PAYMENT, Permission.REDEEM}),
    "doctor": frozenset(_CARE | {Permission.READ_CONTACT, Permission.REPLY, Permission.WRITE_APPOINTMENTS}),
    "marketer": frozenset({Permission.WRITE_JOURNEYS, Permission.WRITE_PROMOTIONS}),
    "owner": frozenset(Permission),
}


def role_of(permissions: frozenset[Permission]) -> str:
    """The starting set that these come closest to: what a patient is told instead of a name."""
    return max(PRESETS, key=lambda role: len(PRESETS[role] & permissions) - len(PRESETS[role] ^ permissions))
