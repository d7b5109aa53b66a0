"""What the push package holds of a person: what they were told, and what they agreed to. Phones are an account's."""

import push.tables  # noqa: F401  who copies or erases must know them
from core.holding import Fate, Holding

HOLDINGS: tuple[Holding, ...] = (
    Holding("consent", Fate.CODES),
    Holding("notice", Fate.ERASE, own=True),
    Holding("delivery", Fate.ERASE, person="notice_id", parent="notice", own=True, omit=frozenset({"provider_id"})),
)
