"""For whom times and words are written: the language of Accept-Language, the zone that a caller names."""

from typing import Annotated

from fastapi import Depends, Query, Request

from api.problems import language_of
from clinic.hours import Zone
from clinic.queries import Viewer

AskedZone = Annotated[
    Zone | None,
    Query(description="The caller's own IANA zone: times come on its clock too.", examples=["America/New_York"]),
]


def viewer_of(request: Request, zone: str | None) -> Viewer:
    return Viewer(language_of(request.headers.get("accept-language", "")), zone)


async def _viewer(request: Request, zone: AskedZone = None) -> Viewer:
    return viewer_of(request, zone)


ViewerHere = Annotated[Viewer, Depends(_viewer)]


async def _language(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))


LanguageHere = Annotated[str, Depends(_language)]
"""Of Accept-Language, where no clock is spoken of: one of `api.problems.LANGUAGES`."""
