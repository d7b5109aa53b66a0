"""A coupon: one patient's share of a promotion, with a personal code, from pick-up to its end."""

import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

CODE_LENGTH = 10
"""Fifty bits: at ten tries an hour a code of a thousand open ones is guessed in some ten million years."""
TRIES_AN_HOUR = 10
TRIES_AN_HOUR_OF_A_SYSTEM = 200
"""A clinic's own system calls for all its desks together."""

# Crockford's alphabet: no I, L, O, U, so that a code read aloud or off paper has one spelling.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS = 5
# What keyboards and eyes take for one another: small and fullwidth letters go by NFKC and upper(), these do not.
_CYRILLIC = str.maketrans("АВЕКМНОРСТХЗ", "ABEKMH0PCTX3")
_SKIPPED = frozenset({"Pd", "Pc", "Zs", "Cf", "Cc"})  # dashes, blanks, and what cannot be seen
_LOOKALIKE = str.maketrans("OIL", "011")


class CouponState(StrEnum):
    PICKED = "picked"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    REVERSED = "reversed"
    """The bill it was redeemed on was taken back when its time was over: its place in the stock is free. Before that
    it is `picked` again."""


def code_from(digest: bytes) -> str:
    """The code that the first fifty bits of a keyed digest spell."""
    number = int.from_bytes(digest[:8], "big") >> (64 - _BITS * CODE_LENGTH)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(_BITS * (CODE_LENGTH - 1), -1, -_BITS))


def folded_code(raw: str) -> str:
    """The code as it is kept, from how people type it: case, blanks, dashes, O and 0, Cyrillic and wide letters."""
    letters = unicodedata.normalize("NFKC", raw).upper()
    plain = "".join(sign for sign in letters if unicodedata.category(sign) not in _SKIPPED)
    return plain.translate(_CYRILLIC).translate(_LOOKALIKE)


def ends_at(picked_at: datetime, promotion_ends_on: date, days: int | None, zone: str) -> datetime:
    """When a coupon ends: with the promotion's last day where the patient's branch is, or `days` after pick-up."""
    day_after = promotion_ends_on + timedelta(days=1)
    last = datetime.combine(day_after, time(), ZoneInfo(zone)).astimezone(UTC)
    return last if days is None else min(last, picked_at + timedelta(days=days))


def state_at(state: CouponState, expires_at: datetime, now: datetime) -> CouponState:
    """The state as it is to be shown: a coupon whose time is over is expired before the worker writes it down."""
    return CouponState.EXPIRED if state is CouponState.PICKED and expires_at <= now else state
