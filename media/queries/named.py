"""What is known of pictures by the names that a clinic's own system gave them."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import col

from core.database import Reading
from media.kinds import PictureState, Reason
from media.tables import Picture


@dataclass(frozen=True, slots=True)
class NamedPicture:
    """How large the file is that this name brought, and what became of it."""

    size_bytes: int
    state: PictureState
    reason: Reason | None


async def named_pictures(reading: Reading, source: str, external_ids: Collection[str]) -> dict[str, NamedPicture]:
    """Those of them that are there, in one statement."""
    columns = (col(Picture.external_id), col(Picture.size_bytes), col(Picture.state), col(Picture.reason))
    named = (col(Picture.source) == source, col(Picture.external_id) == func.any(sorted(external_ids)))
    return {
        name: NamedPicture(size, PictureState(state), Reason(reason) if reason else None)
        for name, size, state, reason in (await reading.execute(select(*columns).where(*named)))
        if name is not None
    }
