"""The verbs of media: take uploads in, look after pictures and files, arrange series."""

from media.commands.drawings import ClaimedDrawing, claim_drawings, draw, excuse_drawings, record_drawn
from media.commands.files import LeftFile, forget_left_file, put_off_left_file, take_left_file
from media.commands.moving import MoveReason, move_picture
from media.commands.pictures import (
    ClaimedPicture,
    Kept,
    claim_pictures,
    discard_picture,
    excuse,
)
from media.commands.settling import Stored, quarantine, record_previews
from media.commands.showing import describe_picture, hide_picture, release_picture
from media.commands.uploads import (
    Started,
    complete_upload,
    forget_uploads,
    give_up_upload,
    name_storage,
    start_upload,
)
from media.commands.verdicts import Verdict, decide_on_picture

__all__ = [
    "ClaimedDrawing",
    "ClaimedPicture",
    "Kept",
    "LeftFile",
    "MoveReason",
    "Started",
    "Stored",
    "Verdict",
    "claim_drawings",
    "claim_pictures",
    "complete_upload",
    "decide_on_picture",
    "describe_picture",
    "discard_picture",
    "draw",
    "excuse",
    "excuse_drawings",
    "forget_left_file",
    "forget_uploads",
    "give_up_upload",
    "hide_picture",
    "move_picture",
    "name_storage",
    "put_off_left_file",
    "quarantine",
    "record_drawn",
    "record_previews",
    "release_picture",
    "start_upload",
    "take_left_file",
]
