"""What is known of drawings: the latest of a picture."""

from uuid import UUID

from pydantic import Field, TypeAdapter
from sqlalchemy import and_, select
from sqlmodel import col

from core.database import Reading
from core.moments import Moment
from core.values import Double, Int32, Value
from media.drawing import MOST_SHAPES, Scale, Shape, ShapeKind, length_mm, scale_of
from media.tables import Drawing, Picture

_SHAPES = TypeAdapter(list[Shape])


class Measure(Value):
    """How long the measure is that stands at this place among the shapes, counted from 0."""

    shape: Int32
    length_mm: Double = Field(description="On the sensor, to a tenth.", examples=[11.4])


class DrawingView(Value):
    """What staff drew on a picture. `version` 0: nothing yet."""

    picture_id: UUID
    version: Int32
    shapes: list[Shape] = Field(max_length=MOST_SHAPES)
    measures: list[Measure] = Field(max_length=MOST_SHAPES)
    made_by: UUID | None
    made_at: Moment | None
    is_drawn: bool = Field(description="Whether `drawn_1024` shows this version already.")


async def drawing_of(reading: Reading, picture_id: UUID) -> tuple[UUID, DrawingView] | None:
    """Whose picture it is, and its latest drawing; None: there is no such picture in the clinic."""
    same = and_(col(Drawing.clinic_id) == col(Picture.clinic_id), col(Drawing.picture_id) == col(Picture.id))
    statement = (
        select(Picture, Drawing)
        .outerjoin(Drawing, same)
        .where(col(Picture.id) == picture_id)
        .order_by(col(Drawing.version).desc())
        .limit(1)
    )
    row = (await reading.execute(statement)).one_or_none()
    return None if row is None else (row[0].patient_id, _view(*row))


def _view(picture: Picture, drawing: Drawing | None) -> DrawingView:
    if drawing is None:
        return DrawingView(
            picture_id=picture.id, version=0, shapes=[], measures=[], made_by=None, made_at=None, is_drawn=False
        )
    shapes = shapes_of(drawing)
    scale = scale_of(picture.width, picture.height, picture.row_spacing_mm, picture.column_spacing_mm)
    return DrawingView(
        picture_id=picture.id,
        version=drawing.version,
        shapes=shapes,
        measures=_measures(shapes, scale) if scale else [],
        made_by=drawing.made_by,
        made_at=drawing.made_at,
        is_drawn=picture.drawn == drawing.version,
    )


def _measures(shapes: list[Shape], scale: Scale) -> list[Measure]:
    return [
        Measure(shape=place, length_mm=length_mm(shape, scale))
        for place, shape in enumerate(shapes)
        if shape.kind is ShapeKind.MEASURE
    ]


def shapes_of(drawing: Drawing) -> list[Shape]:
    return _SHAPES.validate_python(drawing.shapes, strict=False)
