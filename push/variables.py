"""What may stand in a message's text as `{{name}}`: a closed list, each with how private it is.

No expressions, no conditions: a name is replaced by plain words, once, and the braces of a value mean nothing.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache

from push.group import Group
from push.notice import NoticeKind

_PLACE = re.compile(r"\{\{\s*([^{}]{0,64}?)\s*\}\}")
_BRACES = re.compile(r"\{\{|\}\}")


class Variable(StrEnum):
    """All there are."""

    CLINIC_NAME = "clinic_name"
    BRANCH_NAME = "branch_name"
    BRANCH_PHONE = "branch_phone"
    LINK = "link"
    VISIT_DAY = "visit_day"
    VISIT_TIME = "visit_time"
    PATIENT_NAME = "patient_name"
    DOCTOR_NAME = "doctor_name"
    COUPON = "coupon"
    SERVICE = "service"


class Privacy(StrEnum):
    """Who may read a value."""

    PUBLIC = "public"
    """Whoever looks at a lock screen."""
    WHEN = "when"
    """The same, for patients who chose to see there when their visit is."""
    PRIVATE = "private"
    """Whoever opens the mail, for the same patients; else in the app alone."""
    HEALTH = "health"
    """The patient in the app, and nobody on the way there."""


class Mode(StrEnum):
    """What a patient lets a lock screen show."""

    GENERIC = "generic"
    WHEN = "when"


_V, _P = Variable, Privacy
PRIVACY: dict[Variable, Privacy] = {
    _V.CLINIC_NAME: _P.PUBLIC,
    _V.BRANCH_NAME: _P.PUBLIC,
    _V.BRANCH_PHONE: _P.PUBLIC,
    _V.LINK: _P.PUBLIC,
    _V.VISIT_DAY: _P.WHEN,
    _V.VISIT_TIME: _P.WHEN,
    _V.PATIENT_NAME: _P.PRIVATE,
    # A name beside which stands what the doctor treats in every search.
    _V.DOCTOR_NAME: _P.PRIVATE,
    _V.COUPON: _P.PRIVATE,
    _V.SERVICE: _P.HEALTH,
}
# By their names on the wire: who adds a kind says here what it knows.
_ABOUT_VISITS = frozenset({"visit", "confirming", "reminding", "combined", "organisational", "care"})
_WITH_COUPONS = frozenset({"offer", "advertising", "greeting", "combined"})
_OF_VISITS = frozenset({_V.VISIT_DAY, _V.VISIT_TIME, _V.DOCTOR_NAME, _V.SERVICE})
# The longest that is usual: lengths are counted with it, so that what fits once fits for everybody.
LONGEST: dict[Variable, int] = {
    _V.CLINIC_NAME: 40, _V.BRANCH_NAME: 40, _V.BRANCH_PHONE: 16, _V.LINK: 90, _V.VISIT_DAY: 30, _V.VISIT_TIME: 8,
    _V.PATIENT_NAME: 40, _V.DOCTOR_NAME: 40, _V.COUPON: 20, _V.SERVICE: 60,
}  # fmt: skip


def named(text: str) -> list[str]:
    """What stands between double braces, each once, in order; also what is no variable of ours."""
    return list(dict.fromkeys(_PLACE.findall(text)))


@lru_cache(maxsize=4096)
def variables(text: str) -> frozenset[Variable]:
    """The variables of ours in `text`."""
    return frozenset(Variable(each) for each in named(text) if each in set(Variable))


def filled(text: str, values: Mapping[Variable, str]) -> str:
    """`text` with every variable's value in its place. Raises KeyError where a value is missing."""
    return _PLACE.sub(lambda place: values[Variable(place.group(1))], text)


def of_kind(kind: NoticeKind) -> frozenset[Variable]:
    """What is known when a notice of this kind is sent."""
    lacking = frozenset() if kind.value in _ABOUT_VISITS else _OF_VISITS
    lacking |= frozenset() if kind.value in _WITH_COUPONS else frozenset({_V.COUPON})
    return frozenset(_V) - lacking


def readable(group: Group, mode: Mode, *, subject: bool = False) -> frozenset[Privacy]:
    """How private what stands in a text of this group may be, for a patient of this mode."""
    if group is Group.CHAT:
        return frozenset(Privacy)
    if subject or mode is Mode.GENERIC:
        return frozenset({Privacy.PUBLIC})
    shown = {Privacy.PUBLIC, Privacy.WHEN}
    return frozenset(shown | {Privacy.PRIVATE}) if group is Group.EMAIL else frozenset(shown)


def wording_faults(text: str, kind: NoticeKind, group: Group, *, subject: bool = False) -> list[str]:
    """Stable codes of why `text` can never be said: unknown names, braces left open, what nobody knows, what tells too
    much even to those who asked for it."""
    known = variables(text)
    faults = ["unknown-variable"] if len(known) < len(named(text)) else []
    if _BRACES.search(_PLACE.sub("", text)):
        faults.append("open-braces")
    if known - of_kind(kind):
        faults.append("not-of-this-kind")
    if any(PRIVACY[each] not in readable(group, Mode.WHEN, subject=subject) for each in known):
        faults.append("too-private")
    return faults
