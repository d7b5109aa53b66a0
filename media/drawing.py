"""What may be drawn on a picture: shapes as data, what makes each of them whole, and lengths in millimetres."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import hypot
from typing import Annotated
from unicodedata import category

from pydantic import Field, StringConstraints

from core.errors import Fault, Invalid
from core.fonts import lacking
from core.values import PLAIN, Value

WHOLE = 10_000
"""Width and height of every picture in a drawing's own units, from its upper left corner."""
MOST_SHAPES = 200
MOST_POINTS = 2000

Place = Annotated[int, Field(strict=True, ge=0, le=WHOLE, json_schema_extra={"format": "int32"})]
Thickness = Annotated[int, Field(strict=True, ge=1, le=20, json_schema_extra={"format": "int32"})]
Words = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PLAIN, strip_whitespace=True)]


class ShapeKind(StrEnum):
    LINE = "line"
    ARROW = "arrow"
    """Its head is at the second point."""
    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"
    """Inside the rectangle of its two points."""
    POLYGON = "polygon"
    FREEHAND = "freehand"
    TEXT = "text"
    """Its point is the upper left corner of the words."""
    MEASURE = "measure"
    """A line with its length, on a picture that is to scale."""


class Colour(StrEnum):
    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    GREEN = "green"
    CYAN = "cyan"
    BLUE = "blue"
    MAGENTA = "magenta"
    WHITE = "white"
    BLACK = "black"


class Point(Value):
    """In ten-thousandths of the picture's width and height, from its upper left corner."""

    x: Place = Field(examples=[5000])
    y: Place = Field(examples=[2500])


class Shape(Value):
    """One thing that is drawn. Skip a `kind` you do not know.

    `line`, `arrow`, `rectangle`, `ellipse` and `measure` have two points, `polygon` three or more, `freehand` two or
    more, `text` one and the words. `width` is the line's, in thousandths of the picture's longer side; for `text` its
    letters are ten times as high.
    """

    kind: ShapeKind
    points: list[Point] = Field(min_length=1, max_length=MOST_POINTS)
    colour: Colour = Colour.YELLOW
    width: Thickness = 4
    text: Words | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """Size of a picture in pixels, and the distance of its rows and of its columns in millimetres."""

    width: int
    height: int
    row_mm: float
    column_mm: float


_POINTS: dict[ShapeKind, tuple[int, int]] = {
    ShapeKind.POLYGON: (3, MOST_POINTS),
    ShapeKind.FREEHAND: (2, MOST_POINTS),
    ShapeKind.TEXT: (1, 1),
}
_TWO = (2, 2)
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Unicode's categories of what has no shape and turns, joins or breaks what stands around it."""


def check_shapes(shapes: Sequence[Shape], scale: Scale | None) -> None:
    """Raises `Invalid`: a wrong number of points, words that lack, are too many or cannot be drawn, a measure without
    a scale."""
    faults = [fault for place, shape in enumerate(shapes) for fault in _faults(f"/shapes/{place}", shape, scale)]
    if sum(len(shape.points) for shape in shapes) > MOST_POINTS:
        faults.append(Fault("/shapes", "too-many-points"))
    if faults:
        raise Invalid(*faults)


def _faults(pointer: str, shape: Shape, scale: Scale | None) -> Iterator[Fault]:
    least, most = _POINTS.get(shape.kind, _TWO)
    if not least <= len(shape.points) <= most:
        yield Fault(f"{pointer}/points", "wrong-number-of-points")
    if (shape.text is not None) != (shape.kind is ShapeKind.TEXT):
        yield Fault(f"{pointer}/text", "missing" if shape.text is None else "not-of-this-kind")
    if shape.text is not None and any(category(sign) in _UNSEEN for sign in shape.text):
        yield Fault(f"{pointer}/text", "unseen-character")
    elif shape.text is not None and lacking(shape.text):
        yield Fault(f"{pointer}/text", "letter-without-font")
    if shape.kind is ShapeKind.MEASURE and scale is None:
        yield Fault(f"{pointer}/kind", "picture-not-to-scale")


def length_mm(shape: Shape, scale: Scale) -> float:
    """How long a measure is, to a tenth of a millimetre.

    On the sensor: an X-ray shows things a few per cent larger than they are.
    """
    first, last = shape.points
    across = (last.x - first.x) / WHOLE * scale.width * scale.column_mm
    down = (last.y - first.y) / WHOLE * scale.height * scale.row_mm
    return round(hypot(across, down), 1)


def scale_of(width: int | None, height: int | None, row_mm: float | None, column_mm: float | None) -> Scale | None:
    """None where the picture is not to scale."""
    if not width or not height or not row_mm or not column_mm:
        return None
    return Scale(width, height, row_mm, column_mm)
