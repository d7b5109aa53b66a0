"""How a paper writes money, days, moments and page numbers in the reader's language."""

from core.in_words import day_text, locale_of, moment_text, money_text

__all__ = ["day_text", "locale_of", "moment_text", "money_text", "page_text"]

_PAGES = {
    "en": "Page {page} of {pages}",
    "ru": "Страница {page} из {pages}",
    "it": "Pagina {page} di {pages}",
    "zh": "第 {page} 页，共 {pages} 页",
}


def page_text(page: int, pages: int, language: str) -> str:
    return _PAGES.get(language, _PAGES["en"]).format(page=page, pages=pages)
