"""What the contact sheet of a series shows, and the name of exactly that picture of it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from media.kinds import Variant
from media.series import Phase, PlaceState, Protocol, View

_DRAWN_AS = 2
"""Rises with each change of the drawing: what was drawn before is then drawn anew."""
_LARGE_UP_TO = 3


@dataclass(frozen=True, slots=True)
class SheetPlace:
    """A place of a contact sheet: its view, its state, and the file whose preview is shown there."""

    view: View
    state: PlaceState
    sha256: str | None


@dataclass(frozen=True, slots=True)
class SheetContent:
    """Everything a contact sheet shows, and whose it is."""

    patient_id: UUID
    series_id: UUID
    protocol: Protocol
    phase: Phase | None
    taken_on: date | None
    places: tuple[SheetPlace, ...]

    @property
    def columns(self) -> int:
        return max((place.view.column for place in self.places), default=1)

    @property
    def rows(self) -> int:
        return max((place.view.row for place in self.places), default=1)

    @property
    def is_large(self) -> bool:
        """Few columns: each picture has room for more than a small preview."""
        return self.columns <= _LARGE_UP_TO

    @property
    def variant(self) -> Variant:
        """Which preview of each picture is drawn."""
        return Variant.PREVIEW_1024 if self.is_large else Variant.PREVIEW_256


def fingerprint(content: SheetContent, language: str) -> str:
    """Equal for equal sheets, 40 hex digits: two who see the same of a series share one file."""
    places = [[place.view.code, place.state.value, place.sha256] for place in content.places]
    told = [_DRAWN_AS, language, content.protocol.value, content.phase, str(content.taken_on), places]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:40]
