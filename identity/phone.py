"""Phone numbers as E.164 text: the form in which two spellings of one number are equal."""

from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, StringConstraints


def e164(raw: str, country: str | None = None) -> str:
    """`raw` as `+390212345678`; `country` (ISO 3166) is needed only where `raw` has no `+`.

    Raises ValueError for what is no possible number. Limits and brakes count this form, never the
    raw text, or a space would open a second set of tries.
    """
    try:
        number = phonenumbers.parse(raw, country)
    except phonenumbers.NumberParseException:
        raise ValueError("not a phone number") from None
    if not phonenumbers.is_valid_number(number):
        raise ValueError("not a phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


Phone = Annotated[str, StringConstraints(max_length=32, pattern=r"^\+[0-9 ().-]{6,30}$"), AfterValidator(e164)]
"""A number with its country code, stored and compared as E.164."""

PREFIX_LENGTH = 8


def brake_prefix(phone: str) -> str:
    """The part that numbers rented in a row share: what SMS pumping walks through."""
    return phone[:PREFIX_LENGTH]
