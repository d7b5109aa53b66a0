"""`/l/{token}`, `/v1/stop/{token}`: the links below messages. Nobody signs in; the address itself is the proof.

These addresses come back as messengers, mail programs and their readers made them: what they add behind is passed over,
and a link that leads nowhere is answered with a page too.
"""

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from api.pages import page
from api.ports import Ports, PortsHere
from api.problems import language_of
from api.survey_links import page_of_path
from chat.conversation import a_minute
from core.clock import now
from core.database import Scope
from core.errors import TooMany
from push.commands.openings import open_by_link
from push.commands.wishes import stop_by_link
from push.followers import is_person
from push.link_words import link_words
from push.links import KEY, Links
from push.short_token import LENGTH

router = APIRouter(tags=["links"], include_in_schema=False)

_FOLLOWED = a_minute(60)


class LinksTooFast(TooMany):
    """One link so often, or so many that there are not from one address, in a minute."""

    slug = "links-too-fast"


def links_of(ports: Ports) -> Links:
    """Makes and reads the links of messages."""
    return Links(ports.keys.secrets.keyed_hash(KEY, ""), ports.public_url)


@router.api_route("/l/{token}", methods=["GET", "HEAD"], operation_id="followLink")
async def follow(ports: PortsHere, request: Request, token: str) -> Response:
    """Into the app, to what the message is about. That it was opened is written down where a person follows."""
    opening = links_of(ports).opening(token[:LENGTH])
    _slow_down(ports, request, token, known=opening is not None)
    if opening is None:
        return _nowhere(request)
    seen = is_person(request.method, request.headers)
    async with ports.database.writing(Scope(opening.clinic_id)) as writing:
        path = await open_by_link(writing, opening, now(), seen=seen)
    if path is None:
        return _nowhere(request)
    if survey := page_of_path(ports, opening.clinic_id, path):
        return RedirectResponse(survey, 303)
    if ports.app_url:
        return RedirectResponse(ports.app_url + path, 303)
    words = link_words(_language(request))
    return page(words.language, words.open_title, words.open_text)


@router.api_route("/v1/stop/{token}", methods=["GET", "HEAD"], operation_id="showStop")
async def show_stop(ports: PortsHere, request: Request, token: str) -> Response:
    """A page with one button. Looking at it ends nothing: mail programs and scanners look at every link."""
    stopping = links_of(ports).stopping(token[:LENGTH])
    _slow_down(ports, request, token, known=stopping is not None)
    if stopping is None:
        return _nowhere(request)
    words = link_words(_language(request))
    return page(words.language, words.stop_title, words.what(stopping), words.stop_button)


@router.post("/v1/stop/{token}", operation_id="stopByLink")
async def stop(ports: PortsHere, request: Request, token: str) -> Response:
    """One click (RFC 8058), by a person or by their mail program. It counts at once; again changes nothing."""
    stopping = links_of(ports).stopping(token[:LENGTH])
    _slow_down(ports, request, token, known=stopping is not None)
    if stopping is None:
        return _nowhere(request)
    async with ports.database.writing(Scope(stopping.clinic_id)) as writing:
        await stop_by_link(writing, stopping, now())
    words = link_words(_language(request))
    return page(words.language, words.stopped_title, words.stopped_text)


def _nowhere(request: Request) -> Response:
    words = link_words(_language(request))
    return page(words.language, words.gone_title, words.gone_text, status=404)


def _slow_down(ports: Ports, request: Request, token: str, *, known: bool) -> None:
    """A link is not followed for ever, and nobody guesses; but a whole town may stand behind one address."""
    who = token[:LENGTH] if known else request.client.host if request.client else ""
    wait = ports.followed.take(who, _FOLLOWED, now().timestamp())
    if wait > 0:
        raise LinksTooFast(retry_after_seconds=wait)


def _language(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))
