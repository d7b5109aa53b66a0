"""An app build: what it looks like, where its links lead, and from which version on it is served."""

import re
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from core.errors import Conflict
from core.outside import LONGEST_ADDRESS, address_fault
from core.values import MaybeText, ShortText, Value

BuildName = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
AppVersion = Annotated[str, StringConstraints(max_length=40, pattern=r"^[\x20-\x7e]*$")]
MinimumVersion = Annotated[str, StringConstraints(max_length=40, pattern=r"^([0-9]{1,9}(\.[0-9]{1,9}){0,3})?$")]
Colour = Annotated[str, StringConstraints(pattern=r"^(#[0-9A-Fa-f]{6})?$")]
_HOST = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$"
Host = Annotated[str, StringConstraints(max_length=253, pattern=_HOST)]
# RFC 3986 schemes; those that browsers and phones keep for themselves are nobody's own.
Scheme = Annotated[str, StringConstraints(max_length=60, pattern=r"^([a-z][a-z0-9+.-]*)?$")]
_OTHERS = frozenset({"http", "https", "file", "javascript", "data", "about", "blob", "intent", "content", "tel", "sms"})
_NUMBER = re.compile(r"[0-9]{1,9}")
_PARTS = 4


class AppTooOld(Conflict):
    """The clinic serves this app from a later version on."""

    slug = "app-too-old"


def _own_scheme(scheme: str) -> str:
    if scheme in _OTHERS:
        raise ValueError("not an own scheme")
    return scheme


def _callable(address: str) -> str:
    if address and address_fault(address):
        raise ValueError("not an https address")
    return address


Address = Annotated[str, StringConstraints(max_length=LONGEST_ADDRESS), AfterValidator(_callable)]


class Branding(Value):
    """What the app shows of the clinic before anybody signs in, and where links of notices may lead."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "display_name": "Studio Rossi", "tagline": "", "primary_colour": "#00796B",
                    "background_colour": "#FFFFFF", "logo_url": "https://clinic.example/logo.png",
                    "link_scheme": "studiorossi", "link_hosts": ["app.clinic.example"],
                    "store_url": "https://store.example/studio-rossi",
                }
            ]
        }
    )  # fmt: skip

    display_name: ShortText
    tagline: MaybeText = ""
    primary_colour: Colour = ""
    background_colour: Colour = ""
    logo_url: Address = ""
    link_scheme: Annotated[Scheme, AfterValidator(_own_scheme)] = ""
    link_hosts: list[Host] = Field(default_factory=list, max_length=10)
    store_url: Address = Field(default="", description="Where a newer version is to be had.")


class BuildDraft(Value):
    """All of a build as its makers say it. Its credentials are the lines of its name."""

    name: BuildName = Field(description="The app's package or bundle id.", examples=["it.example.clinic"])
    branding: Branding
    minimum_version: MinimumVersion = Field(
        default="", description="Older ones register no phone. Empty: any will do.", examples=["3.1"]
    )


def is_older(version: str, minimum: str) -> bool:
    """By their numbers, `3.9` before `3.10`; what names no version is older than any minimum."""
    return bool(minimum) and _numbers(version) < _numbers(minimum)


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers it begins with: `3.1.0-beta+7` is 3, 1, 0."""
    head = re.match(r"[0-9.]*", version)
    found = [int(each) for each in _NUMBER.findall(head.group() if head else "")][:_PARTS]
    return (*found, *([0] * (_PARTS - len(found)))) if found else ()
