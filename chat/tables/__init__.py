"""Rows of the chat, by noun."""

from chat.tables.bot import BotTurn
from chat.tables.cases import ChatCase
from chat.tables.conversation import Conversation, Mark
from chat.tables.desk import CannedReply, ChatAddress, ChatDesk, ChatPace, ChatRota, ChatWords, ChatWordsMark
from chat.tables.log import ChatEvent
from chat.tables.messages import ChatNote, Message, Reaction
from chat.tables.presence import ChatNode, ChatPresence

__all__ = [
    "BotTurn",
    "CannedReply",
    "ChatAddress",
    "ChatCase",
    "ChatDesk",
    "ChatEvent",
    "ChatNode",
    "ChatNote",
    "ChatPace",
    "ChatPresence",
    "ChatRota",
    "ChatWords",
    "ChatWordsMark",
    "Conversation",
    "Mark",
    "Message",
    "Reaction",
]
