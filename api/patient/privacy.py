"""`/v1/me/privacy`: who looked at my record, a copy of everything the clinic holds, and the wish to be erased."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import Field, StringConstraints

from api.caller import PatientClaims
from api.downloads import ZIP, zip_sent
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import OwnReads, PatientReads, PatientWrites, record_reads, record_to_open, record_writes, scope_of
from clinic.commands.privacy import Asker, ask_copy, issue_copy_link, open_copy
from clinic.commands.requests import make_request
from clinic.household import AccessScope, Relation
from clinic.privacy import copy_key
from clinic.queries import opened_record
from clinic.queries.privacy import MOST_SHOWN, CopyView, RecordRead, copies
from clinic.queries.privacy import record_reads as reads_of
from clinic.queries.requests import RequestView
from clinic.request import RequestKind
from core.clock import now
from core.database import Writing
from core.errors import NotFound
from core.events import Actor, ActorKind
from core.moments import Moment
from core.values import MaybeText, Value
from identity.secrets import new_client_secret
from identity.tokens import Claims

routes = RecordRoutes("privacy")
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

downloads = APIRouter(prefix="/v1/me/privacy", tags=["privacy"], route_class=StrictRoute)


class ReadPage(Value):
    items: list[RecordRead] = Field(max_length=200)
    next_cursor: str | None


class Copies(Value):
    items: list[CopyView] = Field(max_length=MOST_SHOWN)


class CopyLink(Value):
    """Good for one download by this account until `expires_at`; asking again makes it void."""

    url: str = Field(max_length=2000)
    expires_at: Moment


class ErasureWish(Value):
    reason: MaybeText = Field(default="", description="If you like; nobody has to say why.")


@routes.own.get("/privacy/reads", summary="Who saw my record", operation_id="listMyRecordReads")
async def reads(ports: PortsHere, call: OwnReads, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> ReadPage:
    """Every look of the clinic's people at the record and every copy that was fetched, latest first.

    Staff is told by name or by role, as the clinic decided. One's own only: of a ward it would tell of what is hidden.
    """
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "reads of a record", call.patient_id), cursor, limit,
        lambda place, most: reads_of(
            call.reading, call.clinic_id, call.patient_id, after=moment_and_id(place), limit=most
        ),
        lambda each: [each.at.isoformat(), str(each.event_id)],
    )  # fmt: skip
    return ReadPage(items=items, next_cursor=following)


@routes.post("/privacy/exports", status_code=202, summary="Ask for my copy", operation_id="askMyCopy")
async def ask(call: Annotated[PatientWrites, record_writes(None)]) -> CopyView:
    """Ask for a copy of everything the clinic holds: JSON and files in one ZIP, made within minutes.

    A guardian's copy of a ward's record holds what their access covers, and nothing the ward keeps private. A ready
    copy that was asked for within the day is given again.
    """
    asker = await _asker(call.writing, call.claims, call.patient_id)
    return await ask_copy(call.writing, call.clinic_id, call.patient_id, asker, call.actor, call.now)


async def _asker(writing: Writing, claims: Claims, patient_id: UUID) -> Asker:
    """What of this record the caller may see at present."""
    opened = await opened_record(writing, claims.subject_id, claims.session_id, patient_id, now())
    if opened is None:
        raise NotFound
    scopes = frozenset(scope.value for scope in opened.scopes)
    return Asker(claims.subject_id, opened.relation is Relation.SELF, scopes)


@routes.get("/privacy/exports", summary="My copies", operation_id="listMyCopies")
async def asked(call: Annotated[PatientReads, record_reads(None)]) -> Copies:
    """The copies this account asked for and where each stands. A ready one lies here for seven days."""
    return Copies(items=await copies(call.reading, call.patient_id, call.claims.subject_id))


@routes.post(
    "/privacy/exports/{export_id}/link", status_code=201, summary="Get a link to my copy", operation_id="linkMyCopy",
    responses={410: {"description": "It holds more than this account may see by now.", "content": _PROBLEM}},
)  # fmt: skip
async def link(ports: PortsHere, call: Annotated[PatientWrites, record_writes(None)], export_id: UUID) -> CopyLink:
    """A link for one download, good for an hour, and only for this account while it is signed in.

    A copy made when this account could open more of the record than now is not given out any more.
    """
    token = new_client_secret()
    digest = ports.keys.secrets.keyed_hash("copy link", token)
    asker = await _asker(call.writing, call.claims, call.patient_id)
    expires_at = await issue_copy_link(call.writing, asker, call.patient_id, export_id, digest, call.now)
    return CopyLink(url=f"{ports.public_url}/v1/me/privacy/downloads/{token}", expires_at=expires_at)


@routes.post("/privacy/erasure", status_code=202, summary="Ask to erase my record", operation_id="askMyErasure")
async def erase(call: Annotated[PatientWrites, record_writes(AccessScope.SIGN)], body: ErasureWish) -> RequestView:
    """Ask the clinic to forget everything. It confirms, or tells which law makes it keep the record.

    What the law wants kept is locked away until its time is over; everything else is gone at once.
    """
    return await make_request(
        call.writing, call.clinic_id, call.patient_id, RequestKind.ERASURE, call.patient_id,
        {"reason": body.reason}, call.actor, call.now,
    )  # fmt: skip


Token = Annotated[
    str,
    StringConstraints(min_length=20, max_length=64, pattern="^[A-Za-z0-9_-]+$"),
    Path(description="From the link of `linkMyCopy`."),
]
_FILE: dict[int | str, dict[str, Any]] = {
    **ZIP,
    410: {
        "description": "The link was used, its time is over, or the copy holds more than one may see by now.",
        "content": _PROBLEM,
    },
}


@downloads.get(
    "/downloads/{download_token}", summary="Fetch a copy by its link", operation_id="fetchCopy",
    response_class=Response, responses=_FILE,
)  # fmt: skip
async def fetch(ports: PortsHere, claims: PatientClaims, download_token: Token) -> Response:
    """The ZIP behind a link, once. A download that broke off needs a new link; the copy stays."""
    digest = ports.keys.secrets.keyed_hash("copy link", download_token)
    async with ports.database.writing(scope_of(claims)) as writing:
        actor = Actor(ActorKind.PATIENT, claims.subject_id)
        opened = await open_copy(writing, claims.subject_id, digest, actor, now())
        await record_to_open(writing, claims, opened.patient_id, now())
        asker = await _asker(writing, claims, opened.patient_id)
        asker.check(whole=opened.whole, scopes=opened.scopes)
    # Committed: the link is spent before the first byte leaves.
    key = copy_key(claims.clinic_id, opened.patient_id, opened.export_id)
    return await zip_sent(ports.storage, key, opened.size_bytes, "my-record.zip")
