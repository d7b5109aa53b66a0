"""Reads single values of a DICOM dataset that may hold anything at all. Darkroom only."""

import math
from datetime import date, datetime, time
from typing import Any

from pydicom.dataset import Dataset

LONGEST = 64
_DATE_DIGITS = 8
_FIRST_YEAR = 1890
"""Röntgen's discovery is of 1895, and a patient may be older than a picture."""


def whole(dataset: Dataset, keyword: str) -> int:
    """A number that must be there. Raises ValueError, TypeError or AttributeError where it is not."""
    return int(getattr(dataset, keyword))


def value(dataset: Dataset, keyword: str) -> Any:
    """The first value of an element; None where there is none or it cannot be read."""
    try:
        found = dataset.get(keyword)
    except Exception:  # noqa: BLE001  pydicom reads a value when it is asked for, and raises whatever it likes
        return None
    if isinstance(found, (str, bytes)) or not hasattr(found, "__getitem__"):
        return found
    return found[0] if len(found) else None


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """All values of an element as numbers, none of them infinite; empty where one of them is no number."""
    try:
        found = dataset.get(keyword)
        if found is None or found == "":
            return []
        several = found if hasattr(found, "__len__") and not isinstance(found, str) else [found]
        read = [float(one) for one in several]
    except Exception:  # noqa: BLE001  as above
        return []
    return read if all(math.isfinite(one) for one in read) else []


def number(dataset: Dataset, keyword: str) -> float | None:
    return next(iter(numbers(dataset, keyword)), None)


def text(dataset: Dataset, keyword: str) -> str | None:
    """Printable text of at most `LONGEST` letters; None for nothing."""
    found = value(dataset, keyword)
    if found is None or isinstance(found, bytes):
        return None
    return clean(str(found))


def clean(words: str) -> str | None:
    shown = "".join(letter for letter in words if letter.isprintable())
    return shown.strip()[:LONGEST].strip() or None


def item(dataset: Dataset, keyword: str, index: int = 0) -> Dataset | None:
    """One item of a sequence."""
    try:
        found = dataset.get(keyword)[index]
    except Exception:  # noqa: BLE001  as above
        return None
    return found if isinstance(found, Dataset) else None


def day(dataset: Dataset, keyword: str) -> date | None:
    """A DA (PS3.5 §6.2), also with the dots of the old standard."""
    digits = (text(dataset, keyword) or "").replace(".", "")[:_DATE_DIGITS]
    return _day(digits)


def _day(digits: str) -> date | None:
    if len(digits) != _DATE_DIGITS or not digits.isdecimal() or not digits.isascii():
        return None
    try:
        read = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return read if read.year >= _FIRST_YEAR else None


def moment(dataset: Dataset, day_keyword: str, time_keyword: str) -> datetime | None:
    """A DA with its TM, midnight where the time cannot be read."""
    found = day(dataset, day_keyword)
    return datetime.combine(found, _time(text(dataset, time_keyword) or "")) if found else None


def stamp(dataset: Dataset, keyword: str) -> datetime | None:
    """A DT; its zone is left out, as the other elements have none."""
    words = text(dataset, keyword) or ""
    found = _day(words[:_DATE_DIGITS])
    return datetime.combine(found, _time(words[_DATE_DIGITS:])) if found else None


def _time(words: str) -> time:
    digits = words.replace(":", "")[:6]
    if not (digits.isdecimal() and digits.isascii()):
        return time()
    digits = digits[: len(digits) // 2 * 2].ljust(6, "0")
    try:
        return time(int(digits[:2]), int(digits[2:4]), int(digits[4:]))
    except ValueError:
        return time()
