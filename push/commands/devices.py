"""Binds phones to the people who sign in on them, unbinds them, and forgets them."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from sqlalchemy import Text, case, cast, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from clinic.hours import Zone
from core.database import Sweeping, Writing
from core.ids import new_id
from core.values import Value
from identity.queries import live_session
from push.app_build import AppVersion, BuildName
from push.channel import Way
from push.commands.batch import UNTRACKED
from push.device import FORGOTTEN_AFTER, OsPermission, one_spelling
from push.tables import DeviceRow

PushToken = Annotated[str, StringConstraints(min_length=8, max_length=4096, pattern=r"^[\x20-\x7e]+$")]
Locale = Annotated[str, StringConstraints(max_length=35, pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*$")]


class DeviceFacts(Value):
    """What an app says of itself at every start."""

    platform: Literal["android", "ios", "web"]
    app_build: BuildName = Field(description="The app's package or bundle id.", examples=["it.example.clinic"])
    way: Literal["fcm", "apns", "webpush"] = Field(default="fcm", description="By which it can be reached.")
    token: PushToken = Field(
        description="FCM: its token, or `fid:` and the installation id. APNs: the device token in hex. Web Push: the"
        " subscription as JSON. One install has one of them: another takes its place.",
        examples=["dQw4w9WgXcQ:APA91bHun4MxP5egoKMwt2KZ"],
    )
    locale: Locale = Field(description="Language of the phone, BCP 47.", examples=["it-IT"])
    zone: Zone = Field(examples=["Europe/Rome"])
    app_version: AppVersion = Field(default="", examples=["3.1.0"])
    permission: OsPermission = Field(default=OsPermission.UNKNOWN, description="What the phone lets the app show.")

    @field_validator("token")
    @classmethod
    def _is_of_its_way(cls, token: str, info: ValidationInfo) -> str:
        return one_spelling(Way(info.data["way"]), token) if "way" in info.data else token


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
    theirs = update(DeviceRow).where(col(DeviceRow.account_id) == func.any(sorted(account_ids)))
    await sweeping.execute(theirs.values(_emptied(now)), execution_options=UNTRACKED)


async def forget_unseen(sweeping: Sweeping, now: datetime, most: int) -> int:
    """Empty phones that nobody has seen for so long that their provider has given them up; how many."""
    old = select(col(DeviceRow.clinic_id), col(DeviceRow.id)).where(
        col(DeviceRow.token) != "", col(DeviceRow.last_seen_at) < now - FORGOTTEN_AFTER
    )
    taken = old.order_by(col(DeviceRow.last_seen_at)).limit(most).with_for_update(skip_locked=True)
    mine = tuple_(col(DeviceRow.clinic_id), col(DeviceRow.id)).in_(taken)
    emptied = update(DeviceRow).where(mine).values(_emptied(now)).returning(col(DeviceRow.id))
    return len((await sweeping.execute(emptied, execution_options=UNTRACKED)).all())


async def unbind_ended(sweeping: Sweeping, now: datetime) -> int:
    """End the phones whose session was revoked or ran out, wherever that was done; how many ended."""
    lives = live_session(DeviceRow.session_id, DeviceRow.account_id, now)
    gone = select(col(DeviceRow.clinic_id), col(DeviceRow.id)).where(col(DeviceRow.dead_at).is_(None), ~lives)
    taken = gone.with_for_update(skip_locked=True, of=DeviceRow)
    mine = tuple_(col(DeviceRow.clinic_id), col(DeviceRow.id)).in_(taken)
    ended = update(DeviceRow).where(mine).values(dead_at=now).returning(col(DeviceRow.id))
    return len((await sweeping.execute(ended, execution_options=UNTRACKED)).all())


def _emptied(now: datetime) -> dict[str, Any]:
    nothing = func.sha256(func.convert_to(cast(col(DeviceRow.id), Text), "UTF8"))
    return {
        "token": "", "token_hash": nothing, "locale": "", "zone": "", "app_version": "",
        "dead_at": func.coalesce(col(DeviceRow.dead_at), now),
    }  # fmt: skip
