"""What a compressed frame says of itself: its decoder believes that, and not the header of the file."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    columns: int
    rows: int
    samples: int
    bits: int
