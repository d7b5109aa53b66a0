"""The HTML part of a mail: one plain page made of text alone, everything escaped, nothing fetched from anywhere.

It is read without pictures, in the dark, on a narrow screen, by a screen reader, and from right to left.
"""

import re
from html import escape
from typing import Annotated

from pydantic import Field, StringConstraints

from core.values import PLAIN, MaybeText, ShortText, Value
from push.mail_words import shown, words_of

_RIGHT_TO_LEFT = {"ar", "fa", "he", "ur", "ps", "yi"}
Link = Annotated[str, StringConstraints(max_length=900, pattern=r"^(https://[!#-;=?-~]+)?$")]


class MailPage(Value):
    """What one mail says. `text`: paragraphs, apart by an empty line. Links: https, or nothing."""

    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$")] = "en"
    title: ShortText
    text: Annotated[str, Field(min_length=1, max_length=20_000)]
    link: Link = ""
    button: MaybeText = ""
    """What the button says; without it, that it opens."""
    clinic: ShortText
    address: Annotated[str, StringConstraints(max_length=200, pattern=PLAIN)] = ""
    stop_link: Link = ""


def mail_text(page: MailPage) -> str:
    """The plain part: the same words, and who writes. The adapter adds the links."""
    return "\n\n".join([*_paragraphs(page.text), "\n".join(filter(None, (page.clinic, page.address)))])


def mail_html(page: MailPage) -> str:
    """One document, complete."""
    paragraphs = "\n".join(f'<p dir="auto">{_lines(each)}</p>' for each in _paragraphs(page.text))
    button = _button(page) if page.link else ""
    return _PAGE.format(
        language=escape(page.language),
        direction="rtl" if page.language.split("-", 1)[0].lower() in _RIGHT_TO_LEFT else "ltr",
        title=_clean(page.title),
        style=_STYLE,
        paragraphs=paragraphs,
        button=button,
        footer=_footer(page),
    )


def _button(page: MailPage) -> str:
    says = _clean(page.button or words_of(page.language).open)
    return f'<p class="way"><a class="button" href="{escape(page.link)}">{says}</a></p>'


def _footer(page: MailPage) -> str:
    who = f"<strong>{_clean(page.clinic)}</strong>" + (f"<br>{_clean(page.address)}" if page.address else "")
    stop = (
        f'<br><a href="{escape(page.stop_link)}">{_clean(words_of(page.language).stop)}</a>' if page.stop_link else ""
    )
    return f'<p dir="auto">{who}{stop}</p>'


def _paragraphs(text: str) -> list[str]:
    return [each.strip() for each in re.split(r"\n\s*\n", "\n".join(text.splitlines())) if each.strip()]


def _lines(paragraph: str) -> str:
    return "<br>".join(_clean(line) for line in paragraph.split("\n"))


def _clean(text: str) -> str:
    return escape(shown(text))


# Colours: contrast 7 to 1 or more in both (WCAG 2.2, 1.4.6). The button is as high as a finger needs (2.5.5).
_STYLE = """\
:root { color-scheme: light dark; supported-color-schemes: light dark; }
body { margin: 0; padding: 0; background: #f2f4f5; color: #1b1f23; -webkit-text-size-adjust: 100%; }
.sheet { max-width: 600px; margin: 0 auto; padding: 24px 16px;
  font: 17px/1.5 -apple-system, "Segoe UI", Roboto, "Noto Sans", Helvetica, Arial, sans-serif; }
.card { background: #ffffff; border: 1px solid #d0d7de; border-radius: 12px; padding: 24px; }
h1 { font-size: 22px; line-height: 1.3; margin: 0 0 16px; overflow-wrap: anywhere; }
p { margin: 0 0 16px; overflow-wrap: anywhere; }
.way { margin: 24px 0 8px; }
.button { display: inline-block; background: #0b4f6c; color: #ffffff; font-weight: 600; text-decoration: none;
  padding: 12px 24px; border-radius: 8px; min-height: 24px; }
.foot { font-size: 14px; color: #3d444d; padding: 16px 8px 0; }
.foot a { color: #0b4f6c; }
@media (prefers-color-scheme: dark) {
  body { background: #0d1117; color: #f0f3f6; }
  .card { background: #161b22; border-color: #3d444d; }
  .button { background: #9cd8f5; color: #06222f; }
  .foot { color: #c5ccd3; }
  .foot a { color: #9cd8f5; }
}"""

_PAGE = """\
<!DOCTYPE html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<div class="sheet" role="article" aria-roledescription="email" lang="{language}" dir="{direction}">
<div class="card">
<h1 dir="auto">{title}</h1>
{paragraphs}
{button}
</div>
<div class="foot">{footer}</div>
</div>
</body>
</html>
"""
