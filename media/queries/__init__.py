"""What is known of media: a patient's pictures, files on their way, series."""

from media.queries.attached import attached_json, attached_voices_json, sent_voice, voices_named
from media.queries.drawings import DrawingView, Measure, drawing_of
from media.queries.elsewhere import KeptElsewhere, SourceView, kept_elsewhere, sources
from media.queries.named import NamedPicture, named_pictures
from media.queries.pictures import (
    EVERY,
    KeptPicture,
    Picture,
    PictureFile,
    Which,
    held_pictures,
    kept_picture,
    picture_file,
    picture_files,
    pictures,
    pictures_named,
)
from media.queries.pictures_json import MOST_IN_DOCUMENT, pictures_json
from media.queries.served import Served, served
from media.queries.uploads import HeldUpload, held_upload, state_of, upload_of, uploads_by

__all__ = [
    "EVERY",
    "MOST_IN_DOCUMENT",
    "DrawingView",
    "HeldUpload",
    "KeptElsewhere",
    "KeptPicture",
    "Measure",
    "NamedPicture",
    "Picture",
    "PictureFile",
    "Served",
    "SourceView",
    "Which",
    "attached_json",
    "attached_voices_json",
    "drawing_of",
    "held_pictures",
    "held_upload",
    "kept_elsewhere",
    "kept_picture",
    "named_pictures",
    "picture_file",
    "picture_files",
    "pictures",
    "pictures_json",
    "pictures_named",
    "sent_voice",
    "served",
    "sources",
    "state_of",
    "upload_of",
    "uploads_by",
    "voices_named",
]
