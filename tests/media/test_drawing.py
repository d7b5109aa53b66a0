"""What may be drawn, how long a measure is, and that what is drawn can be seen where it was drawn."""

from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reportlab.pdfbase.ttfonts import TTFont

from core.errors import Invalid
from core.fonts import BOLD, CHINESE, REGULAR, font_file, letters
from media.draw import drawn
from media.drawing import MOST_POINTS, Colour, Point, Scale, Shape, ShapeKind, check_shapes, length_mm, scale_of
from media.lettering import runs, wrapped

SCALE = Scale(1000, 500, 0.1, 0.2)
RED, WHITE = (229, 38, 31), (255, 255, 255)


def shape(kind: ShapeKind, *places: tuple[int, int], text: str | None = None, colour: Colour = Colour.RED) -> Shape:
    return Shape(kind=kind, points=[Point(x=x, y=y) for x, y in places], text=text, colour=colour, width=8)


WHOLE = [
    shape(ShapeKind.LINE, (1000, 1000), (9000, 1000)),
    shape(ShapeKind.ARROW, (1000, 1000), (9000, 9000)),
    shape(ShapeKind.RECTANGLE, (9000, 9000), (1000, 1000)),
    shape(ShapeKind.ELLIPSE, (1000, 1000), (9000, 9000)),
    shape(ShapeKind.POLYGON, (1000, 1000), (9000, 1000), (5000, 9000)),
    shape(ShapeKind.FREEHAND, (1000, 1000), (3000, 3000), (1000, 5000)),
    shape(ShapeKind.TEXT, (1000, 1000), text="36"),
    shape(ShapeKind.MEASURE, (1000, 1000), (9000, 1000)),
]


def preview(width: int = 400, height: int = 300, grey: int = 90) -> bytes:
    out = BytesIO()
    Image.new("L", (width, height), grey).convert("RGB").save(out, "WEBP", quality=95)
    return out.getvalue()


def seen(content: bytes) -> Image.Image:
    with Image.open(BytesIO(content)) as picture:
        assert picture.format == "WEBP"
        return picture.convert("RGB")


