"""What the push package holds of a person: what they were told, and what they agreed to. Phones are an account's."""

import push.tables  # noqa: F401  who copies or erases must know them
from core.holding import Fate, Holding

HOLDINGS: tuple[Holding, ...] = (
    Holding("consent", Fate.CODES),
    Holding("notice", Fate.ERASE, own=True),
    Holding(
        "delivery",
        Fate.ERASE,
        person="notice_id",
        parent="notice",
        own=True,
        omit=frozenset({"provider_id", "line_id", "lane", "maybe_arrived"}),
    ),
    Holding("contact_preference", Fate.ERASE, own=True),
    Holding("contact_ring", Fate.ERASE, untold="counts of notices that are told themselves"),
    Holding("messenger_link", Fate.ERASE, own=True, omit=frozenset({"token_hash"})),
    Holding("dead_address", Fate.ERASE, own=True),
    Holding("call_task", Fate.ERASE, untold="that a call was wanted: the task that came of it is told"),
    Holding("inbox_read", Fate.ERASE, untold="up to where an account has read: a moment"),
    Holding("said", Fate.ERASE, own=True),
    Holding("lock_screen", Fate.ERASE, own=True),
)
