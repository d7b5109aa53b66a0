"""What the chat package holds of a person: the conversation and what was said in it."""

import chat.tables  # noqa: F401  who copies or erases must know them
from core.holding import Fate, Holding

HOLDINGS: tuple[Holding, ...] = (
    Holding("conversation", Fate.SHELL, scope="chat", becomes={"erased_at": "now()"}),
    Holding(
        "message", Fate.RESTRICT, person="conversation_id", parent="conversation", scope="chat",
        veiled="chat_hides(clinic_id, media, card)",
    ),
    Holding(
        "reaction", Fate.ERASE, person="conversation_id", parent="conversation",
        untold="signs under messages, which the conversation shows",
    ),
    Holding(
        "chat_note", Fate.RESTRICT, person="conversation_id", parent="conversation",
        untold="what colleagues noted for each other",
    ),
    Holding(
        "chat_event", Fate.SHELL, person="conversation_id", parent="conversation",
        becomes={"digest": "null", "data": "'{}'"},
        untold="when each message was sent and read: the messages themselves are told",
    ),
    Holding(
        "mark", Fate.ERASE, person="conversation_id", parent="conversation",
        untold="how far each side has read, which the conversation shows",
    ),
    Holding(
        "chat_case", Fate.RESTRICT, person="conversation_id", parent="conversation", scope="chat",
        concealed=frozenset({"assignee_id"}), omit=frozenset({"escalates_at", "planned_at", "away_until"}),
    ),
    Holding(
        "bot_turn", Fate.ERASE, person="conversation_id", parent="conversation",
        untold="which question of the conversation the bot is at",
    ),
    Holding("chat_presence", Fate.ERASE, untold="whether the app is open at this moment"),
    Holding("chat_address", Fate.ERASE, own=True),
    Holding(
        "chat_words", Fate.ERASE, person="conversation_id", parent="conversation",
        untold="an index of the messages, which are told themselves",
    ),
)  # fmt: skip
