"""Draws shapes on a preview: the copy that is shown where somebody cannot, or does not want to, draw them itself.

Every line and letter has a halo, white (black around light colours), so that it can be told from any X-ray or photo. It
is drawn at twice the size and made smaller, which smooths its edges.
"""

from collections.abc import Sequence
from io import BytesIO
from math import atan2, cos, hypot, pi, sin
from typing import Any

from PIL import Image, ImageDraw
from pydantic import TypeAdapter

from media.drawing import WHOLE, Colour, Scale, Shape, ShapeKind, length_mm
from media.lettering import runs, width_of, wrapped
from media.parcels import Parcel

Spot = tuple[float, float]

_TWICE = 2
_QUALITY = 80
_INK = {
    Colour.RED: "#e5261f", Colour.ORANGE: "#f58b00", Colour.YELLOW: "#ffd500", Colour.GREEN: "#1faa3c",
    Colour.CYAN: "#00b4d8", Colour.BLUE: "#1c5fe0", Colour.MAGENTA: "#d81b9c", Colour.WHITE: "#ffffff",
    Colour.BLACK: "#000000",
}  # fmt: skip
_LIGHT = frozenset({Colour.WHITE, Colour.YELLOW, Colour.ORANGE, Colour.CYAN})
_LINE = 1.3
"""From one line of words to the next, in their height."""
_SHAPES = TypeAdapter(tuple[Shape, ...])


def drawn(preview: bytes, shapes: Sequence[Shape], scale: Scale | None) -> bytes:
    """A WebP preview with these shapes on it, as WebP of the same size. `scale`: for what measures say."""
    picture = Image.open(BytesIO(preview), formats=("WEBP",)).convert("RGBA")
    sheet = Image.new("RGBA", (picture.width * _TWICE, picture.height * _TWICE))
    for shape in shapes:
        _Pen(sheet, shape).draw(scale)
    picture.alpha_composite(sheet.reduce(_TWICE))
    is_clear = picture.getchannel("A").getextrema() != (255, 255)
    out = BytesIO()
    (picture if is_clear else picture.convert("RGB")).save(out, "WEBP", quality=_QUALITY, method=2, exif=b"", xmp=b"")
    return out.getvalue()


def draw_job(arguments: dict[str, Any], files: Sequence[bytes]) -> Parcel:
    """The same for the darkroom: `shapes` and `scale` (width, height, row and column in mm, or null), one preview."""
    scale = arguments.get("scale")
    shapes = _SHAPES.validate_python(arguments["shapes"], strict=False)
    return Parcel({}, (drawn(files[0], shapes, Scale(*scale) if scale else None),))


