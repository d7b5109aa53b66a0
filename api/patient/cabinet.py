"""`/v1/me/cabinet`: the first thing a phone opens, as the bytes PostgreSQL built, with an ETag."""

import hashlib
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.caller import PatientClaims
from api.etags import holds
from api.ports import Ports, ports_of
from api.problems import language_of
from api.strict import DocumentRoute
from api.transaction import PatientId, scope_of
from cabinet.queries.cabinet import Cabinet, cabinet_document, lacks_chart, with_folded_chart
from clinic.commands import NoRecordLinked
from core.clock import now
from core.errors import NotFound
from identity.commands import SessionEnded
from identity.queries import session_lives
from identity.tokens import Claims

router = APIRouter(tags=["cabinet"], route_class=DocumentRoute)

_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "`ETag` of the copy you hold; 304 without a body where it is still the same.",
    "schema": {"type": "string", "maxLength": 1000},
}
_DESCRIBED: dict[str, Any] = {
    "response_model": Cabinet,
    "responses": {304: {"description": "Not changed since the copy of `If-None-Match`."}},
    "openapi_extra": {"parameters": [_IF_NONE_MATCH]},
}


@router.get("/v1/me/cabinet", summary="My cabinet", operation_id="getMyCabinet", **_DESCRIBED)
async def get_mine(request: Request, claims: PatientClaims) -> Response:
    """Tooth chart, treatment plans with prices, x-rays and photos, offers and the next visit, in one answer."""
    return await _answer(request, claims, None)


@router.get("/v1/patients/{patient_id}/cabinet", summary="A ward's cabinet", operation_id="getCabinet", **_DESCRIBED)
async def get(request: Request, claims: PatientClaims, patient_id: PatientId) -> Response:
    """The cabinet of a record this account may open, its own or a ward's."""
    return await _answer(request, claims, patient_id)


async def _answer(request: Request, claims: Claims, patient_id: UUID | None) -> Response:
    ports, at, language = ports_of(request), now(), language_of(request.headers.get("accept-language", ""))
    document = await cabinet_document(
        ports.database, claims.clinic_id, claims.subject_id, claims.session_id, patient_id, at, language
    )
    if document is None:
        raise await _why_not(ports, claims, patient_id)
    if lacks_chart(document):
        async with ports.database.reading(scope_of(claims)) as reading:
            document = await with_folded_chart(reading, document, at, language)
    tag = etag_of(claims.subject_id, document)
    if holds(request.headers, tag):
        return Response(status_code=304, headers={"etag": tag})
    return Response(document, media_type="application/json", headers={"etag": tag, "content-language": language})


async def _why_not(ports: Ports, claims: Claims, patient_id: UUID | None) -> NoRecordLinked | SessionEnded | NotFound:
    async with ports.database.reading(scope_of(claims)) as reading:
        if not await session_lives(reading, claims.subject_id, claims.session_id, now()):
            return SessionEnded()
    return NoRecordLinked() if patient_id is None else NotFound()


def etag_of(account_id: UUID, document: bytes) -> str:
    """A strong validator (RFC 9110 §8.8.3). Keyed by the account: equal tags of two people would tell of equal data."""
    digest = hashlib.sha256(account_id.bytes)
    digest.update(document)
    return f'"{digest.hexdigest()[:32]}"'
