"""`/v1/staff/journeys/…/results` and its kin: what came of journeys, who is where, what is planned, rows for BI."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.responses import Response

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.ports import PortsHere
from api.strict import PlainNumber, StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from automation.journey.checks import trees
from automation.journey.document import Journey
from automation.journey.words import EnrolmentState
from automation.queries.calendar import MOST_DAYS, MOST_LINES, Planned, planned
from automation.queries.dry_run import DryRun, dry_run
from automation.queries.journeys import journey_row
from automation.queries.results import JourneyResults, journey_results
from automation.queries.rows_for_bi import ExportTable, columns_of, rows_of
from automation.queries.segments import tag_faults
from automation.queries.ways import OnTheWay, on_the_way
from core.database import Scope
from core.errors import Fault, Invalid, NotAllowed, NotFound
from core.events import Happening, record
from core.moments import Moment, rfc3339
from core.values import Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["journeys"], route_class=StrictRoute)

LONGEST_PERIOD = timedelta(days=366)
CSV: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The rows, with a line of names first.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}

Writers = Annotated[StaffReads, staff_reads(Permission.WRITE_JOURNEYS)]
Clinicians = Annotated[StaffWrites, staff_writes(Permission.READ_CLINICAL)]
Step = Annotated[str | None, Query(max_length=64, pattern="^[a-z][a-z0-9-]*$", description="Only who stands on it.")]
Days = Annotated[int, PlainNumber, Query(ge=1, le=MOST_DAYS, json_schema_extra={"format": "int32"})]


class OnTheWays(Value):
    items: list[OnTheWay] = Field(max_length=200)
    next_cursor: str | None


class Calendar(Value):
    items: list[Planned] = Field(max_length=MOST_LINES)


@router.get("/journeys/{journey_id}/results", summary="What came of a journey", operation_id="getJourneyResults")
async def results(call: Writers, journey_id: UUID) -> JourneyResults:
    """Who stands where, which ways were taken, how messages went, how many met the goal against those held out.

    Numbers below five are hidden from who may not read clinical facts, money from who may not read it.
    """
    may = call.staff.permissions
    return await journey_results(
        call.reading, call.clinic_id, journey_id, call.now,
        clinical=Permission.READ_CLINICAL in may, finance=Permission.READ_FINANCE in may,
    )  # fmt: skip


@router.get("/journeys/{journey_id}/patients", summary="Who is on a journey", operation_id="listJourneyPatients")
async def patients(
    ports: PortsHere,
    call: Clinicians,
    journey_id: UUID,
    step: Step = None,
    state: EnrolmentState | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> OnTheWays:
    """Who came in last first; of one step or state, where they are given. Each patient shown is told of the look."""
    if await journey_row(call.writing, call.clinic_id, journey_id) is None:
        raise NotFound
    listed = List(ports.keys.secrets.cursor_key, f"journey-patients/{step}/{state}", journey_id)
    items, following = await page_of(
        listed, cursor, limit,
        lambda place, most: on_the_way(
            call.writing, call.clinic_id, journey_id,
            step=step, state=state, after=moment_and_id(place), limit=most,
        ),
        lambda item: [item.entered_at.isoformat(), str(item.enrolment_id)],
    )  # fmt: skip
    looked = [Happening("enrolments.read", each, each) for each in sorted({item.patient_id for item in items})]
    await record(call.writing, call.clinic_id, call.actor, looked, call.now)
    return OnTheWays(items=items, next_cursor=following)


@router.post("/journeys/dry-run", summary="What a journey would do now", operation_id="dryRunJourney")
async def would(call: Writers, body: Journey) -> DryRun:
    """Who would come in, by which ways they could be reached, which branches they would take, and whom the group or the
    caps would keep out. Nothing is written, nobody is reached. The document need not be stored."""
    if body.trigger.criteria is None:
        raise Invalid(Fault("/trigger/criteria", "missing"))
    if faults := [
        fault for at, tree in trees(body) for fault in await tag_faults(call.reading, call.clinic_id, tree, at)
    ]:
        raise Invalid(*faults)
    clinical = Permission.READ_CLINICAL in call.staff.permissions
    return await dry_run(call.reading, call.clinic_id, body, call.now, clinical=clinical)


@router.get("/planned-messages", summary="What is planned to be said", operation_id="getPlannedMessages")
async def calendar(call: Writers, days: Days = 30) -> Calendar:
    """Day by day: at how many patients each step of each journey will look, and which messages stand ready."""
    clinical = Permission.READ_CLINICAL in call.staff.permissions
    return Calendar(items=await planned(call.reading, call.clinic_id, call.now, days, clinical=clinical))


@router.get(
    "/exports/{table}", summary="Rows for tables outside", operation_id="exportRows", responses=CSV,
    response_class=Response,
)  # fmt: skip
async def export(
    ports: PortsHere,
    call: Annotated[StaffWrites, staff_writes(Permission.EXPORT)],
    table: ExportTable,
    since: Annotated[Moment, Query(examples=["2026-11-01T00:00:00.000Z"])],
    until: Annotated[Moment, Query(examples=["2026-12-01T00:00:00.000Z"])],
) -> Response:
    """CSV (RFC 4180) of a year at most: ids and codes, nobody's name and no word of any message. Each export is kept
    among the clinic's events, with who made it. Whose ids stand beside which journeys is a clinical fact: who exports
    must be able to read those too."""
    if Permission.READ_CLINICAL not in call.staff.permissions:
        raise NotAllowed
    if until <= since:
        raise Invalid(Fault("/until", "ends-before-it-begins"))
    if until - since > LONGEST_PERIOD:
        raise Invalid(Fault("/until", "too-long"))
    facts = {"table": table.value, "since": since.isoformat(), "until": until.isoformat()}
    made = Happening("rows.exported", call.staff.staff_id, facts=facts)
    await record(call.writing, call.clinic_id, call.actor, [made], call.now)
    headers = {"content-disposition": f'attachment; filename="{table.value}.csv"'}
    body = _lines(ports, call.clinic_id, table, since, until)
    return StreamingResponse(body, headers=headers, media_type="text/csv; charset=utf-8")


async def _lines(
    ports: PortsHere, clinic_id: UUID, table: ExportTable, since: datetime, until: datetime
) -> AsyncIterator[str]:
    """One reading for all batches: what is written meanwhile is in none of them or in the later ones."""
    yield _csv([tuple(columns_of(table))])
    async with ports.database.reading(Scope(clinic_id)) as reading:
        async for rows in rows_of(reading, clinic_id, table, since, until):
            yield _csv(rows)


def _csv(rows: list[tuple[Any, ...]]) -> str:
    lines = io.StringIO()
    csv.writer(lines).writerows([[_cell(each) for each in row] for row in rows])
    return lines.getvalue()


def _cell(value: Any) -> str:
    """Nothing that a spreadsheet would take for a formula (OWASP, CSV injection)."""
    if value is None:
        return ""
    said = rfc3339(value) if isinstance(value, datetime) else str(value)
    return "'" + said if said.startswith(("=", "+", "-", "@", "\t", "\r")) else said
