"""What a voice message may be: its types, limits and waveform, and what is refused at the door."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.errors import Fault, Invalid, TooLarge
from media.kinds import MediaType, PictureKind, PictureTypeRefused

LARGEST_VOICE = 16 * 1024**2
LONGEST_SECONDS = 15 * 60
PEAKS = 64
LOUDEST = 31
VOICE_TYPES = frozenset({MediaType.MP4_SOUND, MediaType.OGG_SOUND, MediaType.WEBM_SOUND})
"""AAC in MP4, as iOS and Android record it; Opus in Ogg and in WebM, as Android and browsers do."""
HEARD_AS = MediaType.MP4_SOUND
"""Every voice message is given out as AAC in MP4, made anew: it plays everywhere, and holds no byte of what came."""

# Of a header's word of the length: encoders count the silence that they begin and end with in more ways than one.
_SLACK_SECONDS = 1.0
_SLACK_SHARE = 0.02
_BRANDS = (
    b"M4A ", b"mp41", b"mp42", b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso8", b"3gp4", b"3gp5", b"3gp6",
    b"dash", b"msnv",
)  # fmt: skip
_WEBM_HEAD = 64


class VoiceTooLarge(TooLarge):
    slug = "voice-too-large"


class VoiceTypeRefused(Invalid):
    slug = "voice-type-refused"


@dataclass(frozen=True, slots=True)
class Heard:
    """A voice message that was listened to: whole seconds, `PEAKS` peaks from 0 to `LOUDEST`, and the copy to hear.

    Raises ValueError for what no voice message can be: who says so listened to a hostile file.
    """

    seconds: int
    waveform: tuple[int, ...]
    copy: bytes

    def __post_init__(self) -> None:
        is_drawn = len(self.waveform) == PEAKS and all(0 <= peak <= LOUDEST for peak in self.waveform)
        if not (1 <= self.seconds <= LONGEST_SECONDS and is_drawn):
            raise ValueError("not a voice message")


def check_voice(kind: PictureKind, media_type: MediaType, size_bytes: int, *, is_named: bool) -> None:
    """Sound is a voice message, and nothing else is. A clinic's own system (`is_named`) sends none.

    Raises `PictureTypeRefused`, `VoiceTypeRefused`, `VoiceTooLarge`, `Invalid`.
    """
    if kind is not PictureKind.VOICE:
        if media_type in VOICE_TYPES:
            raise PictureTypeRefused
        return
    if is_named:
        raise Invalid(Fault("/kind", "unknown-reference"))
    if media_type not in VOICE_TYPES:
        raise VoiceTypeRefused
    if size_bytes > LARGEST_VOICE:
        raise VoiceTooLarge


def voice_type_of(content: bytes) -> MediaType | None:
    """The type by the first bytes alone; which codec is inside is seen when it is listened to."""
    if content[4:8] == b"ftyp" and content[8:12] in _BRANDS:
        return MediaType.MP4_SOUND
    if content.startswith(b"OggS") and content[28:36] == b"OpusHead":
        return MediaType.OGG_SOUND
    if content.startswith(b"\x1aE\xdf\xa3") and b"\x42\x82\x84webm" in content[:_WEBM_HEAD]:
        return MediaType.WEBM_SOUND
    return None


def admitted_voice(content: bytes) -> MediaType:
    """The type of a voice message that came in one request. Raises `VoiceTooLarge`, `VoiceTypeRefused`."""
    if len(content) > LARGEST_VOICE:
        raise VoiceTooLarge
    media_type = voice_type_of(content)
    if media_type is None:
        raise VoiceTypeRefused
    return media_type


def lies(told_seconds: float | None, seconds: float) -> bool:
    """Whether a header tells of another length than is there; one that tells of none is honest."""
    return told_seconds is not None and abs(told_seconds - seconds) > max(_SLACK_SECONDS, seconds * _SLACK_SHARE)


def waveform_of(peaks: Sequence[float]) -> tuple[int, ...]:
    """`PEAKS` peaks of many that follow each other, against the loudest of them; silence is all zeros."""
    loudest = max(peaks, default=0.0)
    if loudest < 1 / 2**12:  # a sixteenth of the quietest step that is drawn; noise of an encoder
        return (0,) * PEAKS
    ends = [len(peaks) * number / PEAKS for number in range(PEAKS + 1)]
    pieces = [peaks[int(a) : max(int(b), int(a) + 1)] for a, b in pairwise(ends)]
    return tuple(round(LOUDEST * max(piece) / loudest) for piece in pieces)
