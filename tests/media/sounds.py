"""Sound files for the tests: real ones of each kind that phones and browsers record, and hostile ones."""

from collections.abc import Mapping
from io import BytesIO

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer

_STEP = 960
RATE = 48_000


def sound(
    form: str = "ipod", codec: str = "aac", seconds: float = 2.0, *, rate: int = RATE, loud: float = 0.5,
    tracks: int = 1, cover: bool = False, said: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> bytes:  # fmt: skip
    """A tone that grows from nothing; `said`: what the file says of itself, `cover`: a picture beside the sound."""
    out = BytesIO()
    file = av.open(out, "w", format=form, options=dict(options or {}))
    file.metadata.update(said or {})
    streams = [file.add_stream(codec, rate=rate, layout="mono") for _ in range(tracks)]
    if cover:
        _film(file)
    for stream in streams:
        assert isinstance(stream, AudioStream)
        _play(file, stream, seconds, rate, loud)
    file.close()
    return out.getvalue()


def _play(file: OutputContainer, stream: AudioStream, seconds: float, rate: int, loud: float) -> None:
    form = "flt" if "opus" in stream.codec_context.codec.name else "fltp"
    for start in range(0, int(seconds * rate), _STEP):
        at = (np.arange(_STEP) + start) / rate
        wave = (np.sin(2 * np.pi * 300 * at) * loud * at / max(seconds, 0.1)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(wave[None], format=form, layout="mono")
        frame.sample_rate, frame.pts = rate, start
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def _film(file: OutputContainer) -> None:
    stream = file.add_stream("mjpeg", rate=1)
    stream.width, stream.height, stream.pix_fmt = 32, 32, "yuvj420p"
    frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
    file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def m4a(seconds: float = 2.0, **said: str) -> bytes:
    return sound("ipod", "aac", seconds, said=said)


def ogg(seconds: float = 2.0, **said: str) -> bytes:
    return sound("ogg", "libopus", seconds, said=said)


def webm(seconds: float = 2.0, **said: str) -> bytes:
    """As a browser's MediaRecorder writes it while it goes: no size and no length in front."""
    return sound("webm", "libopus", seconds, said=said, options={"live": "1"})


def chained() -> bytes:
    """Two Ogg streams one behind the other (RFC 3533 §4)."""
    return ogg() + sound("ogg", "libopus", 1.0, options={"serial_offset": "77"})


def lying(seconds: float = 2.0, told: int = 600) -> bytes:
    """An M4A whose track says that it is `told` seconds long."""
    content = bytearray(m4a(seconds))
    at = content.index(b"mdhd") + 16  # version, flags, made, changed; then the scale and the length
    scale = int.from_bytes(content[at : at + 4], "big")
    content[at + 4 : at + 8] = (told * scale).to_bytes(4, "big")
    return bytes(content)


def without_sound() -> bytes:
    """The head of an Ogg file, and nothing to hear behind it."""
    content = ogg()
    second = content.index(b"OggS", 1)
    return content[: content.index(b"OggS", second + 1)]


def huge_claim() -> bytes:
    """A box that says it is as long as a disk."""
    return m4a() + b"\0\0\0\1free" + (2**62).to_bytes(8, "big")


def lying_head(box: bytes, *, long: bool, told: int = 600) -> bytes:
    """An M4A one head of which (`mvhd`, `mdhd`) says that it is `told` seconds long; `long`: with the numbers of
    version 1 (ISO/IEC 14496-12 §8.2.2, §8.4.2).
    """
    content = bytearray(m4a())
    at = content.index(box) + 4  # version and flags, made, changed, scale, length
    scale = int.from_bytes(content[at + 12 : at + 16], "big")
    if not long:
        content[at + 16 : at + 20] = (told * scale).to_bytes(4, "big")
        return bytes(content)
    times = bytes(4) + content[at + 4 : at + 8] + bytes(4) + content[at + 8 : at + 12]
    content[at : at + 20] = b"\1\0\0\0" + times + scale.to_bytes(4, "big") + (told * scale).to_bytes(8, "big")
    for name in {b"moov", box} if box == b"mvhd" else (b"moov", b"trak", b"mdia", box):
        size = content.index(name) - 4
        content[size : size + 4] = (int.from_bytes(content[size : size + 4], "big") + 12).to_bytes(4, "big")
    return bytes(content)
