"""How money, days and moments are written in the reader's language."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, get_currency_precision

from core.money import Money

_LOCALES = {"en": "en_GB", "ru": "ru_RU", "it": "it_IT", "zh": "zh_Hans_CN"}


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


def short_moment(moment: datetime, zone: str, language: str) -> str:
    """For one who lives by that clock: `mer 25 nov, 10:30`."""
    local = moment.astimezone(ZoneInfo(zone))
    pattern = "M月d日 EEE" if language == "zh" else "EEE d MMM"
    return f"{format_date(local.date(), pattern, locale=locale_of(language))}, {local:%H:%M}"
