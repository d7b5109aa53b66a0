"""The signature of a webhook: HMAC-SHA256 over moment and body, scheme v1 of https://docs.stripe.com/webhooks."""

import hashlib
import hmac
from datetime import datetime, timedelta

TOLERANCE = timedelta(seconds=300)
MOST_PARTS = 20


def signed(secret: str, raw: bytes, at: datetime) -> str:
    """The header for a body: `t=<seconds>,v1=<hex>`."""
    moment = str(int(at.timestamp()))
    return f"t={moment},v1={_proof(secret, moment, raw)}"


def is_signed(secret: str, raw: bytes, header: str, now: datetime) -> bool:
    """Whether somebody who knows `secret` signed exactly these bytes within `TOLERANCE` of `now`.

    Several `v1` may stand there while a secret is being changed: one that fits is enough. Without a secret nothing
    is signed.
    """
    parts = [part.strip().partition("=") for part in header.split(",")[:MOST_PARTS]]
    moments = [value for name, _, value in parts if name == "t"]
    proofs = [value for name, _, value in parts if name == "v1"]
    if not secret or len(moments) != 1 or not _fresh(moments[0], now):
        return False
    right = _proof(secret, moments[0], raw)
    return any(hmac.compare_digest(right.encode(), proof.encode()) for proof in proofs)


def _fresh(moment: str, now: datetime) -> bool:
    if not (moment.isascii() and moment.isdecimal()) or len(moment) > len("99999999999"):
        return False
    return abs(int(now.timestamp()) - int(moment)) <= TOLERANCE.total_seconds()


def _proof(secret: str, moment: str, raw: bytes) -> str:
    return hmac.new(secret.encode(), moment.encode() + b"." + raw, hashlib.sha256).hexdigest()
