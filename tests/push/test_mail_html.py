"""The HTML part: made of text alone, whatever the text is, and complete for those who cannot see it."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from push.mail_html import MailPage, mail_html, mail_text

LINK, STOP = "https://clinic.example/o/c3d4?a=1&b=2", "https://clinic.example/s/a1b2"
OURS = {"html", "head", "meta", "title", "style", "body", "div", "h1", "p", "a", "br", "strong"}


class Read(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page(**more: str) -> MailPage:
    return MailPage.model_validate({"title": "Il tuo studio", "text": "Ciao", "clinic": "Studio Rossi", **more})


@given(st.text(min_size=1, max_size=60).filter(str.strip))
def test_whatever_is_said_stays_text(text: str) -> None:
    nasty = f"{text}<img src=https://evil.example/p.gif onerror=x>\"'></a><script>"
    read = Read(mail_html(page(text=nasty, link=LINK, stop_link=STOP)))
    assert {tag for tag, _ in read.tags} <= OURS
    assert [attrs["href"] for tag, attrs in read.tags if tag == "a"] == [LINK, STOP]
    assert not any(name in {"src", "background", "onerror"} for _, attrs in read.tags for name in attrs)


def test_names_are_escaped_too_and_marks_of_direction_are_taken_out() -> None:
    made = mail_html(
        page(title="<b>\u202eTitle", clinic='"><i>Rossi', address="</p><x>", button="<u>", link=LINK, language="it")
    )
    assert [each for each in ("<b>", "<i>", "<x>", "<u>", "\u202e") if each in made] == []
    assert "&lt;b&gt;Title" in made


@pytest.mark.parametrize(("language", "direction"), [("it-IT", "ltr"), ("ar", "rtl"), ("he-IL", "rtl"), ("zh", "ltr")])
def test_it_says_its_language_and_its_direction(language: str, direction: str) -> None:
    read = Read(mail_html(page(language=language)))
    [html] = [attrs for tag, attrs in read.tags if tag == "html"]
    assert html == {"lang": language, "dir": direction}
    assert len([tag for tag, _ in read.tags if tag == "h1"]) == 1


def test_nothing_is_fetched_and_there_is_one_button_and_an_end_only_where_there_is_something_to_end() -> None:
    made = mail_html(page())
    assert "http" not in made
    assert "url(" not in made
    assert "@import" not in made
    made = mail_html(page(link=LINK, stop_link=STOP, language="ru"))
    assert made.count('class="button"') == 1
    assert "Открыть" in made
    assert "Отписаться" in made
    assert "prefers-color-scheme: dark" in made


def test_paragraphs_lines_and_words_that_are_joined_stay_as_they_were() -> None:
    read = Read(mail_html(page(text="Uno\ndue\r\n\r\n\u00a0\ntre می\u200cخواهم 👩\u200d⚕️ a\u00a0b\x07")))
    words = "".join(read.words)
    assert "Unodue" in words
    assert "tre می\u200cخواهم 👩\u200d⚕️ a b" in words
    assert len([tag for tag, _ in read.tags if tag == "p"]) == 3
    assert mail_text(page(text="Uno\n\n\nDue", address="Via Roma 1")) == "Uno\n\nDue\n\nStudio Rossi\nVia Roma 1"


@pytest.mark.parametrize(
    "more",
    [{"link": "http://x.example"}, {"link": "javascript:alert(1)"}, {"stop_link": 'https://x.example/"'},
     {"link": "https://x.example/<"}, {"language": 'it" onload="x'}, {"title": ""}, {"clinic": "a\nb"}, {"text": ""}],
)  # fmt: skip
def test_what_cannot_stand_in_a_page_is_refused(more: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        page(**more)
