"""How a paper writes money, days, moments and page numbers in the reader's language."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, get_currency_precision

from core.money import Money

_LOCALES = {"en": "en_GB", "ru": "ru_RU", "it": "it_IT", "zh": "zh_Hans_CN"}
_PAGES = {
    "en": "Page {page} of {pages}",
    "ru": "Страница {page} из {pages}",
    "it": "Pagina {page} di {pages}",
    "zh": "第 {page} 页，共 {pages} 页",
}


def locale_of(language: str) -> Locale:
    """Babel's locale of one of our languages; English for any other."""
    return Locale.parse(_LOCALES.get(language, "en_GB"))


def money_text(money: Money, language: str) -> str:
    """`Money(125050, EUR)` as `1.250,50 €` in Italian: with the minor digits that ISO 4217 gives the currency."""
    amount = Decimal(money.amount_minor).scaleb(-get_currency_precision(money.currency))
    return format_currency(amount, money.currency, locale=locale_of(language))


def day_text(day: date, language: str) -> str:
    """`22 novembre 2026`."""
    return format_date(day, "long", locale=locale_of(language))


def moment_text(moment: datetime, zone: str, language: str) -> str:
    """What a clock in `zone` (IANA) shows, with the offset from UTC: `22 novembre 2026, 10:30 (UTC+01:00)`."""
    local = moment.astimezone(ZoneInfo(zone))
    offset = local.strftime("%z")
    return f"{day_text(local.date(), language)}, {local:%H:%M} (UTC{offset[:3]}:{offset[3:]})"


def page_text(page: int, pages: int, language: str) -> str:
    return _PAGES.get(language, _PAGES["en"]).format(page=page, pages=pages)
