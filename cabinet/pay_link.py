"""The token of a pay link: names the clinic, and is known to whoever was sent it and to nobody else."""

import base64
import binascii
import secrets
from enum import StrEnum
from uuid import UUID

SECRET_BYTES = 16
"""128 bits: a thousand million tries a second find one of a million links in about ten thousand million years."""
TOKEN_LENGTH = 43
TOKEN_PATTERN = r"^[A-Za-z0-9_-]{43}$"  # noqa: S105  a shape, not a secret


class PayLinkState(StrEnum):
    OPEN = "open"
    PAID = "paid"
    """Paid, or being paid: nothing is left to do."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


def new_pay_token(clinic_id: UUID) -> str:
    return base64.urlsafe_b64encode(clinic_id.bytes + secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=")


def clinic_of_token(token: str) -> UUID | None:
    """The clinic a token names; it proves nothing. None where the text can be no token."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return UUID(bytes=raw[:16]) if len(raw) == 16 + SECRET_BYTES else None
