"""The contact sheet of a series: every picture in its place, a frame where one is missing, on the right ground."""

from dataclasses import replace
from datetime import date
from io import BytesIO
from uuid import UUID

import numpy as np
import pytest
from PIL import Image

from core.ids import new_id
from media.lettering import width_of
from media.series import Phase, PlaceState, Protocol, views_of
from media.sheet import contact_sheet, label_lines
from media.sheet_content import SheetContent, SheetPlace, fingerprint
from media.view_words import LANGUAGES

RED, GREEN = (200, 30, 30), (30, 160, 60)


def preview(colour: tuple[int, int, int], size: tuple[int, int] = (256, 192)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, "WEBP", lossless=True)
    return out.getvalue()


def content(protocol: Protocol, held: tuple[str, ...] = (), series_id: UUID | None = None) -> SheetContent:
    """Taken are those that are `held`, or all of them."""
    places = [
        SheetPlace(view, PlaceState.TAKEN, "a" * 64)
        if not held or view.code in held
        else SheetPlace(view, PlaceState.MISSING, None)
        for view in views_of(protocol, held)
    ]
    return SheetContent(new_id(), series_id or new_id(), protocol, Phase.BEFORE, date(2026, 3, 2), tuple(places))


def drawn(shown: SheetContent, colour: tuple[int, int, int] = RED, language: str = "en") -> Image.Image:
    pictures = [preview(colour) if place.sha256 else None for place in shown.places]
    made = contact_sheet(shown, pictures, language)
    assert made[8:12] == b"WEBP"
    return Image.open(BytesIO(made)).convert("RGB")


def share(picture: Image.Image, colour: tuple[int, int, int]) -> float:
    """How much of a picture is about this colour."""
    near = np.abs(np.asarray(picture.convert("RGB"), dtype=np.int16) - np.array(colour)) < 24
    return float(near.all(axis=2).mean())


def cell(sheet: Image.Image, shown: SheetContent, code: str) -> Image.Image:
    view = next(place.view for place in shown.places if place.view.code == code)
    width, height = sheet.width / shown.columns, (sheet.height - 64) / shown.rows
    left, top = (view.column - 1) * width, 64 + (view.row - 1) * height
    return sheet.crop((int(left), int(top), int(left + width), int(top + height)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("protocol", [each for each in Protocol if each is not Protocol.FREE])
def test_every_protocol_is_drawn_in_every_language(protocol: Protocol, language: str) -> None:
    shown = content(protocol)
    assert share(drawn(shown, language=language), RED) > 0.2


def test_a_picture_stands_in_its_own_place_and_no_other() -> None:
    shown = content(Protocol.FMX_18, ("upper-right-molars", "lower-left-canine"))
    sheet = drawn(shown)
    for place in shown.places:
        assert (share(cell(sheet, shown, place.view.code), RED) > 0.3) == (place.sha256 is not None), place.view.code


def test_xrays_lie_on_a_dark_ground_and_photos_on_white() -> None:
    assert sum(drawn(content(Protocol.FMX_20, ("upper-left-molars",))).getpixel((2, 2))) < 100  # type: ignore[arg-type]
    assert drawn(content(Protocol.ORTHO_PHOTO)).getpixel((2, 2)) == (255, 255, 255)


def test_what_is_missing_is_said_in_the_language_asked_for() -> None:
    shown = content(Protocol.BITEWINGS_2, ("bitewing-left",))
    frames = {cell(drawn(shown, language=each), shown, "bitewing-right").tobytes() for each in LANGUAGES}
    assert len(frames) == len(LANGUAGES)
    left_out = tuple(
        replace(place, state=PlaceState.LEFT_OUT) if place.sha256 is None else place for place in shown.places
    )
    other = drawn(replace(shown, places=left_out))
    assert cell(other, shown, "bitewing-right").tobytes() != cell(drawn(shown), shown, "bitewing-right").tobytes()


def test_a_place_whose_picture_is_looked_into_says_so() -> None:
    shown = content(Protocol.BITEWINGS_2, ("bitewing-left",))
    checked = replace(shown, places=tuple(replace(each, sha256=None, state=PlaceState.TAKEN) for each in shown.places))
    said = {cell(drawn(each), each, "bitewing-right").tobytes() for each in (shown, checked)}
    assert len(said) == 2
    assert fingerprint(shown, "en") != fingerprint(checked, "en")


@pytest.mark.parametrize(
    "text", ["上前牙特写，右侧，放松嘴唇，自然微笑，正面", "Upper front teeth, close, from the right", "a" * 60]
)
def test_a_name_that_is_too_long_goes_on_in_a_second_line_and_ends_with_dots(text: str) -> None:
    lines = label_lines(text, 17, 160)
    assert len(lines) <= 2
    assert all(width_of(line, 17, bold=False) <= 160 for line in lines[1:])
    told = "".join(lines)
    assert text.replace(" ", "").startswith(told.removesuffix("…").replace(" ", ""))
    assert label_lines(text, 17, 5000) == [text]
    if " " not in text and text[0] > "a":
        assert len(lines) == 2, "Chinese breaks between any two signs"


def test_a_preview_that_was_lost_leaves_a_frame() -> None:
    shown = content(Protocol.BITEWINGS_2)
    sheet = Image.open(BytesIO(contact_sheet(shown, [None, preview(GREEN)], "ru"))).convert("RGB")
    assert share(cell(sheet, shown, "bitewing-left"), GREEN) > 0.3
    assert share(cell(sheet, shown, "bitewing-right"), GREEN) == 0


def test_tall_and_wide_pictures_are_shown_whole() -> None:
    shown = content(Protocol.BITEWINGS_2)
    made = contact_sheet(shown, [preview(RED, (90, 256)), preview(GREEN, (256, 40))], "en")
    sheet = Image.open(BytesIO(made)).convert("RGB")
    assert 0.05 < share(sheet, RED) < 0.2
    assert 0.05 < share(sheet, GREEN) < 0.2


def test_a_free_series_of_sixty_and_an_empty_one_are_drawn() -> None:
    assert drawn(content(Protocol.FREE, tuple(str(n) for n in range(1, 61)))).height > 3_000
    empty = replace(content(Protocol.FREE, ("1",)), places=())
    assert Image.open(BytesIO(contact_sheet(empty, [], "en"))).width > 0


def test_the_name_of_a_sheet_is_of_what_it_shows_and_of_nothing_else() -> None:
    series_id = new_id()
    shown = content(Protocol.BITEWINGS_2, series_id=series_id)
    assert fingerprint(shown, "en") == fingerprint(content(Protocol.BITEWINGS_2, series_id=series_id), "en")
    first, second = shown.places
    others = [
        replace(shown, taken_on=None),
        replace(shown, phase=Phase.AFTER),
        replace(shown, places=(replace(first, sha256="b" * 64), second)),
        replace(shown, places=(replace(first, sha256=None, state=PlaceState.MISSING), second)),
        replace(shown, places=(replace(first, sha256=None, state=PlaceState.LEFT_OUT), second)),
    ]
    names = {fingerprint(each, "en") for each in (shown, *others)} | {fingerprint(shown, "zh")}
    assert len(names) == 7
