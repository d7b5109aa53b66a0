"""Second faces: what hides in a picture is found, and what phones and cameras honestly leave there is not."""

import numpy as np
import pytest

from media.faces import has_second_face, is_archive_or_paper, is_program
from media.kinds import MediaType, media_type_of
from tests.media.developing import developed
from tests.media.hostile import ELF, PAGE, PDF, SRGB, WIDE, a_program, a_zip
from tests.media.samples import photo, with_chunk, with_segment

XMP = (
    b"http://ns.adobe.com/xap/1.0/\0<?xpacket begin='\xef\xbb\xbf' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta "
    b"xmlns:x='adobe:ns:meta/'><rdf:RDF><rdf:Description GCamera:MotionPhoto='1'/></rdf:RDF></x:xmpmeta>"
)
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42\0\0\0\x08free"


@pytest.mark.parametrize(
    "said",
    [
        PAGE, PAGE.upper(), b"<!DOCTYPE html>", b"<svg xmlns='x'>", b"<iframe src=x>", b"<?php echo 1;",
        b"<?=`$_GET[1]`;?>", b"<%@ page import='x'%>",
        WIDE, PDF, b"%!PS-Adobe-3.0", a_zip(), a_zip()[-22:], ELF, a_program(), bytes(9) + a_program(),
        b"Rar!\x1a\x07\0", b"7z\xbc\xaf\x27\x1c\0\4", b"MSCF\0\0\0\0", b"\x1f\x8b\x08\0", b"#!/usr/bin/env python",
        b"text #!/bin/sh", b"\xca\xfe\xba\xbe\0\0\0\x41", b"\xcf\xfa\xed\xfe\x07", b"__HALT_COMPILER();",
        b"{\\rtf1\\ansi", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"onerror = alert(1)", b"javascript:alert(1)",
        b"This program cannot be run in DOS mode", bytes(5000) + b"MZ\x90\0",
    ],
)  # fmt: skip
def test_what_is_something_of_its_own_is_found_beside_and_behind_a_picture(said: bytes) -> None:
    assert has_second_face([b"", said], b"")
    assert has_second_face([b"EXIF"], said)


@pytest.mark.parametrize(
    "said",
    [
        b"", bytes(100), XMP, SRGB, b"CREATOR: gd-jpeg v1.0 (using IJG JPEG v80), quality = 82\n",
        b"ASCII\0\0\0Zahn < 12", b"Photoshop 3.0\x008BIM\x04\x04", b"SEFHe\0\0\0", FILM, photo(200, 100),
        b"PK is a name", b"a < b, body > c", b"MZ camera", b"  MZ-90 digital, 60 kV", b"#! 36", b"BZh camera",
    ],
)  # fmt: skip
def test_what_is_honestly_left_in_a_picture_is_not(said: bytes) -> None:
    assert not has_second_face([said], said)


@pytest.mark.parametrize("seed", range(4))
def test_a_film_behind_a_photo_is_no_program_by_chance(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, 8_000_000, dtype=np.uint8).tobytes()
    assert not has_second_face([], FILM + noise)


def test_a_tail_of_nothing_but_beginnings_of_programs_is_not_looked_through() -> None:
    """Without an end to it, thirty megabytes of them kept a process busy for nine seconds."""
    assert has_second_face([], b"film" + b"MZ" * 200_000)
    assert not has_second_face([], b"film" + b"MZ" * 90_000)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("tail", [bytes(4096), FILM, b"SEFHe\0\0\0SEFT", photo(100, 50, artist="x")])
def test_an_honest_tail_is_cut_off_and_not_held_against_a_picture(form: str, tail: bytes) -> None:
    whole = photo(90, 60, form=form, artist="Anna")
    made = developed(whole + tail)
    assert made.download == developed(whole).download
    assert isinstance(made.download, bytes)
    assert media_type_of(made.download) is MediaType[form]


def test_a_phones_xmp_and_a_cameras_comment_are_no_second_face() -> None:
    content = with_segment(with_segment(photo(90, 60), 0xE1, XMP), 0xFE, b"Sirona Orthophos <XG>, 60 kV")
    assert developed(content).width == 90
    assert developed(with_chunk(photo(form="PNG"), b"tEXt", b"Software\0Adobe ImageReady")).width == 60


def test_an_archive_is_found_wherever_its_last_record_stands() -> None:
    assert is_archive_or_paper(photo() + a_zip() + bytes(60_000))
    assert not is_archive_or_paper(photo() + bytes(60_000))


def test_a_paper_is_found_by_a_first_line_near_the_beginning() -> None:
    assert is_archive_or_paper(photo()[:200] + PDF)
    assert not is_archive_or_paper(bytes(5000) + PDF)


def test_the_free_bytes_before_a_dicom_are_looked_at() -> None:
    assert is_program(b"MZ" + bytes(126))
    assert is_program(b"#!/bin/sh\n".ljust(128))
    assert not is_program(b"II*\0" + bytes(124))
