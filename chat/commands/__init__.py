"""The verbs of the chat: say something, change it, note it, say how far one has read."""

from chat.commands.change import delete, edit, react
from chat.commands.marks import Marked, mark
from chat.commands.notes import note
from chat.commands.send import Asked, Enclosed, post_message, send
from chat.commands.speaking import IdReused, MediaUnknown, MessageDeleted, MessageNotYours, MessageSettled, Sent
from chat.commands.voices import look_for_voice
from chat.speaker import OWN, Author, Speaker, Target

__all__ = [
    "OWN",
    "Asked",
    "Author",
    "Enclosed",
    "IdReused",
    "Marked",
    "MediaUnknown",
    "MessageDeleted",
    "MessageNotYours",
    "MessageSettled",
    "Sent",
    "Speaker",
    "Target",
    "delete",
    "edit",
    "look_for_voice",
    "mark",
    "note",
    "post_message",
    "react",
    "send",
]
