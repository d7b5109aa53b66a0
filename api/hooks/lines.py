"""`/v1/hooks/{way}/{line_id}`: what providers tell of messages, and what people write to a clinic's lines.

Who posts proves it with the line's own secret, over the raw bytes, before anything is read from them. A line that
there is not, of another way, or whose secret does not fit, is answered alike.
"""

from datetime import datetime
from typing import Annotated, get_args
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from api.ports import Ports, PortsHere
from api.saying import tell
from api.strict import StrictRoute
from chat.commands.told import take_incoming
from core.clock import now
from core.database import Scope
from core.errors import NotAllowed, NotFound, TooLarge
from core.sealed import SealBroken
from push.channel import Way
from push.commands.addresses import link_messenger
from push.commands.reports import take_reports
from push.hooks import LARGEST_MAIL, Form, Told, hears, is_genuine, largest, told_by
from push.line import Line
from push.line_forms import value_of
from push.line_seal import LineSeal
from push.queries.lines import line_anywhere
from push.telegram_hooks import Linked
from push.whatsapp import WhatsAppLine
from push.whatsapp_hooks import challenge_of

router = APIRouter(prefix="/v1/hooks", tags=["hooks"], route_class=StrictRoute, include_in_schema=False)

Asked = Annotated[str, Query(max_length=500)]


@router.post("/{way}/{line_id}", operation_id="hearLine", max_body_size=LARGEST_MAIL)
async def hear(ports: PortsHere, request: Request, way: str, line_id: str) -> Response:
    """Once or five times, early or late: each effect happens once."""
    line, form = await _line(ports, way, line_id)
    body = await _bounded(request, largest(line.way))
    if not is_genuine(form, request.headers, body, ports.public_url + request.url.path):
        raise NotFound
    await _take(ports, line, told_by(form, request.headers, body, now()), now())
    return Response(status_code=200, media_type="text/plain")


@router.get("/{way}/{line_id}", operation_id="askLine")
async def ask(
    ports: PortsHere,
    way: str,
    line_id: str,
    mode: Annotated[Asked, Query(alias="hub.mode")] = "",
    challenge: Annotated[Asked, Query(alias="hub.challenge")] = "",
    verify_token: Annotated[Asked, Query(alias="hub.verify_token")] = "",
) -> Response:
    """Meta asks whether the hook is there, before it posts to it."""
    _, form = await _line(ports, way, line_id)
    if not isinstance(form, WhatsAppLine):
        raise NotFound
    asked = {"hub.mode": mode, "hub.challenge": challenge, "hub.verify_token": verify_token}
    try:
        said = challenge_of(asked, form.verify_token.get_secret_value())
    except NotAllowed:
        raise NotFound from None
    return Response(said, media_type="text/plain")


async def _line(ports: Ports, way: str, line_id: str) -> tuple[Line, Form]:
    try:
        named = UUID(line_id)
    except ValueError:
        raise NotFound from None
    async with ports.database.sweeping() as sweeping:  # the address names no clinic
        line = await line_anywhere(sweeping, named, also_off=True)
    if line is None or line.way.value != way or line.way not in _HEARD:
        raise NotFound
    try:
        form = value_of(line.provider, line.settings, LineSeal(ports.keys).opened(line))
    except (SealBroken, ValidationError, KeyError):
        raise NotFound from None  # its own check says so to staff
    if not isinstance(form, get_args(Form)) or not hears(form):
        raise NotFound
    return line, form


_HEARD = frozenset({Way.SMS, Way.EMAIL, Way.TELEGRAM, Way.WHATSAPP})


async def _bounded(request: Request, most: int) -> bytes:
    """The raw body. Raises `TooLarge` as soon as it is."""
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > most:
            raise TooLarge
    return bytes(raw)


async def _take(ports: Ports, line: Line, told: Told, now: datetime) -> None:
    """Everything of one post; the same post again changes nothing. One transaction for the reports and one for each
    message, so that one that cannot be taken keeps none of the others out.
    """
    scope = Scope(line.clinic_id)
    if told.reports:
        async with ports.database.writing(scope) as writing:
            await take_reports(writing, line.clinic_id, line.line_id, line.way, told.reports, now)
    if told.linked is not None:
        await _link(ports, line, told.linked, now)
    for incoming in told.incoming:
        async with ports.database.writing(scope) as writing:
            sent = await take_incoming(writing, line, incoming, told.answers, now)
        if sent is not None:
            tell(ports, sent)


async def _link(ports: Ports, line: Line, linked: Linked, now: datetime) -> None:
    """A wrong start, an old one and a spent one change nothing, and nobody learns which it was."""
    digest = ports.keys.secrets.keyed_hash(f"telegram {line.clinic_id}", linked.token)
    async with ports.database.writing(Scope(line.clinic_id)) as writing:
        await link_messenger(writing, line.clinic_id, line.way, digest, linked.chat_id, None, now)