class _Pen:
    """Draws one shape on a sheet, first its halo and then itself."""

    def __init__(self, sheet: Image.Image, shape: Shape) -> None:
        self._shape = shape
        self._sheet = ImageDraw.Draw(sheet)
        self._size = sheet.size
        longer = max(sheet.size)
        self._width = max(shape.width * longer / 1000, _TWICE)
        self._halo = max(self._width / 3, _TWICE)
        self._ink = _INK[shape.colour]
        self._paper = _INK[Colour.BLACK if shape.colour in _LIGHT else Colour.WHITE]
        self._spots = [(p.x / WHOLE * (sheet.width - 1), p.y / WHOLE * (sheet.height - 1)) for p in shape.points]

    def draw(self, scale: Scale | None) -> None:
        match self._shape.kind:
            case ShapeKind.LINE | ShapeKind.FREEHAND:
                self._stroke([self._spots])
            case ShapeKind.POLYGON:
                self._stroke([[*self._spots, self._spots[0]]])
            case ShapeKind.RECTANGLE:
                self._rectangle()
            case ShapeKind.ELLIPSE:
                self._ellipse()
            case ShapeKind.ARROW:
                self._arrow()
            case ShapeKind.MEASURE:
                self._measure(scale)
            case ShapeKind.TEXT:
                self._words(self._shape.text or "", self._spots[0], self._width * 10)

    def _stroke(self, paths: Sequence[Sequence[Spot]]) -> None:
        for colour, width in ((self._paper, self._width + 2 * self._halo), (self._ink, self._width)):
            for path in paths:
                self._path(path, colour, width)

    def _path(self, path: Sequence[Spot], colour: str, width: float) -> None:
        """With round ends and corners."""
        self._sheet.line(list(path), fill=colour, width=round(width))
        for x, y in path:
            half = width / 2
            self._sheet.ellipse((x - half, y - half, x + half, y + half), fill=colour)

    def _rectangle(self) -> None:
        (left, top), (right, bottom) = self._spots
        self._stroke([[(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]])

    def _ellipse(self) -> None:
        (x, y), (last_x, last_y) = self._spots
        middle, radius = ((x + last_x) / 2, (y + last_y) / 2), (abs(last_x - x) / 2, abs(last_y - y) / 2)
        steps = max(24, round(sum(radius)))
        turns = [2 * pi * step / steps for step in range(steps + 1)]
        self._stroke([[(middle[0] + radius[0] * cos(turn), middle[1] + radius[1] * sin(turn)) for turn in turns]])

    def _arrow(self) -> None:
        tail, tip = self._spots
        angle, size = _angle(tail, tip), max(self._width * 4.5, 24)
        wings = [_away(tip, angle + pi + side * pi / 7, size) for side in (-1, 1)]
        neck = _away(tip, angle + pi, min(size * 0.8, hypot(tip[0] - tail[0], tip[1] - tail[1])))
        head = [tip, *wings]
        self._path([tail, neck], self._paper, self._width + 2 * self._halo)
        self._path([*head, tip], self._paper, 2 * self._halo)
        self._path([tail, neck], self._ink, self._width)
        self._sheet.polygon(head, fill=self._ink)

    def _measure(self, scale: Scale | None) -> None:
        first, last = self._spots
        angle, tick = _angle(first, last), max(self._width * 2.5, 12)
        ends = [[_away(end, angle + pi / 2, tick), _away(end, angle - pi / 2, tick)] for end in (first, last)]
        self._stroke([[first, last], *ends])
        if scale is not None:
            self._length(f"{length_mm(self._shape, scale)} mm", angle, tick)

    def _length(self, text: str, angle: float, tick: float) -> None:
        """Beside the middle of the line, on the side where words do not cross it."""
        (x, y), (last_x, last_y) = self._spots
        height = round(max(self._width * 6, max(self._size) * 0.028))
        beside = angle + pi / 2 if cos(angle) * sin(angle) < 0 else angle - pi / 2
        right = cos(beside) >= 0
        x, y = _away(((x + last_x) / 2, (y + last_y) / 2), beside, tick + self._halo)
        self._words(text, (x if right else x - width_of(text, height), y - (height if sin(beside) < 0 else 0)), height)

    def _words(self, text: str, at: Spot, height: float) -> None:
        """Wrapped and moved so that all of it is on the picture, where it is not larger than that."""
        size, edge = round(height), height / 4
        room = self._size[0] - 2 * edge
        x = max(at[0], edge)
        if width_of(text, size) > self._size[0] - x - edge:
            x = min(x, max(edge, self._size[0] - edge - min(width_of(text, size), room * 0.35)))
        lines = wrapped(text, size, self._size[0] - x - edge)
        y = max(edge, min(at[1], self._size[1] - edge - size * _LINE * len(lines)))
        for paper in (True, False):
            for place, line in enumerate(lines):
                self._line(line, (x, y + size * (1 + _LINE * place)), size, paper=paper)

    def _line(self, line: str, at: Spot, size: int, *, paper: bool) -> None:
        """One line of words on its base line: all halos first, or a letter's would lie on the letter before it."""
        x, y = at
        halo = max(round(size / 10), 2)
        for font, text in runs(line, size):
            ink, width = (self._paper, halo) if paper else (self._ink, 0)
            self._sheet.text((x, y), text, fill=ink, font=font, anchor="ls", stroke_width=width, stroke_fill=ink)
            x += font.getlength(text)


def _angle(start: Spot, end: Spot) -> float:
    return atan2(end[1] - start[1], end[0] - start[0])


def _away(spot: Spot, angle: float, far: float) -> Spot:
    return spot[0] + far * cos(angle), spot[1] + far * sin(angle)
