"""Forgets people whose last record was erased: their phone, their sessions, their codes; a bare account row stays."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlmodel import col

from core.database import Sweeping
from identity.tables import Account, CodeChallenge, Session

_UNTRACKED = {"synchronize_session": False}


async def forget_accounts(sweeping: Sweeping, account_ids: Sequence[UUID]) -> None:
    """Who signs in with the same phone later is somebody new. Other rows point at the account, so its id stays."""
    named = func.any(sorted(account_ids))
    phones = select(col(Account.phone)).where(col(Account.id) == named)
    spent = delete(CodeChallenge).where(col(CodeChallenge.phone).in_(phones))
    await sweeping.execute(spent, execution_options=_UNTRACKED)
    await sweeping.execute(delete(Session).where(col(Session.account_id) == named), execution_options=_UNTRACKED)
    emptied = update(Account).where(col(Account.id) == named)
    await sweeping.execute(emptied.values(phone=None, email=None, password_hash=None), execution_options=_UNTRACKED)
