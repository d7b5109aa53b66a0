"""Binds phones to the people who sign in on them, unbinds them, and forgets them."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints
from sqlalchemy import Text, case, cast, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from clinic.hours import Zone
from core.database import Sweeping, Writing
from core.ids import new_id
from core.values import Value
from push.commands.batch import UNTRACKED
from push.tables import DeviceRow

AppBuild = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
PushToken = Annotated[str, StringConstraints(min_length=8, max_length=4096, pattern=r"^[\x21-\x7e]+$")]
Locale = Annotated[str, StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*$")]
AppVersion = Annotated[str, StringConstraints(max_length=40, pattern=r"^[\x20-\x7e]*$")]


class DeviceFacts(Value):
    """What an app says of itself at every start."""

    platform: Literal["android", "ios", "web"]
    app_build: AppBuild = Field(description="The app's package or bundle id.", examples=["it.example.clinic"])
    token: PushToken = Field(
        description="The push provider's token for this install.", examples=["dQw4w9WgXcQ:APA91bHun4MxP5egoKMwt2KZ"]
    )
    locale: Locale = Field(description="Language of the phone, BCP 47.", examples=["it-IT"])
    zone: Zone = Field(examples=["Europe/Rome"])
    app_version: AppVersion = Field(default="", examples=["3.1.0"])


async def register_device(
    writing: Writing, clinic_id: UUID, account_id: UUID, session_id: UUID, facts: DeviceFacts, now: datetime
) -> UUID:
    """Bind this install to the account that is signed in on it, and give the device's id.

    A token belongs to the last sign-in that brought it: on a shared phone the earlier person hears no more.
    A session is one phone, so its earlier token (rotated by the provider) ends. Sending the same again
    only says that the app was seen.
    """
    digest = hashlib.sha256(facts.token.encode()).digest()
    outdated = update(DeviceRow).where(
        col(DeviceRow.clinic_id) == clinic_id,
        col(DeviceRow.account_id) == account_id,
        col(DeviceRow.session_id) == session_id,
        col(DeviceRow.token_hash) != digest,
        col(DeviceRow.dead_at).is_(None),
    )
    await writing.execute(outdated.values(dead_at=now), execution_options=UNTRACKED)
    row = {
        **facts.model_dump(), "clinic_id": clinic_id, "id": new_id(), "account_id": account_id,
        "session_id": session_id, "token_hash": digest, "registered_at": now, "last_seen_at": now, "dead_at": None,
    }  # fmt: skip
    fresh = insert(DeviceRow).values(row)
    key = ["clinic_id", "app_build", "token_hash"]
    news: dict[str, Any] = {
        name: fresh.excluded[name] for name in row if name not in {"clinic_id", "id", "registered_at", *key}
    }
    same = (col(DeviceRow.account_id) == fresh.excluded.account_id) & col(DeviceRow.dead_at).is_(None)
    news["registered_at"] = case((same, col(DeviceRow.registered_at)), else_=fresh.excluded.registered_at)
    bound = fresh.on_conflict_do_update(index_elements=key, set_=news).returning(col(DeviceRow.id))
    device_id: UUID = (await writing.execute(bound)).scalar_one()
    return device_id


async def unbind_devices(
    writing: Writing, clinic_id: UUID, account_id: UUID, session_id: UUID | None, now: datetime
) -> int:
    """End the phones of one session, or of all of the account's where None; how many ended.

    A session that was signed out gets no push even without this: claiming asks whether it lives.
    """
    mine = [
        col(DeviceRow.clinic_id) == clinic_id,
        col(DeviceRow.account_id) == account_id,
        col(DeviceRow.dead_at).is_(None),
    ]
    if session_id is not None:
        mine.append(col(DeviceRow.session_id) == session_id)
    ended = update(DeviceRow).where(*mine).values(dead_at=now).returning(col(DeviceRow.id))
    return len((await writing.execute(ended, execution_options=UNTRACKED)).all())


async def forget_devices(sweeping: Sweeping, account_ids: Sequence[UUID], now: datetime) -> None:
    """Empty the phones of people who were erased: no token, no zone, no language. Old deliveries point at the row."""
    nothing = func.sha256(func.convert_to(cast(col(DeviceRow.id), Text), "UTF8"))
    emptied = update(DeviceRow).where(col(DeviceRow.account_id) == func.any(sorted(account_ids)))
    news = {"token": "", "token_hash": nothing, "locale": "", "zone": "", "app_version": "", "dead_at": now}
    await sweeping.execute(emptied.values(news), execution_options=UNTRACKED)
