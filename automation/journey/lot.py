"""The lots that journeys draw: the same for the same patient for ever, and spread evenly over all."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from automation.journey.step import Share

HOLDOUT = "holdout"
LOTS = 100


def lot(patient_id: UUID, journey_key: str, draw: str) -> int:
    """0 to 99: the first four bytes of SHA-256 over patient, journey and what is drawn for. SQL counts the same way."""
    said = patient_id.bytes + f"/{journey_key}/{draw}".encode()
    return int.from_bytes(hashlib.sha256(said).digest()[:4], "big") % LOTS


def way_of(shares: Sequence[Share], drawn: int) -> str:
    """The step that the lot `drawn` falls upon."""
    for share in shares:
        drawn -= share.percent
        if drawn < 0:
            return share.to
    return shares[-1].to
