"""The reference client of `enamel.chat.v1`: keeps every rule of the protocol, and is what the proofs speak with."""

from enamel.chat_client.backoff import Backoff
from enamel.chat_client.client import ChatClient, SentAway, Tokens
from enamel.chat_client.held import Conversation, LogCopy, Shown
from enamel.chat_client.outbox import Outbox, Refused, Said

__all__ = [
    "Backoff",
    "ChatClient",
    "Conversation",
    "LogCopy",
    "Outbox",
    "Refused",
    "Said",
    "SentAway",
    "Shown",
    "Tokens",
]
