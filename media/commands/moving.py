"""The verb of a picture that was put into the wrong record: it moves to the right one, where nobody is shown it yet."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from clinic.commands import hold_patient, hold_patients
from clinic.commands.access import ward
from clinic.household import may_be_private
from core.database import Writing
from core.errors import Conflict, NotFound
from core.events import Actor, Happening, record
from media.commands.drawings import forget_drawn
from media.commands.showing import locked_picture
from media.kinds import HUMAN_DECIDES, MediaType, PictureState
from media.tables import Picture, Upload


class MoveReason(StrEnum):
    """Why a picture leaves a record: a word of a list, because events hold no free text."""

    WRONG_RECORD = "wrong_record"
    """It was put into the record of somebody else."""
    NAMES_ANOTHER = "names_another"
    """Its file names the other patient."""
    SAME_PERSON = "same_person"
    """Both records are of one person."""


class PictureMoved(Conflict):
    """Somebody else moved it this very moment."""

    slug = "picture-moved"


async def move_picture(
    writing: Writing, picture_id: UUID, patient_id: UUID, reason: MoveReason, actor: Actor, now: datetime
) -> None:
    """Put it into the record of another patient of the clinic. Again changes nothing.

    There it is not released, has no comment, stands in no series, and shows what is drawn on it only when that is
    drawn anew; a DICOM file is looked into once more, whether it names this patient. It stays private only where it
    was marked by itself and this patient is old enough. Both records note it;
    neither names the other, because each belongs to the copy of its own person. Raises `NotFound`, `PictureMoved`.
    """
    of_now = select(col(Picture.patient_id)).where(col(Picture.id) == picture_id)
    old = (await writing.execute(of_now)).scalar_one_or_none()
    if old is None:
        raise NotFound
    # Records before pictures, and both in one order, as everybody locks them.
    await hold_patients(writing, {old, patient_id})
    for each in (old, patient_id):
        await hold_patient(writing, each)
    row = await locked_picture(writing, picture_id)
    if row.patient_id == patient_id:
        return
    if row.patient_id != old:
        raise PictureMoved
    await forget_drawn(writing, row)
    # What hid it is a series of the old patient's; and below the age nobody but a guardian would ever see it.
    row.private = row.private and row.hidden_by is None and may_be_private(await ward(writing, patient_id), now)
    row.hidden_by = None
    _arrive(row, patient_id)
    await writing.flush()  # a trigger takes it out of every series
    # The bytes of an upload go with its row, and that with its patient's record.
    theirs = update(Upload).where(col(Upload.picture_id) == picture_id).values(patient_id=patient_id)
    await writing.execute(theirs.execution_options(synchronize_session=False))
    facts = {"reason": reason.value}
    happenings = [
        Happening("picture.moved_away", picture_id, patient_id=old, facts=facts),
        Happening("picture.moved_here", picture_id, patient_id=patient_id, facts=facts),
    ]
    await record(writing, row.clinic_id, actor, happenings, now)


def _arrive(row: Picture, patient_id: UUID) -> None:
    row.patient_id = patient_id
    row.released_at = row.comment = row.person_confirmed_at = None
    is_held = row.state == PictureState.QUARANTINED.value and row.reason in {each.value for each in HUMAN_DECIDES}
    # Whom a file names is kept nowhere: it is read again to be compared with the new patient.
    if is_held or (row.state == PictureState.READY.value and row.media_type == MediaType.DICOM.value):
        look_again(row)
    if row.state == PictureState.UPLOADED.value:
        row.lease_until = None  # a look that is under way compares it with the old patient


def look_again(row: Picture) -> None:
    """Back to what was just uploaded."""
    row.state, row.reason, row.attempts, row.lease_until = PictureState.UPLOADED.value, None, 0, None