def near(picture: Image.Image, place: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    found = picture.getpixel(place)
    assert isinstance(found, tuple)
    return all(abs(one - other) < 60 for one, other in zip(found, colour, strict=True))


def test_whole_shapes_of_every_kind_are_taken() -> None:
    assert {each.kind for each in WHOLE} == set(ShapeKind)
    check_shapes(WHOLE, SCALE)


@pytest.mark.parametrize(
    ("wrong", "pointer", "code"),
    [
        (shape(ShapeKind.LINE, (0, 0)), "/shapes/0/points", "wrong-number-of-points"),
        (shape(ShapeKind.MEASURE, (0, 0), (1, 1), (2, 2)), "/shapes/0/points", "wrong-number-of-points"),
        (shape(ShapeKind.POLYGON, (0, 0), (1, 1)), "/shapes/0/points", "wrong-number-of-points"),
        (shape(ShapeKind.FREEHAND, (0, 0)), "/shapes/0/points", "wrong-number-of-points"),
        (shape(ShapeKind.TEXT, (0, 0), (1, 1), text="36"), "/shapes/0/points", "wrong-number-of-points"),
        (shape(ShapeKind.TEXT, (0, 0)), "/shapes/0/text", "missing"),
        (shape(ShapeKind.LINE, (0, 0), (1, 1), text="36"), "/shapes/0/text", "not-of-this-kind"),
        (shape(ShapeKind.TEXT, (0, 0), text="\u05e9\u05df"), "/shapes/0/text", "letter-without-font"),
        (shape(ShapeKind.TEXT, (0, 0), text="\u0633\u0646"), "/shapes/0/text", "letter-without-font"),
        (shape(ShapeKind.TEXT, (0, 0), text="36 \U0001f600"), "/shapes/0/text", "letter-without-font"),
        (shape(ShapeKind.TEXT, (0, 0), text="36\u202e63"), "/shapes/0/text", "unseen-character"),
        (shape(ShapeKind.TEXT, (0, 0), text="36\u202836"), "/shapes/0/text", "unseen-character"),
    ],
)
def test_what_lacks_something_is_refused(wrong: Shape, pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_shapes([wrong], SCALE)
    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [(pointer, code)]


@pytest.mark.parametrize("text", ["Кариес 36", "carie già trattata, 2° quadrante", "龋齿，右侧", "q\u0308 ½ €"])
def test_words_in_letters_of_our_fonts_are_taken(text: str) -> None:
    check_shapes([shape(ShapeKind.TEXT, (0, 0), text=text)], None)


@pytest.mark.parametrize("name", [REGULAR, BOLD, CHINESE])
def test_a_font_has_the_letters_that_another_reader_finds_in_it(name: str) -> None:
    assert letters(name) == set(TTFont(name, str(font_file(name))).face.charToGlyph) - {0xFFFF}


def test_a_measure_needs_a_picture_that_is_to_scale() -> None:
    with pytest.raises(Invalid) as refusal:
        check_shapes([WHOLE[0], WHOLE[-1]], None)
    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [
        ("/shapes/1/kind", "picture-not-to-scale")
    ]


def test_there_are_not_more_points_than_a_drawing_may_have() -> None:
    half = shape(ShapeKind.FREEHAND, *[(each, each) for each in range(MOST_POINTS // 2)])
    check_shapes([half, half], None)
    with pytest.raises(Invalid):
        check_shapes([half, half, WHOLE[0]], None)


def test_a_length_is_counted_in_the_millimetres_of_each_direction() -> None:
    assert length_mm(shape(ShapeKind.MEASURE, (0, 0), (10_000, 0)), SCALE) == 200.0
    assert length_mm(shape(ShapeKind.MEASURE, (0, 10_000), (0, 0)), SCALE) == 50.0
    assert length_mm(shape(ShapeKind.MEASURE, (0, 0), (3_000, 10_000 * 80 // 100)), Scale(100, 100, 1, 1)) == 85.4


@pytest.mark.parametrize("lacking", range(4))
def test_without_all_of_its_parts_there_is_no_scale(lacking: int) -> None:
    parts: list[int | float | None] = [10, 10, 0.1, 0.1]
    assert scale_of(*parts) is not None  # type: ignore[arg-type]
    for nothing in (None, 0):
        parts[lacking] = nothing
        assert scale_of(*parts) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("each", "place"),
    [
        (WHOLE[0], (200, 30)),
        (WHOLE[1], (200, 150)),
        (WHOLE[2], (40, 150)),
        (WHOLE[3], (200, 30)),
        (WHOLE[4], (200, 30)),
        (WHOLE[5], (80, 60)),
        (WHOLE[7], (200, 30)),
    ],
    ids=lambda each: each.kind.value if isinstance(each, Shape) else "",
)
def test_a_line_is_where_it_was_drawn_with_a_halo_around_it(each: Shape, place: tuple[int, int]) -> None:
    picture = seen(drawn(preview(), [each], SCALE))
    assert picture.size == (400, 300)
    assert near(picture, place, RED)
    around = [(place[0] + x, place[1] + y) for x in range(-6, 7) for y in range(-6, 7)]
    assert any(near(picture, spot, WHITE) for spot in around)
    assert near(picture, (395, 5), (90, 90, 90)), "nothing else was touched"


@pytest.mark.parametrize("text", ["Caries 36", "Кариес 36", "Carie è qui", "龋齿 36"])
def test_words_of_every_script_are_drawn(text: str) -> None:
    picture = seen(drawn(preview(), [shape(ShapeKind.TEXT, (1000, 1000), text=text)], None))
    for font, piece in runs(text, 60):
        lacking = bytes(font.getmask("\uffff"))
        assert all(bytes(font.getmask(sign)) != lacking for sign in piece), "a box"
    inked = sum(near(picture, (x, y), RED) for x in range(0, 400, 2) for y in range(0, 300, 2))
    assert inked > 50


@given(text=st.text(alphabet="abc дежз 龋齿电 ", min_size=1, max_size=200), x=st.integers(0, 10_000))
def test_words_are_broken_and_none_is_lost(text: str, x: int) -> None:
    broken = wrapped(text, 20, 100 + x / 10)
    assert "".join(broken).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("place", [(0, 0), (9900, 9900), (9900, 0)])
def test_words_at_an_edge_stay_on_the_picture(place: tuple[int, int]) -> None:
    alone = seen(drawn(preview(), [shape(ShapeKind.TEXT, place, text="Six months later")], None))
    middle = seen(drawn(preview(), [shape(ShapeKind.TEXT, (500, 4000), text="Six months later")], None))

    def ink(picture: Image.Image) -> int:
        return sum(near(picture, (x, y), RED) for x in range(400) for y in range(300))

    assert ink(alone) > ink(middle) * 0.8


def test_what_is_drawn_later_lies_above() -> None:
    line = ((1000, 5000), (9000, 5000))
    both = [shape(ShapeKind.LINE, *line), shape(ShapeKind.LINE, *line, colour=Colour.BLUE)]
    assert near(seen(drawn(preview(), both, None)), (200, 150), (28, 95, 224))
    assert near(seen(drawn(preview(), both[::-1], None)), (200, 150), RED)


def test_a_clear_picture_stays_clear() -> None:
    out = BytesIO()
    Image.new("RGBA", (100, 100), (0, 0, 0, 0)).save(out, "WEBP")
    with Image.open(BytesIO(drawn(out.getvalue(), [WHOLE[0]], None))) as picture:
        assert picture.mode == "RGBA"


def test_the_same_drawing_gives_the_same_bytes() -> None:
    first, second = (drawn(preview(), WHOLE, SCALE) for _ in range(2))
    assert first == second
    assert all(one != other for one, other in pairwise([drawn(preview(), [each], SCALE) for each in WHOLE]))
