"""Papers: what is printed can be read, in every language, on every machine, and nothing vanishes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from pypdf import PdfReader

from cabinet.paper import (
    Block,
    Bullets,
    Column,
    Drawing,
    Facts,
    Heading,
    Image,
    Letterhead,
    PageBreak,
    Paper,
    Paragraph,
    Table,
    Together,
    printed,
)
from cabinet.paper_text import UNKNOWN, Style, lines, plain, width
from cabinet.paper_words import day_text, moment_text, money_text
from core.money import Money

SENTENCES = {
    "en": "Please read before you sign: it’s your decision.",
    "ru": "Пожалуйста, прочтите: объём лечения №5 — ёмкий.",
    "it": "Legga prima di firmare: è così, perché più chiaro.",
    "zh": "签字前请仔细阅读，如有疑问请询问医生王喆。",
}


def paper(*blocks: Block, language: str = "en", title: str = "Consent") -> Paper:
    return Paper(title, language, Letterhead("Rome Dental", ("Via Roma 1",)), blocks, footer="Rome Dental")


def pages(*blocks: Block, language: str = "en") -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(printed(paper(*blocks, language=language)))).pages]


def text(*blocks: Block, language: str = "en") -> str:
    return "\n".join(pages(*blocks, language=language))


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_is_on_the_page_as_it_was_written(language: str) -> None:
    found = text(Paragraph(SENTENCES[language]), Heading(SENTENCES[language]), language=language)
    assert found.replace("\n", "").count(SENTENCES[language]) == 2


def test_the_same_paper_gives_the_same_bytes() -> None:
    blocks = (Heading("A"), Paragraph("".join(SENTENCES.values())), Facts((("Name", "Анна"),)))
    assert printed(paper(*blocks)) == printed(paper(*blocks))
    assert printed(paper(*blocks)) != printed(paper(*blocks, Paragraph(".")))


def test_papers_printed_at_the_same_time_do_not_mix() -> None:
    papers = [paper(Paragraph(sentence * 5), language=language) for language, sentence in SENTENCES.items()]
    before = [printed(each) for each in papers]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(printed, papers * 6))
    after = [printed(each) for each in papers]  # a paper says in which second it was made
    assert all(made in alone for made, alone in zip(together, list(zip(before, after, strict=True)) * 6, strict=True))


def test_every_font_is_in_the_file() -> None:
    fonts = [
        descendant["/FontDescriptor"]
        for page in PdfReader(BytesIO(printed(paper(Heading("Aя治"), Paragraph("Aя治"))))).pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
        for descendant in [font.get_object()]
        if "/FontDescriptor" in descendant
    ]
    assert len(fonts) >= 3
    assert all("/FontFile2" in font for font in fonts)


def test_a_sign_that_no_font_has_is_seen_as_such() -> None:
    assert f"A{UNKNOWN}B" in text(Paragraph("A\u05d0B"))
    assert plain("safe\u202eevil") == f"safe{UNKNOWN}evil"
    assert plain("soft\u00adhyphen e\u0301") == "softhyphen é"


def test_nothing_in_a_text_is_markup() -> None:
    told = "<b>Anna</b> &amp; <font size=99> {{clinic.name}} %s"
    assert told in text(Paragraph(told))


def test_pages_are_numbered_in_the_language_of_the_paper() -> None:
    assert "Page 1 of 2" in pages(PageBreak(), Paragraph("x"))[0]
    assert "Страница 2 из 2" in pages(PageBreak(), Paragraph("x"), language="ru")[1]
    assert "Pagina 1 di 1" in pages(language="it")[0]
    assert "第 1 页，共 1 页" in pages(language="zh")[0]


def test_the_head_of_a_table_stands_on_every_page_and_no_row_is_lost() -> None:
    columns = (Column("Treatment", 3), Column("Amount", 1, amount=True))
    found = pages(Table(columns, tuple((f"row {n}.", f"{n},00 €") for n in range(120)), (("Total", "7140,00 €"),)))
    assert len(found) > 1
    assert all("Treatment" in page and "Amount" in page for page in found)
    assert [n for n in range(120) if f"row {n}." not in "\n".join(found)] == []
    assert "7140,00 €" in found[-1]


def test_what_is_longer_than_a_page_goes_on_overleaf() -> None:
    long = " ".join(f"word{n}." for n in range(2_000))
    for block in (Paragraph(long), Facts((("All", long),)), Bullets((long,)), Together((Paragraph(long),))):
        found = text(block)
        assert "word0." in found
        assert "word1999." in found
    assert "word1999." in text(Table((Column("All"),), ((long,),)))


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=300))
def test_whatever_people_write_can_be_printed(told: str) -> None:
    blocks = (Heading(told), Paragraph(told), Facts(((told, told),)), Table((Column(told),), ((told,),)))
    assert printed(paper(*blocks, title=told)).startswith(b"%PDF-")


def test_pictures_and_strokes_find_their_place() -> None:
    sheet = BytesIO()
    Pillow.new("RGB", (40, 20), "red").save(sheet, "PNG")
    drawn = Drawing((((0, 0), (1000, 400)), ((500, 200),)))
    page = PdfReader(BytesIO(printed(paper(Image(sheet.getvalue(), 40), drawn)))).pages[0]
    assert len(page.images) == 1


def test_no_line_is_wider_than_its_room() -> None:
    style = Style()
    for sentence in [*SENTENCES.values(), "W" * 300, "Donaudampfschifffahrt " * 20, "治" * 200]:
        broken = lines(sentence, style, 120)
        assert all(width(line, style) <= 120.001 for line in broken)
        assert "".join("".join(broken).split()) == "".join(sentence.split())


def test_no_chinese_line_begins_with_a_full_stop() -> None:
    style = Style()
    room = width("治疗计划", style)
    assert lines("治疗计划。治疗（计划）", style, room) == ["治疗计", "划。治疗", "（计划）"]


def test_words_stay_whole_and_line_feeds_are_kept() -> None:
    style = Style()
    assert lines("one two\n\nthree", style, width("one two", style)) == ["one two", "", "three"]
    assert lines("one two", style, width("one tw", style)) == ["one", "two"]


def test_amounts_days_and_moments_are_written_as_the_reader_writes_them() -> None:
    def spelt(said: str) -> str:
        return said.replace("\u00a0", " ").replace("\u202f", " ")

    euros = Money(amount_minor=125_050, currency="EUR")
    assert [spelt(money_text(euros, language)) for language in ("en", "it", "ru")] == [
        "€1,250.50", "1.250,50 €", "1 250,50 €",
    ]  # fmt: skip
    assert money_text(Money(amount_minor=1_250, currency="JPY"), "en") == "JP¥1,250"
    assert day_text(date(2026, 11, 22), "it") == "22 novembre 2026"
    assert day_text(date(2026, 11, 22), "zh") == "2026年11月22日"
    summer = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert moment_text(summer, "Europe/Rome", "it") == "2 luglio 2026, 00:30 (UTC+02:00)"
