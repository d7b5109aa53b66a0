"""Who a link to a picture is given to, and whether they still may open it: asked anew each time."""

from datetime import datetime
from uuid import UUID

from clinic.household import AccessScope, Relation
from clinic.queries import opened_record, staff_standing
from clinic.queries.people import Opened
from core.database import Reading
from core.errors import NotFound
from identity.permissions import Permission
from identity.tokens import Claims
from media.links import GivenTo, Holder


def to_staff(claims: Claims) -> GivenTo:
    return GivenTo(Holder.STAFF, claims.subject_id, claims.session_id)


def to_opener(claims: Claims, opened: Opened) -> GivenTo:
    """Who opens a record: the patient themself, or somebody who acts for them."""
    return GivenTo(_holder(opened), claims.subject_id, claims.session_id)


async def still_may(reading: Reading, given_to: GivenTo, patient_id: UUID, now: datetime) -> None:
    """Whether they are still signed in, and may still see this patient's pictures as who they were. Raises `NotFound`.

    Whoever signed out, left the clinic, lost a right or was shut out of the record since has lost the link too.
    """
    account_id, session_id = given_to.account_id, given_to.session_id
    if given_to.holder is Holder.STAFF:
        staff = await staff_standing(reading, account_id, session_id, now)
        may = staff is not None and Permission.READ_MEDIA in staff.permissions
    else:
        opened = await opened_record(reading, account_id, session_id, patient_id, now)
        may = opened is not None and AccessScope.VIEW_MEDIA in opened.scopes and _holder(opened) is given_to.holder
    if not may:
        raise NotFound


def _holder(opened: Opened) -> Holder:
    return Holder.PATIENT if opened.relation is Relation.SELF else Holder.GUARDIAN
