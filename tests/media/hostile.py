"""Files made to harm, to lie or to be taken for something else, each with the reason it has to be turned down for."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from zipfile import ZipFile

import numpy as np
from PIL import Image, ImageCms

from media.kinds import MediaType, Reason
from tests.media.samples import (
    ARTIST,
    bomb,
    chunk,
    photo,
    png,
    riff,
    segment,
    webp,
    with_chunk,
    with_riff,
    with_segment,
)

MIB = 1024**2


@dataclass(frozen=True)
class Hostile:
    name: str
    make: Callable[[], bytes]
    reason: Reason
    announced: MediaType | None = None


def a_zip() -> bytes:
    out = BytesIO()
    with ZipFile(out, "w") as packed:
        packed.writestr("evil.html", "<script>alert(1)</script>")
    return out.getvalue()


def a_program() -> bytes:
    """The two heads of a Windows program."""
    return b"MZ" + bytes(58) + struct.pack("<I", 128) + bytes(64) + b"PE\0\0" + bytes(64)


ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
PAGE = b"<html><script>alert(1)</script></html>"
PDF = b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj"
WIDE = "<script>alert(1)</script>".encode("utf-16")
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def zeros(mebibytes: int) -> bytes:
    """Deflated, a thousandth of their size."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(mebibytes)) + packer.flush()


def with_png(kind: bytes, data: bytes) -> Callable[[], bytes]:
    return lambda: with_chunk(photo(form="PNG"), kind, data)


def with_jpeg(mark: int, data: bytes) -> Callable[[], bytes]:
    return lambda: with_segment(photo(), mark, data)


def behind(tail: bytes, form: str = "JPEG") -> Callable[[], bytes]:
    return lambda: photo(form=form) + tail


def cut(form: str, share: float) -> Callable[[], bytes]:
    def make() -> bytes:
        whole = grained(form)
        return whole[: int(len(whole) * share)]

    return make


def grained(form: str) -> bytes:
    """A picture that does not compress well, so that its pixels are most of its file."""
    out = BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, form)
    return out.getvalue()


def rows(interlace: int) -> Callable[[], bytes]:
    """A PNG of a hundred white rows, of which ten are there."""

    def make() -> bytes:
        told = chunk(b"IHDR", struct.pack(">IIBBBBB", 100, 100, 8, 2, 0, 0, interlace))
        return png(told, chunk(b"IDAT", zlib.compress((b"\0" + b"\xff" * 300) * 10)))

    return make


