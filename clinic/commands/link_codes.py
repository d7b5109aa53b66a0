"""Link codes: the desk's invitation to open a record, handed to a person whose document was seen."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from clinic.commands.access import WardOfAge, end_of_access, grant_access, void_link_codes, ward
from clinic.commands.guardians import follow_guardians, hold_following
from clinic.commands.patients import hold_patient
from clinic.household import EVERY_SCOPE, AccessScope, AccessState, Grant, Relation, access_state
from clinic.queries.privacy import being_erased
from clinic.tables import LinkCode
from core.database import Writing
from core.errors import NotFound
from core.events import Actor, Happening, record
from identity.secrets import Secrets, new_link_code, spoken_link_code

LINK_CODE_LIFE = timedelta(days=7)


class LinkCodeWrong(NotFound):
    slug = "link-code-wrong"


async def issue_link_code(
    writing: Writing, secrets: Secrets, clinic_id: UUID, patient_id: UUID, relation: str, actor: Actor, now: datetime,
    *, scopes: Collection[AccessScope] = EVERY_SCOPE, ends_on: date | None = None,
) -> tuple[str, datetime]:  # fmt: skip
    """A code for the person at the desk and when it ends. To one's own record one code is good at a time; guardians
    and carers may be several, each with a code.

    A guardian or carer will see and do `scopes`, until the first minute of `ends_on`.
    Raises `NotFound`, `WardOfAge` (a guardian for a grown-up), `AccessEndsInThePast`.
    """
    await hold_patient(writing, patient_id)
    whose = await ward(writing, patient_id)
    if relation == Relation.GUARDIAN.value and whose.of_age(now):
        raise WardOfAge
    ends_at = end_of_access(whose, ends_on, now)
    if relation == Relation.SELF.value:
        await void_link_codes(writing, patient_id, relation, now)
    code, expires_at = new_link_code(), now + LINK_CODE_LIFE
    digest = secrets.keyed_hash(f"link {clinic_id}", code)
    made = LinkCode(
        clinic_id=clinic_id, patient_id=patient_id, relation=relation, scopes=sorted(scopes), ends_at=ends_at,
        code_hash=digest, expires_at=expires_at,
    )  # fmt: skip
    writing.add(made)
    invited = Happening("record.invited", made.id, patient_id=patient_id, facts={"relation": relation})
    await record(writing, clinic_id, actor, [invited], now)
    return code, expires_at


async def redeem_link_code(
    writing: Writing, secrets: Secrets, clinic_id: UUID, account_id: UUID, raw: str, actor: Actor, now: datetime
) -> UUID:
    """Open the record the code stands for; one use. Other wards of whom the clinic's system told open with it.

    Raises `LinkCodeWrong` for wrong, used and old alike, for what would open nothing any more (the ward came of age,
    the last day has passed), and to whom staff has blocked (the code stays good for somebody else, and nobody learns
    of a block by trying); `OwnRecordAlreadyLinked` (the code stays good).
    """
    await hold_following(writing, clinic_id)
    digest = secrets.keyed_hash(f"link {clinic_id}", spoken_link_code(raw))
    spent = (
        update(LinkCode)
        .where(col(LinkCode.code_hash) == digest, col(LinkCode.used_at).is_(None), col(LinkCode.expires_at) > now)
        .values(used_at=now)
        .returning(col(LinkCode.patient_id), col(LinkCode.relation), col(LinkCode.scopes), col(LinkCode.ends_at))
    )
    row = (await writing.execute(spent)).one_or_none()
    if row is None:
        raise LinkCodeWrong
    patient_id: UUID = row.patient_id
    if await being_erased(writing, patient_id):
        raise LinkCodeWrong
    grant = Grant(Relation(row.relation), row.ends_at)
    if access_state(grant, await ward(writing, patient_id), now) is not AccessState.STANDING:
        raise LinkCodeWrong
    bounds = {"scopes": row.scopes, "ends_at": row.ends_at}
    if not await grant_access(writing, clinic_id, account_id, patient_id, row.relation, now, **bounds):
        raise LinkCodeWrong
    linked = Happening("record.linked", account_id, patient_id=patient_id, facts={"relation": row.relation})
    await record(writing, clinic_id, actor, [linked], now)
    await follow_guardians(writing, clinic_id, account_id, actor, now)
    return patient_id
