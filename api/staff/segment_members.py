"""Who is in the clinic's segments, put in and taken out, and why; and the tags of one patient."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, moment_and_id, page_of
from api.ports import PortsHere
from api.staff.segments import reads_clinical
from api.strict import StrictRoute
from api.transaction import StaffWrites, staff_writes
from automation.commands.membership import let_criteria_decide, put_in, take_out
from automation.library import SegmentKind
from automation.queries.library import (
    MOST_OF_PATIENT,
    MemberPart,
    PatientSegmentChangeView,
    PatientSegmentView,
    SegmentMemberView,
    SegmentWhy,
    changes_of_patient,
    members,
    segment,
    segment_why,
    segments_of_patient,
)
from clinic.queries import patient_card
from core.errors import NotAllowed, NotFound
from core.events import Happening, record
from core.values import Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["segments"], route_class=StrictRoute)

Cares = Annotated[StaffWrites, staff_writes(Permission.READ_CLINICAL)]
Works = Annotated[StaffWrites, staff_writes(Permission.REPLY)]


class SegmentMembers(Value):
    items: list[SegmentMemberView] = Field(max_length=200)
    next_cursor: str | None


class SegmentsOfPatient(Value):
    items: list[PatientSegmentView] = Field(max_length=MOST_OF_PATIENT)


class SegmentChangesOfPatient(Value):
    items: list[PatientSegmentChangeView] = Field(max_length=200)
    next_cursor: str | None


@router.get("/segments/{segment_id}/members", summary="Who is in a segment", operation_id="listSegmentMembers")
async def listed_members(
    ports: PortsHere,
    call: Cares,
    segment_id: UUID,
    part: Annotated[MemberPart, Query(description="Who is in, or who is banned.")] = MemberPart.IN,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> SegmentMembers:
    """By their ids. Being in a group tells of health as a rule: each look stays with the patients it showed."""
    await segment(call.writing, call.clinic_id, segment_id, clinical=True)
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, f"members {segment_id} {part}", call.clinic_id), cursor, limit,
        lambda place, most: members(
            call.writing, call.clinic_id, segment_id, part, after=id_of(place), limit=most
        ),
        lambda each: [str(each.patient_id)],
    )  # fmt: skip
    looked = [Happening("segment.read", segment_id, patient_id=each.patient_id) for each in items]
    await record(call.writing, call.clinic_id, call.actor, looked, call.now)
    return SegmentMembers(items=items, next_cursor=following)


@router.get(
    "/segments/{segment_id}/patients/{patient_id}",
    summary="Why somebody is in a segment",
    operation_id="explainSegment",
)
async def why(call: Cares, segment_id: UUID, patient_id: UUID) -> SegmentWhy:
    """The patient's row in it, and the criteria leaf by leaf with the fact that decides each. The look stays."""
    found = await segment_why(call.writing, call.clinic_id, segment_id, patient_id, call.now)
    await call.note_read("segment", patient_id)
    return found


@router.put(
    "/segments/{segment_id}/patients/{patient_id}", status_code=204, summary="Put in", operation_id="putIntoSegment"
)
async def put(call: Works, segment_id: UUID, patient_id: UUID) -> Response:
    """Give a tag. Of a segment of criteria: pin the patient, who then stays in whatever the criteria say."""
    await _check_hand(call, segment_id)
    await put_in(call.writing, call.clinic_id, segment_id, patient_id, call.actor, call.now)
    return Response(status_code=204)


@router.delete(
    "/segments/{segment_id}/patients/{patient_id}", status_code=204, summary="Take out", operation_id="takeOutOfSegment"
)
async def take(call: Works, segment_id: UUID, patient_id: UUID) -> Response:
    """Take a tag. Of a segment of criteria: ban the patient, who then stays out whatever the criteria say."""
    await _check_hand(call, segment_id)
    await take_out(call.writing, call.clinic_id, segment_id, patient_id, call.actor, call.now)
    return Response(status_code=204)


@router.post(
    "/segments/{segment_id}/patients/{patient_id}/free", status_code=204, summary="Let the criteria decide",
    operation_id="freeInSegment",
)  # fmt: skip
async def free(call: Works, segment_id: UUID, patient_id: UUID) -> Response:
    """Take a pin or a ban back; the criteria are asked at once."""
    await _check_hand(call, segment_id)
    await let_criteria_decide(call.writing, call.clinic_id, segment_id, patient_id, call.actor, call.now)
    return Response(status_code=204)


async def _check_hand(call: StaffWrites, segment_id: UUID) -> None:
    """A clinical tag is given by who reads clinical facts; criteria are overruled by who may write them."""
    found = await segment(call.writing, call.clinic_id, segment_id, clinical=True)
    may_plan = Permission.WRITE_JOURNEYS in call.staff.permissions
    if (found.clinical and not reads_clinical(call)) or (found.kind is SegmentKind.RULE and not may_plan):
        raise NotAllowed


@router.get("/patients/{patient_id}/segments", summary="Tags of a patient", operation_id="listSegmentsOfPatient")
async def of_patient(
    call: Annotated[StaffWrites, staff_writes(Permission.READ_CONTACT)], patient_id: UUID
) -> SegmentsOfPatient:
    """What the patient is in now, by name. What tells of their health is left out for who may not read that."""
    if await patient_card(call.writing, patient_id) is None:
        raise NotFound
    clinical = reads_clinical(call)
    items = await segments_of_patient(call.writing, call.clinic_id, patient_id, clinical=clinical)
    if clinical:
        await call.note_read("segments", patient_id)
    return SegmentsOfPatient(items=items)


@router.get(
    "/patients/{patient_id}/segment-changes", summary="What a patient joined and left",
    operation_id="listSegmentChangesOfPatient",
)  # fmt: skip
async def changes(
    ports: PortsHere, call: Cares, patient_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> SegmentChangesOfPatient:
    """Newest first, and why: the criteria, a colleague, a list or a journey."""
    if await patient_card(call.writing, patient_id) is None:
        raise NotFound
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "segment-changes", patient_id), cursor, limit,
        lambda place, most: changes_of_patient(
            call.writing, call.clinic_id, patient_id, after=moment_and_id(place), limit=most
        ),
        lambda each: [each.at.isoformat(), str(each.change_id)],
    )  # fmt: skip
    await call.note_read("segments", patient_id)
    return SegmentChangesOfPatient(items=items, next_cursor=following)
