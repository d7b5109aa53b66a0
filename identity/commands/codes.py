"""One-time codes: send one to a phone, spend it, and the account of the phone it proves."""

import hmac
import json
import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Writing
from core.errors import NotSignedIn, TooMany
from core.ids import new_id
from identity.keys import Keys
from identity.phone import brake_prefix
from identity.queries import code_history
from identity.secrets import new_code
from identity.sign_in import CODE_LIFE, CODE_TRIES, CodeVerdict, code_verdict
from identity.tables import Account, CodeChallenge

_LOG = logging.getLogger("enamel.identity")


class CodeTooSoon(TooMany):
    slug = "code-too-soon"


class CodeWrong(NotSignedIn):
    """Wrong, used, expired or tried too often: one answer for all, so that it is no oracle."""

    slug = "code-wrong"


@dataclass(frozen=True, slots=True)
class CodeSent:
    """`code` goes to the phone and nowhere else; None where a silent brake held it back."""

    challenge_id: UUID
    code: str | None


async def send_code(writing: Writing, keys: Keys, phone: str, address: str, now: datetime) -> CodeSent:
    """Make a code for `phone` (E.164) asked for from `address`.

    Raises `CodeTooSoon` by the brakes that may be spoken of; the others are silent. The caller sends the
    code after the commit: a crash between the two costs the patient one "send again".
    """
    # Numbers that share a prefix take turns, or a hundred requests at once would all find the brakes loose.
    lock = func.hashtextextended(f"code {brake_prefix(phone)}", 0)
    await writing.execute(select(func.pg_advisory_xact_lock(lock)))
    verdict, wait = code_verdict(await code_history(writing, phone, address, now), now)
    if verdict is CodeVerdict.WAIT:
        raise CodeTooSoon(retry_after_seconds=int(wait.total_seconds()) + 1)
    if verdict is CodeVerdict.SILENT:
        # The only sign of an attack, or of patients who wait in vain. Whose number it was is not told.
        _LOG.warning(json.dumps({"sign_in": "code held back by a brake"}))
    code, challenge_id = new_code(), new_id()
    # Earlier codes of the number die, so that a resend does not widen the guess.
    outdated = update(CodeChallenge).where(col(CodeChallenge.phone) == phone, col(CodeChallenge.used_at).is_(None))
    await writing.execute(outdated.values(used_at=now))
    writing.add(
        CodeChallenge(
            id=challenge_id,
            phone=phone,
            address=address,
            code_hash=keys.secrets.keyed_hash(f"code {challenge_id}", code),
            tries_left=CODE_TRIES,
            sent=verdict is CodeVerdict.SEND,
            created_at=now,
            expires_at=now + CODE_LIFE,
        )
    )
    return CodeSent(challenge_id, code if verdict is CodeVerdict.SEND else None)


async def spend_code(writing: Writing, keys: Keys, challenge_id: UUID, code: str, now: datetime) -> str | None:
    """Take one try; the phone that is proven, or None.

    It returns instead of raising because a wrong try must stay counted: commit before you refuse.
    Fifty parallel tries take at most five: the row's own update is the lock. A code that was held back opens nothing.
    """
    taken = (
        update(CodeChallenge)
        .where(
            col(CodeChallenge.id) == challenge_id,
            col(CodeChallenge.sent),
            col(CodeChallenge.tries_left) > 0,
            col(CodeChallenge.used_at).is_(None),
            col(CodeChallenge.expires_at) > now,
        )
        .values(tries_left=CodeChallenge.tries_left - 1, failures=CodeChallenge.failures + 1)
        .returning(col(CodeChallenge.phone), col(CodeChallenge.code_hash))
    )
    row = (await writing.execute(taken)).one_or_none()
    given = keys.secrets.keyed_hash(f"code {challenge_id}", code)
    if row is None or not hmac.compare_digest(row.code_hash, given):
        return None
    right = update(CodeChallenge).where(col(CodeChallenge.id) == challenge_id)
    await writing.execute(right.values(used_at=now, failures=CodeChallenge.failures - 1))
    return str(row.phone)


async def account_of_phone(writing: Writing, phone: str, now: datetime) -> UUID:
    """The account of a proven phone, made when it is new."""
    made = insert(Account).values(id=new_id(), phone=phone, created_at=now)
    kept = made.on_conflict_do_update(index_elements=["phone"], set_={"phone": made.excluded.phone})
    account_id: UUID = (await writing.execute(kept.returning(col(Account.id)))).scalar_one()
    return account_id
