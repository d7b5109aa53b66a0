"""Conditions on phones, for the statements of claims."""

from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlmodel import col

from push.device import STALE_AFTER
from push.notice import Purpose
from push.tables import DeviceRow


def fresh_enough(purpose: Any, now: Any) -> ColumnElement[bool]:
    """SQL of `push.device.may_hear`: a phone that stays away is sold nothing; forgotten ones are dead anyway."""
    return or_(purpose != Purpose.MARKETING.value, col(DeviceRow.last_seen_at) > now - STALE_AFTER)
