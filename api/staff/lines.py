"""`/v1/staff/lines`: by what a clinic reaches people: its app builds' credentials, gateways, relay and bots."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field, SecretStr, StringConstraints

from api.caller import StaffClaims
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.ports import Ports, PortsHere
from api.strict import PlainNumber, StrictRoute
from api.transaction import StaffReads, StaffWrites, scope_of, staff_reads, staff_writes, standing_staff
from core import clock
from core.errors import NotFound
from core.values import Int32, ShortText, Value
from identity.permissions import Permission
from push.commands.lines import LineDraft, LineHouse, end_line, make_line, note_check, replace_line, switch_line
from push.line import USUAL_RATES, Provider
from push.line_seal import LineSeal
from push.outcome import Result
from push.queries.lines import LineFigures, LineView, line_figures, line_view, line_views, the_line
from push.switchboard import Switchboard

router = APIRouter(prefix="/v1/staff/lines", tags=["lines"], route_class=StrictRoute)

Reads = Annotated[StaffReads, staff_reads(Permission.MANAGE_CHANNELS)]
Writes = Annotated[StaffWrites, staff_writes(Permission.MANAGE_CHANNELS)]
Hours = Annotated[int, PlainNumber, Query(ge=1, le=24, json_schema_extra={"format": "int32"})]
Version = Annotated[Int32, Field(ge=1, description="Which the change was made from.", examples=[1])]
SettingName = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,60}$")]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=20_000)]

CHECK_DEADLINE = timedelta(seconds=15)
_EXAMPLE: dict[str, Any] = {
    "name": "it.example.clinic", "provider": "webpush", "settings": {"contact": "mailto:it@clinic.example"},
    "secrets": {"key": "a private key of P-256"}, "enabled": True,
}  # fmt: skip


class LineToMake(Value):
    """A line. What `settings` and `secrets` hold is the provider's: see docs/lines.md."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: ShortText = Field(description="For phones the app build; else what staff calls it.")
    provider: Provider
    settings: dict[SettingName, Any] = Field(default_factory=dict, max_length=40)
    secrets: dict[SettingName, Secret] = Field(
        default_factory=dict, max_length=10, description="Kept sealed, and given back to nobody."
    )
    rate_per_minute: Annotated[Int32, Field(ge=1, le=600_000)] | None = Field(
        default=None, description="How much may go through it; none: what is usual."
    )
    enabled: bool = True

    @property
    def draft(self) -> LineDraft:
        rate = self.rate_per_minute or USUAL_RATES[self.provider]
        secrets = {name: secret.get_secret_value() for name, secret in self.secrets.items()}
        return LineDraft(self.name, self.provider, rate, self.settings, secrets, self.enabled)


class LineToReplace(LineToMake):
    """The whole line anew. Secrets left out stay, unless the settings lead elsewhere now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE, "secrets": {}, "version": 1}]})

    version: Version


class LineSwitch(Value):
    enabled: bool
    version: Version


class LineChecked(Value):
    """What proving a line came to; nobody was reached. `accepted` is good; else `code` says what is wrong."""

    result: Result
    code: str = Field(examples=["account-refused"])


class Lines(Value):
    items: list[LineView] = Field(max_length=200)
    next_cursor: str | None


def house_of(ports: Ports) -> LineHouse:
    return LineHouse(LineSeal(ports.keys), ports.push_private_hosts)


@router.get("", summary="The clinic's lines", operation_id="listLines")
async def list_lines(ports: PortsHere, call: Reads, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Lines:
    """In the order in which they were made, with what their last check and their circuit say. No secret is told."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "lines", call.clinic_id), cursor, limit,
        lambda place, most: line_views(call.reading, id_of(place), most),
        lambda line: [str(line.line_id)],
    )  # fmt: skip
    return Lines(items=items, next_cursor=following)


@router.post("", status_code=201, summary="Make a line", operation_id="makeLine")
async def make(ports: PortsHere, call: Writes, body: LineToMake) -> LineView:
    """Used from now on. What is wrong is pointed at: `/settings/host`, `/secrets/key`."""
    return await make_line(call.writing, house_of(ports), call.clinic_id, body.draft, call.actor, call.now)


@router.get("/{line_id}", summary="A line", operation_id="getLine")
async def get_line(call: Reads, line_id: UUID) -> LineView:
    """With its circuit and its last check; without its secrets."""
    found = await line_view(call.reading, line_id)
    if found is None:
        raise NotFound
    return found


@router.put("/{line_id}", summary="Replace a line", operation_id="replaceLine")
async def replace(ports: PortsHere, call: Writes, line_id: UUID, body: LineToReplace) -> LineView:
    """Its circuit is closed again: what was wrong may be mended."""
    return await replace_line(
        call.writing, house_of(ports), call.clinic_id, line_id, body.version, body.draft, call.actor, call.now
    )


@router.put("/{line_id}/enabled", summary="Switch a line", operation_id="switchLine")
async def switch(call: Writes, line_id: UUID, body: LineSwitch) -> LineView:
    """Off, nothing goes through it; what is due waits or goes another way."""
    return await switch_line(
        call.writing, call.clinic_id, line_id, body.version, call.actor, call.now, enabled=body.enabled
    )


@router.delete("/{line_id}", status_code=204, summary="End a line", operation_id="endLine")
async def end(call: Writes, line_id: UUID) -> Response:
    """For good; its secrets are forgotten."""
    await end_line(call.writing, call.clinic_id, line_id, call.actor, call.now)
    return Response(status_code=204)


@router.post("/{line_id}/check", summary="Check a line", operation_id="checkLine")
async def check(ports: PortsHere, claims: StaffClaims, line_id: UUID) -> LineChecked:
    """Proves its credentials and settings without reaching anybody. What is proven is used again at once."""
    async with ports.database.reading(scope_of(claims)) as reading:
        await standing_staff(reading, claims, Permission.MANAGE_CHANNELS)
        line = await the_line(reading, line_id)
    if line is None:
        raise NotFound
    board = Switchboard(house_of(ports).seal.opened, ports.push_private_hosts, {}, ports.push_places)
    outcome = await board.check(line, CHECK_DEADLINE)
    async with ports.database.writing(scope_of(claims)) as writing:
        await standing_staff(writing, claims, Permission.MANAGE_CHANNELS)
        await note_check(writing, line, outcome, clock.now())
    return LineChecked(result=outcome.result, code=outcome.code)


@router.get("/{line_id}/figures", summary="What became of a line's sends", operation_id="getLineFigures")
async def figures(call: Reads, line_id: UUID, hours: Hours = 1) -> LineFigures:
    """In the last hours, by outcome."""
    if await line_view(call.reading, line_id) is None:
        raise NotFound
    return await line_figures(call.reading, line_id, hours, call.now)
