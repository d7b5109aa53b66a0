"""Listens to a voice message: bytes of a hostile file in, its true length, its waveform and a copy made anew out.

Runs in a process of the darkroom alone, and is the only place that knows PyAV. The order is the protection: the type
by the first bytes, the pieces, what else the file might be, then one demuxer and two decoders and no others of FFmpeg.
The copy is encoded from the samples: nothing that the file said, and no byte of how it was coded, is in it.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from media.faces import has_second_face, is_archive_or_paper
from media.kinds import MediaType, Reason, Rejected
from media.parcels import Parcel
from media.voice import LONGEST_SECONDS, Heard, lies, voice_type_of, waveform_of
from media.voice_layout import sound_layout

_DEMUXERS = {MediaType.MP4_SOUND: "mov", MediaType.OGG_SOUND: "ogg", MediaType.WEBM_SOUND: "matroska"}
_CODECS = {MediaType.MP4_SOUND: "aac", MediaType.OGG_SOUND: "opus", MediaType.WEBM_SOUND: "opus"}
_OPEN = {"codec_whitelist": "aac,opus", "protocol_whitelist": "", "enable_drefs": "0"}
_RATE = 32_000  # speech ends below 16 kHz
_BITS = 48_000
_BLOCK = 1024
_RATES = range(8_000, 96_001)
_MOST_CHANNELS = 2
_SLACK_SECONDS = 0.5  # what still rounds down to the longest there may be


def heard(content: bytes, announced: MediaType | None = None) -> Heard:
    """Raises `Rejected`; MemoryError where it would take too much."""
    media_type = voice_type_of(content)
    if media_type is None:
        raise Rejected(Reason.BROKEN)
    if announced is not None and media_type is not announced:
        raise Rejected(Reason.TYPE_DIFFERS)
    layout = sound_layout(content, media_type)
    if is_archive_or_paper(content) or has_second_face(layout.said, b""):
        raise Rejected(Reason.TWO_FACES)
    if layout.tracks != 1:
        raise Rejected(Reason.NOT_ONE_SOUND)
    try:
        with av.open(BytesIO(content), "r", format=_DEMUXERS[media_type], options=_OPEN) as source:
            return _heard(source, _only_sound(source, _CODECS[media_type]), layout.seconds)
    except (Rejected, MemoryError):
        raise
    except Exception:  # noqa: BLE001  decoders of hostile bytes raise whatever they like
        raise Rejected(Reason.BROKEN) from None


def listen_job(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    """`announced`: a media type. Facts of a `Heard`, then the copy."""
    made = heard(files[0], MediaType(arguments["announced"]))
    return Parcel({"seconds": made.seconds, "waveform": list(made.waveform)}, (made.copy,))


def _only_sound(source: InputContainer, codec: str) -> AudioStream:
    """The one track. A cover picture is a track to FFmpeg; so is a file that is attached."""
    if len(source.streams) != 1 or not source.streams.audio:
        raise Rejected(Reason.NOT_ONE_SOUND)
    sound = source.streams.audio[0]
    context = sound.codec_context
    if context.name != codec or context.sample_rate not in _RATES or not 1 <= context.channels <= _MOST_CHANNELS:
        raise Rejected(Reason.UNSUPPORTED)
    context.thread_count = 1
    return sound


def _heard(source: InputContainer, sound: AudioStream, told: Sequence[float]) -> Heard:
    copy, peaks, samples = _Copy(), list[float](), 0
    for part in _samples(source, sound):
        samples += part.samples
        if samples >= (LONGEST_SECONDS + _SLACK_SECONDS) * _RATE:
            raise Rejected(Reason.TOO_LONG)
        peaks.append(float(np.abs(part.to_ndarray()).max(initial=0.0)))
        copy.add(part)
    if not samples:
        raise Rejected(Reason.NOT_ONE_SOUND)
    if any(lies(each, samples / _RATE) for each in (_told_seconds(source, sound), *told)):
        raise Rejected(Reason.BROKEN)
    return Heard(max(1, round(samples / _RATE)), waveform_of(peaks), copy.whole())


def _samples(source: InputContainer, sound: AudioStream) -> Iterator[av.AudioFrame]:
    """The sound itself in blocks, one channel. A damaged packet raises."""
    resampler = AudioResampler("fltp", "mono", _RATE, frame_size=_BLOCK)
    for frame in source.decode(sound):
        frame.pts = None  # how long it is its samples say
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _told_seconds(source: InputContainer, sound: AudioStream) -> float | None:
    """What the file says of its length: in the track's head, or else in its own."""
    if sound.duration and sound.time_base:
        return float(sound.duration * sound.time_base)
    return source.duration / av.time_base if source.duration else None


class _Copy:
    """The copy as it grows."""

    def __init__(self) -> None:
        self._out = BytesIO()
        # Exact bits: without the encoder's name and the hour, so the same sound gives the same bytes.
        self._file = av.open(self._out, "w", format="ipod", options={"fflags": "+bitexact"})
        options = {"aac_coder": "fast", "flags": "+bitexact"}
        self._stream = self._file.add_stream("aac", rate=_RATE, layout="mono", options=options)
        assert isinstance(self._stream.codec_context, AudioCodecContext)
        self._stream.bit_rate = _BITS
        self._at = 0

    def add(self, part: av.AudioFrame) -> None:
        part.pts, part.time_base = self._at, Fraction(1, _RATE)
        self._at += part.samples
        self._file.mux(self._stream.encode(part))

    def whole(self) -> bytes:
        self._file.mux(self._stream.encode(None))
        self._file.close()
        return self._out.getvalue()
