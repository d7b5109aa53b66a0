"""`/v1/staff/segments`: the clinic's tags and groups, who is in them and why, and who would match criteria."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, Place, page_of
from api.ports import PortsHere
from api.strict import PlainNumber, StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from automation.commands.membership import (
    ImportReport,
    import_members,
)
from automation.commands.segments import archive_segment, change_segment, make_segment
from automation.library import MOST_IMPORTED, MOST_SEGMENTS, SegmentDraft, SegmentWords
from automation.queries.library import (
    MOST_DAYS,
    SegmentDay,
    SegmentView,
    TagView,
    days_of_segment,
    segment,
    segments,
    tags,
)
from automation.queries.segments import segment_preview, tag_faults
from automation.segment import SMALLEST_TOLD, Criterion, told_size
from core.errors import Invalid, NotAllowed
from core.values import Int32, Int64, ShortText, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["segments"], route_class=StrictRoute)

MOST_SHOWN = 50

Plans = Annotated[StaffWrites, staff_writes(Permission.WRITE_JOURNEYS)]
Sees = Annotated[StaffReads, staff_reads(Permission.WRITE_JOURNEYS)]
Cares = Annotated[StaffWrites, staff_writes(Permission.READ_CLINICAL)]
Works = Annotated[StaffWrites, staff_writes(Permission.REPLY)]

_EXAMPLE: dict[str, Any] = {
    "key": "hygiene-overdue", "name": "Overdue for hygiene", "kind": "rule",
    "criteria": {
        "kind": "all",
        "items": [
            {"kind": "procedure_last", "procedure": "hygiene", "older_than_days": 180},
            {"kind": "not", "items": [{"kind": "appointment_ahead"}]},
        ],
    },
}  # fmt: skip


class SegmentRequest(Value):
    criteria: Criterion


class SegmentPreview(Value):
    """How many match now; `patient_ids` of the first of them, and none for who may not read clinical facts.

    To them a group of fewer than five has no number either, and a larger one is told in whole fives: it would tell of
    persons.
    """

    count: Int64 | None = Field(description="Null where it may not be told: there are fewer than `fewer_than`.")
    fewer_than: Int32 | None = Field(description="Set where `count` is not told.")
    patient_ids: list[UUID] = Field(max_length=MOST_SHOWN)


class SegmentToMake(SegmentDraft):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class SegmentToChange(SegmentWords):
    """All of it anew; what is left out becomes its default."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Overdue", "criteria": _EXAMPLE["criteria"], "version": 1}]}
    )

    version: Annotated[Int32, Field(ge=1, description="Which the change was made from.", examples=[1])]


class Segments(Value):
    items: list[SegmentView] = Field(max_length=200)
    next_cursor: str | None


class Tags(Value):
    items: list[TagView] = Field(max_length=MOST_SEGMENTS)


class SegmentDays(Value):
    items: list[SegmentDay] = Field(max_length=MOST_DAYS)


class SegmentImport(Value):
    model_config = ConfigDict(json_schema_extra={"examples": [{"source": "mis", "lines": ["P-1001", "P-1002"]}]})

    lines: list[Annotated[str, Field(max_length=200)]] = Field(
        min_length=1,
        max_length=MOST_IMPORTED,
        description="One patient each: our id, or the id of the system `source`.",
    )
    source: ShortText | None = Field(default=None, description="The system whose ids these are.", examples=["mis"])


def reads_clinical(call: StaffReads | StaffWrites) -> bool:
    return Permission.READ_CLINICAL in call.staff.permissions


@router.post("/segments/preview", summary="Who matches criteria", operation_id="previewSegment")
async def preview(call: Sees, body: SegmentRequest) -> SegmentPreview:
    """Count who matches at this moment; nothing is stored. Ids are a clinical fact here: who matches was treated."""
    if faults := await tag_faults(call.reading, call.clinic_id, body.criteria):
        raise Invalid(*faults)
    count, ids = await segment_preview(call.reading, body.criteria, call.now, MOST_SHOWN)
    if reads_clinical(call):
        return SegmentPreview(count=count, fewer_than=None, patient_ids=ids)
    size = told_size(count)
    return SegmentPreview(count=size, fewer_than=SMALLEST_TOLD if size is None else None, patient_ids=[])


