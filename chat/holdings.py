"""What the chat package holds of a person: the conversation and what was said in it."""

from core.holding import Fate, Holding

HOLDINGS: tuple[Holding, ...] = (
    Holding("conversation", Fate.SHELL, scope="chat", becomes={"erased_at": "now()"}),
    Holding("message", Fate.RESTRICT, person="conversation_id", parent="conversation", scope="chat"),
    Holding(
        "chat_event", Fate.CODES, person="conversation_id", parent="conversation",
        untold="when each message was sent and read: the messages themselves are told",
    ),
    Holding(
        "mark", Fate.ERASE, person="conversation_id", parent="conversation",
        untold="how far each side has read, which the conversation shows",
    ),
)  # fmt: skip
