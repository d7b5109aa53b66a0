"""The verb of a picture in quarantine: somebody of the clinic decides whether it stays."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from core.database import Writing
from core.errors import Conflict
from core.events import Actor, Happening, record
from media.commands.moving import look_again
from media.commands.pictures import discard_picture
from media.commands.showing import locked_picture
from media.kinds import HUMAN_DECIDES, MAY_CHANGE, PictureState, Reason


class Verdict(StrEnum):
    CONFIRM_PERSON = "confirm_person"
    """The file names somebody else, and is this patient's all the same."""
    LOOK_AGAIN = "look_again"
    """What stood in the way is away: the storage has its bytes again, the machine is calmer."""
    DISCARD = "discard"
    """It goes for good."""


class PictureNotHeld(Conflict):
    """It does not stand in quarantine, or not any more."""

    slug = "picture-not-held"


class VerdictRefused(Conflict):
    """What holds it cannot be overruled by this verdict."""

    slug = "picture-verdict-refused"


async def decide_on_picture(
    writing: Writing, picture_id: UUID, verdict: Verdict, actor: Actor, now: datetime
) -> PictureState | None:
    """Carry a verdict out: the picture's state after it, None: it is gone. Of two at once the second finds it decided.

    Raises `NotFound`, `PictureNotHeld`, `VerdictRefused`.
    """
    row = await locked_picture(writing, picture_id)
    if row.state != PictureState.QUARANTINED.value or row.reason is None:
        raise PictureNotHeld
    if verdict is Verdict.DISCARD:
        await discard_picture(writing, row, actor, now)
        return None
    confirms = verdict is Verdict.CONFIRM_PERSON
    if Reason(row.reason) not in (HUMAN_DECIDES if confirms else MAY_CHANGE):
        raise VerdictRefused
    look_again(row)
    row.person_confirmed_at = now if confirms else row.person_confirmed_at
    await writing.flush()
    told = Happening(f"picture.{_TOLD[verdict]}", row.id, patient_id=row.patient_id)
    await record(writing, row.clinic_id, actor, [told], now)
    return PictureState.UPLOADED


_TOLD = {Verdict.CONFIRM_PERSON: "person_confirmed", Verdict.LOOK_AGAIN: "looked_at_again"}
