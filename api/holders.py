"""Who a link to a picture is given to, and whether they still may open it: asked anew each time."""

from datetime import datetime
from uuid import UUID

from chat.queries import check_reach
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


Right = tuple[Permission, AccessScope]
"""What staff needs, and whoever opens somebody else's record."""

TO_LOOK: Right = (Permission.READ_MEDIA, AccessScope.VIEW_MEDIA)
TO_HEAR: Right = (Permission.REPLY, AccessScope.CHAT)


async def still_may(
    reading: Reading, given_to: GivenTo, patient_id: UUID, now: datetime, right: Right = TO_LOOK
) -> UUID:
    """Who they are (an account, or somebody of the staff), still signed in and still with the right to it as who they
    were. Raises `NotFound`.

    Whoever signed out, left the clinic, lost a right or was shut out of the record since has lost the link too; to
    what is heard, also staff whose branches the conversation has left.
    """
    account_id, session_id = given_to.account_id, given_to.session_id
    if given_to.holder is Holder.STAFF:
        staff = await staff_standing(reading, account_id, session_id, now)
        if staff is None or right[0] not in staff.permissions:
            raise NotFound
        if right is TO_HEAR:
            await check_reach(reading, patient_id, staff.staff_id)
        return staff.staff_id
    opened = await opened_record(reading, account_id, session_id, patient_id, now)
    if opened is None or right[1] not in opened.scopes or _holder(opened) is not given_to.holder:
        raise NotFound
    return account_id


def _holder(opened: Opened) -> Holder:
    return Holder.PATIENT if opened.relation is Relation.SELF else Holder.GUARDIAN