@router.get("/segments", summary="The library of segments", operation_id="listSegments")
async def listed(ports: PortsHere, call: Sees, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Segments:
    """By their names, archived ones left out. Of a clinical group a small size is not told to everybody."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "segments", call.clinic_id), cursor, limit,
        lambda place, most: segments(
            call.reading, call.clinic_id, clinical=reads_clinical(call), after=_name_and_id(place), limit=most
        ),
        lambda each: [each.name, str(each.segment_id)],
    )  # fmt: skip
    return Segments(items=items, next_cursor=following)


@router.get("/tags", summary="Tags to give", operation_id="listTags")
async def tagged(call: Annotated[StaffReads, staff_reads(Permission.REPLY)]) -> Tags:
    """What the caller may give to patients by hand: all tags and lists, or those that tell nothing of health."""
    return Tags(items=await tags(call.reading, call.clinic_id, clinical=reads_clinical(call)))


def _name_and_id(place: Place | None) -> tuple[str, UUID] | None:
    return (place[0], UUID(place[1])) if place else None


@router.post("/segments", status_code=201, summary="Make a segment", operation_id="makeSegment")
async def make(call: Plans, body: SegmentToMake) -> SegmentView:
    """A tag (`manual`), a list (`import`), or a group that keeps itself by criteria (`rule`), filled within seconds."""
    draft = SegmentDraft.model_validate(body.model_dump(), strict=False)
    segment_id = await make_segment(call.writing, call.clinic_id, draft, call.actor, call.now)
    return await segment(call.writing, call.clinic_id, segment_id, clinical=reads_clinical(call))


@router.get("/segments/{segment_id}", summary="A segment", operation_id="getSegment")
async def one(call: Sees, segment_id: UUID) -> SegmentView:
    """What it is, how large, and until when its criteria were followed."""
    return await segment(call.reading, call.clinic_id, segment_id, clinical=reads_clinical(call))


@router.put("/segments/{segment_id}", summary="Change a segment", operation_id="changeSegment")
async def change(call: Plans, segment_id: UUID, body: SegmentToChange) -> SegmentView:
    """All of it but key and kind. New criteria are followed within seconds; who is pinned or banned stays so.

    That a tag tells nothing of health any more is said by who may read clinical facts.
    """
    before = await segment(call.writing, call.clinic_id, segment_id, clinical=True)
    words = SegmentWords.model_validate(body.model_dump(exclude={"version"}), strict=False)
    if before.clinical and not words.is_clinical() and not reads_clinical(call):
        raise NotAllowed
    await change_segment(call.writing, call.clinic_id, segment_id, body.version, words, call.actor, call.now)
    return await segment(call.writing, call.clinic_id, segment_id, clinical=reads_clinical(call))


@router.post("/segments/{segment_id}/archive", status_code=204, summary="Archive", operation_id="archiveSegment")
async def archive(call: Plans, segment_id: UUID) -> Response:
    """Nobody joins or leaves it any more and nobody is shown it; its key is free again. There is no way back."""
    await archive_segment(call.writing, call.clinic_id, segment_id, call.actor, call.now)
    return Response(status_code=204)


@router.get("/segments/{segment_id}/days", summary="Who came and went, by day", operation_id="listSegmentDays")
async def days(
    call: Annotated[StaffReads, staff_reads(Permission.READ_CLINICAL)],
    segment_id: UUID,
    within_days: Annotated[int, PlainNumber, Query(ge=1, le=MOST_DAYS, json_schema_extra={"format": "int32"})] = 30,
) -> SegmentDays:
    """How many joined and left on each day (UTC) that saw any, newest first."""
    await segment(call.reading, call.clinic_id, segment_id, clinical=True)
    since = call.now - timedelta(days=within_days)
    return SegmentDays(items=await days_of_segment(call.reading, call.clinic_id, segment_id, since))


@router.post("/segments/{segment_id}/imports", summary="Put a list in", operation_id="importSegmentMembers")
async def imported(call: Plans, segment_id: UUID, body: SegmentImport) -> ImportReport:
    """Good lines are taken; each bad one comes back with its number and reason. Said again, it takes nobody twice.

    Into what tells of health only who reads clinical facts puts anybody: the answer says who was in it already.
    """
    if (await segment(call.writing, call.clinic_id, segment_id, clinical=True)).clinical and not reads_clinical(call):
        raise NotAllowed
    return await import_members(call.writing, call.clinic_id, segment_id, body.lines, body.source, call.actor, call.now)
