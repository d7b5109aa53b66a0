"""BlurHash: a picture in some thirty characters, shown until the preview has come (blurha.sh)."""

from functools import cache
from typing import Any

import numpy as np
from PIL import Image

Numbers = np.ndarray[Any, np.dtype[np.float64]]

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
_SIDE = 32
_DARK, _DARK_LIGHT = 0.04045, 0.0031308  # below these sRGB is a line (IEC 61966-2-1)
_WIDE, _HIGH = (4, 3), (3, 4)


def blurhash(preview: Image.Image) -> str:
    """The hash of a picture: four waves along its longer side, three along the other; what is clear counts as white."""
    small = preview.copy()
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    if small.has_transparency_data:
        clear = small.convert("RGBA")
        small = Image.new("RGB", small.size, "white")
        small.paste(clear, mask=clear.getchannel("A"))
    return encoded(np.asarray(small.convert("RGB")), *(_HIGH if small.height > small.width else _WIDE))


def encoded(pixels: "np.ndarray[Any, np.dtype[np.uint8]]", across: int, down: int) -> str:
    """The hash of `pixels` (rows x columns x red-green-blue, sRGB) with `across` by `down` waves, 1 to 9 each."""
    height, width, _ = pixels.shape
    waves = np.einsum("jy,ix,yxc->jic", _cosines(down, height), _cosines(across, width), _linear()[pixels])
    waves *= 2 / (width * height)
    waves[0, 0] /= 2
    mean, rest = waves[0, 0], waves.reshape(-1, 3)[1:]
    strongest = float(np.abs(rest).max()) if len(rest) else 0.0
    step = int(max(0, min(82, np.floor(strongest * 166 - 0.5)))) if len(rest) else 0
    levels = np.clip(np.floor(_root(rest / ((step + 1) / 166)) * 9 + 9.5), 0, 18).astype(int)
    red, green, blue = (_in_srgb(float(each)) for each in mean)
    head = _digits(across - 1 + (down - 1) * 9, 1) + _digits(step, 1) + _digits((red << 16) + (green << 8) + blue, 4)
    return head + "".join(_digits(int(r) * 361 + int(g) * 19 + int(b), 2) for r, g, b in levels)


@cache
def _linear() -> Numbers:
    """The light of each of the 256 values of sRGB."""
    value = np.arange(256) / 255
    return np.where(value <= _DARK, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _cosines(waves: int, samples: int) -> Numbers:
    made: Numbers = np.cos(np.pi * np.outer(np.arange(waves), np.arange(samples)) / samples)
    return made


def _root(values: Numbers) -> Numbers:
    return np.sign(values) * np.sqrt(np.abs(values))


def _in_srgb(light: float) -> int:
    light = min(1.0, max(0.0, light))
    return int((light * 12.92 if light <= _DARK_LIGHT else 1.055 * light ** (1 / 2.4) - 0.055) * 255 + 0.5)


def _digits(value: int, length: int) -> str:
    return "".join(_DIGITS[value // 83**place % 83] for place in reversed(range(length)))
