"""Documents for tests: templates of the clinic, and documents sent to its patients."""

from typing import Any
from uuid import UUID

import httpx

from cabinet.queries.documents import document
from core.clock import now
from core.database import Scope
from tests.world import Party, World

NOTE = {
    "code": "note", "kind": "note", "asks": "acknowledge",
    "texts": [
        {"language": "en", "title": "For {{patient.given_name}}", "body": "Dear {{patient.full_name}},\n\n- read this"}
    ],
}  # fmt: skip
CONSENT = {
    "code": "consent", "kind": "consent", "asks": "sign", "methods": ["click", "code", "drawn"],
    "texts": [{"language": "it", "title": "Consenso", "body": "Acconsento, {{patient.full_name}}."}],
}  # fmt: skip
FORM = {
    "code": "form", "kind": "form", "asks": "fill",
    "questions": [
        {"key": "smokes", "kind": "yes_no", "required": True},
        {"key": "how_many", "kind": "number", "required": True, "when": {"question": "smokes", "yes": True}},
        {"key": "name", "kind": "text", "prefill": "patient.given_name"},
    ],
    "texts": [
        {
            "language": "en", "title": "Form", "body": "Please answer.",
            "labels": [
                {"of": "smokes", "text": "Do you smoke?"}, {"of": "how_many", "text": "How many?"},
                {"of": "name", "text": "Your name"},
            ],
        }
    ],
}  # fmt: skip
SIGNED_FORM = {**FORM, "code": "signed_form", "asks": "sign", "methods": ["click"]}
CARE = {
    "code": "care", "kind": "instruction", "asks": "read",
    "texts": [{"language": "en", "title": "Aftercare", "body": "Call {{branch.phone}}."}],
}  # fmt: skip
STROKES = [{"x": [100, 400, 700], "y": [200, 50, 300]}, {"x": [750], "y": [310]}]


async def template(world: World, party: Party, draft: dict[str, Any]) -> str:
    """The template of this code, added where the clinic has none yet."""
    answer = await world.post("/v1/staff/document-templates", party.staff, draft)
    if answer.status_code == 201:
        return str(answer.json()["template_id"])
    listed = (await world.get("/v1/staff/document-templates", party.staff)).json()["items"]
    return next(str(each["template_id"]) for each in listed if each["code"] == draft["code"])


async def sent(
    world: World, draft: dict[str, Any], *, party: Party | None = None, patient_id: UUID | None = None, **more: Any
) -> dict[str, Any]:
    """A document as staff sent it, to our patient if nobody else is named; with what it says."""
    party = party or world.here
    await template(world, party, draft)
    body = {"template": draft["code"], **more}
    path = f"/v1/staff/patients/{patient_id or party.patient_id}/documents"
    answer = await world.post(path, party.staff, body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    async with world.database.reading(Scope(party.clinic_id)) as reading:
        whole = await document(reading, UUID(found["document_id"]), None, now())
    assert whole is not None
    return whole.model_dump(mode="json")


async def opened(world: World, draft: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A document that was sent and opened."""
    made = await sent(world, draft, **more)
    found: dict[str, Any] = (await act(world, made, "opening")).json()
    return found


async def act(world: World, document: dict[str, Any], verb: str, body: Any = None) -> httpx.Response:
    return await world.post(f"/v1/me/documents/{document['document_id']}/{verb}", world.here.patient, body)


async def signed(world: World, document: dict[str, Any], **more: Any) -> httpx.Response:
    body = {"content_sha256": document["content_sha256"], "method": "click", **more}
    return await act(world, document, "signature", body)


async def kinds(world: World) -> list[str]:
    """Every event of documents that was recorded here, oldest first."""
    from sqlalchemy import select
    from sqlmodel import col

    from core.events import Event

    async with world.database.reading(world.here.scope) as reading:
        rows = await reading.execute(select(col(Event.kind)).order_by(col(Event.at), col(Event.id)))
        return [kind for kind in rows.scalars() if kind.startswith("document.")]
