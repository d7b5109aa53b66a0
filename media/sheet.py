"""Draws the contact sheet of a series: its pictures in their places, each with its name, in the viewer's language."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageDraw, ImageOps

from media.lettering import runs, width_of, wrapped
from media.series import PlaceState, is_dark
from media.sheet_content import SheetContent, SheetPlace
from media.view_words import phase_name, protocol_name, sides, state_name, view_name

Colour = tuple[int, int, int]
_GAP = 16
_HEADER = 64
_QUALITY = 82


@dataclass(frozen=True, slots=True)
class _Look:
    """Colours of a sheet, and the size of a cell's picture and letters, in pixels."""

    ground: Colour
    frame: Colour
    ink: Colour
    faint: Colour
    width: int
    height: int
    letters: int
    label_lines: int

    @property
    def line(self) -> int:
        return round(self.letters * 1.3)

    @property
    def pitch(self) -> int:
        """From one row to the next: the picture, what stands under it, a gap."""
        return self.height + self.line * self.label_lines + _GAP + _GAP // 2


_LIGHT = ((255, 255, 255), (190, 196, 204), (32, 38, 46), (110, 118, 128))
_DARK = ((16, 18, 22), (78, 84, 94), (232, 235, 240), (150, 156, 166))


@dataclass(frozen=True, slots=True)
class _Pen:
    """Sets text on a sheet; what is not `bold` is regular."""

    draw: ImageDraw.ImageDraw

    def write(self, x: float, baseline: float, text: str, size: int, ink: Colour, *, bold: bool = False) -> None:
        for font, run in runs(text, size, bold=bold):
            self.draw.text((x, baseline), run, fill=ink, font=font, anchor="ls")
            x += font.getlength(run)

    def centred(self, x: float, width: float, baseline: float, text: str, size: int, ink: Colour) -> None:
        self.write(x + (width - _width(text, size)) / 2, baseline, text, size, ink)


def _width(text: str, size: int) -> float:
    return width_of(text, size, bold=False)


def label_lines(text: str, size: int, width: float) -> list[str]:
    """At most two; what does not fit into them is cut off with an ellipsis."""
    lines = wrapped(text, size, width, bold=False)
    return lines if len(lines) == 1 else [lines[0], _cut(text.removeprefix(lines[0]).strip(), size, width)]


def _cut(text: str, size: int, width: float) -> str:
    kept = text
    while kept and _width(kept if kept == text else f"{kept}…", size) > width:
        kept = kept[:-1].rstrip()
    return text if kept == text else f"{kept}…"


def contact_sheet(content: SheetContent, pictures: Sequence[bytes | None], language: str) -> bytes:
    """A WebP. `pictures` are previews of ours, one for each place; None: there is none to show.

    Dark ground for X-rays, white for photos; what is missing is a frame with its name.
    """
    look = _look(content)
    width = _GAP + content.columns * (look.width + _GAP)
    height = _HEADER + content.rows * look.pitch
    sheet = Image.new("RGB", (width, height), look.ground)
    pen = _Pen(ImageDraw.Draw(sheet))
    _header(pen, content, look, width, language)
    for place, picture in zip(content.places, pictures, strict=True):
        _place(sheet, pen, place, picture, look, language)
    out = BytesIO()
    sheet.save(out, "WEBP", quality=_QUALITY, method=2)
    return out.getvalue()


def _look(content: SheetContent) -> _Look:
    dark = is_dark(content.protocol)
    width, height, letters = (480, 360, 20) if content.is_large else (256, 256 if dark else 200, 17)
    return _Look(*(_DARK if dark else _LIGHT), width, height, letters, 3 if dark else 2)


def _header(pen: _Pen, content: SheetContent, look: _Look, width: int, language: str) -> None:
    """What it is of and when it was taken; of X-rays, which side is which. No name: a sheet is passed on."""
    size = look.letters + 4
    said = protocol_name(content.protocol, language)
    pen.write(_GAP, size + 8, said, size, look.ink, bold=True)
    facts = [phase_name(content.phase, language)] if content.phase else []
    facts += [content.taken_on.isoformat()] if content.taken_on else []
    told = " · ".join(facts)
    pen.write(width - _GAP - _width(told, look.letters), size + 8, told, look.letters, look.faint)
    if is_dark(content.protocol):
        right, left = sides(language)
        small, baseline = look.letters - 2, _HEADER - 8
        pen.write(_GAP, baseline, right, small, look.faint)
        pen.write(width - _GAP - _width(left, small), baseline, left, small, look.faint)


def _place(sheet: Image.Image, pen: _Pen, place: SheetPlace, picture: bytes | None, look: _Look, language: str) -> None:
    x = _GAP + (place.view.column - 1) * (look.width + _GAP)
    y = _HEADER + (place.view.row - 1) * look.pitch
    if picture is None:
        _frame(pen, place, x, y, look, language)
    else:
        _paste(sheet, picture, x, y, look)
    baseline = y + look.height + look.line
    for text in label_lines(view_name(place.view, language), look.letters, look.width):
        pen.centred(x, look.width, baseline, text, look.letters, look.ink)
        baseline += look.line
    pen.centred(x, look.width, baseline, " ".join(place.view.teeth), look.letters - 2, look.faint)


def _frame(pen: _Pen, place: SheetPlace, x: int, y: int, look: _Look, language: str) -> None:
    pen.draw.rounded_rectangle((x, y, x + look.width - 1, y + look.height - 1), radius=10, outline=look.frame, width=2)
    # One that was ready and whose preview was lost is, to whoever looks, one that is not there.
    said = state_name(place.state if place.sha256 is None else PlaceState.MISSING, language)
    pen.centred(x, look.width, y + (look.height + look.letters) / 2, said, look.letters, look.faint)


def _paste(sheet: Image.Image, picture: bytes, x: int, y: int, look: _Look) -> None:
    """Whole, as large as its cell has room for, in the middle of it."""
    shown = Image.open(BytesIO(picture), formats=("WEBP",)).convert("RGB")
    shown = ImageOps.contain(shown, (look.width, look.height), Image.Resampling.BICUBIC)
    sheet.paste(shown, (x + (look.width - shown.width) // 2, y + (look.height - shown.height) // 2))