def mended_jpeg(mode: str = "RGB") -> bytes:
    out = BytesIO()
    Image.open(BytesIO(grained("PNG"))).convert(mode).save(out, "JPEG")
    content = out.getvalue()
    return content[: len(content) // 2].rstrip(b"\xff") + b"\xff\xd9"


def mended_webp() -> bytes:
    whole = grained("WEBP")
    return webp(riff(b"VP8 ", whole[20 : 20 + len(whole) // 4 * 2]))


def mended_progressive(share: float) -> bytes:
    """Waves, so that the last pixel is not the grey of what is missing."""
    across = np.sin(np.arange(1200) / 30)[None, :] * 60 + np.sin(np.arange(800) / 50)[:, None] * 60 + 160
    noise = np.random.default_rng(1).normal(0, 8, across.shape)
    out = BytesIO()
    Image.fromarray((across + noise).clip(0, 255).astype(np.uint8)).save(out, "JPEG", progressive=True, quality=88)
    content = out.getvalue()
    return content[: int(len(content) * share)].rstrip(b"\xff") + b"\xff\xd9"


def palette(entries: int) -> bytes:
    pixels = chunk(b"IDAT", zlib.compress(bytes(11 * 10)))
    return png(header(10, 10, colour=3), chunk(b"PLTE", bytes(3 * entries)), pixels)


def stray_alpha(inner: bytes) -> bytes:
    """A WebP of 60 by 40 whose head tells of no transparency."""
    plain = BytesIO()
    Image.new("RGB", (60, 40)).save(plain, "WEBP")
    told = bytes(4) + (59).to_bytes(3, "little") + (39).to_bytes(3, "little")
    return webp(riff(b"VP8X", told), riff(b"ALPH", inner), plain.getvalue()[12:])


def patched(form: str, mark: bytes, offset: int, replacement: bytes) -> Callable[[], bytes]:
    """A photo with other bytes at `offset` behind the first `mark`."""

    def make() -> bytes:
        content = photo(form=form)
        at = content.index(mark) + offset
        return content[:at] + replacement + content[at + len(replacement) :]

    return make


def scans() -> bytes:
    """A progressive JPEG whose last scan comes a thousand times."""
    out = BytesIO()
    Image.open(BytesIO(grained("JPEG"))).save(out, "JPEG", progressive=True)
    content = out.getvalue()
    last = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + last * 1000 + content[-2:]


def two_frames() -> bytes:
    content = photo(600, 400)
    at = content.index(b"\xff\xc0")
    other = segment(0xC0, struct.pack(">BHHB", 8, 8, 8, 3) + content[at + 10 : at + 19])
    return content[:at] + other + content[at:]


def fat_profile() -> bytes:
    content = photo()
    for number in range(1, 101):
        content = with_segment(content, 0xE2, b"ICC_PROFILE\0" + bytes([number, 100]) + bytes(60_000))
    return content


def moving(form: str) -> Callable[[], bytes]:
    def make() -> bytes:
        out, frames = BytesIO(), [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
        frames[0].save(out, form, save_all=True, append_images=frames[1:])
        return out.getvalue()

    return make


def canvas(width: int, height: int) -> bytes:
    told = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    plain = BytesIO()
    Image.new("RGB", (60, 40)).save(plain, "WEBP")
    return webp(riff(b"VP8X", told), plain.getvalue()[12:])


def exif(text: bytes) -> bytes:
    """A photo whose EXIF names an artist."""
    made = Image.Exif()
    made[ARTIST] = text.decode("latin-1")
    out = BytesIO()
    Image.new("RGB", (60, 40)).save(out, "JPEG", exif=made.tobytes())
    return out.getvalue()


BROKEN, PIXELS, COSTLY = Reason.BROKEN, Reason.TOO_MANY_PIXELS, Reason.TOO_COSTLY
FORM, FACES, TYPE = Reason.UNSUPPORTED, Reason.TWO_FACES, Reason.TYPE_DIFFERS

HOSTILE = (
    # Bombs, and sizes nobody has
    Hostile("a PNG of 900 million pixels", bomb, PIXELS),
    Hostile("a PNG just over 64 million pixels", lambda: bomb(10_000, 6_401), PIXELS),
    Hostile("a PNG of four milliards by four milliards", lambda: bomb(2**32 - 1, 2**32 - 1), PIXELS),
    Hostile("a PNG without a row", lambda: bomb(100, 0), BROKEN),
    Hostile("a PNG text of 200 MiB", with_png(b"zTXt", b"a\0\0" + zeros(200)), COSTLY),
    Hostile("a PNG text in Unicode of 200 MiB", with_png(b"iTXt", b"a\0\1\0\0\0" + zeros(200)), COSTLY),
    Hostile("a PNG profile of 200 MiB", with_png(b"iCCP", b"a\0\0" + zeros(200)), COSTLY),
    Hostile("a PNG of 100,000 chunks", lambda: png(header(1, 1), chunk(b"tEXt", b"a\0b") * 100_000), COSTLY),
    Hostile("a JPEG of 65,500 by 65,500", patched("JPEG", b"\xff\xc0", 5, b"\xff\xdc\xff\xdc"), PIXELS),
    Hostile("a JPEG without a row", patched("JPEG", b"\xff\xc0", 5, b"\0\0"), BROKEN),
    Hostile("a JPEG of a thousand scans", scans, COSTLY),
    Hostile("a JPEG with six megabytes of profile", fat_profile, COSTLY),
    Hostile("a JPEG of 100,000 segments", lambda: photo()[:2] + segment(0xFE, b"") * 100_000 + photo()[2:], COSTLY),
    Hostile("a WebP canvas of 16,384 by 16,384", lambda: canvas(16_384, 16_384), PIXELS),
    # Cut off
    Hostile("nothing", lambda: b"", BROKEN),
    Hostile("three bytes of a JPEG", lambda: b"\xff\xd8\xff", BROKEN),
    Hostile("half a JPEG", cut("JPEG", 0.5), BROKEN),
    Hostile("a JPEG without its last byte", lambda: photo()[:-1], BROKEN),
    Hostile("half a PNG", cut("PNG", 0.5), BROKEN),
    Hostile("a PNG without its end", lambda: photo(form="PNG")[:-12], BROKEN),
    Hostile("half a WebP", cut("WEBP", 0.5), BROKEN),
    # Lying headers
    Hostile("a PNG with more rows than pixels", rows(0), BROKEN),
    Hostile("an interlaced PNG with more rows than pixels", rows(1), BROKEN),
    Hostile("half a JPEG with an end put to it", mended_jpeg, BROKEN),
    Hostile("half a grey JPEG with an end put to it", lambda: mended_jpeg("L"), BROKEN),
    Hostile("a tenth of a progressive JPEG with an end put to it", lambda: mended_progressive(0.1), BROKEN),
    Hostile("a third of a progressive JPEG with an end put to it", lambda: mended_progressive(0.3), BROKEN),
    Hostile("nearly all of a progressive JPEG with an end put to it", lambda: mended_progressive(0.95), BROKEN),
    Hostile("half a WebP whose lengths were mended", mended_webp, BROKEN),
    Hostile("a PNG with a wrong check sum", patched("PNG", b"IDAT", 10, b"\x55\x55"), BROKEN),
    Hostile("a PNG chunk longer than its file", patched("PNG", b"IDAT", -4, b"\xff\xff\xff\xff"), BROKEN),
    Hostile("a PNG with two headers", with_png(b"IHDR", header(9, 9)[8:21]), BROKEN),
    Hostile("a PNG without pixels", lambda: png(header(10, 10)), BROKEN),
    Hostile("a PNG whose pixels are noise", lambda: png(header(10, 10), chunk(b"IDAT", bytes(range(200)))), BROKEN),
    Hostile("a PNG whose end says something", lambda: photo(form="PNG")[:-12] + chunk(b"IEND", b"Anna"), BROKEN),
    Hostile("a PNG with a palette of 257 colours", lambda: palette(257), BROKEN),
    Hostile("a PNG with two palettes", lambda: with_chunk(palette(256), b"PLTE", bytes(768)), BROKEN),
    Hostile("a PNG of a kind nobody knows", with_png(b"EVIL", b"read me"), FORM),
    Hostile("a JPEG segment longer than its file", patched("JPEG", b"\xff\xdb", 2, b"\xff\xff"), BROKEN),
    Hostile("a JPEG with words behind its restart interval", with_jpeg(0xDD, b"\0\0Anna Rossi"), BROKEN),
    Hostile("a JPEG of two sizes", two_frames, BROKEN),
    Hostile("a JPEG of twelve bits", patched("JPEG", b"\xff\xc0", 4, b"\x0c"), FORM),
    Hostile("a lossless JPEG", patched("JPEG", b"\xff\xc0", 1, b"\xc3"), FORM),
    Hostile("a JPEG without pixels", lambda: b"\xff\xd8" + segment(0xE0, b"JFIF\0" + bytes(9)) + b"\xff\xd9", BROKEN),
    Hostile("a JPEG in a JPEG", lambda: photo()[:2] + photo(), BROKEN),
    Hostile("a WebP whose canvas is not its picture", lambda: canvas(10, 10), BROKEN),
    Hostile("a WebP longer than its file", lambda: b"RIFF\xff\xff\xff\x7f" + photo(form="WEBP")[8:], BROKEN),
    Hostile("a WebP without a picture", lambda: webp(riff(b"XMP ", b"nothing else")), BROKEN),
    Hostile("a moving WebP", moving("WEBP"), FORM),
    Hostile("a moving PNG", moving("PNG"), FORM),
    # Two faces
    Hostile("a JPEG and a ZIP", behind(a_zip()), FACES),
    Hostile("a PNG and a ZIP", behind(a_zip(), "PNG"), FACES),
    Hostile("a WebP and a ZIP", behind(a_zip(), "WEBP"), FACES),
    Hostile("a JPEG and a page", behind(PAGE), FACES),
    Hostile("a JPEG and a page after a megabyte of zeros", behind(bytes(MIB) + PAGE), FACES),
    Hostile("a JPEG and a Windows program", behind(b"film" + a_program()), FACES),
    Hostile("a WebP and a Linux program", behind(ELF, "WEBP"), FACES),
    Hostile("a JPEG and a shell script", behind(b"\n#!/bin/sh\nrm -rf /\n"), FACES),
    Hostile("a JPEG and a RAR", behind(b"Rar!\x1a\x07\x01\0" + bytes(40)), FACES),
    Hostile("a JPEG and a packed tar", behind(b"\x1f\x8b\x08\0" + bytes(40)), FACES),
    Hostile("a PDF in the comment of a JPEG", with_jpeg(0xFE, PDF), FACES),
    Hostile("a PHP program in the comment of a JPEG", with_jpeg(0xFE, b"<?php exec($_GET['c']); ?>"), FACES),
    Hostile("a short PHP program in the comment of a JPEG", with_jpeg(0xFE, b"<?=`$_GET[1]`?>"), FACES),
    Hostile("a script in the EXIF of a JPEG", lambda: exif(b"Anna<script>alert(1)</script>"), FACES),
    Hostile("a script in UTF-16 in the EXIF of a JPEG", with_jpeg(0xE1, b"Exif\0\0" + WIDE), FACES),
    Hostile("a handler of errors in the EXIF of a JPEG", lambda: exif(b'"><img src=x onerror=alert(1)>'), FACES),
    Hostile("a program in the profile of a JPEG", with_jpeg(0xE2, b"ICC_PROFILE\0\1\1" + SRGB + ELF), FACES),
    Hostile("a PHP program in the number of lines of a JPEG", with_jpeg(0xDC, b"<?php exec($_GET['c']); ?>"), FACES),
    Hostile("a page in the gamma of a PNG", with_png(b"gAMA", PAGE), FACES),
    Hostile("a page in the size of a PNG's pixels", with_png(b"pHYs", PAGE), FACES),
    Hostile("a page in the clear colour of a PNG", with_png(b"tRNS", PAGE), FACES),
    Hostile("a page in the palette proposed by a PNG", with_png(b"PLTE", PAGE.ljust(300)), FACES),
    Hostile("a page in the transparency of a WebP that has none", lambda: stray_alpha(PAGE), FACES),
    Hostile("a page in the text of a PNG", with_png(b"tEXt", b"Comment\0" + PAGE), FACES),
    Hostile("a page in a chunk of a PNG nobody knows", with_png(b"evIl", PAGE), FACES),
    Hostile("a drawing with a script in the XMP of a PNG", with_png(b"iTXt", b"XML\0\0\0\0\0<svg onload=x>"), FACES),
    Hostile("a page in the XMP of a WebP", lambda: with_riff(photo(form="WEBP"), b"XMP ", PAGE), FACES),
    # Not what was announced
    Hostile("a PNG announced as a JPEG", lambda: photo(form="PNG"), TYPE, MediaType.JPEG),
    Hostile("a JPEG announced as a DICOM", photo, TYPE, MediaType.DICOM),
    Hostile("an SVG announced as a JPEG", lambda: b"<svg onload='alert(1)'/>", BROKEN, MediaType.JPEG),
    Hostile("a GIF announced as a PNG", lambda: b"GIF89a" + bytes(40), BROKEN, MediaType.PNG),
    Hostile("a PostScript announced as a JPEG", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n", BROKEN, MediaType.JPEG),
    Hostile("a PDF announced as a DICOM", lambda: PDF, BROKEN, MediaType.DICOM),
    Hostile("a ZIP announced as a WebP", a_zip, BROKEN, MediaType.WEBP),
)  # fmt: skip
