"""What is said of an upload: how a file is announced, how far it is, where its parts go."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.teeth import FdiTooth
from clinic.facts import HappenedOn
from core.moments import Moment
from core.values import Int32, Int64, Value
from media.kinds import LARGEST_FILE, LARGEST_UPLOAD, PictureKind, PictureState, Reason
from media.queries.pictures import MOST_TEETH
from media.upload import PART_BYTES, UploadState

MOST_PARTS = LARGEST_UPLOAD // PART_BYTES


class TakenType(StrEnum):
    """What may come in."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    DICOM = "application/dicom"
    MP4_SOUND = "audio/mp4"
    OGG_SOUND = "audio/ogg"
    WEBM_SOUND = "audio/webm"


class UploadStart(Value):
    """A file that will be sent. What is announced is compared with what comes, byte for byte."""

    kind: PictureKind
    media_type: TakenType
    size_bytes: Annotated[Int64, Field(ge=1, le=LARGEST_UPLOAD, examples=[3_913_024])]
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Of the whole file, in hex.", examples=["e3b0" * 16])
    taken_on: HappenedOn | None = None
    teeth: list[FdiTooth] = Field(
        default=[], max_length=MOST_TEETH, description="Which teeth it shows.", examples=[["11"]]
    )
    released: bool = Field(default=False, description="Whether the patient may see it as soon as it is ready.")
    private: bool = Field(default=False, description="Hidden from those who may open a ward's record.")


class PartAddress(Value):
    """Where the storage itself takes a part: PUT its bytes there, with exactly these headers and no token."""

    url: str = Field(max_length=4000)
    headers: dict[str, str] = Field(max_length=20)


class UploadPart(Value):
    """A piece of the file: so many bytes from `first_byte` on."""

    number: Int32
    first_byte: Int64
    size_bytes: Int64
    received: bool
    address: PartAddress | None = Field(
        description="Null where the storage has no door of its own, or the part is here: then PUT it to the API."
    )


class _Progress(Value):
    upload_id: UUID
    state: UploadState
    size_bytes: Int64
    received_bytes: Int64
    parts: list[UploadPart] = Field(max_length=MOST_PARTS)
    expires_at: Moment = Field(description="When it is forgotten if it is not complete.")
    picture_id: UUID | None
    picture_state: PictureState | None


class UploadView(_Progress):
    """How far an upload is. Once it is complete, `picture_id` and what became of the picture."""

    patient_id: UUID
    reason: Reason | None = Field(description="Why the picture stands in quarantine.")


class PhotoType(StrEnum):
    """What a patient's photo may be, and their voice message: AAC in MP4, Opus in Ogg or in WebM."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    MP4_SOUND = "audio/mp4"
    OGG_SOUND = "audio/ogg"
    WEBM_SOUND = "audio/webm"


class PhotoStart(Value):
    """A photo or voice message that a patient will send; what comes is compared with this, byte for byte."""

    media_type: PhotoType
    size_bytes: Annotated[Int64, Field(ge=1, le=LARGEST_FILE, examples=[3_913_024])]
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Of the whole file, in hex.", examples=["e3b0" * 16])


class PhotoUpload(_Progress):
    """How far a patient's photo or voice message is. Once it is `ready`, a message may carry its `picture_id`;
    `quarantined`: it never will, whatever the reason.
    """
