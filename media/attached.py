"""What a message tells of the pictures and voice messages that stand in it."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from core.values import Int32, Value
from media.kinds import PictureKind
from media.voice import LONGEST_SECONDS, LOUDEST, PEAKS

Peak = Annotated[Int32, Field(ge=0, le=LOUDEST)]


class AttachedPicture(Value):
    """A picture of a message, to make room for it before a link to it is asked for; the size is in pixels."""

    id: UUID
    kind: PictureKind
    width: Int32
    height: Int32
    blurhash: str = Field(max_length=100, description="What to show until the preview has come (blurha.sh).")


class AttachedVoice(Value):
    """A voice message, to draw it before a link to it (`download`) is asked for."""

    id: UUID
    kind: PictureKind = Field(description="`voice`.", examples=["voice"])
    seconds: Annotated[Int32, Field(ge=1, le=LONGEST_SECONDS, examples=[42])]
    waveform: list[Peak] = Field(
        min_length=PEAKS, max_length=PEAKS, description="How loud it is, from its beginning to its end.",
        examples=[[0, 3, 17, 31] * (PEAKS // 4)],
    )  # fmt: skip
