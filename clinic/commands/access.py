"""Who may open which record: invited by the desk's link code, one record of one's own."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, case, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from clinic.commands.patients import hold_patients
from clinic.tables import Access, LinkCode
from core.database import Writing
from core.errors import Conflict, NotAllowed, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id
from identity.secrets import Secrets, new_link_code, spoken_link_code

LINK_CODE_LIFE = timedelta(days=7)


class NoRecordLinked(NotAllowed):
    """Signed in by phone, but no record is opened to this account yet: the desk's link code is the second proof."""

    slug = "no-record-linked"


class LinkCodeWrong(NotFound):
    slug = "link-code-wrong"


class OwnRecordAlreadyLinked(Conflict):
    """An account has one record of its own; every other one it opens as a guardian."""

    slug = "own-record-already-linked"


async def grant_access(
    writing: Writing, clinic_id: UUID, account_id: UUID, patient_id: UUID, relation: str, now: datetime
) -> None:
    """Let an account open a record; granting again renews what was revoked, and one's own stays one's own.

    Raises `OwnRecordAlreadyLinked` where the account has another record of its own.
    """
    row = {
        "clinic_id": clinic_id, "id": new_id(), "account_id": account_id, "patient_id": patient_id,
        "relation": relation, "granted_at": now,
    }  # fmt: skip
    fresh = insert(Access).values(row)
    own = and_(col(Access.relation) == "self", col(Access.revoked_at).is_(None))
    kept = case((own, col(Access.relation)), else_=fresh.excluded.relation)
    renewed = {"relation": kept, "granted_at": now, "revoked_at": None, "ends_at": None}
    key = ["clinic_id", "account_id", "patient_id"]
    try:
        await writing.execute(fresh.on_conflict_do_update(index_elements=key, set_=renewed))
    except IntegrityError as error:
        if "access_own" in str(error.orig):
            raise OwnRecordAlreadyLinked from None
        raise


async def revoke_access(
    writing: Writing, clinic_id: UUID, account_id: UUID, patient_id: UUID, actor: Actor, now: datetime
) -> None:
    """Shut a record to an account, from its next request on. Raises `NotFound` where it was not open."""
    mine = (col(Access.account_id) == account_id, col(Access.patient_id) == patient_id)
    revoked = update(Access).where(*mine, col(Access.revoked_at).is_(None)).values(revoked_at=now)
    relation = (await writing.execute(revoked.returning(col(Access.relation)))).scalar_one_or_none()
    if relation is None:
        raise NotFound
    unlinked = Happening("record.unlinked", account_id, patient_id=patient_id, facts={"relation": relation})
    await record(writing, clinic_id, actor, [unlinked], now)


async def issue_link_code(
    writing: Writing, secrets: Secrets, clinic_id: UUID, patient_id: UUID, relation: str, actor: Actor, now: datetime
) -> tuple[str, datetime]:
    """A code for the person at the desk and when it ends; the one before it is void. Raises `NotFound`."""
    if not await hold_patients(writing, [patient_id]):
        raise NotFound
    same = (col(LinkCode.patient_id) == patient_id, col(LinkCode.relation) == relation)
    await writing.execute(
        update(LinkCode)
        .where(*same, col(LinkCode.used_at).is_(None), col(LinkCode.expires_at) > now)
        .values(expires_at=now)
    )
    code, expires_at = new_link_code(), now + LINK_CODE_LIFE
    digest = secrets.keyed_hash(f"link {clinic_id}", code)
    made = LinkCode(
        clinic_id=clinic_id, patient_id=patient_id, relation=relation, code_hash=digest, expires_at=expires_at
    )
    writing.add(made)
    invited = Happening("record.invited", made.id, patient_id=patient_id, facts={"relation": relation})
    await record(writing, clinic_id, actor, [invited], now)
    return code, expires_at


async def redeem_link_code(
    writing: Writing, secrets: Secrets, clinic_id: UUID, account_id: UUID, raw: str, actor: Actor, now: datetime
) -> UUID:
    """Open the record the code stands for; one use.

    Raises `LinkCodeWrong` for wrong, used and old alike, `OwnRecordAlreadyLinked` (the code stays good).
    """
    digest = secrets.keyed_hash(f"link {clinic_id}", spoken_link_code(raw))
    spent = (
        update(LinkCode)
        .where(col(LinkCode.code_hash) == digest, col(LinkCode.used_at).is_(None), col(LinkCode.expires_at) > now)
        .values(used_at=now)
        .returning(col(LinkCode.patient_id), col(LinkCode.relation))
    )
    row = (await writing.execute(spent)).one_or_none()
    if row is None:
        raise LinkCodeWrong
    await grant_access(writing, clinic_id, account_id, row.patient_id, row.relation, now)
    linked = Happening("record.linked", account_id, patient_id=row.patient_id, facts={"relation": row.relation})
    await record(writing, clinic_id, actor, [linked], now)
    patient_id: UUID = row.patient_id
    return patient_id
